"""A deletion receipt: one page that proves what a run has done, and checks itself in any browser.

In it stand the run's entries, those between them, the hash before the first, and a head that was signed for soon after:
whoever has the page computes the chain from one to the other. Where no kept head is near, the head is signed when the
receipt is made, after the whole ledger was verified; the page says which of the two it is. All that it shows comes from
what it has checked, and is under one signature more.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import rfc8785

from privacy.errors import BadInput, PrivacyError, Refused, Tampered
from privacy.ledger.copies import HeadCopies
from privacy.rights import pages
from privacy.rights.words import KINDS, LABELS, RECEIPT

if TYPE_CHECKING:
    from pathlib import Path

    from privacy.ledger import SignedHead
    from privacy.ledger.archive import Archive
    from privacy.rights.house import House

NEAR = 500
"""So many entries that are not the run's may stand between its own, or up to the signed head; each is in the page."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a receipt holds.

    :param entries: in all; :param own: the run's. :param fingerprint: of the key that signed.
    """

    entries: int
    own: int
    fingerprint: str


def write(house: House, run: str, out: Path) -> Made:
    """Write the receipt of a run that has ended: a purge, an erasure, an export.

    :param out: the HTML file.
    :raises BadInput: ``receipt.unknown``. :raises Refused: ``receipt.not_ended``, ``receipt.not_signed``.
    :raises Tampered: ``ledger.altered``: nothing can be proven by this ledger.
    """
    found = house.ledger.entries(run=run)
    kinds = {e.entry["kind"] for e in found}
    if "run.begun" not in kinds:
        raise BadInput("receipt.unknown", "The ledger has no such run.", advice="See: privacy ledger show.")
    if "run.ended" not in kinds:
        raise Refused("receipt.not_ended", "The run has not ended yet.", where=run, advice="Wait for its end.")
    verification = house.verify()
    if not verification.ok:
        raise Tampered(
            "ledger.altered", "The ledger is not what was recorded; it proves nothing.", where="ledger",
            advice="See: privacy ledger verify.",
        )  # fmt: skip
    own = [e.seq for e in found]
    if own[-1] > verification.anchored:
        raise Refused(
            "receipt.not_signed", "The run's last entry is not signed for yet.", where=run,
            advice="Try again after the next entry: it signs for all before it.",
        )  # fmt: skip
    parts = _segments(house, own)
    names = sorted({p for e in found for p in _list(e.entry.get("promises"))})
    sealed = rfc8785.dumps(
        {
            "controller": house.policy.controller, "run": run, "zone": house.policy.zone,
            "made_at": house.clock.now().isoformat().replace("+00:00", "Z"), "segments": parts,
            "promises": {name: _promise(house, name) for name in names},
        }
    ).decode()  # fmt: skip
    public = house.ledger.archive.public_key.public_bytes_raw()
    signature = house.key.signer().sign(f"privacy receipt\n{sealed}".encode())
    data = {"public_key": public.hex(), "sealed": sealed, "signature": signature.hex()}
    words = {"labels": LABELS, "kinds": KINDS, **RECEIPT}
    pages.written(
        out,
        pages.page(
            house.settings.home, "ledger_receipt.html.j2", script="ledger_receipt.js.j2",
            words=pages.data(words), data=pages.data(data),
        ),
    )  # fmt: skip
    return Made(sum(len(part["entries"]) for part in parts), len(own), fingerprint(public))


def fingerprint(public: bytes) -> str:
    """Of a public key, for people to compare: the first half of its SHA-256, in groups."""
    digest = hashlib.sha256(public).hexdigest()
    return " ".join(digest[at : at + 8] for at in range(0, 32, 8))


def _segments(house: House, own: list[int]) -> list[dict[str, Any]]:
    """The stretches of the chain that hold the run's entries, each up to a signed head."""
    archive = house.ledger.archive
    stretches: list[list[int]] = []
    for seq in own:
        if stretches and seq - stretches[-1][1] <= NEAR:
            stretches[-1][1] = seq
        else:
            stretches.append([seq, seq])
    kept = _kept(house, archive)
    parts = []
    for first, last in stretches:
        near = [head for head in kept if last <= head.head.seq <= last + NEAR]
        head = min(near, key=lambda h: h.head.seq) if near else archive.sign(last, house.clock.now())
        parts.append(
            {
                "first": first, "previous": archive.hashes([first - 1])[first - 1], "fresh": not near,
                "entries": archive.texts(first, head.head.seq), "head": head.as_json(),
            }
        )  # fmt: skip
    return parts


def _kept(house: House, archive: Archive) -> list[SignedHead]:
    """Heads that were signed before: the one that stands, and the copies; those that the ledger has."""
    standing = archive.head()
    found = [] if standing is None else [standing]
    if house.settings.head_copies is not None:
        found += HeadCopies(house.settings.head_copies, archive.public_key).heads()
    stored = archive.hashes(sorted({h.head.seq for h in found}))
    return [h for h in found if stored.get(h.head.seq) == h.head.hash]


def _promise(house: House, name: str) -> dict[str, str]:
    try:
        promise = house.policy.promises[name]
    except (PrivacyError, KeyError):
        return {"nl": name, "en": name, "quote": ""}  # It was given up since, and stands in the entry.
    return {"nl": promise.title.nl, "en": promise.title.en, "quote": promise.quote}


def _list(value: object) -> list[str]:
    return [str(v) for v in value] if isinstance(value, list) else []
