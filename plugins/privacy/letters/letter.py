"""A letter: an e-mail in plain text, from a template of the shop (``PRIVACY_HOME/templates/letters``).

A template's first line is the subject, the rest the text. Values are data for the template, never part of it; what
would break out of a header is refused (edge case 27).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

import jinja2

from privacy.datamap.policy import Contact
from privacy.errors import BadConfiguration

FOLDER = "letters"


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter that is ready to go.

    :param id: of the message, unique: what comes back can be told by it; no person's.
    :param to: an e-mail address; personal where it is a subject's. :param at: aware; its date.
    """

    id: str
    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    at: datetime

    def as_eml(self, sender: Contact) -> bytes:
        """The message (RFC 5322).

        :raises BadConfiguration: ``letters.address``: an address is none.
        """
        message = EmailMessage(policy=SMTP)
        try:
            own = Address(sender.name, addr_spec=sender.email)
            message["From"] = own
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
        message["Message-ID"] = f"<{self.id}@{own.domain}>"
        message.set_content(self.text)
        return message.as_bytes()


def written(home: Path, template: str, language: str, values: Mapping[str, object]) -> tuple[str, str]:
    """Subject and text of a letter.

    :param home: ``PRIVACY_HOME``. :param template: its name without language and ending, e.g. ``footage_order``.
    :raises BadConfiguration: ``letters.template``: it is not there, or cannot be used.
    """
    name = f"{template}.{language}.j2"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(home / "templates" / FOLDER),
        autoescape=False,  # noqa: S701 - plain text, in which &amp; would be read as it stands
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    try:
        subject, _, text = environment.get_template(name).render(values).lstrip().partition("\n")
    except (jinja2.TemplateError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as problem:
        # Its text may quote a value.
        raise BadConfiguration(
            "letters.template",
            f"A letter's template cannot be used ({type(problem).__name__}).",
            where=f"templates/{FOLDER}/{name}",
            advice="Write or correct the file in PRIVACY_HOME.",
        ) from None
    if not subject.strip() or not text.strip():
        raise BadConfiguration(
            "letters.template",
            "A letter has a subject (its first line) and a text.",
            where=f"templates/{FOLDER}/{name}",
        )
    return subject.strip(), text.strip() + "\n"
