"""What the originals behind records must be: whole, and for a reader less what is another's."""

from __future__ import annotations

from privacy.datamap.load import Ref
from privacy.sources.base import WITHHELD
from privacy.testing.checks_read import Examples
from privacy.testing.mail import blind_copies
from privacy.testing.reading import must, naming, one, rows_of
from privacy.testing.stores import Bench


def originals_hold_no_blind_copies_of_others(bench: Bench, ref: Ref, examples: Examples) -> None:
    """A message is given whole; of its blind copies the reader sees their own (edge case 20)."""
    if not ref.dataset.judged:
        return
    with naming(ref, "reading originals"):
        for subject in examples:
            mine = {str(i.value).casefold() for i in subject.identifiers}
            for row in rows_of(bench.source(ref), ref, one(subject)):
                if row[WITHHELD] is not None:
                    continue
                key = tuple(row[name] for name in ref.dataset.key)
                with bench.source(ref).open(ref.name, key) as file:
                    whole = file.read()
                with bench.source(ref).open(ref.name, key, subject) as file:
                    given = file.read()
                others = blind_copies(whole) - mine
                must(bool(whole) and bool(given), ref, "an original is empty")
                must(not blind_copies(given) - mine, ref, "an original holds blind copies of others; leave them out")
                must(blind_copies(given) == blind_copies(whole) & mine, ref, "a reader's own blind copy is left out")
                must(bool(others) or given == whole, ref, "an original differs although there is nothing to leave out")
