"""`privacy request`: what an operator types, and what they are told."""

from __future__ import annotations

import enum
import http.server
import json
import shutil
import threading
from datetime import timedelta

import pytest

from conftest_demo import HOME
from privacy.cli import request as commands
from privacy.cli.bundle import GlassName
from privacy.cli.deadlines import NecessityName
from privacy.errors import AmbiguousIdentity
from privacy.rights import EvidenceKind, Ground, Necessity, Right, State
from privacy.rights.payload import GlassGround


@pytest.fixture
def number(salon):
    return salon.good("request", "new", "--email", "anna@a.example")["number"]


def test_a_request_is_registered_and_shown_with_the_last_day_for_its_answer(salon):
    made = salon.run("request", "new", "--id", "salon.guest=1", "--received", "2026-01-31T10:00")
    assert made.exit_code == 0
    number = made.stdout.splitlines()[0]
    assert "answer due: 2026-02-28" in made.stdout
    shown = salon.run("request", "show", number).stdout
    assert "2026-01-31 10:00" in shown
    assert "start the export" in shown
    listed = salon.run("request", "list").stdout
    assert all(word in listed for word in (number, "access", "received", "2026-02-28"))
    assert salon.good("request", "list", "--state", "sealed") == []
    assert "no requests" in salon.run("request", "list", "--state", "sealed").stdout


def test_identifiers_can_be_read_so_that_they_stand_in_no_shell_history(salon):
    read = "Anna@A.example\n 1 \nAnna\nelsewhere@b.example\n"
    words = ("--email", "-", "--id", "salon.guest=-", "--name", "-", "--deliver-to", "-")
    number = salon.good("request", "new", *words, read=read)["number"]
    payload = salon.house().register.open(number)
    assert [(i.kind, i.value) for i in payload.identifiers] == [("email", "anna@a.example"), ("salon.guest", 1)]
    assert (payload.name, payload.deliver_to) == ("Anna", "elsewhere@b.example")
    assert "no line for" in salon.error("request", "new", "--email", "-", read="")


def test_a_direct_transfer_is_asked_for_with_a_portability_and_shown(salon):
    words = ("--right", "portability", "--email", "anna@a.example")
    number = salon.good("request", "new", *words, "--direct-transfer")["number"]
    assert salon.good("request", "show", number)["scope"] == "provided_and_observed"
    assert "provided_and_observed" in salon.run("request", "show", number).stdout
    assert "scope" not in salon.good("request", "show", salon.good("request", "new", *words)["number"])


def test_nothing_personal_is_shown_without_being_asked_for_on_a_terminal(salon, number, monkeypatch):
    words = ("request", "show", number)
    assert "anna" not in salon.run(*words).output + json.dumps(salon.good(*words))
    assert "terminal" in salon.error(*words, "--personal")
    monkeypatch.setattr(commands, "on_a_terminal", lambda: True)
    assert "email: anna@a.example" in salon.run(*words, "--personal").stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--id", "anna@a.example"), "named.identifier"),
        (("--id", "anna@a.example=1"), "named.identifier"),
        (("--id", "salon.guest=anna@a.example"), "identity.not_a_number"),
        (("--email", "anna.a.example"), "identity.not_an_address"),
        ((), "request.nothing_named"),
        (("--email", "anna@a.example", "--received", "yesterday"), "named.moment"),
        (("--email", "anna@a.example", "--received", "2999-01-01"), "request.future"),
        (("--email", "anna@a.example", "--received", "0001-01-01"), "named.moment"),
        (("--email", "anna@a.example", "--received", "9999-12-31T23:00-12:00"), "named.moment"),
        (("--email", "anna@a.example", "--received", "1066-10-14"), "request.too_early"),
        (("--email", "anna@a.example", "--received", ""), "named.moment"),
        (("--email", "anna@a.example", "--deliver-to", ""), "cli.empty"),
        (("--email", "anna@a.example", "--name", " "), "cli.empty"),
        (("--email", ""), "cli.empty"),
        (("--email", "anna@a.example", "--direct-transfer"), "request.direct_transfer"),
    ],
)
def test_a_wrong_request_is_one_line_that_says_what_to_do_and_quotes_nobody(salon, words, code):
    line = salon.error("request", "new", *words)
    assert f"[{code}]" in line
    assert "anna" not in line
    assert salon.good("request", "list") == []


