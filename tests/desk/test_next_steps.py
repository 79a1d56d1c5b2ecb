"""What a page says comes next is what its main button does; what is over is not offered again."""

from __future__ import annotations

import ast
import re
from datetime import timedelta
from html import unescape

import pytest
from httpx import Response

from conftest_desk import HERE, NOW, PROJECT, Desk, token_of
from privacy.desk import today_others
from privacy.desk.access import User
from privacy.desk.advising import here
from privacy.desk.airflow import Progress, Question, Task, labels
from privacy.desk.asking import _said_here
from privacy.desk.shown import locale
from privacy.identity import Candidate
from privacy.identity import Question as Whose
from privacy.rights import Evidence, EvidenceKind, Ground, Right, footage
from privacy.rights.notices import Notices
from privacy.rights.payload import Act
from privacy.sources.base import Identifier, Subject

CUSTOMER, OTHER = Identifier("shop.customer_id", 4711), Identifier("shop.customer_id", 4712)
OPERATOR = User("operator", "operator@shop.example")
RUN = {"pipeline": "export_subject", "actor": "desk", "code_version": "1", "policy_version": "1"}


def next_of(page: str) -> tuple[str, str]:
    """What the page says comes next, and the heading of its main form; empty: it has none."""
    said = re.search(r"<dt>Next step</dt><dd>(.*?)</dd>", page)
    assert said is not None
    main = re.search(r'aria-label="Next step"><h2>(.*?)</h2>', page)
    return said[1], main[1] if main else ""


def received(desk: Desk, right: Right = Right.ACCESS) -> str:
    return desk.house.register.receive(right, [CUSTOMER], author="desk").number


def shown(desk: Desk, number: str, who: str = "operator") -> str:
    return desk.as_(who).get(f"/requests/{number}").text


def sent(desk: Desk, page: str, path: str, who: str = "operator", **fields: str) -> Response:
    """A form of a page, by who opened it."""
    client = desk.as_(who)
    form = {"token": token_of(client.get(page).text), **fields}
    return client.post(path, data=form, headers={"Origin": HERE})


def failed(desk: Desk, number: str, reason: str) -> None:
    desk.house.ledger.begin("r1", request=number, **RUN)
    desk.house.ledger.end("r1", status="failed", reason=reason, actor="desk", request=number)


def test_the_next_step_in_words_is_what_the_main_button_does(desk: Desk) -> None:
    assert next_of(shown(desk, received(desk))) == ("start the export", "Start it")
    assert next_of(shown(desk, received(desk, Right.RECTIFICATION))) == ("write down what is wrong", "Write it down")
    assert next_of(shown(desk, received(desk, Right.ERASURE))) == ("prove the identity", "Record the proof")
    number = received(desk, Right.OBJECTION)
    desk.house.register.begin(number, "r1")
    assert next_of(shown(desk, number)) == ("uphold the objection, or reject it", "Uphold the objection")


def test_a_request_whose_person_was_chosen_is_to_be_started_again_and_its_old_stop_is_not_told_any_more(
    desk: Desk,
) -> None:
    """Edge case 19."""
    number, register = received(desk), desk.house.register
    register.begin(number, "r1")
    register.undecided(number, Whose((Candidate(1, (CUSTOMER,)), Candidate(2, (OTHER,))), (CUSTOMER,)), run="r1")
    failed(desk, number, "identity.ambiguous")
    page = shown(desk, number)
    assert "more than one person fits. Choose who it is." in page
    assert "identity.ambiguous" not in page.partition("What was done")[0]
    sent(desk, f"/requests/{number}", f"/requests/{number}/do/decide", person="1", whose="shared")
    page = shown(desk, number)
    assert next_of(page) == ("start the export again", "Start it")
    assert "more than one person" not in page


def test_while_a_run_goes_on_it_is_not_offered_to_be_started_and_its_end_is_told_at_the_top(desk: Desk) -> None:
    number = received(desk)
    run = desk.airflow.start("export_subject", {"request": number}, OPERATOR)
    tasks = (Task("extract", "0", "none"), Task("extract", "shop.orders", "running", NOW))
    desk.airflow.runs["export_subject", run] = Progress("export_subject", run, "running", tasks)
    page = shown(desk, number)
    assert next_of(page) == ("none now: its run goes on", "")
    assert "Start export_subject" not in page
    assert "<small>0</small>" not in page  # an index is no name of anything
    client = desk.as_("operator")
    part = client.get(f"/requests/{number}/progress").text
    assert re.search(r'id="run-news" hx-swap-oob="true"><p class="near note">Its run goes on', part)
    desk.airflow.runs["export_subject", run] = Progress("export_subject", run, "failed", tasks)
    part = client.get(f"/requests/{number}/progress").text
    news = re.search(rf'id="run-news"[^>]*><p class="done">It has ended. <a href="/requests/{number}">', part)
    assert news is not None
    assert news.start() < page.index("</html>")


