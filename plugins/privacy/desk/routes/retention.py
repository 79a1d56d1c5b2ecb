"""Retention: the rules with their last and next runs, a rule's runs, a run's plan and proof; starting them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from privacy.desk import purging, retention, rule_runs
from privacy.desk.access import may_start, who
from privacy.desk.fields import Fields, fields
from privacy.desk.live import live
from privacy.desk.retention import Rule
from privacy.desk.shown import house_of, page, root
from privacy.errors import BadInput

router = APIRouter()

Text = Annotated[str, Query(max_length=250)]
Form = Annotated[Fields, Depends(fields)]


@router.get("/retention")
def the_rules(request: Request) -> HTMLResponse:
    """Every rule: its term, its last run and its next, its oldest record against its limit."""
    house = house_of(request)
    now, every = house.clock.now(), retention.rules(house.policy, house)
    next_runs = request.app.state.airflow.next_runs({rule.dag for rule in every})
    rows = retention.rows(house, every, next_runs, now)
    return page(request, "retention", here="retention", rows=rows, now=now, long=retention.long)


@router.get("/retention/rules/{rule}")
def one_rule(request: Request, rule: str, after: Text = "", watch: Text = "") -> HTMLResponse:
    """A rule: its runs with their figures, its dry runs, what runs now; for who may, starting it."""
    house = house_of(request)
    found, now = _rule(request, rule), house.clock.now()
    next_runs = request.app.state.airflow.next_runs({found.dag})
    (row,) = retention.rows(house, [found], next_runs, now)
    titles = [(full, house.datamap[full].dataset.title.en) for full in found.datasets]
    return page(
        request, "rule", here="retention", row=row, rule=found, now=now, long=retention.long, titles=titles,
        runs=rule_runs.page(house.engine, found.name, after), looks=rule_runs.looks(house.engine, found.name),
        promises=[(name, house.policy.promises[name]) for name in found.promises], watch=watch,
        live=live(request.app.state.airflow, house, found, watch), offered=may_start(request, found.dag),
    )  # fmt: skip


@router.get("/retention/rules/{rule}/now")
def now_running(request: Request, rule: str, watch: Text = "") -> Response:
    """What of a rule runs now, for its page to show again and again; once nothing does, the page is loaded anew."""
    house, found = house_of(request), _rule(request, rule)
    there = live(request.app.state.airflow, house, found, watch)
    answer = page(request, "_now", rule=found, live=there, watch=watch)
    if not there.running:
        answer.headers["HX-Refresh"] = "true"
    return answer


@router.post("/retention/rules/{rule}/start")
def start(request: Request, rule: str, form: Form) -> Response:
    """Start a rule's DAG for this rule alone: ``deed`` is ``look`` (a dry run) or ``purge``.

    :raises HTTPException: 403: they may not start that DAG.
    """
    house, found = house_of(request), _rule(request, rule)
    _allowed(request, found)
    deed = form.one("deed")
    if deed not in ("look", "purge"):
        raise BadInput("desk.filter", "There is no such step.", advice="Choose one from the page.")
    wanted = purging.look(found, house.clock.now()) if deed == "look" else purging.at_once(found)
    return _started(request, found, wanted)


@router.get("/retention/runs/{run}")
def one_run(request: Request, run: str) -> HTMLResponse:
    """A run of a rule, or a dry run: its plan in words, guards and answers, what came of it, its proof."""
    house = house_of(request)
    ran, seen = rule_runs.one(house.engine, run), rule_runs.look(house.engine, run)
    if ran is None and seen is None:
        raise HTTPException(404, "There is no such run of a rule.")
    name = ran.rule if ran is not None else "" if seen is None else seen.rule
    rule = retention.rule_of(house.policy, house, name)
    entries = house.ledger.entries(run=run)
    plan, unshown = (None, "") if rule is None or rule.own else purging.kept_plan(house, run)
    now = house.clock.now()
    return page(
        request, "run", here="retention", run=run, ran=ran, seen=seen, rule=rule, called=name, plan=plan,
        unshown=unshown, figures=[] if plan is None else purging.figures(plan), entries=entries,
        sentences="" if plan is None else purging.sentences(plan, now, house.policy.zone),
        guards=purging.guards(entries, plan), answers=purging.answers(entries), lasting=retention.lasting,
        offered=rule is not None and may_start(request, rule.dag),
    )  # fmt: skip


@router.post("/retention/runs/{run}/do")
def do_this(request: Request, run: str, form: Form) -> Response:
    """Start the DAG so that it does the plan of a dry run, or nothing.

    :raises HTTPException: 403: they may not start that DAG; 404.
    :raises Refused: the plan is another one by now, or was swept.
    """
    house = house_of(request)
    if not any(may_start(request, dag) for dag in house.policy.purges):
        raise HTTPException(403, "You may not start any purge.")
    seen = rule_runs.look(house.engine, run)
    if seen is None:
        raise HTTPException(404, "There is no such dry run.")
    found = _rule(request, seen.rule)
    _allowed(request, found)
    return _started(request, found, purging.exactly(house, found, seen, form.one("digest")))


def _rule(request: Request, name: str) -> Rule:
    house = house_of(request)
    found = retention.rule_of(house.policy, house, name)
    if found is None:
        raise HTTPException(404, "The policy has no such rule.")
    return found


def _allowed(request: Request, rule: Rule) -> None:
    if not may_start(request, rule.dag):
        raise HTTPException(403, f"You may not start {rule.dag}.")


def _started(request: Request, rule: Rule, conf: dict[str, object]) -> Response:
    from urllib.parse import urlencode

    run = request.app.state.airflow.start(rule.dag, conf, who(request))
    asked = urlencode({"watch": run})
    return RedirectResponse(f"{root(request)}/retention/rules/{rule.name}?{asked}", 303)
