"""Whose a log line is, and what a subject is given of it."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.errors import BadInput
from privacy.sources import weblogs_search
from privacy.sources.base import Due, Identifier, Of, Selection, Source, Subject, Tally, schema_of
from sources.weblogs_kit import UA, Logs, customer, device, line, of, visit


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path)


def at(clock: str, **more: object) -> bytes:
    """A line at a time of 25 November 2025, UTC, with the visitor's address."""
    return line(f"25/Nov/2025:{clock} +0000", **({"ip": "192.0.2.7"} | more))  # type: ignore[arg-type]


def test_a_line_with_a_user_id_is_that_users_whatever_device_and_address_it_has(logs):
    logs.put(
        "nginx/access.log", [line(user=1001, device="did-b"), line(user=1002, device="did-a"), line(device="did-a")]
    )
    assert logs.numbers(of(customer(1001))) == [("access.log", 1)]
    assert logs.numbers(of(device("did-a"))) == [("access.log", 3)]
    assert logs.numbers(of(customer(1001), device("did-a"))) == [("access.log", 1), ("access.log", 3)]


def test_a_row_has_the_datasets_schema_the_raw_line_the_subject_and_the_party(logs):
    raw = line(user=1001, size="-")
    logs.put("nginx/access.log", [line(), raw])
    source = logs.source()
    assert isinstance(source, Source)
    selection = Selection("access", of(customer(1001), no=7))
    (batch,) = source.read(selection, source.partitions(selection)[0])
    assert batch.schema == schema_of(source.system.datasets["access"])
    (row,) = batch.to_pylist()
    assert (row["file"], row["line_number"], row["line"]) == ("nginx/access.log", 2, raw)
    assert (row["user_id"], row["device_id"], row["size"], row["referer"]) == (1001, None, None, "-")
    assert (row["_subject"], row["_party"]) == (7, "subject")


def test_an_identifier_inside_another_ones_text_is_not_it(logs):
    """Edge case 22: 1001 in 21001, in a path, in a user agent, in another column."""
    other = [line(user=21001), line(user=10011), line(request="GET /1001 HTTP/2.0"), line(agent="Gecko/20100101 1001 "),
        line(device="1001"), line(size="1001"), line(user=1002, device="did-a1"), line(user="admin", device="did-a")]  # fmt: skip
    logs.put("nginx/access.log", other)
    assert logs.numbers(of(customer(1001), device("did-a"))) == []
    logs.put("nginx/access.log", [line(user="001001"), line(user="+1001")])
    assert logs.numbers(of(customer(1001))) == [("access.log", 1), ("access.log", 2)]


def test_a_selection_without_identifiers_selects_nothing_and_opens_nothing(logs):
    logs.put("nginx/access.log.gz", b"no gzip", compress=False)
    for nobody in (Of(()), of(), of(device("-")), of(device("")), of(Identifier("email", "a@b.example"))):
        assert logs.read(nobody) == []


def test_a_bounded_identifier_counts_in_its_time_only_and_never_at_an_unknown_one(logs):
    logs.put("nginx/access.log", [at(c, device="did-a") for c in ("09:59:59", "10:00:00", "10:59:59", "11:00:00")]
        + [line("nonsense", device="did-a")])  # fmt: skip
    low, high = datetime(2025, 11, 25, 10, tzinfo=UTC), datetime(2025, 11, 25, 11, tzinfo=UTC)
    tally = Tally()
    assert [n for _, n in logs.numbers(of(device("did-a", valid_from=low, valid_to=high)), tally)] == [2, 3]
    assert tally == Tally(unattributed=1)
    assert [n for _, n in logs.numbers(of(device("did-a", valid_from=high)))] == [4]
    assert [n for _, n in logs.numbers(of(device("did-a")))] == [1, 2, 3, 4, 5]


def test_a_contested_device_identifies_nobody_and_its_lines_are_counted(logs):
    logs.put("nginx/access.log", [line(device="did-a"), line(user=1001, device="did-a")])
    tally = Tally()
    assert logs.numbers(of(device("did-a", contested=True), customer(1001)), tally) == [("access.log", 2)]
    assert tally == Tally(unattributed=1)


def test_a_line_with_an_address_only_is_theirs_inside_the_visit_with_the_same_agent(logs):
    """Both ends of the visit belong to it."""
    logs.put("nginx/access.log", [at("09:59:59"), at("10:00:00"), at("11:00:00"), at("11:00:01"),
        at("10:30:00", agent="curl/8"), at("10:30:00", ip="192.0.2.70"), at("10:30:00", user=1001)])  # fmt: skip
    tally = Tally()
    mine = of(customer(1001), visit("10:00", "11:00"))
    assert [n for _, n in logs.numbers(mine, tally)] == [2, 3, 7]
    assert tally == Tally(unattributed=1)


