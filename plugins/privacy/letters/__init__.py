"""Letters to subjects and processors: rendered from the shop's templates, put into an outbox."""

from privacy.letters.letter import Letter, written
from privacy.letters.outbox import LETTERS, Outbox, outbox

__all__ = ["LETTERS", "Letter", "Outbox", "outbox", "written"]
