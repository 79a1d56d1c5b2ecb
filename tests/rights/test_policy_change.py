"""A new version of the statement: what changes, said plainly; and those whose data it touches are told, once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import sys
from contextlib import closing, suppress
from datetime import datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from conftest_runs import EMAIL, NUMBER, OTHER_EMAIL, POLICY, SHARED, Ferry
from privacy.clock import FixedClock
from privacy.datamap.load import load
from privacy.errors import Refused, Tampered
from privacy.orchestration import policy_steps
from privacy.orchestration.policy_steps import PolicyRun
from privacy.rights import policy_writing
from privacy.rights.markers import Markers
from privacy.rights.policy_change import changes, touched
from privacy.rights.policy_letters import Written
from privacy.rights.policy_versions import Versions, content
from privacy.sources.base import Identifier, Subject

HOME = Path(__file__).parents[2] / "include"
TEMPLATES = HOME / "templates"
NOW = FixedClock(datetime.fromisoformat("2026-11-20T12:00:00+00:00"))
REST = {EMAIL, OTHER_EMAIL, SHARED}


class Company(Ferry):
    """The ferry company whose statement changes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, NOW)
        shutil.copytree(TEMPLATES, self.home / "templates", dirs_exist_ok=True)
        Versions(self.house).record("desk")

    def policy(self, **values: object) -> None:
        """Write another statement; version 8 unless it is said otherwise."""
        said = yaml.safe_load(POLICY) | {"version": "8"} | values
        (self.home / "policy/policy.yaml").write_text(yaml.safe_dump(said, sort_keys=False))
        self.__dict__.pop("house", None)

    def shorter(self) -> None:
        """Tickets and boardings are kept for two weeks instead of a month."""
        promises = yaml.safe_load(POLICY)["promises"]
        promises["MONTH"]["term"]["keep_at_most"] = "P14D"
        self.policy(promises=promises)

    def broader(self) -> None:
        """The promise that travellers, trips and visits are under has another text."""
        promises = yaml.safe_load(POLICY)["promises"]
        promises["KEEP"]["quote"] = "Another text."
        self.policy(promises=promises)

    def speaking(self) -> None:
        """Travellers' records say their language; the version in force says so too."""
        file = self.home / "datamap/ferry.yaml"
        said = yaml.safe_load(file.read_text())
        said["datasets"]["travellers"]["columns"]["language"] = {
            "type": "text", "description": "d", "category": "user.unique_id", "provenance": "provided",
        }  # fmt: skip
        file.write_text(yaml.safe_dump(said, sort_keys=False))
        sql = self.home / "sql/ferry/travellers.sql"
        sql.write_text(sql.read_text().replace("name", "name, language", 1))
        self.__dict__.pop("house", None)

    def sent(self) -> dict[str, int]:
        """How many letters lie in the outbox, by address."""
        found: dict[str, int] = {}
        for file in (self.state / "outbox").glob("*.eml"):
            to = str(message_from_bytes(file.read_bytes(), policy=default)["To"])
            found[to] = found.get(to, 0) + 1
        return found

    def text(self) -> str:
        file = next((self.state / "outbox").glob("*.eml"))
        message = message_from_bytes(file.read_bytes(), policy=default)
        part = message.get_body(("plain",))
        assert part is not None
        return f"{message['Subject']}\n{part.get_content()}"

    def begin(self, name: str = "run-1") -> PolicyRun:
        run = PolicyRun(name, "operator", dry=False)
        policy_steps.plan(self.house, run, say=lambda _: None)
        if policy_steps.asks(self.house, run) is not None:
            policy_steps.answered(self.house, run, approved=True, by="privacy officer")
        return run

    def all(self, name: str = "run-1") -> dict[str, object]:
        run = self.begin(name)
        policy_steps.write(self.house, run)
        policy_steps.record(self.house, run, None)
        return dict(self.house.ledger.entries(run=name, kind="run.ended")[0].entry)


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path)


def test_everybody_whose_data_it_touches_is_told_once_and_the_version_is_in_force(company: Company) -> None:
    company.broader()
    ended = company.all()
    assert (ended["status"], ended["records"]) == ("done", 3)
    assert company.sent() == dict.fromkeys(REST, 1)
    assert "er staat nu: Another text." in company.text()
    last = Versions(company.house).last()
    assert last is not None
    assert (last.version, last.number) == ("8", 2)
    assert policy_writing.comparison(company.house).changes == []
    assert company.house.verify().ok