def test_a_wrong_number_is_told_from_an_unknown_one(salon, number):
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert "check digit" in salon.error("request", "show", wrong)
    unknown = "SAL-2020-0042-8"
    assert "[request.unknown]" in salon.error("request", "show", unknown)
    assert "[request.number]" in salon.error("request", "release", "nonsense")


def test_a_request_is_proven_released_and_closed(salon, number):
    assert "[request.not_proven]" in salon.error("request", "release", number)
    salon.seal(number)
    assert salon.good("request", "show", number)["bundle"]["records"] == {"salon.cuts": 2}
    assert (
        salon.good("request", "prove", number, "--by", "known_address", "--address", "-", read="anna@a.example\n")[
            "state"
        ]
        == "proven"
    )
    released = salon.good("request", "release", number)
    assert (released["state"], released["path"]) == ("released", f"{number}.zip.age")
    assert "[request.released]" in salon.error("request", "refuse", number, "--ground", "withdrawn")
    kinds = [e["kind"] for e in salon.good("ledger", "show", "--request", number)]
    assert kinds[0] == "request.received"
    assert kinds[-1] == "request.released"


def test_an_address_that_was_changed_before_the_request_is_no_proof(salon, number):
    """Edge case 35."""
    salon.seal(number)
    salon.execute("UPDATE guests SET since = strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-2 days') WHERE guest = 1")
    line = salon.error("request", "prove", number, "--by", "known_address", "--address", "anna@a.example")
    assert "[proof.address_unknown]" in line
    assert "anna" not in line


def test_a_guest_without_an_account_is_known_by_their_earlier_records(salon):
    """Edge case 19: guest orders."""
    number = salon.good("request", "new", "--email", "gast@g.example")["number"]
    salon.seal(number)
    words = ("request", "prove", number, "--by", "known_address", "--address")
    assert "[proof.address_unknown]" in salon.error(*words, "anna@a.example")
    assert salon.good(*words, "gast@g.example")["state"] == "proven"


def test_a_shared_address_is_decided_by_a_person_who_sees_the_candidates_on_a_terminal(salon, monkeypatch):
    """Edge case 19: a household's mailbox."""
    number = salon.good("request", "new", "--email", "house@h.example")["number"]
    assert "[request.no_question]" in salon.error("request", "decide", number)
    house = salon.house()
    house.register.begin(number, "r1")
    with pytest.raises(AmbiguousIdentity) as asked:
        house.subject(number)
    house.register.undecided(number, asked.value.question, run="r1")
    assert salon.good("request", "list")[0]["next_step"] == "decide whose it is"
    assert salon.good("request", "decide", number)["candidates"] == 2
    assert "terminal" in salon.error("request", "decide", number)
    monkeypatch.setattr(commands, "on_a_terminal", lambda: True)
    shown = salon.run("request", "decide", number).stdout
    assert "shared: email house@h.example" in shown
    assert "2: salon.guest 4" in shown
    assert "candidates 1 to 2" in salon.error("request", "decide", number, "--person", "3")
    decided = salon.run("request", "decide", number, "--person", "2", "--address", "theirs")
    assert f"privacy request start {number}" in decided.stdout
    values = {i.value for i in salon.house().subject(number).identifiers if i.kind == "salon.guest"}
    assert values == {4}


def test_a_refusal_says_on_what_ground_and_keeps_the_words_sealed(salon, number):
    salon.good("request", "refuse", number, "--ground", "excessive", "--because", "-", read="the tenth this week\n")
    assert salon.house().register.open(number).refusal.because == "the tenth this week"
    entries = salon.good("ledger", "show", "--request", number)
    assert [e["ground"] for e in entries if e["kind"] == "request.refused"] == ["excessive"]
    assert "tenth" not in json.dumps(entries)


