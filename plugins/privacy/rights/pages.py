"""Pages made of templates: self-contained, nothing fetched, no script or style but their own (CSP).

A file of the same name in ``PRIVACY_HOME/templates`` takes the place of one here.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import jinja2

from privacy.errors import BadConfiguration, GiveUp

_TEMPLATES = Path(__file__).parent / "templates"


def page(home: Path, name: str, *, script: str | None = None, **content: object) -> str:
    """A page of a template, with the style of all and a script of its own.

    :param name: of the template. :param script: of the script's; None: it has none.
    :raises BadConfiguration: ``ledger.template``: the shop's own template cannot be used.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([home / "templates", _TEMPLATES]), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    try:
        for word, file in (("style", "ledger_style.css.j2"), ("script", script)):
            if file is not None:
                text = environment.get_template(file).render()
                content |= {word: text, f"{word}_hash": allowed(text)}
        return environment.get_template(name).render(content)
    except (jinja2.TemplateError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as problem:
        what, line = getattr(problem, "name", None) or name, getattr(problem, "lineno", None)
        kind = type(problem).__name__
    raise BadConfiguration(
        "ledger.template", f"The template cannot be used ({kind}).", where=f"{what} line {line}" if line else str(what),
        advice="Correct or remove the file in PRIVACY_HOME/templates.",
    )  # fmt: skip


def allowed(text: str) -> str:
    """What a Content-Security-Policy calls a script or style of this text."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def data(value: Any) -> str:
    """JSON that can stand in a page: no ``<`` can end its element."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c").replace("&", "\\u0026")


def written(path: Path, text: str) -> Path:
    """The page as a file. :raises GiveUp: ``ledger.out``: it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    except OSError:
        raise GiveUp(
            "ledger.out", "This cannot be written.", where=str(path), advice="Give another place with --out."
        ) from None
    return path
