"""What processors delivered for a few requests: complete, complete and empty, and not complete in four ways."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from stdnum import damm

from demo.files import pdf, put
from demo.moments import Calendar, iso

PROCESSORS = ("betaalpoort", "pakketlijn")
KEYS = {f"deliveries.{processor}": ["file"] for processor in PROCESSORS}
DELIVERED = "DELIVERED"


def request(serial: int) -> str:
    """A request's number with its check digit; the demo's are of 2026, whatever day it is."""
    return f"AVG-2026-{serial:04}-{damm.calc_check_digit(f'2026{serial:04}')}"


@dataclass(frozen=True, slots=True)
class Delivered:
    """A delivery.

    :param state: ``complete``; what is wrong with it: ``missing`` (a listed file is not there), ``changed`` (it has another
        checksum), ``beyond`` (there is one that is not listed), ``unlisted`` (nothing says what should be there).
    """

    serial: int
    subject: str
    processor: str
    files: tuple[str, ...]
    state: str = "complete"


ALL = (
    *(Delivered(1001, "1001", p, ("gegevens.json", "bewijzen/2026 één.pdf")) for p in PROCESSORS),
    *(Delivered(1002, "1002", p, ("gegevens.json",)) for p in PROCESSORS),
    *(Delivered(1003, "guest:pieter.gast@post.example", p, ()) for p in PROCESSORS),
    Delivered(1004, "1012", "betaalpoort", ("gegevens.json", "bewijs.pdf"), "missing"),
    Delivered(1004, "1012", "pakketlijn", ("gegevens.json",), "unlisted"),
    Delivered(1005, "1009", "betaalpoort", ("gegevens.json",), "changed"),
    Delivered(1005, "1009", "pakketlijn", ("gegevens.json", "bewijs.pdf"), "beyond"),
)


class Deliveries:
    """Writes them, and tells of each what it holds."""

    def __init__(self, to: Path, calendar: Calendar) -> None:
        self._to, self._calendar = to, calendar
        self.counts = dict.fromkeys(KEYS, 0)

    def write(self) -> list[dict[str, Any]]:
        """The part of the answer sheet about them."""
        told: dict[int, dict[str, Any]] = {}
        for delivered in ALL:
            number = request(delivered.serial)
            about = told.setdefault(
                delivered.serial, {"request": number, "subject": delivered.subject, "deliveries": {}}
            )
            about["deliveries"][delivered.processor] = self._one(number, delivered)
        return list(told.values())

    def _one(self, number: str, delivered: Delivered) -> dict[str, Any]:
        at, state = self._calendar.ago(2, "14:00"), delivered.state
        folder, listed, here = self._to / delivered.processor / number, [], []
        for n, name in enumerate(delivered.files):
            content = pdf(f"{delivered.processor} {number}") if name.endswith(".pdf") else self._data(delivered)
            if state != "beyond" or n == 0:
                digest = sha256(content + b"!" * (state == "changed")).hexdigest()
                listed.append(f"{digest}  {name}\n")
            if state == "missing" and n == 1:
                continue
            put(folder / name, content, at)
            here.append([f"{delivered.processor}/{number}/{name}"])
            self.counts[f"deliveries.{delivered.processor}"] += 1
        if state != "unlisted":
            put(folder / DELIVERED, "".join(listed).encode(), at + 1_000_000)
        if state == "complete":
            return {"state": "complete", "records": here}
        return {"state": "incomplete", "why": state, "arrived": here}

    def _data(self, delivered: Delivered) -> bytes:
        what = {"made_at": iso(self._calendar.ago(2, "13:00")), "request": request(delivered.serial)}
        if delivered.processor == "betaalpoort":
            what |= {"payments": [{"reference": f"bp_{delivered.serial}", "amount": "950.00", "method": "ideal"}]}  # type: ignore[dict-item]
        else:
            what |= {"parcels": [{"barcode": f"3SDEMO{delivered.serial}", "signed_for": "buren"}]}  # type: ignore[dict-item]
        return json.dumps(what, indent=1).encode()