class Airflow(http.server.BaseHTTPRequestHandler):
    """Enough of Airflow's API: a token, and a DAG run."""

    asked: list[tuple[str, dict[str, object]]]
    status = 200

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, body))
        answer = {"access_token": "t"} if self.path == "/auth/token" else {"dag_run_id": "manual__1"}
        status = self.status if self.path != "/auth/token" else 201
        text = json.dumps(answer if status < 400 else {"detail": "DAG is not there"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.fixture
def airflow(monkeypatch):
    class Here(Airflow):
        pass

    Here.asked = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Here)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for name, value in (("URL", f"http://127.0.0.1:{server.server_port}"), ("USER", "u"), ("PASSWORD", "p")):
        monkeypatch.setenv(f"PRIVACY_AIRFLOW_{name}", value)
    yield Here
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_export_is_started_with_the_number_alone(salon, airflow):
    made = salon.good("request", "new", "--email", "anna@a.example", "--start")
    assert made["run"] == "manual__1"
    path, body = airflow.asked[-1]
    assert path == "/api/v2/dags/export_subject/dagRuns"
    assert body == {"conf": {"request": made["number"]}, "logical_date": None}
    assert "manual__1" in salon.run("request", "start", made["number"]).stdout
    assert "export_subject started" in salon.run("request", "new", "--email", "anna@a.example", "--start").stdout


def test_when_airflow_refuses_the_request_stays_registered(salon, airflow):
    airflow.status = 404
    line = salon.run("request", "new", "--email", "anna@a.example", "--start")
    assert line.exit_code == 1
    assert "error: [airflow.refused]" in line.stderr
    assert "DAG is not there" in line.stderr
    assert salon.good("request", "list")[0]["number"] == line.stdout.splitlines()[0]


def test_the_number_of_a_registered_request_is_given_to_a_machine_when_airflow_is_down(salon, monkeypatch):
    for name, value in (("URL", "http://127.0.0.1:1"), ("USER", "u"), ("PASSWORD", "p")):
        monkeypatch.setenv(f"PRIVACY_AIRFLOW_{name}", value)
    result = salon.run("request", "new", "--email", "anna@a.example", "--start", "--json")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    told = json.loads(result.stdout)
    assert (told["number"], told["run"], told["error"]) == (
        salon.good("request", "list")[0]["number"], None, "airflow.no_answer",
    )  # fmt: skip


@pytest.mark.parametrize("url", ["ftp:///[", "http://h:notaport", "http://h:99999", "127.0.0.1:8080", "http://"])
def test_an_address_of_airflow_that_is_none_is_a_clear_error(salon, number, monkeypatch, url):
    for name, value in (("URL", url), ("USER", "u"), ("PASSWORD", "p")):
        monkeypatch.setenv(f"PRIVACY_AIRFLOW_{name}", value)
    assert "[airflow.url]" in salon.error("request", "start", number)


@pytest.mark.parametrize("page", [b"<html>anna</html>", b"[]", b'{"anna": 1}', b'"anna"'])
def test_an_answer_that_is_not_airflows_is_a_clear_error_that_does_not_quote_it(salon, number, airflow, page):
    def answer(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    airflow.do_POST = answer
    line = salon.error("request", "start", number)
    assert "[airflow.answer]" in line
    assert "anna" not in line


def test_a_request_that_is_not_held_is_shown_and_its_start_holds_it(salon, number, airflow):
    """Edge case 28: it stands there, and a purge may take what it is about."""
    assert salon.good("request", "list")[0]["held"] is True
    assert "NOT HELD" not in salon.run("request", "list").stdout + salon.run("request", "show", number).stdout
    salon.house().holds.release(request=number, author="somebody")
    assert salon.good("request", "list")[0]["held"] is False
    assert f"NOT HELD: privacy request start {number}" in salon.run("request", "list").stdout
    assert "NOT HELD" in salon.run("request", "show", number).stdout
    salon.good("request", "start", number)
    assert salon.house().holds.kept() == {number}
    assert airflow.asked[-1][1]["conf"] == {"request": number}


def test_one_broken_row_is_shown_and_keeps_no_other_from_being_listed(salon, number):
    """Edge case 26."""
    other = salon.good("request", "new", "--email", "bert@b.example")["number"]
    with salon.house().engine.begin() as connection:
        connection.exec_driver_sql("UPDATE request_register SET begun_at = 'x' WHERE number = ?", (number,))
    result = salon.run("request", "list")
    assert result.exit_code == 1
    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert "broken" in lines[number]
    assert "received" in lines[other]
    states = {r["number"]: r["state"] for r in json.loads(salon.run("request", "list", "--json").stdout)}
    assert states == {number: "broken", other: "received"}


def test_a_text_that_is_too_long_is_a_clear_error_that_does_not_quote_it(salon, number):
    long = "anna " * 1000
    for words in (
        ("prove", number, "--by", "document", "--seen", long),
        ("refuse", number, "--ground", "withdrawn", "--because", long),
    ):
        line = salon.error("request", *words)
        assert "[request.content]" in line
        assert "anna" not in line


def test_a_terminal_is_not_told_what_to_do_by_a_person_s_values(salon, monkeypatch):
    """Edge case 27: control characters, and signs that turn the order of what is read."""
    monkeypatch.setattr(commands, "on_a_terminal", lambda: True)
    words = (
        "--email",
        "anna@a.example",
        "--name",
        "Anna\x1b[2J\r\nproof: document\u202e",
        "--deliver-to",
        "\x1b]0;x\x07street",
    )
    number = salon.good("request", "new", *words)["number"]
    shown = salon.run("request", "show", number, "--personal").stdout
    assert "name: Anna[2Jproof: document\n" in shown
    assert "deliver to: ]0;xstreet\n" in shown
    salon.execute("UPDATE guests SET email = 'x\x1b[2Jhouse@h.example' WHERE guest IN (3, 4)")
    number = salon.good("request", "new", "--id", "salon.guest=3")["number"]
    house = salon.house()
    house.register.begin(number, "r1")
    with pytest.raises(AmbiguousIdentity) as asked:
        house.subject(number)
    house.register.undecided(number, asked.value.question, run="r1")
    question = salon.run("request", "decide", number).stdout
    assert "house@h.example" in question
    assert "\x1b" not in shown + question


def test_without_airflows_address_the_request_is_registered_and_the_error_says_what_to_set(salon):
    line = salon.run("request", "new", "--email", "anna@a.example", "--start")
    assert "PRIVACY_AIRFLOW_URL" in line.stderr
    assert len(salon.good("request", "list")) == 1


@pytest.mark.parametrize(
    ("typed", "known"),
    [
        (commands.RightName, Right),
        (commands.StateName, State),
        (commands.EvidenceName, EvidenceKind),
        (commands.GroundName, Ground),
        (NecessityName, Necessity),
        (GlassName, GlassGround),
    ],
)
def test_the_words_that_may_be_typed_are_those_of_the_library(typed: type[enum.StrEnum], known: type[enum.StrEnum]):
    assert [w.value for w in typed] == [w.value for w in known]


def test_a_second_request_of_the_same_person_is_told_of_when_it_is_registered(salon):
    """As on the desk; what is closed counts for nothing."""
    first = salon.good("request", "new", "--id", "salon.guest=1")["number"]
    assert "open_already" not in salon.good("request", "new", "--id", "salon.guest=2")
    assert salon.good("request", "new", "--right", "erasure", "--id", "salon.guest=1")["open_already"] == [first]
    said = salon.run("request", "new", "--id", "salon.guest=1").stdout
    assert "open already for what it names: " in said
    assert first in said
    for one in salon.good("request", "list"):
        salon.good("request", "refuse", one["number"], "--ground", "withdrawn")
    assert "open_already" not in salon.good("request", "new", "--id", "salon.guest=1")


def test_a_row_that_cannot_be_read_hides_no_number_of_a_request_that_was_just_registered(salon):
    first = salon.good("request", "new", "--id", "salon.guest=1")["number"]
    with salon.house().engine.begin() as db:
        db.exec_driver_sql(f"UPDATE request_register SET refused_at = 'x' WHERE number = '{first}'")
    made = salon.good("request", "new", "--id", "salon.guest=1")
    assert made["number"] != first
    assert made["open_unknown"].startswith("request.")


def test_a_clients_notice_says_which_erasure_it_opened_and_what_comes_next(salon):
    """CLIENT-LIFE: nobody may take the notice for all that has to be done."""
    said = salon.good("request", "new", "--right", "client_end", "--id", "salon.guest=1")
    erasure = said["erasure"]
    assert salon.good("request", "show", erasure)["right"] == "erasure"
    assert "start_requests" in said["next_step"]
    assert "start_requests" in salon.error("request", "start", said["number"])
    complaint = salon.good("request", "new", "--right", "complaint", "--id", "salon.guest=2")
    assert "privacy request answer" in complaint["next_step"]
    assert "privacy request answer" in salon.error("request", "start", complaint["number"])
    stopped = salon.run("request", "new", "--right", "restriction", "--id", "salon.guest=2").stdout
    assert "in force now" in stopped


def test_a_closed_request_is_not_started_and_says_why(salon):
    number = salon.good("request", "new", "--id", "salon.guest=1")["number"]
    salon.good("request", "refuse", number, "--ground", "withdrawn")
    assert "[request.refused]" in salon.error("request", "start", number)


def test_a_failed_export_is_seen_without_airflow(salon):
    """Edge case 28."""
    number = salon.good("request", "new", "--id", "salon.guest=1")["number"]
    assert "last_run" not in salon.good("request", "show", number)
    ledger = salon.house().ledger
    ledger.begin("r1", pipeline="export_subject", actor="a", request=number, code_version="1", policy_version="1")
    assert salon.good("request", "show", number)["last_run"]["status"] == "begun"
    ledger.end("r1", status="failed", actor="a", request=number, reason="identity.empty")
    assert salon.good("request", "show", number)["last_run"] == {"status": "failed", "reason": "identity.empty"}
    assert "last run: failed (identity.empty)" in salon.run("request", "show", number).stdout


def test_a_phone_number_without_digits_is_none(salon):
    assert "[identity.not_a_phone_number]" in salon.error("request", "new", "--phone", "abc")


def test_a_request_that_waits_for_a_decision_says_so_when_it_is_to_be_released(salon):
    from privacy.errors import AmbiguousIdentity

    salon.execute("UPDATE guests SET email = 'house@h.example'")
    number = salon.good("request", "new", "--email", "house@h.example")["number"]
    house = salon.house()
    house.register.begin(number, "r1")
    with pytest.raises(AmbiguousIdentity) as asked:
        house.subject(number)
    house.register.undecided(number, asked.value.question, run="r1")
    assert "[request.undecided]" in salon.error("request", "release", number)


def test_an_operator_sees_what_is_due_and_puts_an_answer_off_once(salon):
    """R-30D: by post here, for the shop's own letters are another test's."""
    now = salon.house().clock.now()
    number = salon.good(
        "request", "new", "--id", "salon.guest=1", "--received", (now - timedelta(days=26)).isoformat()
    )["number"]
    found = salon.run("request", "deadlines")
    assert (found.exit_code, number in found.stdout) == (0, True)
    late = salon.good("request", "new", "--id", "salon.guest=2", "--received", (now - timedelta(days=40)).isoformat())[
        "number"
    ]
    found = salon.run("request", "deadlines", "--json")
    assert (found.exit_code, [one["about"] for one in json.loads(found.stdout)]) == (1, [late, number])
    letters = salon.home / "templates" / "letters"
    shutil.copytree(HOME / "templates" / "letters", letters)
    words = ("request", "extend", number, "--ground", "complexity")
    assert "[request.no_address]" in salon.error(*words)
    before = salon.good("request", "show", number)["due"]
    posted = salon.run(*words, "--by-post")
    assert posted.exit_code == 0, posted.output
    assert "Post this today" in posted.stdout
    assert salon.good("request", "show", number)["due"] > before
    assert "[request.extended]" in salon.error(*words, "--by-post")
    assert "[request.term_over]" in salon.error("request", "extend", late, "--ground", "complexity", "--by-post")
