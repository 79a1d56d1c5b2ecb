"""The cameras: still pictures, what is known of the recordings, and the security company's own list of them.

Everything of the last 48 hours, and one picture and recording that should be gone: somebody has to notice. The company's list
differs in one recording: it says that it has one of which the shop knows nothing, and does not know one that the shop does.
"""

from __future__ import annotations

import json
from pathlib import Path

from demo.answers import Answers
from demo.files import jpeg, put
from demo.moments import HOUR, MINUTE, Calendar, iso, local, stamp
from demo.owners import NOBODY
from demo.terms import HOURS_OF_FOOTAGE, hours_after

CAMERAS = ("ingang", "balie", "etalage-1")
KEYS = {"camera.thumbnails": ["file"], "camera.clips": ["file"], "camera.company_lists": ["file"]}


class Camera:
    """Writes them.

    :param every: hours between two pictures.
    """

    def __init__(self, to: Path, calendar: Calendar, answers: Answers, every: int) -> None:
        self._to, self._calendar, self._answers, self._every = to, calendar, answers, every
        self.counts = dict.fromkeys(KEYS, 0)

    def write(self) -> None:
        """Everything."""
        now = self._calendar.now // HOUR * HOUR
        listed = []
        for n, camera in enumerate(CAMERAS):
            for hours in (*range(1, 48, self._every), *([50] if n == 0 else [])):
                at = now - hours * HOUR + n * MINUTE
                self._put("thumbnails", f"{camera}/{stamp(at)}.jpg", jpeg(camera), at, at)
                end = at + 55 * MINUTE
                clip = {"camera": camera, "starts_at": iso(at), "ends_at": iso(end), "bytes": 700_000_000 + hours}
                named = f"{camera}/{stamp(at)}_{stamp(end)}.json"
                self._put("clips", named, json.dumps(clip).encode(), end, at)
                listed.append(
                    {"camera": camera, "from": iso(at), "to": iso(end), "state": "wiped" if hours > 48 else "kept"}
                )
        listed[1] = {**listed[1], "from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:55:00Z"}
        at = local(self._calendar.today, "06:00")
        made = {"company": "Nachtwaker Beveiliging B.V.", "made_at": iso(at), "recordings": listed}
        self._put("company_lists", f"list-{stamp(at)}.json", json.dumps(made, indent=1).encode(), at, at)

    def _put(self, dataset: str, name: str, content: bytes, at: int, began: int) -> None:
        folder = "company" if dataset == "company_lists" else dataset
        put(self._to / folder / name, content, at)
        self.counts[f"camera.{dataset}"] += 1
        self._answers.record(f"camera.{dataset}", [f"{folder}/{name}"], NOBODY)
        self._answers.term(f"camera.{dataset}", [f"{folder}/{name}"], hours_after(began, HOURS_OF_FOOTAGE))
