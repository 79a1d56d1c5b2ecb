"""Letters to subjects and processors: rendered from the shop's templates, put into an outbox or sent."""

from privacy.letters.letter import Letter, written
from privacy.letters.outbox import LETTERS, Outbox, outbox
from privacy.letters.sending import Post

__all__ = ["LETTERS", "Letter", "Outbox", "Post", "outbox", "written"]
