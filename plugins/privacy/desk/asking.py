"""The questions that wait for an operator, as whoever is signed in may see and answer them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from babel import Locale
from fastapi import Request
from markdown_it import MarkdownIt
from markupsafe import Markup

from privacy import numbers
from privacy.desk import retention
from privacy.desk.access import may_answer, may_read, who
from privacy.desk.airflow import Airflow, Question
from privacy.desk.shown import house_of, locale, moment
from privacy.errors import BadInput
from privacy.plans import eyes
from privacy.plans.approval import Answers
from privacy.rights.house import House

_KINDS = ("erasure", "rectify", "purge", "policy")
"""What plans there are that an operator is asked about."""

_ABOUT_ALL = "notify_policy_change"
"""The DAG that asks about the statement: about no request, and no rule of a purge."""

UNASKED_FOR = timedelta(minutes=10)
"""The ledger's word stands a little before Airflow asks: after this the question is missing there."""

_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?\+00:00")
_TERM = re.compile(r"([<>]=)(P(?!T?\b)[0-9YMDTH]+)")
_BOUNDS = {"<=": "at most", ">=": "at least"}
_COMMAND = re.compile(r"`privacy request correction [^`]*`")

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
"""No HTML of its own: a name of the data map that looks like a tag is shown as it is written."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A question on a page. :param body: what has to be known before one answers, made safe.

    :param answerable: whether Airflow lets whoever asks answer it. :param why: why they may say no alone: four eyes.
    """

    question: Question
    body: Markup
    answerable: bool
    why: str = ""

    @property
    def number(self) -> str:
        """The request that it is about; empty: it is about a rule."""
        try:
            return numbers.check(self.question.about)
        except BadInput:
            return ""


def waiting(request: Request) -> list[Waiting]:
    """The questions that whoever is signed in may see, the oldest first."""
    airflow: Airflow = request.app.state.airflow
    house, actor = house_of(request), who(request).actor
    seen = [one for one in airflow.questions() if may_read(request, one.dag)]
    tongue = locale(request.headers.get("accept-language", ""))
    own = _own(house, actor) if seen and house.settings.four_eyes else frozenset()
    found = []
    for one in seen:
        mine = one.about in own or one.dag in own
        why = (
            "You registered, decided or started this yourself: somebody else has to approve it (four eyes)."
            if mine
            else ""
        )
        body = _said_here(one.body, house.policy.zone, tongue)
        found.append(Waiting(one, _shown(body), may_answer(request, one.dag), why))
    return found


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What waits and is not on the page. :param hidden: questions of DAGs that whoever asks may not read.

    :param lost: requests, rules or DAGs of which the ledger has a question that Airflow does not ask: its task was
        marked or cleared, and nobody can answer it any more.
    """

    hidden: int
    lost: tuple[str, ...]


def elsewhere(request: Request) -> Elsewhere:
    """What waits and :func:`waiting` does not show: nothing on a page is no proof that nothing waits."""
    airflow: Airflow = request.app.state.airflow
    house, asked = house_of(request), airflow.questions()
    known = {about for one in asked for about in (one.about, one.dag)}
    before = house.clock.now() - UNASKED_FOR
    lost = {about for about, _, at in _open(house) if about not in known and at < before}
    return Elsewhere(sum(not may_read(request, one.dag) for one in asked), tuple(sorted(lost)))


def _said_here(body: str, zone: str, tongue: Locale) -> str:
    """A question as the page says it: moments and terms in words, and no command for a terminal."""
    body = _MOMENT.sub(lambda found: moment(datetime.fromisoformat(found[0]), zone, tongue), body)
    body = _TERM.sub(lambda found: f"{_BOUNDS[found[1]]} {retention.lasting(found[2])}", body)
    return _COMMAND.sub("on the page of the request, beside this question", body)


def _shown(body: str) -> Markup:
    """A question's Markdown as HTML: whatever is no Markdown is escaped, and HTML is none here."""
    tokens = _MARKDOWN.parse(body)
    for token in tokens:
        # Columns of figures get a style of their own, which the content security policy forbids.
        token.attrs.pop("style", None)
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S704


def _own(house: House, actor: str) -> frozenset[str]:
    """What waits for an answer that somebody else has to give: numbers of requests, names of rules, and the DAG whose
    question is about neither.
    """
    return frozenset(about for about, asked, _ in _open(house) if eyes.is_party(actor, _parties(house, asked)))


def _parties(house: House, asked: Mapping[str, Any]) -> frozenset[str]:
    number = asked.get("request")
    return eyes.parties(house.ledger, str(asked["run"]), None if number is None else str(number))


def _open(house: House) -> Iterator[tuple[str, Mapping[str, Any], datetime]]:
    """The questions without an answer, by the ledger: what each is about, its entry, and since when it waits."""
    for kind in _KINDS:
        words = Answers(kind)
        for asked in house.ledger.archive.open_questions(
            words.asked, (words.approved, words.refused, words.unanswered)
        ):
            about = str(asked.get("request") or asked.get("rule") or _ABOUT_ALL)
            yield about, asked, datetime.fromisoformat(str(asked["at"]))
