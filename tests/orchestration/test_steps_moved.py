"""An export of an e-mail archive in which staff file messages meanwhile."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest_runs import EMAIL, OTHER_EMAIL, Ferry
from privacy.errors import GiveUp
from privacy.orchestration import steps
from privacy.orchestration.runs import LISTED, SEEN, Run
from sources.mailbox_kit import Archive, dataset, mail, raw_system


class Post(Ferry):
    """The company and its mail."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        its = dataset(["INBOX", "Klanten", "Klanten.*", "Verzonden"])
        its |= {"purposes": ["transport"], "promise": "KEEP", "examples": [{"email": EMAIL}, {"email": OTHER_EMAIL}]}
        (self.home / "datamap/mail.yaml").write_text(yaml.safe_dump(raw_system(letters=its), sort_keys=False))
        self.archive = Archive(folder / "mail")
        self.archive.put(mail(to=EMAIL, body="x" * 200))
        self.archive.put(mail(to=EMAIL, body="x" * 200), "Verzonden", name="1770000000.M1P1.mx1")
        self.number = self.request()

    @property
    def variables(self) -> dict[str, str]:
        return {**super().variables, "PRIVACY_CONNECTION_MAIL": (self.folder / "mail").as_uri()}

    def begin(self, name: str = "run-1") -> tuple[Run, list[dict[str, Any]]]:
        run = Run(name, self.number, "operator")
        steps.open_request(self.house, run)
        steps.resolve_identity(self.house, run)
        return run, steps.list_parts(self.house, run)

    def finish(self, run: Run, units: list[dict[str, Any]], to: str = "") -> dict[str, Any]:
        """Read all units but that of `Verzonden`; move its message; read that too; write."""
        parts = [steps.extract(self.house, run, unit) for unit in units if not _sent(unit)]
        if to:
            (file,) = (self.archive.root / ".Verzonden/cur").iterdir()
            file.rename(self.archive.folder(to) / "cur" / f"{int(time.time()) + 9}.M1P2.mx1:2,S")
        parts += [steps.extract(self.house, run, unit) for unit in units if _sent(unit)]
        return steps.write_bundle(self.house, run, parts)


def _sent(unit: dict[str, Any]) -> bool:
    return [name for name, *_ in unit["partitions"]] == ["Verzonden"]


@pytest.fixture
def post(tmp_path: Path) -> Post:
    return Post(tmp_path)


@pytest.mark.parametrize("to", ["INBOX", "Klanten.Nieuw"])
def test_an_export_that_missed_a_message_that_was_moved_fails_and_the_next_one_has_it(post: Post, to: str) -> None:
    """Edge cases 14 and 28."""
    run, units = post.begin()
    with pytest.raises(GiveUp) as caught:
        post.finish(run, units, to)
    assert (caught.value.code, caught.value.where) == ("export.moved", "mail.letters")
    assert post.house.register.bundle(post.number) is None
    run, units = post.begin("run-2")
    assert post.finish(run, units)["datasets"]["mail.letters"]["records"] == 2


def test_an_export_goes_on_where_mail_comes_in_is_read_and_is_removed(post: Post) -> None:
    run, units = post.begin()
    for file in [p for p in post.archive.files() if p.parent.parent == post.archive.root]:
        file.rename(file.with_name(file.name + "R"))
    post.archive.put(mail(to=EMAIL), "Klanten.Nieuw", at="2099-01-01T10:00:00")
    assert post.finish(run, units)["datasets"]["mail.letters"]["records"] == 2


def test_without_the_note_of_what_was_seen_nothing_is_written(post: Post) -> None:
    """Edge cases 28 and 36."""
    run, units = post.begin()
    parts = [steps.extract(post.house, run, unit) for unit in units]
    staging = post.state / "staging" / run.id
    for file in staging.glob(f"*/{SEEN}"):
        file.unlink()
    with pytest.raises(GiveUp, match=r"export\.moved"):
        steps.write_bundle(post.house, run, parts)
    (staging / LISTED).unlink()
    with pytest.raises(GiveUp, match=r"export\.incomplete"):
        steps.write_bundle(post.house, run, parts)


def test_an_operator_learns_on_a_terminal_which_folder_a_label_means(post: Post, monkeypatch: Any) -> None:
    from typer.testing import CliRunner

    from privacy.cli import app, datamap
    from privacy.settings import settings as cached

    post.archive.folder("Klanten.Piet")
    (label,) = (p for unit in post.begin()[1] for p, *_ in unit["partitions"] if p.startswith("Klanten.*"))
    cached.cache_clear()
    for name, value in post.variables.items():
        monkeypatch.setenv(name, value)
    words = ["datamap", "place", "mail", label]
    assert CliRunner().invoke(app, words).exit_code == 1
    monkeypatch.setattr(datamap, "on_a_terminal", lambda: True)
    assert CliRunner().invoke(app, words).stdout.strip() == "Klanten.Piet"
    cached.cache_clear()
