"""No identifier of a person in any error or log line, whatever breaks (edge case 34); nothing smaller in silence."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from privacy.datamap.load import Ref
from privacy.errors import PrivacyError
from privacy.sources.base import Of
from privacy.testing.checks_read import FOREVER, Examples
from privacy.testing.reading import items_of, must, rows_of
from privacy.testing.stores import Bench

CANARY = "canary-7f3a@nobody.invalid"
"""Left behind in what is broken; with it, a value of each example."""


def errors_name_nobody(bench: Bench, ref: Ref, examples: Examples) -> None:
    """A copy of the store is broken in every way known of its kind; what is raised and logged is looked through."""
    values = {str(i.value) for subject in examples for i in subject.identifiers if len(str(i.value)) > 3}
    canary = " ".join([CANARY, *sorted(values)])
    secrets = {CANARY, *values}
    must(not any(s in repr(Of(examples)) for s in secrets), ref, "a selection's repr shows an identifier")
    with bench.scratch(ref) as copy:
        damages = copy.damages(ref)
    for damage in damages:
        with bench.scratch(ref) as broken:
            broken.damage(ref, damage, canary)
            failed = 0
            for pick in (Of(examples), FOREVER):
                for asked in (rows_of, items_of):
                    with _logged() as lines:
                        try:
                            asked(broken.source(ref), ref, pick)
                        except PrivacyError as problem:
                            failed += 1
                            said = "".join(traceback.format_exception(problem)) + repr(problem.args)
                        except Exception as problem:  # noqa: BLE001 - it is what is looked for
                            what = f"a {type(problem).__name__} of the driver escapes; turn it into ours, `from None`"
                            raise AssertionError(f"{ref.full}: {what}.") from None
                        else:
                            said = ""
                    for text, where in ((said, "error"), ("\n".join(lines), "log line")):
                        leaked = f"an {where} repeats an identifier; say code, dataset and column only, `from None`"
                        must(not any(secret in text for secret in secrets), ref, leaked.replace("an log", "a log"))
            if damage.startswith("!") and examples:
                must(failed > 0, ref, f"the store is broken ({damage[1:]}) and reading does not fail: it got smaller")


@contextmanager
def _logged() -> Iterator[list[str]]:
    lines: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    keeper, logger = Keeper(), logging.getLogger("privacy")
    before = logger.level
    logger.addHandler(keeper)
    logger.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        logger.removeHandler(keeper)
        logger.setLevel(before)
