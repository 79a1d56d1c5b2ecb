"""Holds what there is after an erasure against what there was and the generator's answer sheet, whatever store it is in.

What was there before and what is there after, a plain look says (:mod:`conftest_look`); what should be, the generator.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from conftest_demo import Made
from conftest_look import Look, Place, Thing, message_name
from demo.erasure import Key, Left, Sheet

LINES, TALKS = "weblogs.access", "helpdesk.conversations"
ACTIVE = "nginx/access/access.log"
"""A log that the web server still writes to is left alone until it is rotated; the next day's run has it."""

TOKEN = re.compile(r"(removed|erased)-[0-9a-f]+.*")


class Judge:
    """One made shop, as it was made, and where it lies now.

    :param place: where to look; what is there need not be as it was made.
    """

    def __init__(self, made: Made, place: Place) -> None:
        self.made, self.place, self.sheet = made, place, Sheet(made.folder)
        self._clicks: dict[Key, str] = {}
        for file in sorted((made.folder / "analytics").rglob("*.ndjson.gz")):
            key = file.relative_to(made.folder / "analytics").as_posix()
            rows = gzip.decompress(file.read_bytes()).splitlines()
            self._clicks |= {(key, n): row.decode() for n, row in enumerate(rows, 1)}

    def look(self) -> Look:
        return Look(self.place, self.made.answers["datasets"])

    def left(self, subject: str, decision: str | None = None) -> tuple[Left, int]:
        """What an erasure leaves, and how many lines stay only because their log is still written to."""
        left = self.sheet.left(subject, decision)
        active = {key for key in left.gone.get(LINES, set()) if key[0] == ACTIVE}
        left.gone[LINES] -= active
        return left, len(active)

    def reviewed(self, subject: str, decision: str | None = None) -> int:
        """How many messages only speak of them, or are among staff; statutory mail is retained in any case."""
        withheld = self.sheet.withheld(subject, decision)
        return sum(len(keys) for name, keys in withheld.items() if name != "mail.administration")

    def check(self, subject: str, left: Left, before: Look, after: Look) -> None:
        """Exactly what the sheet says is gone, emptied or without what is theirs; all else is the same to the byte."""
        gone, come = before.things - after.things, after.things - before.things
        named = self.sheet.subjects[subject]["named"]
        numbers = {one.get("shop.customer_id") for one in named} - {None}
        addresses = {str(one["email"]).lower() for one in named if "email" in one}
        shared = {(n.partition(".")[0], _message(k)) for n, keys in left.shared.items() for k in keys if n[0] == "m"}
        talks = {(n, k) for n, keys in left.shared.items() for k in keys if not n.startswith("mail.")}

        def is_changed(thing: Thing) -> bool:
            """A row without what is theirs, a message or conversation that lost it: other content under the same key."""
            name, key, _ = thing
            mail = name == "mail" and (name, key[1]) in shared
            return (name, key) in left.emptied or (name, key) in talks or mail

        expected = self._expected(left, before, numbers, talks)
        surplus = {t: n for t, n in (gone - expected).items() if not is_changed(t)}
        assert not surplus, f"too much went: {_told(surplus)}"
        missing = expected - gone
        assert not missing, f"is there still: {_told(missing)}"
        lost = Counter(t[1][0] for t in gone.elements() if t[0] == "mail" and is_changed(t))
        new = [t for t in come if t[0] == "mail"]
        assert Counter(t[1][0] for t in new) == lost, "messages that others are in are rewritten, in their folders"
        assert sum(lost.values()) == sum(len(k) for n, k in left.shared.items() if n.startswith("mail.")), (
            "each of them"
        )
        assert not [t for t in come if t[0] != "mail" and not is_changed(t)], "something came that was not there"
        for (name, key), columns in left.emptied.items():
            self._emptied(name, key, columns, before, after)
        rewritten = {t[1] for t in new}
        contents = [content for folder, n, content in self.place.messages() if (folder, n) in rewritten]
        assert len(contents) == len(new)
        for text in [content.decode("latin-1").lower() for content in contents]:
            assert not any(address in text for address in addresses), "their address is in a message"
        for thing in after.things:
            if thing[:2] in talks:
                assert not any(address in thing[2].lower() for address in addresses), thing[1]

    def _expected(
        self, left: Left, before: Look, numbers: Iterable[Any], talks: set[tuple[str, Key]]
    ) -> Counter[Thing]:
        """What goes as a whole."""
        expected: Counter[Thing] = Counter()
        for name, keys in left.gone.items():
            if name == LINES:
                expected.update((name, (key[0], self.made.lines[key]), "") for key in keys)
            elif name == "analytics.ga4_events":
                expected.update((name, (key[0], repr(self.made.events["ga4_events"][key])), "") for key in keys)
            elif name == "analytics.clicks":
                expected.update((name, (key[0], self._clicks[key]), "") for key in keys)
            elif name.startswith("mail."):
                mine = {_message(key) for key in keys}
                expected.update(t for t in before.things if t[0] == "mail" and t[1][1] in mine)
            elif name != TALKS:
                expected.update({t: n for t, n in before.things.items() if t[0] == name and t[1] in keys})
        # A dump's version of a conversation is of whom it names, also where a later one says that it was somebody else.
        for thing, count in before.things.items():
            if thing[0] == TALKS and thing[:2] not in talks:
                asked = (json.loads(thing[2].split(" ", 1)[1])["requester"] or {}).get("customer")
                if asked in numbers or (asked is None and thing[1] in left.gone.get(TALKS, ())):
                    expected[thing] += count
        return expected

    def _emptied(self, name: str, key: Key, columns: Mapping[str, Any], before: Look, after: Look) -> None:
        (was,) = [json.loads(t[2]) for t in before.things if t[:2] == (name, key)]
        (now,) = [json.loads(t[2]) for t in after.things if t[:2] == (name, key)]
        for column, old, new in zip(before.columns[name], was, now, strict=True):
            wanted = columns.get(column, old)
            if wanted is ...:
                assert TOKEN.fullmatch(new), f"{name}.{column}"
            else:
                assert new == wanted, f"{name}.{column}"


def _message(key: Key) -> str:
    return message_name(str(key[1]))


def _told(things: Mapping[Thing, int]) -> str:
    """Counts and keys, of made-up people."""
    return f"{dict(Counter(t[0] for t in things))} {[(t[0], t[1]) for t in things][:3]}"