def test_a_bare_address_names_nobody(logs):
    logs.put("nginx/access.log", [at("10:00:00")])
    tally = Tally()
    assert logs.numbers(of(Identifier("ip", "192.0.2.7")), tally) == []
    assert tally == Tally(unattributed=1)


def test_a_visit_without_an_agent_is_that_of_lines_without_one(logs):
    logs.put("nginx/access.log", [at("10:00:00"), at("10:00:00", agent="-")])
    assert [n for _, n in logs.numbers(of(visit("10:00", "11:00", agent=None)))] == [2]


def test_an_agent_is_found_as_nginx_escapes_it(logs):
    logs.put("nginx/access.log", [at("10:00:00", agent=r"Br\x22ows\xC3\xA9r")])
    assert len(logs.numbers(of(visit("10:00", "11:00", agent='Br"owsér')))) == 1


@pytest.mark.parametrize("foreign", [{"user": 1002}, {"device": "did-b"}, {"user": "admin"}, {"device": "did-c"}])
def test_a_visit_in_which_somebody_else_used_the_address_is_nobodys_as_a_whole(logs, foreign):
    """Edge case 22. did-c is a device that two people used: its lines are nobody's, so perhaps somebody else's."""
    lines = [at("10:00:00"), at("10:30:00", user=1001), at("11:00:00", agent="other", **foreign), at("12:00:00")]
    logs.put("nginx/access.log", lines)
    tally = Tally()
    me = [customer(1001), device("did-a"), device("did-c", contested=True)]
    mine = of(*me, visit("10:00", "11:00"), visit("11:30", "12:30"))
    assert [n for _, n in logs.numbers(mine, tally)] == [2, 4]
    assert tally.unattributed == 1 + (foreign == {"device": "did-c"})


def test_ones_own_ids_and_lines_outside_the_visit_do_not_contest_it(logs):
    lines = [at("10:00:00"), at("10:30:00", user=1001, device="did-b"), at("10:30:00", device="did-a"),
        at("09:59:59", user=1002), at("11:00:01", user=1002), at("10:30:00", user=1002, ip="192.0.2.8")]  # fmt: skip
    logs.put("nginx/access.log", lines)
    assert [n for _, n in logs.numbers(of(customer(1001), device("did-a"), visit("10:00", "11:00")))] == [1, 2, 3]


def test_a_visit_that_identity_resolution_found_contested_gives_nothing(logs):
    logs.put("nginx/access.log", [at("10:00:00"), at("12:00:00")])
    tally = Tally()
    assert [
        n for _, n in logs.numbers(of(visit("10:00", "11:00", contested=True), visit("12:00", "12:30")), tally)
    ] == [2]
    assert tally == Tally(unattributed=1)


NIGHT = ("2025-11-25T23:30", "2025-11-26T00:30")


@pytest.mark.parametrize("names", [("access.log-20251125.gz", "access.log-20251126.gz"), ("access.log.2.gz", "access.log.1"),
    ("access-a.log", "access-b.log")])  # fmt: skip
def test_a_visit_that_crosses_midnight_is_contested_by_a_line_in_the_other_file(logs, names):
    """In whichever order the names stand; and a file of another server counts as well."""
    eve = datetime(2025, 11, 26, tzinfo=UTC)
    logs.put(f"nginx/{names[0]}", [at("23:40:00"), at("12:00:00", user=1002)], at=eve)
    logs.put(
        f"nginx/{names[1]}",
        [line("26/Nov/2025:00:10:00 +0000", ip="192.0.2.7", user=1002)],
        at=eve + timedelta(hours=1),
    )
    tally = Tally()
    assert logs.numbers(of(visit(*NIGHT)), tally) == []
    assert tally == Tally(unattributed=1)
    logs.put(f"nginx/{names[1]}", [line("26/Nov/2025:00:10:00 +0000", ip="192.0.2.7")], at=eve + timedelta(hours=1))
    assert len(logs.numbers(of(visit(*NIGHT)))) == 2


