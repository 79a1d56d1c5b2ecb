"""A letter: an e-mail in plain text, mostly with the same in HTML beside it, and perhaps a file with it.

What would break out of a header is refused (edge case 27). How one is written: see ``writing``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from privacy.datamap.policy import Contact
from privacy.errors import BadConfiguration


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a letter.

    :param name: as the reader sees it; ASCII. :param media: its media type, e.g. ``application/zip``.
    """

    name: str
    content: bytes = field(repr=False)
    media: str = "application/zip"


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter that is ready to go.

    :param id: of the message, unique: what comes back can be told by it; no person's.
    :param to: an e-mail address; personal where it is a subject's. :param at: aware; its date.
    :param html: the same as the text; empty: there is the text alone.
    """

    id: str
    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    at: datetime
    html: str = field(default="", repr=False)
    attachment: Attachment | None = None

    def message_id(self, sender: Contact) -> str:
        """What tells the message from every other one: the same each time that this letter is sent."""
        return f"<{self.id}@{sender.email.rpartition('@')[2]}>"

    def as_eml(self, sender: Contact) -> bytes:
        """The message (RFC 5322): ``multipart/alternative`` where there is HTML, ``multipart/mixed`` with a file.

        :raises BadConfiguration: ``letters.address``: an address is none.
        """
        message = EmailMessage(policy=SMTP)
        try:
            message["From"] = Address(sender.name, addr_spec=sender.email)
            message["To"] = Address(addr_spec=self.to)
            message["Subject"] = self.subject
        except (ValueError, IndexError, MessageError):
            raise BadConfiguration(
                "letters.address",
                "A letter cannot be addressed: an address or the subject is none.",
                where=self.id,
                advice="Correct the contact in the policy.",
            ) from None
        message["Date"] = format_datetime(self.at)
        message["Message-ID"] = self.message_id(sender)
        message.set_content(self.text)
        if self.html:
            message.add_alternative(self.html, subtype="html")
        if self.attachment is not None:
            main, _, sub = self.attachment.media.partition("/")
            message.add_attachment(
                self.attachment.content, maintype=main, subtype=sub, filename=self.attachment.name
            )  # fmt: skip
        return message.as_bytes()
