"""A purge of files and logs in an object store and of mail on a mail server that dies (SIGKILL) anywhere.

Nothing is lost that should stay, nothing is left that should go, no older version of anything, every deletion is counted
once, and the chain verifies (edge cases 7, 12 and 13).
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import pytest

from conftest_killed import in_a_process
from privacy.errors import PrivacyError
from services.dovecot import Dovecot, dovecot
from services.seaweed import Seaweed
from services.sql_studio import steps
from services.stores_studio import StoresStudio, Template, listening

OTHERS = 4
"""So many points are tried that change neither an object nor a message."""
CHANGING = ("DELETE s3", "COMPLETE s3", "STORE imap", "EXPUNGE imap")


@pytest.fixture(scope="module")
def mail() -> Iterator[Dovecot]:
    with dovecot() as server:
        yield server


@dataclass
class Whole:
    """What a run that nothing disturbs leaves, how much it says that it deleted, and the points that it passes."""

    rule: str
    template: Template
    before: dict[str, bytes]
    after: dict[str, bytes]
    deleted: int
    told: list[str]

    @property
    def points(self) -> list[int]:
        """Around each kind of change the first and the last; some of the others."""
        kinds = {what for what in self.told if what.partition(" ")[2] in CHANGING}
        places = {kind: [n for n, what in enumerate(self.told, 1) if what == kind] for kind in kinds}
        found = {n for those in places.values() for n in (those[0], those[-1])}
        others = [n for n, what in enumerate(self.told, 1) if what not in kinds]
        return sorted({*found, *others[:: max(1, -(-len(others) // OTHERS))]})


@pytest.fixture(
    scope="module",
    params=[("cases", False), ("cases", True), ("lines", False), ("lines", True)],
    ids=["files and mail", "files of versions, and mail", "lines", "lines of versions"],
)
def whole(
    request: pytest.FixtureRequest, s3: Seaweed, mail: Dovecot, tmp_path_factory: pytest.TempPathFactory
) -> Whole:
    rule, versions = request.param
    template = Template(tmp_path_factory.mktemp("studio"), s3, mail, rows=2, versions=versions)
    studio, seen = template.fresh(), template.folder / "seen"
    before = studio.everything()
    assert in_a_process(lambda: steps(studio, rule), 0, seen, listening=listening) == 0
    after, deleted = studio.everything(), studio.ended(studio.run(rule))["deleted"]
    studio.close()
    return Whole(rule, template, before, after, deleted, seen.read_text().splitlines())


def right(studio: StoresStudio, whole: Whole, when: str) -> None:
    """The stores, the counts and the chain are as they should be."""
    assert studio.everything() == whole.after, when
    ended = [dict(e.entry) for e in studio.house.ledger.entries(kind="run.ended")]
    begun = [e.entry["run"] for e in studio.house.ledger.entries(kind="run.begun")]
    assert sum(entry["deleted"] for entry in ended) == whole.deleted, when
    assert sorted(entry["run"] for entry in ended) == sorted(begun), when
    assert studio.house.verify().ok, when


def finish(studio: StoresStudio, rule: str, *, again: bool) -> None:
    """Airflow tries the steps again, or does not and the next run comes."""
    if again:
        with suppress(PrivacyError):
            steps(studio, rule)
    if not again or not studio.house.ledger.entries(run=studio.run(rule).id, kind="run.ended"):
        studio.purge(rule, "next")


def test_a_run_that_nothing_disturbs_takes_what_is_due_and_leaves_the_rest_as_it_was(whole: Whole) -> None:
    gone, new = whole.before.keys() - whole.after.keys(), whole.after.keys() - whole.before.keys()
    if whole.rule == "cases":
        assert not new
        # Three cases, each with a note, two papers and a letter; the letter to somebody whose case is open stays.
        assert len(gone) == whole.deleted == 3 * 5
        assert sum(name.startswith("scans/cases/") for name in gone) == 6
        assert sum(name.startswith(".Zaken") for name in gone) == 3
    else:
        assert whole.deleted == 3 * 2 + 2
        assert sorted(name.split()[0] for name in gone) == [f"web/access/access-{n}.gz" for n in (1, 2, 3, 4)]
        assert sorted(name.split()[0] for name in new) == [f"web/access/access-{n}.gz" for n in (1, 2, 3)]
    assert all(whole.before[name] == whole.after[name] for name in whole.before.keys() & whole.after.keys())


@pytest.mark.timeout(400)
def test_whenever_it_dies_the_next_run_ends_as_if_it_had_not(whole: Whole) -> None:
    for number, die_at in enumerate(whole.points):
        studio, when = whole.template.fresh(), f"dies at {die_at}: {whole.told[die_at - 1]}"
        assert (
            in_a_process(
                partial(steps, studio, whole.rule), die_at, whole.template.folder / "seen", listening=listening
            )
            == -signal.SIGKILL
        ), when
        finish(studio, whole.rule, again=number % 2 == 0)
        right(studio, whole, when)
        studio.close()


def test_every_point_that_was_meant_is_among_those_that_are_tried(whole: Whole) -> None:
    """Edge case 28: a test that kills nowhere must not look like one that passed."""
    tried = {whole.told[n - 1] for n in whole.points}
    meant = ("DELETE s3", "STORE imap", "EXPUNGE imap") if whole.rule == "cases" else ("COMPLETE s3", "DELETE s3")
    assert {f"{when} {what}" for when in ("before", "after") for what in meant} <= tried
    assert any(what.endswith("look s3") or what.startswith("os.") for what in tried)
