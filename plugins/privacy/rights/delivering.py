"""Handing over a released copy: an encrypted ZIP, and its passphrase by another way (promise ID-KNOWN).

The ZIP goes with the letter of answer, or waits behind a link in it where it is too large, or is handed over. Its
passphrase (AES-256; see :mod:`privacy.rights.passphrases`) is shown once to whoever delivers it, and never travels by
e-mail. What was sealed is inside it as it was sealed, one file: not even the names of its files can be read without it.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, cast

from privacy.errors import BadInput, Refused
from privacy.letters import Attachment
from privacy.rights.contacts import contacts
from privacy.rights.encrypting import Encrypted, encrypted, opened
from privacy.rights.letter_kinds import Kind
from privacy.rights.letters import local_day
from privacy.rights.passphrases import passphrase
from privacy.rights.payload import Delivery
from privacy.rights.proof import check_delivery, seen
from privacy.rights.states import Step, after
from privacy.storage import translated

if TYPE_CHECKING:
    from privacy.rights.house import House
    from privacy.rights.payload import Payload
    from privacy.rights.rows import Request

LARGEST = 10_000_000
"""The most bytes of an attachment; more waits behind a link."""

LINK_FOR = timedelta(days=7)
"""How long a link is good: the longest that S3 signs one for."""

WAYS = ("sms", "phone", "post", "counter")
"""By which a passphrase may travel. Never by e-mail: whoever reads the one reads the other."""

_BLOCK = 2**20


@dataclass(frozen=True, slots=True)
class Handed:
    """A copy that was delivered.

    :param passphrase: of the ZIP; shown to whoever delivers, once. :param contacts: of the person, by the shop's
        records: where the passphrase goes. Both are personal, or open what is.
    :param out: the file to hand over, where it went by no mail; :param letter: what goes with it, to be printed.
    :param until: when the link ends.
    """

    how: str
    digest: str
    bytes: int
    passphrase: str = field(repr=False)
    contacts: tuple[str, ...] = field(repr=False)
    out: Path | None = None
    letter: str = field(default="", repr=False)
    until: datetime | None = None


def deliver(
    house: House, number: str, passphrase_by: str, author: str, *, out: Path | None = None, again: bool = False
) -> Handed:
    """Deliver a released copy.

    A process that dies after the mail went out and before that is recorded does it again with the same passphrase.

    :param passphrase_by: one of :data:`WAYS`.
    :param out: a new file: hand it over in person or by post, where the person is to have it so.
    :param again: a copy that was delivered before, with another passphrase.
    :raises BadInput: ``delivery.channel``.
    :raises Refused: ``request.not_released``, ``request.no_copy``; ``delivery.same_way``, ``delivery.no_contact``,
        ``delivery.by_hand``, ``delivery.too_large``, ``delivery.done``; ``letters.*``: no address is known.
    """
    if passphrase_by not in WAYS:
        raise BadInput(
            "delivery.channel", "A passphrase travels by sms, phone, post or counter, never by e-mail.", where=number,
            advice="Choose one by which the shop has known the person.",
        )  # fmt: skip
    by = cast('Literal["sms", "phone", "post", "counter"]', passphrase_by)
    request, payload = house.register.get(number), house.register.open(number)
    number = request.number
    after(request.dates, Step.DELIVER, house.clock.now(), number)
    check_delivery(payload)
    way = _way(house, request, payload, out, by)
    where = _reachable(house, request, by)
    wanted = Delivery(how=way or "attachment", passphrase=passphrase(), passphrase_by=by)
    begun = house.register.delivering(number, wanted, author, again=again)
    begun = begun.model_copy(update={"how": "link"} if way is None and begun.path else {})
    size, letter = 0, ""
    if way is None and _told(house, payload, begun):
        pass  # A try that died after that: it went out with this passphrase.
    elif way is None and _waits(house, begun):
        _write(house, request, payload, begun, author)  # A try that died after the file was there.
    else:
        assert payload.bundle is not None  # noqa: S101 - it is released
        secret = house.register.identity(number)
        with (
            opened(house, number, payload.bundle, secret) as inner,
            encrypted(house, number, inner, begun.passphrase) as file,
        ):
            size, begun = file.size, begun.model_copy(update={"digest": file.digest})
            begun = _sent(house, request, payload, begun, file, author) if way is None else begun
            if way is not None:
                begun = begun.model_copy(update={"path": None, "until": None})
                house.register.prepared(number, begun, author)
                _put(file.content, cast(Path, out))
        letter = _write(house, request, payload, begun, author) if way is not None else ""
    house.register.delivered(number, begun, author)
    return Handed(begun.how, begun.digest, size, begun.passphrase, where, out if way else None, letter, begun.until)


def _way(
    house: House, request: Request, payload: Payload, out: Path | None, by: str
) -> Literal["post", "counter"] | None:
    """How a file is handed over; None: by e-mail."""
    mail = payload.deliver_to is None or "@" in payload.deliver_to
    if out is None:
        if not mail or payload.direct_transfer:
            raise Refused(
                "delivery.by_hand",
                "The copy is to go by another way than e-mail to the person.",
                where=request.number,
                advice="Write it to a file, which you hand over: --out FILE.",
            )
        house.letters.address(request.number)
        return None
    if not seen(payload):
        raise Refused(
            "delivery.address",
            "A file that is handed over needs somebody who has seen an identity document.",
            where=request.number,
            advice="Record that first: privacy request prove --by document.",
        )
    way: Literal["post", "counter"] = "counter" if mail else "post"
    if way == by == "post":
        raise Refused(
            "delivery.same_way", "File and passphrase may not travel by the same post.", where=request.number,
            advice="Tell it by telephone, or at the counter.",
        )  # fmt: skip
    if out.exists() or out.is_symlink():
        raise Refused("delivery.exists", "There is something there; nothing is overwritten.", where=str(out))
    return way


def _reachable(house: House, request: Request, by: str) -> tuple[str, ...]:
    """Where the passphrase goes, by the shop's own records: never by what the request says of itself."""
    if by == "counter":
        return ()
    found = contacts(house, request.number, "post" if by == "post" else "phone")
    if not found:
        raise Refused(
            "delivery.no_contact",
            f"The shop's records show no {by} of the person's, and what a request says of itself is no proof.",
            where=request.number,
            advice="Choose another way: --passphrase-by counter is always there.",
        )
    return found


