"""Rows with two people in them: told apart, and only the subject's own columns set."""

from __future__ import annotations

import pytest

from conftest_sources import Shop, moment, of
from privacy.errors import BadConfiguration
from privacy.sources.base import Delete, Due, Identifier, Of, Redaction, Selection, Set, Status, Step, Subject

N, U = Redaction.NULL, Redaction.UNIQUE
CHANGE = Set({"client": N, "email": N, "note": N, "receiver_email": U})


def located(shop: Shop, pick: Of | Due, *, shared: bool | None) -> list[str]:
    source, selection = shop.source(), Selection("orders", pick, shared=shared)
    read = [
        str(n)
        for p in source.partitions(selection)
        for b in source.read(selection, p)
        for n in b.column("number").to_pylist()
    ]
    found = [str(i.key[1]) for p in source.partitions(selection) for i in source.locate(selection, p)]
    assert sorted(set(read)) == sorted(found)
    return sorted(found)


def step(shop: Shop, pick: Of, change: Set | Delete, *, shared: bool | None) -> Step:
    source, selection = shop.source(), Selection("orders", pick, shared=shared)
    return Step(selection, change, tuple(i for p in source.partitions(selection) for i in source.locate(selection, p)))


@pytest.fixture
def gifts(shop: Shop) -> Shop:
    shop.order("alone", client=1, email="c1@a.example", note="van mij")
    shop.order("self", client=1, email="c1@a.example", receiver_email=" C1@A.example", note="van mij")
    shop.order("gift", client=1, email="c1@a.example", receiver_email="bo@b.example", note="van mij")
    shop.order("got", client=2, email="c2@a.example", receiver_email="C1@a.example", note="van c2")
    # The buyer is told by the number: that the address is another's makes it nobody else's.
    shop.order("by number", client=1, email="bo@b.example")
    shop.order("theirs", client=2, receiver_email="bo@b.example", note="van c2")
    return shop


def test_rows_are_shared_by_who_else_is_a_party_of_them(gifts: Shop) -> None:
    """Edge case 22, 30: a gift."""
    me, other = of(1, "c1@a.example"), of(2, "c2@a.example", "bo@b.example", no=2)
    assert located(gifts, me, shared=False) == ["alone", "by number", "self"]
    assert located(gifts, me, shared=True) == ["gift", "got"]
    both = Of((*me.subjects, *other.subjects))
    assert located(gifts, both, shared=True) == []
    assert located(gifts, both, shared=False) == ["alone", "by number", "gift", "got", "self", "theirs"]
    late = Identifier("email", "c1@a.example", valid_from=moment("2026-06-01"))
    doubt = Identifier("email", "bo@b.example", contested=True)
    passed_on = Of((Subject(1, (Identifier("shop.client", 1), late, doubt)),))
    assert located(gifts, passed_on, shared=True) == ["gift", "self"]
    assert located(gifts, Due(moment("2099-01-01")), shared=True) == located(
        gifts, Due(moment("2099-01-01")), shared=None
    )


def test_only_the_subjects_own_columns_are_set_and_the_other_keeps_theirs(gifts: Shop) -> None:
    me = of(1, "c1@a.example")
    the = step(gifts, me, CHANGE, shared=True)
    assert [o.status for o in gifts.source().apply([the], ())] == [Status.DONE] * 2
    rows = {r[0]: r[1:] for r in gifts.db.execute("SELECT number, client, email, note, receiver_email FROM orders")}
    assert rows["gift"] == (None, None, None, "bo@b.example")
    assert rows["got"][:3] == (2, "c2@a.example", "van c2")
    assert rows["got"][3].startswith("removed-")
    assert rows["alone"][0] == rows["self"][0] == 1
    assert located(gifts, me, shared=True) == []
    # Edge case 13.
    before = gifts.dump()
    assert [o.status for o in gifts.source().apply([the], ())] == [Status.GONE] * 2
    assert gifts.dump() == before


def test_a_row_in_which_nothing_of_theirs_would_be_set_is_no_success(gifts: Shop) -> None:
    """Edge case 28."""
    the = step(gifts, of(1, "c1@a.example"), Set({"note": N}), shared=True)
    told = {str(o.key[1]): (o.status, o.reason) for o in gifts.source().apply([the], ())}
    assert told == {"gift": (Status.DONE, ""), "got": (Status.FAILED, "sql.nothing_set")}


def test_a_column_that_is_no_partys_is_not_set_for_one(gifts: Shop) -> None:
    the, before = step(gifts, of(1, "c1@a.example"), Set({"client": N, "price": N}), shared=True), gifts.dump()
    with pytest.raises(BadConfiguration, match=r"sources\.nobodys"):
        list(gifts.source().apply([the], ()))
    assert gifts.dump() == before
