"""The ferry company with a drop folder: a payment service and a parcel service deliver what they hold for it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pyrage
import yaml

from conftest_runs import POLICY, Ferry, column, dataset
from privacy.orchestration import steps
from privacy.orchestration.runs import Run
from sources.files_kit import EVERY, deliver, put

PROCESSORS = """
processors:
  betaalpoort: {name: Betaalpoort, service: {nl: b, en: p}, country: NL, agreement: 2024-01-01}
  pakketlijn: {name: Pakketlijn, service: {nl: b, en: p}, country: NL, agreement: 2024-01-01}
"""
EXAMPLES = [{"request": "VEER-2026-0042-9"}, {"request": "VEER-2026-0043-7"}]


def drops() -> dict[str, Any]:
    columns = {**EVERY, "request": column("text", "request"), "name": column("text")}
    names = r"(?P<request>VEER-\d{4}-\d{4,}-\d)/(?P<name>[^/]+)"
    return {
        "system": "drops", "title": {"nl": "l", "en": "d"}, "source": "files", "connection": "drops", "owner": "o",
        "datasets": {name: dataset(["file"], ["request"], columns, prefix=f"{name}/", names=names, originals="file",
            delivery={"processor": name}, processors=[name], examples=EXAMPLES) for name in ("betaalpoort", "pakketlijn")},
    }  # fmt: skip


class Served(Ferry):
    """The company and its processors."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (self.home / "policy/policy.yaml").write_text(POLICY + PROCESSORS)
        (self.home / "datamap/drops.yaml").write_text(yaml.safe_dump(drops(), sort_keys=False))
        self.drops = folder / "drops"
        self.drops.mkdir()

    @property
    def variables(self) -> dict[str, str]:
        return {**super().variables, "PRIVACY_CONNECTION_DROPS": (self.folder / "drops").as_uri()}

    def put(self, number: str, name: str, content: bytes = b"x", processor: str = "betaalpoort") -> Path:
        return put(self.drops, f"{processor}/{number}/{name}", content)

    def deliver(self, number: str, files: dict[str, bytes], processor: str = "betaalpoort") -> Path:
        return deliver(self.drops, number, files, processor)

    def states(self, number: str) -> dict[str, tuple[str, str]]:
        return {d.processor: (d.state.value, d.fault) for d in self.house.deliveries.of(number)}

    def begin(self, number: str, name: str) -> tuple[Run, list[dict[str, Any]]]:
        """A run as far as its units."""
        run = Run(name, number, "operator")
        steps.open_request(self.house, run)
        steps.resolve_identity(self.house, run)
        return run, steps.list_parts(self.house, run)

    def export(self, number: str, name: str = "run-1") -> dict[str, Any]:
        """A whole run. :returns: what the bundle left out, by dataset, and the names of its files."""
        run, units = self.begin(number, name)
        return self.finish(run, units)

    def finish(self, run: Run, units: list[dict[str, Any]]) -> dict[str, Any]:
        """The rest of a run."""
        parts = [steps.extract(self.house, run, unit) for unit in units]
        summary = steps.write_bundle(self.house, run, parts)
        with self.bundle(run.number) as bundle:
            manifest = json.loads(bundle.read("datapackage.json"))
            omitted = {o["dataset"]: o["reason"] for o in manifest["privacy:omitted"]}
            pages = {name: bundle.read(name).decode() for name in ("LEESMIJ.html", "README.html")}
            return {"omitted": omitted, "names": bundle.namelist(), "pages": pages, "said": [units, parts, summary]}

    def bundle(self, number: str) -> zipfile.ZipFile:
        """What is in the sealed bundle that the register names."""
        ref, secret = self.house.register.bundle(number), self.house.register.open(number).secret
        sealed = (self.state / "bundles" / ref.path).read_bytes()
        return zipfile.ZipFile(io.BytesIO(pyrage.decrypt(sealed, [pyrage.x25519.Identity.from_str(secret)])))