def test_only_those_are_told_whose_data_the_change_touches(company: Company) -> None:
    with closing(sqlite3.connect(company.database)) as db, db:
        db.execute("INSERT INTO tickets VALUES (1, ?, '2026-11-01T10:00:00Z')", (NUMBER,))
    company.shorter()
    found = policy_writing.comparison(company.house)
    assert found.datasets == ("ferry.boardings", "ferry.tickets")
    (change,) = found.changes
    assert "hoogstens 30 dagen, wordt hoogstens 14 dagen" in change.words.nl
    assert "at most 30 days, becomes at most 14 days" in change.words.en
    company.all()
    assert company.sent() == {EMAIL: 1}


def test_a_dry_run_writes_to_nobody_and_approves_nothing(company: Company) -> None:
    company.broader()
    said: list[str] = []
    found = policy_steps.plan(company.house, PolicyRun("dry", "operator"), say=said.append)
    assert (found["people"], found["changes"]) == (3, 1)
    assert "Another text." in said[0]
    assert company.sent() == {}
    assert policy_steps.record(company.house, PolicyRun("dry", "operator"), None) == {"status": "dry run"}
    assert not company.house.ledger.entries(kind="run.begun")


def test_nobody_is_written_to_before_somebody_approves_these_very_changes(company: Company) -> None:
    """Edge case 32."""
    company.broader()
    run = PolicyRun("run-1", "operator", dry=False)
    policy_steps.plan(company.house, run, say=lambda _: None)
    with pytest.raises(Refused) as refused:
        policy_steps.write(company.house, run)
    assert refused.value.code == "policy.not_approved"
    company.house.ledger.event("policy.approved", actor="x", run=run.id, digest="0" * 64)
    with pytest.raises(Refused):
        policy_steps.write(company.house, run)
    with pytest.raises(Refused) as refused:
        policy_steps.record(company.house, run, None)
    assert refused.value.code == "policy.missing"
    assert company.sent() == {}
    last = Versions(company.house).last()
    assert last is not None
    assert last.version == "7"


def test_what_is_refused_is_not_done(company: Company) -> None:
    company.broader()
    run = PolicyRun("run-1", "operator", dry=False)
    policy_steps.plan(company.house, run, say=lambda _: None)
    policy_steps.answered(company.house, run, approved=False, by="privacy officer")
    with pytest.raises(Refused) as refused:
        policy_steps.write(company.house, run)
    assert refused.value.code == "policy.refused"
    with pytest.raises(Refused):
        policy_steps.record(company.house, run, "task.approve.failed")
    assert company.house.ledger.entries(run="run-1", kind="run.ended")[0].entry["reason"] == "policy.refused"


def test_a_statement_that_changes_between_approval_and_letters_is_asked_about_again(company: Company) -> None:
    company.broader()
    run = company.begin()
    company.shorter()
    with pytest.raises(Refused) as refused:
        policy_steps.write(company.house, run)
    assert refused.value.code == "policy.other_changes"
    assert company.sent() == {}


def test_a_statement_that_was_changed_under_its_old_name_is_refused(company: Company) -> None:
    company.policy(version="7", promises=yaml.safe_load(POLICY)["promises"] | {
        "NEW": {"title": {"nl": "n", "en": "n"}, "quote": "q", "kept_by": "k"}
    })  # fmt: skip
    with pytest.raises(Refused) as refused:
        policy_writing.comparison(company.house)
    assert refused.value.code == "policy.same_version"


def test_nobody_erased_and_no_address_that_an_erasure_left_is_written_to(company: Company) -> None:
    with closing(sqlite3.connect(company.database)) as db, db:
        db.execute("INSERT INTO trips VALUES (77, NULL, 'erased-0123456789ab@invalid', '1.50', '2026-05-01T10:00:00Z')")
    with company.house.ledger.writing() as writing:
        Markers(company.house).note(writing, Subject(1, (Identifier("ferry.traveller", NUMBER),)), NOW.now())
    company.broader()
    company.all()
    assert company.sent() == dict.fromkeys(REST - {EMAIL}, 1)


def test_who_came_back_after_an_erasure_is_told_as_anybody(company: Company) -> None:
    """Edge case 23: what they ordered since is not what was erased."""
    erased = Subject(1, (Identifier("email", "terug@veer.example"), Identifier("email", "weg@veer.example")))
    with company.house.ledger.writing() as writing:
        Markers(company.house).note(writing, erased, datetime.fromisoformat("2026-05-01T00:00:00+00:00"))
    with closing(sqlite3.connect(company.database)) as db, db:
        db.execute("INSERT INTO trips VALUES (78, NULL, 'terug@veer.example', '1.50', '2026-06-01T10:00:00Z')")
        db.execute("INSERT INTO trips VALUES (79, NULL, 'weg@veer.example', '1.50', '2026-04-01T10:00:00Z')")
    company.broader()
    company.all()
    assert company.sent() == dict.fromkeys(REST | {"terug@veer.example"}, 1)