def test_what_a_person_is_known_by_stands_there_once(desk: Desk) -> None:
    number = received(desk)
    address = Identifier("ip", "192.0.2.1")
    desk.house.register.begin(number, "r1")
    desk.house.register.resolved(number, Subject(1, (address, address, CUSTOMER)), run="r1")
    page = shown(desk, number)
    assert page.count("192.0.2.1") == 1
    assert "192.0.2.1 (in 2 periods)" in page


def test_an_erasure_that_is_partly_done_says_what_was_done_and_what_waits(desk: Desk) -> None:
    """Promise R-ERASE."""
    number, register = received(desk, Right.ERASURE), desk.house.register
    register.prove(number, Evidence.of(kind=EvidenceKind.DOCUMENT, seen="a passport"), "desk")
    register.begin(number, "r1")
    counts = {"deleted": 1042, "held": 3, "new": 2}
    register.acted(number, Act(author="desk", at=desk.clock.now(), counts=counts), partly=True, run="r1")
    page = shown(desk, number)
    for said in ("1,042 are gone", "3 are held by another request", "2 came meanwhile", "by itself, each night"):
        assert said in page


def test_a_question_is_said_without_a_command_for_a_terminal_and_without_moments_for_machines() -> None:
    body = (
        "Rule `x` keeps CAM-48H (<=PT48H), or >=P7D. Look first: `privacy request correction AVG-2026-0042-9 "
        "--personal`.\n\nPlan `ab` as of 2026-11-29T00:42:13.563351+00:00."
    )
    said = _said_here(body, "Europe/Amsterdam", locale("nl-NL"))
    assert "(at most 48 hours), or at least 7 days" in said
    assert "privacy request" not in said
    assert "as of 29-11-2026, 01:42" in said.replace("\u202f", " ")


def test_a_question_about_a_request_leads_to_it(desk: Desk) -> None:
    number = received(desk, Right.ERASURE)
    desk.airflow.waiting.append(
        Question("0" * 8, "erase_subject", "manual__1", "request.approve", number, f"{number}: may it?", "body", NOW)
    )
    assert f'<a href="/requests/{number}">look at {number}</a>' in desk.as_("operator").get("/approvals").text


def test_processors_who_are_told_tomorrow_are_one_line_and_nothing_to_do(desk: Desk) -> None:
    """Art. 19 GDPR: a letter that nobody tried to send has not failed."""
    number, who = received(desk, Right.ERASURE), Subject(1, (CUSTOMER,))
    count = len(
        Notices(desk.house).tell(number, "erasure", ("shop.customers", "shop.addresses"), subject=who, author="x")
    )
    assert count > 1

    def told() -> list[tuple[str, str]]:
        return [(one.urgency, one.what) for one in today_others._told(desk.house, desk.clock.now())]

    ((urgency, said),) = told()
    assert (urgency, said.endswith("will be told by the next daily watch_deadlines. Nothing to do.")) == ("plain", True)
    desk.clock.set(NOW + timedelta(days=2))
    ((urgency, said),) = told()
    assert urgency == "amber"
    assert "could not be told yet" in said
    assert "Polderhosting B.V." in said


def test_ledger_and_stores_are_verified_from_the_page_of_promises(desk: Desk) -> None:
    client = desk.as_("operator")
    assert 'action="/promises/verify"' in client.get("/promises").text
    done = sent(desk, "/promises", "/promises/verify")
    assert (done.status_code, desk.airflow.started) == (303, [("verify_evidence", {}, "operator")])
    assert "The verification has begun" in client.get("/promises?started=true").text
    assert "/promises/verify" not in desk.as_("viewer").get("/promises").text
    forged = desk.as_("viewer").post("/promises/verify", data={"token": "x"}, headers={"Origin": HERE})
    assert forged.status_code == 403
    assert len(desk.airflow.started) == 1


def test_a_page_that_did_not_work_leads_back_to_its_request(desk: Desk) -> None:
    number = received(desk)
    page = desk.as_("lead").get(f"/requests/{number}/bundle")
    assert page.status_code >= 400
    assert f'<a href="/requests/{number}">Back to {number}</a>' in page.text


