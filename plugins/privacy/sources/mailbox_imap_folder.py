"""An opened folder of a mail server: its messages, fetched in batches, removed by their numbers."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, BinaryIO, TypeVar, cast

from imapclient import IMAPClient

from privacy.errors import PrivacyError, Refused, RetryLater, Unreadable
from privacy.sources.mailbox_content import held, plain
from privacy.sources.mailbox_imap_fetch import Remote, appended, by_number, expunged, flags, searched, unmark
from privacy.sources.mailbox_imap_listed import FETCHED_BYTES, Known, batches, named
from privacy.sources.mailbox_imap_search import misses, searches
from privacy.sources.mailbox_imap_server import MailServer, denied
from privacy.sources.mailbox_names import spoken
from privacy.sources.mailbox_redact import TOKEN, token
from privacy.sources.mailbox_store import Made, Opened, Sought, Stored

NO_UIDPLUS = (
    "The mail server cannot expunge single messages (no UIDPLUS): whatever others have marked would go too.",
    "Use a server that has UIDPLUS, as Dovecot, Cyrus and Exchange have.",
)
"""What is wrong, and what to do."""

HEAD_BYTES = 64 * 2**10
"""A longer head is read with all of its message."""

_TRIES = 5
_LISTED, _HEADS, _REMOVED = 2_000, 500, 2_000
"""So many messages are listed, looked at by their heads, removed at once."""

_Given = TypeVar("_Given")


class ImapFolder:
    """See :class:`Folder`.

    :param raw: its name, as the server writes it. :param name: what its messages have for its name.
    :param lasting: whether the server knows messages by an id that outlasts their numbers.
    :param whole: whether everything is fetched, rather than what the server finds.
    """

    def __init__(
        self, server: MailServer, raw: bytes, name: str, where: str, *, lasting: bool, whole: bool
    ) -> None:  # fmt: skip
        self._server, self._raw, self._name, self.where = server, raw, name, where
        self._lasting, self._whole = lasting, whole
        self._validity = server.open(raw, where)
        self._known: dict[str, Known] | None = None
        self._doomed: list[Known] = []

    def messages(self) -> list[Stored]:
        """See :meth:`Folder.messages`."""
        for _ in range(_TRIES):
            self._validity = self._server.open(self._raw, self.where, again=True)
            count = self._server.exists
            rows = list(self._rows(count))
            if len(rows) == count:
                self._known = named(rows, self._name, self._validity, lasting=self._lasting)
                return [self._known[name].stored for name in sorted(self._known)]
        raise RetryLater("mailbox.busy", "The folder changes faster than it can be listed.", where=self.where)

    def size(self) -> int:
        """About how many bytes its messages have."""
        if not self._server.able("STATUS=SIZE"):
            return sum(known.bytes for known in self._list().values())
        said = self._server.ask(lambda client: client.folder_status(self._raw, ["SIZE"]), self.where)
        return int(said.get(b"SIZE", 0))

    def status(self, stored: Stored) -> tuple[int, str]:
        """A message's size and version, by the list."""
        known = self._of(stored)
        return known.bytes, known.version

    def find(self, name: str) -> Stored | None:
        """See :meth:`Folder.find`; by the list.

        :raises Unreadable: ``mailbox.renumbered``: the name has numbers that mean nothing any more.
        """
        listed = self._list()
        if name in listed:
            return listed[name].stored
        guid, mark, number = name.rpartition("~")
        if mark and (known := listed.get(guid)) is not None and str(known.uid) == number:
            return known.stored  # Its namesake is gone.
        if not self._lasting and name.partition(".")[0] != str(self._validity):
            raise self._renumbered()
        return None

    def open(self, stored: Stored) -> Opened:
        """See :meth:`Folder.open`; what is no longer there is noticed when it is read."""
        known = self._of(stored)
        file = cast(BinaryIO, Remote(lambda at, most: self._piece(known, at, most)))
        return Opened(stored, file, known.bytes, lambda: known.version)

    def contents(self, listed: Sequence[Stored], sought: Sought | None = None) -> Iterator[tuple[Opened, bytes]]:
        """See :meth:`Folder.contents`: what the server finds, and what has a head that names one of the selection."""
        its = [self._of(stored) for stored in listed]
        wanted = self._found(its, sought) if sought is not None and not self._whole else None
        for batch in batches(its if wanted is None else [known for known in its if known.uid in wanted]):
            for known in batch:
                held(self, known.stored, known.bytes)
            if len(batch) == 1 and batch[0].bytes > FETCHED_BYTES:
                got = {batch[0].uid: self._large(batch[0])}
            else:
                said = self._fetch([known.uid for known in batch], ["BODY.PEEK[]"])
                # NIL is no empty message: it was removed since this session saw it.
                got = {uid: bytes(row[b"BODY[]"]) for uid, row in said.items() if row.get(b"BODY[]") is not None}
            for known in batch:
                if known.uid not in got:
                    raise self.moved(known.stored.name)
                data = plain(self, known.stored, got.pop(known.uid))
                yield Opened(known.stored, cast(BinaryIO, io.BytesIO()), known.bytes, _said(known.version)), data

    def delete(self, opened: Opened) -> None:
        """See :meth:`Folder.delete`.

        :raises Refused: ``mailbox.no_uidplus``: others' messages could go with it; nothing was changed.
        """
        if not self._server.able("UIDPLUS"):
            message, advice = NO_UIDPLUS
            raise Refused("mailbox.no_uidplus", message, where=self.where, advice=advice)
        self._doomed.append(self._of(opened.stored))

    def replace(self, opened: Opened, made: Made) -> None:
        """See :meth:`Folder.replace`: the new one is added and seen to be there; then the old one is expunged.

        :raises Refused: ``mailbox.no_uidplus``; nothing was changed.
        :raises Unreadable: ``mailbox.denied``; ``mailbox.not_kept``: the server has something else than it was given.
        """
        if not self._server.able("UIDPLUS"):
            message, advice = NO_UIDPLUS
            raise Refused("mailbox.no_uidplus", message, where=self.where, advice=advice)
        known = self._of(opened.stored)
        given: list[str] = []

        def give() -> str:
            given.append(token())
            return given[-1]

        new = made(give)
        self._same(writing=True)
        uid = self._twin(known, new, given, made)
        if uid is None:
            there = self._ask(partial(appended, folder=self._raw, like=known.uid, at=known.stored.received, data=new))
            if there is None:
                raise self.moved(known.stored.name)
            uid = there
            if self._content(uid) != new:
                self._ask(partial(expunged, uids=[uid]))
                raise Unreadable(
                    "mailbox.not_kept", "The mail server keeps something else than it was given.",
                    where=self.place(known.stored.name), advice="Look at the message; it is as it was.",
                )  # fmt: skip
        self._doomed.append(known)
        if self.settle():
            # Somebody else removed it meanwhile: it is not brought back.
            self._ask(partial(expunged, uids=[uid]))
            raise self.moved(known.stored.name)

    def _twin(self, known: Known, new: bytes, given: list[str], made: Made) -> int | None:
        """The message that a run which was cut off has put beside the old one: the same but for its tokens."""
        for other in self._list().values():
            near = other.uid != known.uid and other.stored.received == known.stored.received
            if near and other.bytes == len(new) and (there := self._content(other.uid)) is not None:
                theirs = dict(zip(dict.fromkeys(TOKEN.findall(new)), dict.fromkeys(TOKEN.findall(there)), strict=False))
                again = iter([theirs.get(own.encode(), own.encode()).decode() for own in given])
                if made(lambda again=again: next(again)) == there:  # type: ignore[misc]
                    return other.uid
        return None

    def _content(self, uid: int) -> bytes | None:
        """A message by its number, in the folder as it is open for writing."""
        row = self._ask(lambda client: client.fetch([uid], ["BODY.PEEK[]"])).get(uid, {})
        return None if row.get(b"BODY[]") is None else bytes(row[b"BODY[]"])

    def settle(self) -> frozenset[str]:
        """See :meth:`Folder.settle`: mark, and expunge by number; where that fails, take the mark away again.

        :raises Unreadable: ``mailbox.denied``: the server still has what it was told to expunge.
        """
        doomed, self._doomed = self._doomed, []
        gone: set[str] = set()
        for at in range(0, len(doomed), _REMOVED):
            batch = doomed[at : at + _REMOVED]
            self._same(writing=True)
            there = self._ask(partial(flags, uids=[known.uid for known in batch]))
            gone |= {known.stored.name for known in batch if known.uid not in there}
            try:
                left = self._ask(partial(expunged, uids=list(there))) if there else []
                if left:
                    raise denied(self.where)  # Dovecot says OK to who may not expunge, and does nothing.
            except BaseException:
                # Also where we are told to end: what bears our mark goes with anybody's next EXPUNGE, held or not.
                self._unmark([uid for uid, marked in there.items() if not marked])
                raise
        return frozenset(gone)

    def place(self, name: str) -> str:
        """How an error names a message."""
        return f"{self.where}, message {name if not self._lasting else spoken(name)}"

    def moved(self, name: str) -> RetryLater:
        """A message is no longer in its folder."""
        return RetryLater(
            "mailbox.moved", "A message was removed, or moved to another folder, while its folder was read.",
            where=self.place(name), advice="The next try lists the folders again.",
        )  # fmt: skip

    def _rows(self, count: int) -> Iterator[tuple[int, dict[bytes, Any]]]:
        """What the list says of each message, with its UID."""
        what = ["UID", "INTERNALDATE", "RFC822.SIZE", *(["X-GUID"] if self._lasting else [])]
        for first in range(1, count + 1, _LISTED):
            numbers = range(first, min(first + _LISTED, count + 1))
            said = self._ask(partial(by_number, numbers=numbers, what=what))
            yield from ((int(row[b"UID"]), row) for row in said.values() if row.keys() >= set(map(str.encode, what)))

    def _list(self) -> dict[str, Known]:
        if self._known is None:
            self.messages()
        return self._known or {}

    def _of(self, stored: Stored) -> Known:
        known = self._list().get(stored.name)
        if known is None or known.stored.place != stored.place:
            raise self.moved(stored.name)
        return known

    def _found(self, its: Sequence[Known], sought: Sought) -> set[int] | None:
        """The numbers of those that may hold what is sought; None: any may."""
        if not sought.pieces or not its:
            return set()
        wanted: set[int] = set()
        if sought.texts:
            asked = searches(sought, (known.uid for known in its))
            if asked is None:
                return None
            self._same()
            for criteria in asked:
                wanted |= self._ask(partial(searched, criteria=criteria))
        others = [known for known in its if known.uid not in wanted]
        for at in range(0, len(others), _HEADS):
            these = others[at : at + _HEADS]
            said = self._fetch([known.uid for known in these], [f"BODY.PEEK[HEADER]<0.{HEAD_BYTES}>"])
            for known in these:
                head = said.get(known.uid, {}).get(b"BODY[HEADER]<0>")
                if head is None:
                    raise self.moved(known.stored.name)
                if sought.texts and misses(sought, head):
                    return None  # This server finds words; pieces of them it does not.
                if len(head) >= HEAD_BYTES or sought.head(head, known.stored.received):
                    wanted.add(known.uid)
        return wanted

    def _fetch(self, uids: Sequence[int], what: list[str]) -> dict[int, dict[bytes, Any]]:
        self._same()
        return self._ask(lambda client: client.fetch(uids, what))

    def _piece(self, known: Known, at: int, most: int) -> bytes:
        row = self._fetch([known.uid], [f"BODY.PEEK[]<{at}.{most}>"]).get(known.uid, {})
        piece = row.get(f"BODY[]<{at}>".encode())
        if piece is None:
            raise self.moved(known.stored.name)
        return bytes(piece)

    def _large(self, known: Known) -> bytes:
        return Remote(lambda at, most: self._piece(known, at, most)).readall()

    def _ask(self, do: Callable[[IMAPClient], _Given]) -> _Given:
        return self._server.ask(do, self.where)

    def _same(self, *, writing: bool = False) -> None:
        """Have the folder open, and its numbers mean what they did when it was listed."""
        if self._server.open(self._raw, self.where, writing=writing) != self._validity:
            self._known = None
            raise RetryLater(
                "mailbox.renumbered", "The mail server has given the folder's messages other numbers meanwhile.",
                where=self.where, advice="The next try lists it again.",
            )  # fmt: skip

    def _unmark(self, uids: list[int]) -> None:
        if uids:
            with suppress(PrivacyError):
                self._same(writing=True)
                self._ask(partial(unmark, uids=uids))

    def _renumbered(self) -> Unreadable:
        return Unreadable(
            "mailbox.renumbered", "The mail server has given the folder's messages other numbers since.",
            where=self.where, advice="Start again: what was planned or read by the old numbers means nothing any more.",
        )  # fmt: skip


def _said(version: str) -> Callable[[], str]:
    return lambda: version