def test_each_is_written_to_in_their_own_language_and_else_in_the_policys(company: Company) -> None:
    """Two who share an address and speak otherwise get the policy's."""
    with closing(sqlite3.connect(company.database)) as db, db:
        db.execute("ALTER TABLE travellers ADD COLUMN language TEXT")
        db.execute("UPDATE travellers SET language = 'en' WHERE traveller IN (?, 3)", (NUMBER,))
        db.execute("UPDATE travellers SET language = 'nl' WHERE traveller = 4")
    company.speaking()
    company.broader()
    company.all()
    files = [message_from_bytes(f.read_bytes(), policy=default) for f in (company.state / "outbox").glob("*.eml")]
    english = {str(one["To"]) for one in files if one["Subject"] == "Our privacy statement has changed"}
    assert english == {EMAIL}
    assert {str(one["To"]) for one in files} == REST


def test_a_second_run_writes_to_nobody_again_and_to_who_was_left(
    company: Company,
) -> None:
    company.broader()
    run, told = company.begin(), []

    def stop() -> bool:
        told.append(1)
        return len(told) == 2

    with pytest.raises(Refused) as refused:
        policy_steps.write(company.house, run, stop=stop)
    assert refused.value.code == "policy.stopped"
    with pytest.raises(Refused):
        policy_steps.record(company.house, run, "policy.stopped")
    assert sum(company.sent().values()) == 2
    ended = company.all("run-2")
    assert ended["status"] == "done"
    assert company.sent() == dict.fromkeys(REST, 1)