def test_an_error_says_what_to_do_on_this_page(desk: Desk) -> None:
    number = received(desk)
    answer = sent(desk, f"/requests/{number}", f"/requests/{number}/do/letter", letter="receipt")
    assert "Tick that it goes by post" in answer.text


def test_a_new_request_asks_for_a_customers_number_second(desk: Desk) -> None:
    page = desk.as_("operator").get("/requests/new").text
    second = re.search(r'name="kind2".*?</select>', page, re.DOTALL)
    assert second is not None
    assert '<option value="shop.customer_id" selected>' in second[0]


def test_an_objection_that_is_stopped_and_a_complaint_wait_for_a_person_today(desk: Desk) -> None:
    """Promise R-OBJ: no run weighs an objection."""
    number, complaint = received(desk, Right.OBJECTION), received(desk, Right.COMPLAINT)
    assert number not in desk.as_("viewer").get("/today").text  # its run has not begun: that goes by itself
    desk.house.register.begin(number, "r1")
    page = unescape(desk.as_("viewer").get("/today").text)
    assert f"{number} (objection): uphold or reject it; what it objects to stands still until then." in page
    assert f"{complaint} (complaint): a person answers it" in page
    assert "<td>uphold it, or reject it</td>" in desk.as_("viewer").get("/requests").text


def test_a_refusal_that_nobody_told_the_person_of_stands_on_today_until_its_letter_went(desk: Desk) -> None:
    """Art. 12(4) GDPR."""
    register = desk.house.register
    number = register.receive(Right.ACCESS, [Identifier("email", "anna@a.example")], author="desk").number
    register.refuse(number, Ground("identity_not_proven"), "desk", because="nobody came")
    told = f"{number}: it is refused, and the person was not told yet."
    assert told in desk.as_("viewer").get("/today").text
    assert sent(desk, f"/requests/{number}", f"/requests/{number}/do/letter", letter="refusal").status_code == 303
    assert told not in desk.as_("viewer").get("/today").text


def test_what_the_holder_of_footage_says_is_told_in_words_whatever_it_is() -> None:
    """Edge case 24."""
    table = (footage.__doc__ or "").split("====================")
    codes = {line.split()[0] for line in "\n".join(table).splitlines() if re.match(r"[a-z_]+ {2,}\S", line)} - {"code"}
    assert codes == set(today_others._DIFFERS)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("Call them, then: privacy hold confirm ORDER.", "Call them, then: say so on the page of the hold."),
        ("Ask them to wipe it (privacy hold list).", "Ask them to wipe it (the page Holds)."),
        (
            "Run privacy ledger verify. Run nothing that deletes.",
            "Run Verify now, on the page Ledger. Run nothing that deletes.",
        ),
        ("Next: privacy request prove AVG-2026-0042-9 --by document.", "Next: do so on the request's page."),
        ("Look. Use privacy purge plan first.", "Look."),
        ("Pass --again to do it again.", ""),
        ("The privacy page of the shop says so.", "The privacy page of the shop says so."),
    ],
)
def test_no_page_gives_a_command_for_a_terminal_as_advice(told: str, said: str) -> None:
    assert here(told) == said


def test_no_advice_of_the_library_is_a_command_on_a_page() -> None:
    """Every string of the library that names a command."""
    found = set()
    for file in (PROJECT / "plugins" / "privacy").rglob("*.py"):
        if "cli" not in file.parts and file.parent.name != "desk":
            found |= {n.value for n in ast.walk(ast.parse(file.read_text()))
                if isinstance(n, ast.Constant) and isinstance(n.value, str) and "\n" not in n.value
                and re.search(r"privacy (request|hold|ledger|purge|bundle|datamap) [a-z]", n.value)}  # fmt: skip
    assert len(found) > 30
    assert [
        here(one) for one in found if re.search(r"privacy (request|hold|ledger|purge|bundle|datamap) ", here(one))
    ] == []


def test_a_step_that_waits_for_an_answer_is_called_as_the_step_before_it() -> None:
    """So the page of a rule says that a question waits: Airflow labels what has run alone, others by their index."""
    tasks = [(-1, None), (0, "log_lines"), (0, "0"), (1, "sessions"), (1, None), (2, "2")]
    assert labels(tasks) == {0: "log_lines", 1: "sessions"}
    assert labels(reversed(tasks)) == {0: "log_lines", 1: "sessions"}
