"""What changed in the stores while a run read them, held against what was listed first, before all is sealed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from privacy.errors import GiveUp
from privacy.orchestration.runs import DELIVERIES, LISTED, SEEN, Run, there

if TYPE_CHECKING:
    from pathlib import Path

    from privacy.bundle import Omission
    from privacy.rights.house import House
    from privacy.sources.base import Of


Moved = Callable[["House", Run, "Of", Sequence[Mapping[str, Any]]], None]
"""What :func:`nothing_moved` does, by whatever means."""


def omissions_of(house: House, run: Run, staging: Path) -> list[Omission]:
    """What the export leaves out: deliveries, as ``steps.list_parts`` decided, and what the data map excuses.

    What has been delivered since comes with the next export.

    :raises GiveUp: ``export.incomplete``: it is not known what it decided; ``export.delivery_changed``: a delivery that
        was read is not what it was then, so what was read may be of two states of it.
    """
    from privacy.bundle import Omission
    from privacy.sources.base import Excusing

    try:
        decided: dict[str, dict[str, str]] = json.loads((staging / DELIVERIES).read_bytes())
    except (OSError, ValueError):
        decided = {}
    found: list[Omission] = []
    for ref in house.datamap:
        if not ref.dataset.people:
            continue
        source = house.source(ref.system.system)
        if isinstance(source, Excusing):
            found += [Omission(ref.full, name, "datamap.excused") for name in source.passed_over(ref.name)]
        if ref.dataset.delivery is None:
            continue
        known = decided.get(ref.full)
        if known is None:
            raise GiveUp("export.incomplete", "Not every part was read.", where=run.number, advice="Start it again.")
        if known["omitted"]:
            found.append(Omission(ref.full, "", known["omitted"]))
        elif not house.deliveries.unchanged(ref, run.number, known["stamp"]):
            raise GiveUp(
                "export.delivery_changed", "A processor's delivery was changed while it was read.", where=ref.full,
                advice="Start the export again.",
            )  # fmt: skip
    return found


def nothing_moved(
    house: House, run: Run, pick: Of, parts: Sequence[Mapping[str, Any]], seen_in: Path | None = None
) -> None:  # fmt: skip
    """Ask the sources whose records are moved between partitions if one of the subject's was in no reading.

    :param pick: whose the records are. :param parts: what was read.
    :param seen_in: where the parts' folders with what was looked at lie; None: the run's own.
    :raises GiveUp: ``export.moved``: one was. To read it now could give it twice: it may have been read where it was.
    """
    from privacy.sources.base import Moving, Selection

    staging = there(house, run)
    try:
        listed = json.loads((staging / LISTED).read_bytes())
        since, moving = datetime.fromisoformat(listed["at"]), frozenset(listed["moving"])
    except (OSError, ValueError):
        raise GiveUp(
            "export.incomplete", "Not every part was read.", where=run.number, advice="Start it again."
        ) from None
    for ref in house.datamap:
        source = house.source(ref.system.system) if ref.full in moving else None
        if not isinstance(source, Moving):
            continue
        seen = b"".join(_seen((seen_in or staging) / part["folder"]) for part in parts if part["dataset"] == ref.full)
        if source.missed(Selection(ref.name, pick), seen, since):
            raise GiveUp(
                "export.moved", "A record was moved while its dataset was read.", where=ref.full,
                advice="Start the export again.",
            )  # fmt: skip


def _seen(part: Path) -> bytes:
    """What was looked at for a part; without a note of it nothing, so that all is looked at again."""
    try:
        return (part / SEEN).read_bytes()
    except OSError:
        return b""
