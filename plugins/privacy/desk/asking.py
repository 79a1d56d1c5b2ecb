"""The questions that wait for an operator, as whoever is signed in may see and answer them."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request
from markdown_it import MarkdownIt
from markupsafe import Markup

from privacy.desk.access import may_answer, may_read
from privacy.desk.airflow import Airflow, Question

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
"""No HTML of its own: a name of the data map that looks like a tag is shown as it is written."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A question on a page. :param body: what has to be known before one answers, made safe.

    :param answerable: whether whoever asks may answer it. :param why: why not; empty: Airflow does not let them.
    """

    question: Question
    body: Markup
    answerable: bool
    why: str = ""


def waiting(request: Request) -> list[Waiting]:
    """The questions that whoever is signed in may see, the oldest first."""
    airflow: Airflow = request.app.state.airflow
    seen = [one for one in airflow.questions() if may_read(request, one.dag)]
    return [
        # markdown-it escapes whatever is no Markdown, and knows no HTML here.
        Waiting(one, Markup(_MARKDOWN.render(one.body)), may_answer(request, one.dag))  # noqa: S704
        for one in seen
    ]
