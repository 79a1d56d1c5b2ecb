"""Letters to subjects and processors: written from the shop's templates, put into an outbox or sent."""

from privacy.letters.letter import Attachment, Letter
from privacy.letters.outbox import LETTERS, Outbox, outbox
from privacy.letters.sending import Post
from privacy.letters.writing import Content, composed, written

__all__ = ["LETTERS", "Attachment", "Content", "Letter", "Outbox", "Post", "composed", "outbox", "written"]
