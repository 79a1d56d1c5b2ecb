"""How a page is made: its template, its words, its dates and numbers as the operator's browser has them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from privacy.desk import forms
from privacy.desk.advising import here
from privacy.errors import BadInput, PrivacyError, RetryLater
from privacy.rights.house import House

Kind = TypeVar("Kind", bound=StrEnum)


def page(request: Request, name: str, status: int = 200, **values: object) -> HTMLResponse:
    """A page from its template (``templates/<name>.html.j2``), for who is signed in.

    Templates know ``root`` (before every link), ``zone`` (the shop's), ``token`` (what a form carries) and the filters
    ``moment``, ``day``, ``number``, ``words`` and ``instant``.
    """
    given = {"zone": house_of(request).policy.zone, "token": forms.token(request), **values}
    response = HTMLResponse(rendered(request, name, user=request.state.user, **given), status)
    forms.keep(request, response)
    return response


def rendered(request: Request, name: str, **values: object) -> str:
    """A template's text."""
    from privacy.desk.routes import PAGES

    template = request.app.state.pages.get_template(f"{name}.html.j2")
    language = locale(request.headers.get("accept-language", ""))
    text: str = template.render(root=root(request), pages=PAGES, language=language, **values)
    return text


def root(request: Request) -> str:
    """What stands before every path of the desk, where Airflow has mounted it."""
    return str(request.scope.get("root_path", ""))


def house_of(request: Request) -> House:
    """The installation, read once for each answer."""
    kept: House | None = getattr(request.state, "house", None)
    if kept is None:
        kept = request.state.house = request.app.state.house()
    return kept


_UNKNOWN = ("request.unknown", "desk.run", "datamap.unknown_dataset")


def status_of(problem: PrivacyError) -> int:
    """The HTTP status of an error: 404 nothing is there, 400 what was typed, 503 try it later, else 409."""
    if problem.code in _UNKNOWN:
        return 404
    return 400 if isinstance(problem, BadInput) else 503 if isinstance(problem, RetryLater) else 409


def chosen(kind: type[Kind], value: str) -> Kind | None:
    """A filter's value; empty: all.

    :raises BadInput: ``desk.filter``.
    """
    try:
        return kind(value) if value else None
    except ValueError:
        raise BadInput("desk.filter", "There is no such filter.", advice="Choose one from the list.") from None


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates, read once: everything in them is escaped, and a name that is not there is an error."""
    made = Environment(loader=PackageLoader("privacy.desk"), autoescape=True, undefined=StrictUndefined)
    made.filters.update(moment=_moment, day=_day, number=_number, words=words, instant=instant, here=here)
    return made


def words(text: object) -> str:
    """A kind of the ledger or a state as words."""
    return str(text).replace(".", " ").replace("_", " ")


def instant(text: object) -> datetime | None:
    """A moment that stands as text (ISO 8601, with its offset) in the ledger or in a plan; None: none stands there."""
    return datetime.fromisoformat(str(text)) if text else None


@lru_cache(maxsize=256)
def locale(wanted: str) -> Locale:
    """The first language of an ``Accept-Language`` (RFC 9110) that dates and numbers are known in; British by default.

    The pages' words are English whatever it is.
    """
    weighed: list[tuple[float, str]] = []
    for one in wanted.split(",")[:20]:
        tag, _, weight = one.strip().partition(";q=")
        try:
            weighed.append((-float(weight or 1), tag))
        except ValueError:
            continue
    for _, tag in sorted(weighed, key=lambda one: one[0]):
        try:
            return Locale.parse(tag, sep="-")
        except (ValueError, UnknownLocaleError, TypeError):
            continue
    return Locale("en", "GB")


@pass_context
def _moment(context: Context, at: datetime | None, zone: str) -> str:
    return "" if at is None else moment(at, zone, _of(context))


def moment(at: datetime, zone: str, tongue: Locale) -> str:
    """A moment as the page shows it. :param at: aware. :param zone: the shop's. :param tongue: of the browser."""
    here = at.astimezone(UTC).astimezone(ZoneInfo(zone))
    return f"{format_datetime(here, 'short', locale=tongue)} {here:%Z}"


@pass_context
def _day(context: Context, day: date | None) -> str:
    return "" if day is None else format_date(day, "medium", locale=_of(context))


@pass_context
def _number(context: Context, value: float | None) -> str:
    return "" if value is None else format_decimal(value, locale=_of(context))


def _of(context: Mapping[str, Any] | Context) -> Locale:
    found: Locale = context["language"]
    return found