def test_a_file_that_cannot_be_told_to_be_harmless_is_looked_into_and_fails_when_it_cannot_be_read(logs):
    eve = datetime(2025, 11, 26, tzinfo=UTC)
    logs.put("nginx/access.log", [at("23:40:00")], at=eve)
    logs.put("nginx/access.log.1.gz", b"\x1f\x8b broken", at=eve, compress=False)
    source, selection = logs.source(), Selection("access", of(visit(*NIGHT)))
    first = source.partitions(selection)[0]
    with pytest.raises(Exception, match=r"weblogs\.(corrupt|truncated)"):
        list(source.read(selection, first))


def test_lines_in_no_known_form_name_nobody_and_are_told_of_when_they_hold_an_identifier(logs):
    """Edge case 8."""
    logs.put("nginx/access.log", [b"did-alice-1 something", b"something", b"", line(device="did-alice-1")])
    tally = Tally()
    assert logs.numbers(of(device("did-alice-1")), tally) == [("access.log", 4)]
    assert tally == Tally(unreadable=1)


def test_batches_are_bounded_and_in_the_same_order_each_time(logs):
    logs.put("nginx/access.log", [line(user=1001 + n % 3, device=str(n)) for n in range(50)])
    logs.put("nginx/access.log.1.gz", [line(user=1001)])
    both = Of((Subject(1, (customer(1001),)), Subject(2, (customer(1002), customer(1001)))))
    rows = logs.read(both, batch_rows=7)
    keys = [(r["file"], r["line_number"], r["_subject"]) for r in rows]
    assert keys == sorted(keys)
    assert len(keys) == len(set(keys)) == 17 + 17 + 17 + 2
    assert rows == logs.read(both, batch_rows=1000)


def test_a_reader_that_is_closed_early_closes_its_file(logs, monkeypatch):
    logs.put("nginx/access.log.gz", [line(user=1001)] * 10)
    source, selection = logs.source(batch_rows=1), Selection("access", of(customer(1001)))
    opened = []
    real = source._store.open
    monkeypatch.setattr(source._store, "open", lambda key: opened.append(real(key)) or opened[-1])
    reading = source.read(selection, source.partitions(selection)[0])
    next(reading)
    assert not opened[-1].closed
    reading.close()
    assert all(file.closed for file in opened)


def test_ids_that_two_parties_share_give_one_row_that_names_both(logs):
    logs.put("nginx/access.log", [line(user=1001, device="did-a"), line(user=1002, device="did-a")])
    parties = {"visitor": {"subject": ["user_id"]}, "owner": {"subject": ["device_id"]}}
    rows = logs.read(of(customer(1001), device("did-a")), subject=None, parties=parties)
    assert [(r["line_number"], r["_party"]) for r in rows] == [(1, "visitor,owner"), (2, "owner")]


def test_identities_are_looked_up_by_one_column_whatever_the_others_say(logs):
    logs.put("nginx/access.log", [at("10:00:00", user=1002, device="did-a")])
    source = logs.source()
    for wanted, column in (
        (device("did-a"), "device_id"),
        (Identifier("ip", "192.0.2.7"), "ip"),
        (customer(1), "user_id"),
    ):
        selection = Selection("access", of(wanted), on=(column,))
        rows = [r for p in source.partitions(selection) for b in source.read(selection, p) for r in b.to_pylist()]
        assert len(rows) == (column != "user_id")


def test_due_lines_are_those_before_the_bound_to_the_second(logs):
    """Edge cases 1 and 11: a line without a readable time goes by the age of its file, not before and not never."""
    lines = [
        at("09:59:59"),
        at("10:00:00"),
        line("25/Nov/2025:10:59:59 +0100"),
        line("soon"),
        b"no form",
        line("25/Nov/2125:00:00:00 +0000"),
    ]
    bound = Due(datetime(2025, 11, 25, 10, tzinfo=UTC))
    logs.put("nginx/access.log", lines, at=bound.before)
    tally = Tally()
    rows = logs.read(bound, tally)
    assert [(r["line_number"], r["_subject"], r["_party"]) for r in rows] == [(1, None, None), (3, None, None)]
    assert tally == Tally(unreadable=1)
    logs.put("nginx/access.log", lines, at=bound.before - timedelta(microseconds=1))
    assert [n for _, n in logs.numbers(bound)] == [1, 3, 4, 5]


def test_a_log_has_no_originals_beside_its_lines(logs):
    with pytest.raises(BadInput, match=r"weblogs\.no_original"):
        logs.source().open("access", ("nginx/access.log", 1))