def _put(file: BinaryIO, out: Path) -> None:
    with translated(str(out)), os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        try:
            while block := file.read(_BLOCK):
                target.write(block)
            target.flush()
            os.fsync(target.fileno())
        except BaseException:
            out.unlink(missing_ok=True)  # Half a file would be in the way of the next try.
            raise


def _occasion(begun: Delivery) -> str:
    return "" if begun.no == 1 else str(begun.no)


def _told(house: House, payload: Payload, begun: Delivery) -> bool:
    wanted = house.letters.id(payload.number, Kind.ANSWER, _occasion(begun))
    return any(stub.id == wanted for stub in payload.letters)


def _waits(house: House, begun: Delivery) -> bool:
    """Whether its file is there, and its link good for another day."""
    if begun.path is None or begun.until is None or begun.until - house.clock.now() < timedelta(days=1):
        return False
    return any(entry.key == begun.path for entry in house.bundles.list(begun.path))


def _sent(house: House, request: Request, payload: Payload, begun: Delivery, file: Encrypted, author: str) -> Delivery:
    """The letter of answer, with the file or with a link to it."""
    if file.size <= LARGEST:
        house.register.prepared(request.number, begun, author)
        _write(house, request, payload, begun, author, file.content.read())
        return begun
    if not hasattr(house.bundles, "link"):
        raise Refused(
            "delivery.too_large",
            f"The copy is too large for an e-mail ({file.size} bytes; {LARGEST} at most), and a folder has no links.",
            where=request.number,
            advice="Hand it over (--out FILE), or keep the bundles in an object store: connection `bundles`, s3://.",
        )
    key, until = f"{request.number}/{uuid.uuid4()}.zip", house.clock.now() + LINK_FOR
    begun = begun.model_copy(update={"how": "link", "path": key, "until": until})
    # Named before it is there: what a try leaves behind that dies is seen, and goes when the link would have ended.
    house.register.prepared(request.number, begun, author)
    with house.bundles.write(key) as target:
        while block := file.content.read(_BLOCK):
            target.write(block)
    _write(house, request, payload, begun, author)
    return begun


def _write(
    house: House, request: Request, payload: Payload, begun: Delivery, author: str, content: bytes | None = None
) -> str:
    """The letter of answer, by e-mail with an attachment or a link, or to be printed.

    :param content: of the attachment; None: there is none. :returns: what it says.
    """
    assert payload.bundle is not None  # noqa: S101 - it is released
    name = "-".join(filter(None, (request.number, _occasion(begun)))) + ".zip"
    values: dict[str, object] = {
        "how": begun.how, "file": name, "link": "", "until": None, "passphrase_by": begun.passphrase_by,
        "left_out": bool(payload.bundle.left_out),
    }  # fmt: skip
    if begun.how == "link":
        store, until = cast(Any, house.bundles), cast(datetime, begun.until)
        # Good until the same time of that day: the day before is whole.
        last = local_day(until, house.policy) - timedelta(days=1)
        link = store.link(begun.path, int((until - house.clock.now()).total_seconds()))
        values |= {"link": str(link), "until": last}
    attachment = None if content is None else Attachment(name, content)
    by_hand = begun.how in ("post", "counter")
    sent = house.letters.write(
        request.number, Kind.ANSWER, values, author=author, occasion=_occasion(begun), attachment=attachment,
        by_post=by_hand,
    )  # fmt: skip
    said = sent.content or house.letters.preview(request.number, Kind.ANSWER, values)
    return said.text
