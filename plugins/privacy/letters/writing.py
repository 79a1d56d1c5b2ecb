"""Writing a letter from a template of the shop (``PRIVACY_HOME/templates/letters``), as plain text and as HTML.

A template's first line is the subject, the rest the text: paragraphs with an empty line between them, lists of lines
that begin with ``- ``, and a line ``---`` before what stands at the foot. The HTML is made from that text in one layout
(``layout.html.j2``), so the two never say different things, and nothing in it is anything but text (edge case 27).
Values are data for the template, never part of it: each is one line, without what a terminal or a mail program obeys.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from privacy.datamap.models import Text
from privacy.errors import BadConfiguration

FOLDER = "letters"

LAYOUT = "layout.html.j2"
"""The one layout of all letters in HTML."""

DATES = {"nl": "%d-%m-%Y", "en": "%-d %B %Y"}
"""How a date is written, by language."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a letter says, ready to go."""

    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)

    @property
    def digest(self) -> str:
        """The sha256 of subject and text, which the HTML repeats."""
        return sha256(f"{self.subject}\n\n{self.text}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a list, or a rule (neither)."""

    text: str = ""
    items: tuple[str, ...] = ()


def written(home: Path, template: str, language: str, values: Mapping[str, object]) -> tuple[str, str]:
    """Subject and text of a letter.

    :param home: ``PRIVACY_HOME``. :param template: its name without language and ending, e.g. ``footage_order``.
    :param values: of them a :class:`Text` is written in the letter's language, a date as that language has it.
    :raises BadConfiguration: ``letters.template``: it is not there, or cannot be used.
    """
    name = f"{template}.{language}.j2"
    rendered = _rendered(_environment(home, language), name, values)
    subject, _, text = rendered.lstrip().partition("\n")
    if not subject.strip() or not text.strip():
        raise BadConfiguration(
            "letters.template",
            "A letter has a subject (its first line) and a text.",
            where=f"templates/{FOLDER}/{name}",
        )
    # What a condition left out leaves its empty lines behind.
    return subject.strip(), re.sub(r"\n\s*\n\s*\n+", "\n\n", text.strip()) + "\n"


def composed(
    home: Path, template: str, language: str, values: Mapping[str, object], *, links: Sequence[str] = ()
) -> Content:
    """A letter as text and as HTML.

    :param links: what may be a link in the HTML: addresses of pages that we know, never what somebody typed.
    :raises BadConfiguration: ``letters.template``: as :func:`written`, and of the layout.
    """
    subject, text = written(home, template, language, values)
    environment = _environment(home, language, autoescape=True)
    environment.filters["linked"] = _linked(links)
    about = {"subject": subject, "blocks": blocks(text), "language": language}
    return Content(subject, text, _rendered(environment, LAYOUT, about).strip() + "\n")


def blocks(text: str) -> tuple[Block, ...]:
    """A text's paragraphs and lists."""
    found: list[Block] = []
    for part in re.split(r"\n\s*\n", text.strip()):
        said: list[str] = []
        items: list[str] = []
        for line in part.strip().splitlines():
            if line.startswith("- "):
                items.append(line[2:].strip())
            elif items:
                items[-1] = f"{items[-1]} {line.strip()}"
            else:
                said.append(line.strip())
        if said:
            found.append(Block() if said == ["---"] else Block(" ".join(said)))
        if items:
            found.append(Block(items=tuple(items)))
    return tuple(found)


def one_line(value: object, language: str = "nl") -> object:
    """A value as it stands in a letter: in its language, on one line, without control characters."""
    if isinstance(value, Text):
        value = value.nl if language == "nl" else value.en
    elif isinstance(value, date):
        value = value.strftime(DATES[language])
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "".join(c for c in " ".join(value.split()) if unicodedata.category(c)[0] != "C")


def _environment(home: Path, language: str, *, autoescape: bool = False) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(home / "templates" / FOLDER),
        autoescape=autoescape,  # noqa: S701 - in plain text &amp; would be read as it stands; the HTML is escaped
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: one_line(value, language),
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _rendered(environment: jinja2.Environment, name: str, values: Mapping[str, object]) -> str:
    try:
        return environment.get_template(name).render(values)
    except (jinja2.TemplateError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as problem:
        # Its text may quote a value.
        raise BadConfiguration(
            "letters.template",
            f"A letter's template cannot be used ({type(problem).__name__}).",
            where=f"templates/{FOLDER}/{name}",
            advice="Write or correct the file in PRIVACY_HOME.",
        ) from None


def _linked(links: Sequence[str]) -> Callable[[str], Markup]:
    """A filter that makes these addresses links, and escapes all else."""
    known = sorted({link for link in links if link}, key=len, reverse=True)
    if not known:
        return lambda text: escape(text)
    parts = re.compile("(" + "|".join(map(re.escape, known)) + ")")

    def filtered(text: str) -> Markup:
        return Markup("").join(
            Markup('<a href="{0}">{0}</a>').format(part) if part in known else escape(part)
            for part in parts.split(text)
        )

    return filtered