IDS = st.sampled_from(["-", "", "1001", "1002", "01001", "10010", "x1001"])
DEVICES = st.sampled_from(["-", "did-a", "did-ab", "did-b", "did-c"])
LINES = st.one_of(
    st.builds(
        lambda minute, ip, user, device, agent: at(f"10:{minute:02}:00", ip=ip, user=user, device=device, agent=agent),
        st.integers(0, 59), st.sampled_from(["192.0.2.7", "192.0.2.70", "2001:db8::1", "-"]), IDS, DEVICES,
        st.sampled_from([UA, "curl/8", "-"]),
    ),
    st.builds(lambda user: line("no time", user=user, ip="192.0.2.8"), IDS),
    st.sampled_from([b"", b"\0\0\0", b"1001 did-a 192.0.2.7 -", b"garbage"]),
)  # fmt: skip


def naive(lines: list[bytes], subjects: tuple[Subject, ...]) -> list[tuple[int, int]]:
    """The rules once more, line by line, with nothing but Python's own words: (line number, subject)."""
    fields = []
    for raw in lines:
        parts = raw.decode("latin-1").split('"')
        if len(parts) != 9 or len(head := parts[0].split(" ")) < 4 or "" in (head[0], head[2]):
            fields.append(None)
            continue
        user = head[2] if head[2] not in ("-", "") else None
        minute = None if "no time" in raw.decode("latin-1") else int(parts[0].split(":")[-2])
        fields.append((head[0], user, minute, parts[5], parts[7] if parts[7] not in ("-", "") else None))

    def owner(field: tuple, subject: Subject) -> str:
        """own, other or none."""
        for kind, value in (("shop.customer_id", field[1]), ("device_id", field[4])):
            if value is not None:
                value = int(value) if kind != "device_id" and value.isdigit() else value
                mine = any(i.kind == kind and i.value == value and not i.contested for i in subject.identifiers)
                return "own" if mine else "other"
        return "none"

    found = []
    for subject in subjects:
        visits = []
        for i in subject.identifiers:
            if i.kind == "ip" and not i.contested:
                low, high = i.valid_from.minute, i.valid_to.minute
                inside = [f for f in fields if f and f[0] == i.value and f[2] is not None and low <= f[2] <= high]
                if all(owner(f, subject) != "other" for f in inside):
                    visits.append((i.value, low, high, i.agent))
        for number, field in enumerate(fields, start=1):
            if field is None:
                continue
            ip, _, minute, agent, _ = field
            whose = owner(field, subject)
            visiting = minute is not None and any(
                ip == address and low <= minute <= high and agent == mine for address, low, high, mine in visits
            )
            if whose == "own" or (whose == "none" and visiting):
                found.append((number, subject.no))
    return sorted(found)


def window(span: tuple[int, int, str]) -> Identifier:
    low, high, ip = min(span[:2]), max(span[:2]), span[2]
    return visit(f"10:{low:02}", f"10:{high:02}", ip=ip)


SUBJECTS = st.lists(
    st.lists(
        st.one_of(
            st.sampled_from([1001, 1002, 10010]).map(customer),
            st.sampled_from(["did-a", "did-b"]).map(device),
            st.just(device("did-c", contested=True)),
            st.tuples(st.integers(0, 59), st.integers(0, 59), st.sampled_from(["192.0.2.7", "2001:db8::1"])).map(window),
        ),
        max_size=4,
    ),
    min_size=1, max_size=3,
).map(lambda people: tuple(Subject(no, tuple(ids)) for no, ids in enumerate(people, start=1)))  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(LINES, max_size=12), st.lists(LINES, max_size=6), SUBJECTS)
def test_searching_and_parsing_give_what_a_naive_reading_of_the_rules_gives(first, second, subjects):
    """Few identifiers or many, by more than one machine; two files share the visits."""
    many = tuple(device(f"did-none-{n}") for n in range(20))
    with tempfile.TemporaryDirectory() as folder:
        logs = Logs(Path(folder))
        logs.put("nginx/access.log.1.gz", first)
        logs.put("nginx/access.log.2", b"\r\n".join(second))
        expected = [
            ("access.log.1.gz", n, s) if n <= len(first) else ("access.log.2", n - len(first), s)
            for n, s in naive([*first, *second], subjects)
        ]
        tallies = []
        for people in (subjects, (*subjects[:-1], replace(subjects[-1], identifiers=subjects[-1].identifiers + many))):
            tallies.append(Tally())
            with patch.object(weblogs_search, "MOST", 7):
                rows = logs.read(Of(people), tallies[-1])
            assert [(r["file"].removeprefix("nginx/"), r["line_number"], r["_subject"]) for r in rows] == expected
        assert tallies[0] == tallies[1]