KILL = """
import os, signal, sys
sys.path[:0] = {path!r}
from pathlib import Path
from privacy.clock import FixedClock
from privacy.connections import EnvironmentConnections
from privacy.letters import Outbox
from privacy.orchestration import policy_steps
from privacy.orchestration.policy_steps import PolicyRun
from privacy.rights.house import House
from privacy.settings import Settings
from datetime import datetime
real, count = Outbox.send, [0]
def send(self, letter):
    count[0] += 1
    if count[0] == 2 and {when!r} == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    said = real(self, letter)
    if count[0] == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return said
Outbox.send = send
house = House(Settings(home=Path({home!r}), state=Path({state!r})), EnvironmentConnections({variables!r}),
    FixedClock(datetime.fromisoformat("2026-11-20T12:00:00+00:00")))
policy_steps.write(house, PolicyRun("run-1", "operator", dry=False))
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_in_the_middle_of_the_letters_nobody_is_forgotten_and_nobody_gets_two(
    company: Company, when: str
) -> None:
    """Edge case 13: right before a letter lies there, and right after, before that is written down."""
    company.broader()
    company.begin()
    script = KILL.format(
        path=sys.path, when=when, home=str(company.home), state=str(company.state), variables=company.variables
    )
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            exec(script, {})  # noqa: S102 - a process of its own, which kills itself
        os._exit(3)
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL
    assert sum(company.sent().values()) == (1 if when == "before" else 2)
    company.__dict__.pop("house", None)
    ended = company.all("run-2")
    assert ended["status"] == "done"
    assert company.sent() == dict.fromkeys(REST, 1)
    lost = company.house.ledger.entries(run="run-1", kind="run.ended")[0].entry
    assert lost["reason"] == "run.lost"


def test_a_letter_that_a_server_may_have_taken_is_not_sent_again_unless_somebody_says_so(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    from privacy.errors import RetryLater

    class Server:
        """A mail server whose line breaks on the second letter."""

        def __init__(self) -> None:
            self.taken: list[str] = []
            self.breaks = True

        def send(self, letter) -> str:
            self.taken.append(letter.to)
            if len(self.taken) == 2 and self.breaks:
                raise RetryLater("letters.unreachable", "The line was cut.")
            return "250"

    server = Server()
    monkeypatch.setattr(policy_writing, "outbox", lambda *_: server)
    company.broader()
    run = company.begin()
    with pytest.raises(RetryLater):
        policy_steps.write(company.house, run)
    said = policy_steps.write(company.house, run)
    assert (said["sent"], said["unclear"]) == (1, 1)
    with pytest.raises(Refused) as refused:
        policy_steps.record(company.house, run, None)
    assert refused.value.code == "policy.unclear"
    again = company.begin("run-2")
    assert policy_steps.write(company.house, again, resend=True)["unclear"] == 0
    policy_steps.record(company.house, again, None)
    assert sorted(server.taken) == sorted([*REST, server.taken[1]])


def test_an_address_that_is_none_keeps_nobody_else_from_being_told(company: Company) -> None:
    """Edge case 27: a header cannot be broken out of."""
    with closing(sqlite3.connect(company.database)) as db, db:
        db.execute("INSERT INTO travellers VALUES (9, ?, 'X')", ("a@b.example\r\nBcc: c@evil.example",))
    company.broader()
    ended = company.all()
    assert ended["status"] == "done"
    assert ended["retained"] == {"refused": 1}
    assert company.sent() == dict.fromkeys(REST, 1)


def test_no_address_stands_in_table_or_ledger(company: Company) -> None:
    company.broader()
    company.all()
    with company.house.engine.connect() as connection:
        seen = str(connection.exec_driver_sql("SELECT * FROM policy_letters").all())
    seen += str([e.entry for e in company.house.ledger.entries()])
    assert not any(one in seen or one.partition("@")[0] in seen for one in REST)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE policy_versions SET content = '{}'",
        "UPDATE policy_versions SET version = '6'",
        "DELETE FROM policy_versions",
    ],
)
def test_a_recorded_version_that_was_altered_is_noticed(company: Company, statement: str) -> None:
    with company.house.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert any("of the policy" in problem for problem in company.house.verify().problems)
    if not statement.startswith("DELETE"):
        with pytest.raises(Tampered):
            Versions(company.house).last()


def test_every_kind_of_change_has_plain_words_in_both_languages() -> None:
    old = content(load(HOME))
    new = json.loads(json.dumps(old))
    new["promises"]["LOG-12M"]["term"]["at_most"] = "P1M"
    new["promises"].pop("GA-NOSHARE")
    new["purposes"]["newsletter"]["basis"] = "legitimate_interest"
    new["purposes"]["surveys"]["marketing"] = True
    new["purposes"]["resale"] = {
        "title": {"nl": "Verhuur", "en": "Renting"},
        "basis": "contract",
        "marketing": False,
        "profiling": False,
    }
    new["processors"]["google"] |= {"country": "US", "transfer": None}
    new["processors"]["nieuw"] = {
        "title": "Nieuw B.V.",
        "service": {"nl": "Post", "en": "Post"},
        "country": "NL",
        "transfer": None,
    }
    new["datasets"]["shop.reviews"]["purposes"] = ["resale"]
    new["contact"]["email"] = "other@diamonto.example"
    found = {(c.kind, c.name): c for c in changes(old, new)}
    assert "hoogstens 12 maanden, wordt hoogstens 1 maand" in found["promises", "LOG-12M"].words.nl
    assert "weblogs.access" in found["promises", "LOG-12M"].datasets
    assert found["promises", "GA-NOSHARE"].words.en.startswith("Dropped")
    assert "the basis was consent, becomes a legitimate interest" in found["purposes", "newsletter"].words.en
    assert "is nu reclame" in found["purposes", "surveys"].words.nl
    assert found["purposes", "resale"].datasets == ("shop.reviews",)
    assert "het land was IE, wordt US" in found["processors", "google"].words.nl
    assert found["processors", "nieuw"].datasets == ()
    assert "now also for Renting" in found["datasets", "shop.reviews"].words.en
    assert set(found["contact", "contact"].datasets) == set(new["datasets"])
    assert "shop.customers" in touched(list(found.values()))


@given(
    st.lists(st.sampled_from(["KEEP", "MONTH", "NEW"]), unique=True),
    st.lists(st.sampled_from(["a", "b", "c"]), unique=True),
)
def test_a_version_differs_from_itself_in_nothing_and_each_way_in_the_same_places(
    names: list[str], processors: list[str]
) -> None:
    def version(promises: list[str], them: list[str]) -> dict:
        return {
            "controller": "c", "contact": {},
            "promises": {n: {"title": {"nl": n, "en": n}, "quote": "q", "term": None} for n in promises},
            "purposes": {},
            "processors": {n: {"title": n, "service": {"nl": n, "en": n}, "country": "NL", "transfer": None} for n in them},
            "datasets": {"a.b": {"title": {"nl": "d", "en": "d"}, "promise": "KEEP", "purposes": [], "processors": ["a"]}},
        }  # fmt: skip

    old, new = version(["KEEP", "MONTH"], ["a", "b"]), version(names, processors)
    assert changes(old, old) == []
    there, back = changes(old, new), changes(new, old)
    assert [(c.kind, c.name, c.datasets) for c in there] == [(c.kind, c.name, c.datasets) for c in back]


def test_marks_of_one_address_differ_by_version_and_not_by_case(company: Company) -> None:
    one, two = Written(company.house, "7"), Written(company.house, "8")
    assert one.mark("a@b.example") != two.mark("a@b.example")
