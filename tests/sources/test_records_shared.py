"""Records with others in them: the subject's own values go, row by row, and the others' stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from privacy.errors import BadConfiguration
from privacy.sources.base import (
    Delete,
    Identifier,
    Item,
    Kept,
    Of,
    Outcome,
    Redaction,
    Selection,
    Set,
    Status,
    Step,
    Subject,
)
from sources.records_kit import CONVERSATIONS, Kit

U, N = Redaction.UNIQUE, Redaction.NULL
COLUMNS: dict[str, Any] = CONVERSATIONS | {
    "name": {"type": "text", "path": "requester.name"},
    "phone": {"type": "text", "path": "requester.phone"},
    "participant_names": {"type": "list<text>", "path": "participants[].name"},
    "notes": {"type": "list<text>", "path": "messages[?internal].body"},
    "messages": CONVERSATIONS["messages"]
    | {"said": {"by": "author", "text": "body", "names": ["name", "participant_names"]}},
}
SHARED = {"customer_id": N, "email": N, "name": N, "phone": N, "rating": N, "subject_line": N, "messages": N,
    "notes": N, "participant_emails": U, "participant_names": N}  # fmt: skip
PARTIES = {
    "requester": {"subject": ["customer_id", "email"], "private": ["rating", "notes"], "wrote": ["subject_line"]},
    "participant": {"subject": ["participant_emails"]},
}


def kit(tmp_path: Path, **changes: Any) -> Kit:
    given = {"columns": COLUMNS, "parties": PARTIES, "records": {"at": "conversations"}, "erasure": {"do": "delete",
        "shared": {n: "unique" if v is U else None for n, v in SHARED.items()}}}  # fmt: skip
    return Kit(tmp_path, "conversations", **given | changes)


def said(author: str, body: str, *, internal: bool = False) -> dict[str, Any]:
    return {"author": author, "at": "x", "body": body, "internal": internal}


def talk(number: int, who: tuple[int | None, str, str] | None, *others: tuple[str, str], **more: Any) -> dict[str, Any]:
    requester = None if who is None else {"customer": who[0], "email": who[1], "name": who[2], "phone": "06"}
    names = [name for name in (who[2] if who else None, *(name for _, name in others)) if name]
    return {"id": number, "subject": "Ring", "rating": 4.50, "tags": ["ring"], "requester": requester,
        "participants": [{"email": email, "name": name, "since": "y"} for email, name in others],
        "messages": [said("Sanne", "dag"), *(said(n, f"van {n}") for n in names), said("Tim", "notitie", internal=True)],
        "created_at": "2026-11-01T10:00:00Z", "updated_at": "2026-11-02T10:00:00Z"} | more  # fmt: skip


ANNA = Subject(1, (Identifier("shop.customer_id", 1001), Identifier("email", "anna@a.example")))
BRAM = Subject(2, (Identifier("email", "bram@b.example"),))
TALKS = [
    talk(1, (1001, "anna@a.example", "Anna")),
    talk(2, (1001, "oud@a.example", "Anna"), ("bram@b.example", "Bram"), ("c@c.example", "Anna ")),
    talk(3, (7, "x@x.example", "Xen"), ("ANNA@a.example", "Annie"), ("bram@b.example", "Bram")),
    talk(4, None, ("anna@a.example", "Anna")),
    talk(5, (1001, "anna@a.example", "Anna"), ("anna@a.example", "A. de Vries")),
    talk(6, None, ("bram@b.example", "Bram")),
    talk(7, (1001, "anna@a.example", "Anna"), ("bram@b.example", "Bram")),
]


def located(its: Kit, of: Of, *, shared: bool | None) -> tuple[Item, ...]:
    source, selection = its.source(), Selection("conversations", of, shared=shared)
    return tuple(item for p in source.partitions(selection) for item in source.locate(selection, p))


def numbers(its: Kit, *who: Subject, shared: bool | None) -> list[int]:
    source, selection = its.source(), Selection("conversations", Of(who), shared=shared)
    batches = [b for p in source.partitions(selection) for b in source.read(selection, p)]
    found = sorted({n for batch in batches for n in batch.column("conversation_id").to_pylist()})
    assert sum(item.records for item in located(its, Of(who), shared=shared)) == len(found)
    return found


def step(its: Kit, *who: Subject, shared: bool | None, change: Any = None) -> Step:
    change = Set(SHARED) if change is None else change
    return Step(Selection("conversations", Of(who), shared=shared), change, located(its, Of(who), shared=shared))


def apply(its: Kit, *unit: Step, spare: Any = ()) -> list[Outcome]:
    return list(its.source().apply(unit, spare))


def test_shared_is_told_row_by_row_and_for_several_subjects_together(tmp_path: Path):
    """Edge case 22."""
    its = kit(tmp_path)
    its.dump("dumps/conversations-2026-11-03.json", TALKS)
    assert numbers(its, ANNA, shared=False) == [1, 4, 5]
    assert numbers(its, ANNA, shared=True) == [2, 3, 7]
    assert numbers(its, ANNA, BRAM, shared=False) == [1, 4, 5, 6, 7]
    assert numbers(its, ANNA, BRAM, shared=True) == [2, 3]
    assert numbers(its, ANNA, BRAM, shared=None) == [1, 2, 3, 4, 5, 6, 7]


def test_an_erasure_deletes_what_is_theirs_alone_and_takes_them_out_of_the_rest_in_one_rewrite(tmp_path: Path):
    its = kit(tmp_path)
    path = its.dump("dumps/conversations-2026-11-03.json", TALKS)
    before, name = json.loads(path.read_bytes()), path.read_text()
    unit = [step(its, ANNA, shared=False, change=Delete()), step(its, ANNA, shared=True)]
    assert [(o.status, o.records) for o in apply(its, *unit)] == [(Status.DONE, 3), (Status.DONE, 3)]
    after = {one["id"]: one for one in json.loads(path.read_bytes())["conversations"]}
    assert list(after) == [2, 3, 6, 7]
    old = {one["id"]: one for one in before["conversations"]}
    assert after[6] == old[6]
    asked = old[2] | {
        "subject": None,
        "rating": None,
        "requester": dict.fromkeys(("customer", "email", "name", "phone")),
    }
    asked["messages"] = [said("Sanne", "dag"), said("Anna", None), said("Bram", "van Bram"), said("Anna ", None), said("Tim", None, internal=True)]  # fmt: skip
    # Whoever bears the subject's name: rather theirs too than what the subject said kept.
    assert after[2] == asked
    (token,) = {one["email"] for one in after[3]["participants"]} - {"bram@b.example"}
    assert token.startswith("erased-")
    joined = old[3] | {"participants": [{"email": token, "name": None, "since": "y"}, old[3]["participants"][1]]}
    joined["messages"] = [said("Sanne", "dag"), said("Xen", "van Xen"), said("Annie", None), said("Bram", "van Bram"), old[3]["messages"][-1]]  # fmt: skip
    assert after[3] == joined
    assert located(its, Of((ANNA,)), shared=None) == ()
    # All around the records is the same to the byte; edge case 13: once more does nothing.
    now = path.read_bytes()
    assert now.startswith(name[: name.index("{", 5)].encode())
    assert [o.status for o in apply(its, *unit)] == [Status.GONE, Status.GONE]
    assert path.read_bytes() == now


def test_held_rows_stay_and_others_are_changed(tmp_path: Path):
    """Edge case 15."""
    its = kit(tmp_path)
    path = its.dump("dumps/conversations-2026-11-03.json", TALKS)
    third = Kept((), "conversations", keys=frozenset([("3",)]))
    (outcome,) = apply(its, step(its, ANNA, shared=True), spare=[third])
    assert (outcome.status, outcome.records, outcome.reason) == (Status.HELD, 2, "held:1")
    assert json.loads(path.read_bytes())["conversations"][2] == TALKS[2]


@pytest.mark.parametrize("who", [(7, "x@x.example", "Xen"), (1001, "anna@a.example", "Anna")])
def test_what_would_leave_the_subject_in_a_record_changes_nothing(tmp_path: Path, who: tuple[int, str, str]):
    """A list within the list, in which no data map can name an element; alone, or besides what can be set."""
    odd = talk(1, who, ("bram@b.example", "Bram"))
    odd["participants"].append([{"email": "anna@a.example", "name": "Anna"}])
    its = kit(tmp_path)
    path = its.dump("dumps/conversations-2026-11-03.json", [odd, TALKS[1]])
    before = path.read_bytes()
    (outcome,) = apply(its, step(its, ANNA, shared=True))
    assert (outcome.status, outcome.reason) == (Status.FAILED, "records.not_redacted")
    assert path.read_bytes() == before


WRONG = [
    {"messages": N},
    SHARED | {"conversation_id": N},
    SHARED | {"tags": N},
    {n: v for n, v in SHARED.items() if n != "email"},
]


@pytest.mark.parametrize("columns", WRONG)
def test_a_data_map_that_cannot_say_whose_a_value_is_is_refused_when_it_is_loaded(
    tmp_path: Path, columns: dict[str, Any]
):
    its = kit(tmp_path)
    its.dump("dumps/conversations-2026-11-03.json", TALKS)
    with pytest.raises(BadConfiguration, match=r"records\.cannot_set"):
        apply(its, step(its, ANNA, shared=True, change=Set(columns)))
    its.changes["erasure"] = {"do": "delete", "shared": {n: "unique" if v is U else None for n, v in columns.items()}}
    assert [p.code for p in its.source().check()] == ["records.layout"]


def test_elements_of_lists_in_parquet_are_set_and_the_rest_is_the_same(tmp_path: Path):
    person = pa.struct([("email", pa.string()), ("name", pa.string())])
    schema = pa.schema([("id", pa.int64()), ("who", pa.struct([("mail", pa.string()), ("name", pa.string())])), ("people", pa.list_(person)), ("cc", pa.list_(pa.string())), ("at", pa.string())])  # fmt: skip
    columns: dict[str, Any] = {
        "conversation_id": {"type": "integer", "path": "id"},
        "email": {"type": "text", "identity": "email", "path": "who.mail"},
        "name": {"type": "text", "path": "who.name"},
        "participant_emails": {"type": "list<text>", "identity": "email", "path": "people[].email"},
        "participant_names": {"type": "list<text>", "path": "people[].name"},
        "cc": {"type": "list<text>", "identity": "email"},
        "updated_at": {"type": "datetime", "zone": "UTC", "path": "at"},
    }
    change = {"email": N, "name": N, "participant_emails": U, "participant_names": N, "cc": U}
    its = Kit(
        tmp_path, "conversations", columns=columns, records={}, names=r".*\.parquet", time=None,
        parties={"asks": {"subject": ["email"]}, "joins": {"subject": ["participant_emails"]}, "reads": {"subject": ["cc"]}},
    )  # fmt: skip
    rows = [
        {"id": n, "who": {"mail": mail, "name": "N"}, "people": [{"email": e, "name": e[0]} for e in people], "cc": cc, "at": "2026-11-01T00:00:00Z"}
        for n, mail, people, cc in (
            (1, "anna@a.example", ["bram@b.example"], ["c@c.example"]),
            (2, "c@c.example", ["bram@b.example", "Anna@a.example"], None),
            (3, "c@c.example", [], ["anna@a.example", "d@d.example"]),
            (4, "c@c.example", ["bram@b.example"], ["d@d.example"]),
            (5, "anna@a.example", [], None),
        )
    ]  # fmt: skip
    path = its.parquet("dumps/x.parquet", rows, schema, row_group_size=2)
    (outcome,) = apply(its, step(its, ANNA, shared=True, change=Set(change)))
    assert (outcome.status, outcome.records) == (Status.DONE, 3)
    found = pq.read_table(path)
    assert found.schema.equals(schema)
    first, second, third, *rest = found.to_pylist()
    assert rest == rows[3:]
    assert first == rows[0] | {"who": {"mail": None, "name": None}}
    token = second["people"][1].pop("email")
    assert token.startswith("erased-")
    assert second == rows[1] | {"people": [rows[1]["people"][0], {"name": None}]}
    assert third["cc"][0].startswith("erased-")
    assert third | {"cc": 0} == rows[2] | {"cc": 0}
    assert third["cc"][1:] == ["d@d.example"]
    assert located(its, Of((ANNA,)), shared=True) == ()
