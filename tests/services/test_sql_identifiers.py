"""Identifiers on servers, whatever their collation: every spelling of one's own is found, and nobody else's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from privacy.connections import Connection
from privacy.database import engine
from privacy.errors import RetryLater, Unreadable
from privacy.sources.base import Due, Every, Identifier, Of, Selection, Subject, Tally
from privacy.sources.sql_servers import bound
from services.sql_kit import cards, fill, found

TEXT = {"type": "text"}


@pytest.fixture(params=["as the server has it", "one that folds"])
def url(request, server):
    """A database whose texts are compared in the usual way, or in one that takes much for the same."""
    usual, folding = {"mysql": ("utf8mb4_general_ci", "utf8mb4_unicode_ci"), "postgresql": ("C.UTF-8", "C.UTF-8")}[
        server.kind
    ]
    return server.create("cards", collation=usual if request.param.startswith("as") else folding)


def emails(folder, url, values):
    return cards(folder, url, {"email": "VARCHAR(100)"}, {"email": TEXT | {"identity": "email"}}, subject=["email"],
                 rows=list(enumerate(values, start=1)))  # fmt: skip


def test_an_address_is_found_in_every_case_and_with_blanks_around_it_and_no_other_is(tmp_path, url):
    """Edge case 19."""
    source = emails(tmp_path, url, ["anna@a.example", "ANNA@A.example", " Anna@a.example ", "anna@a.example.org",
                                    "ánna@a.example", None, "", "anna@a.example\t", "ann\u0430@a.example"])  # fmt: skip
    assert found(source, Identifier("email", "anna@a.example")) == [1, 2, 3, 8]


def test_an_address_that_only_unicode_or_the_collation_takes_for_the_same_is_another_persons(tmp_path, url):
    """Edge cases 19 and 22."""
    source = emails(tmp_path, url, ["info@strasse.example", "info@straße.example", "INFO@STRASSE.EXAMPLE", "İ@x.example",
                                    "INFO@STRAßE.example", "İnfo@strasse.example", "\u0131nfo@strasse.example", "jose\u0301@x.example",
                                    "JOSÉ@x.example", "jose@x.example", "\u017f@x.example", "s@x.example"])  # fmt: skip
    assert found(source, Identifier("email", "info@strasse.example")) == [1, 3]
    assert found(source, Identifier("email", "info@straße.example")) == [2, 5]
    assert found(source, Identifier("email", "josé@x.example")) == [8, 9]
    assert found(source, Identifier("email", "jose@x.example")) == [10]
    assert found(source, Identifier("email", "s@x.example")) == [11, 12], "as everywhere: long s is a spelling of s"


def test_ten_thousand_addresses_are_asked_for_at_once(tmp_path, url):
    source = emails(tmp_path, url, [f"Klant{n}@a.example" for n in range(3_000)])
    pick = Of(tuple(Subject(n, (Identifier("email", f"klant{n}@a.example"),)) for n in range(10_000)))
    (part,) = source.partitions(Selection("cards", pick))
    rows = [row for batch in source.read(Selection("cards", pick), part) for row in batch.to_pylist()]
    assert [(r["_subject"], r["card"]) for r in rows] == [(n, n + 1) for n in range(3_000)]


def test_a_phone_number_is_found_in_every_spelling_of_it_and_another_is_not(tmp_path, url):
    rows = ["+31 6 12345678", "0031-612345678", "+31612345678", "+31612345679", "x", None, "(+31) 612345678",
            "+31 6 1234 5678 ", "+٣١٦١٢٣٤٥٦٧٨", "31612345678"]  # fmt: skip
    source = cards(tmp_path, url, {"phone": "VARCHAR(40)"}, {"phone": TEXT | {"identity": "phone"}}, subject=["phone"],
                   rows=list(enumerate(rows, start=1)))  # fmt: skip
    assert found(source, Identifier("phone", "+31612345678")) == [1, 2, 3, 8]
    assert found(source, Identifier("phone", "31612345678")) == [7, 10]


def test_an_ip_address_is_found_in_every_spelling_of_it_within_its_visit(tmp_path, url):
    rows = [("2001:db8::1",), ("2001:DB8:0:0::1",), ("2001:0db8::0001",), ("192.0.2.7",), (" 192.0.2.7 ",), ("192.0.2.77",),
            ("::1",), ("0:0:0:0:0:0:0:1",), ("0000::1",), (None,), ("2001:db8::1%eth0",), ("x",)]  # fmt: skip
    moments = {"ip": TEXT | {"identity": "ip"}, "at": {"type": "datetime", "zone": "UTC", "form": "epoch"}}
    source = cards(tmp_path, url, {"ip": "VARCHAR(60)", "at": "BIGINT"}, moments, subject=["ip"], time="at",
                   rows=[(n, ip, 1_000) for n, (ip,) in enumerate(rows, start=1)])  # fmt: skip
    span = {"valid_from": datetime.fromtimestamp(900, UTC), "valid_to": datetime.fromtimestamp(1_100, UTC)}
    late = {"valid_from": datetime.fromtimestamp(1_001, UTC), "valid_to": datetime.fromtimestamp(1_100, UTC)}
    assert found(source, Identifier("ip", "2001:db8::1", **span)) == [1, 2, 3]
    assert found(source, Identifier("ip", "192.0.2.7", **span)) == [4, 5]
    assert found(source, Identifier("ip", "::1", **span)) == [7, 8, 9]
    assert found(source, Identifier("ip", "192.0.2.7", **late)) == []
    tally, selection = (
        Tally(),
        Selection("cards", Of((Subject(1, (Identifier("ip", "192.0.2.7", agent="x", **span),)),))),
    )
    (part,) = source.partitions(selection)
    assert list(source.read(selection, part, tally)) == []
    assert tally.unattributed == 2


def test_a_text_that_the_collation_takes_for_the_same_is_another_code(tmp_path, url):
    """Edge case 22: K1, k1 and K1 with a blank are three codes, although an index of MariaDB has them as one."""
    rows = list(enumerate(["K1", "k1", "K1 ", " K1", "ḱ1", None, "K2"], start=1))
    described = {"code": TEXT | {"identity": "shop.code"}}
    source = cards(tmp_path, url, {"code": "VARCHAR(20)"}, described, subject=["code"], rows=rows)
    assert found(source, Identifier("shop.code", "K1")) == [1]
    assert found(source, Identifier("shop.code", "k1")) == [2]
    assert found(source, Identifier("shop.code", "nul\0")) == []
    assert found(source, Identifier("shop.code", "%")) == []


@pytest.mark.parametrize("kind", ["BIGINT", "VARCHAR(20)", "DECIMAL(20,3)"])
def test_a_number_is_found_however_its_column_is_typed(tmp_path, url, kind):
    """Edge case 22: 12 and '12 b' are two."""
    values = ["12", "13", "012", "12 b", " 12", None] if kind.startswith("VAR") else [12, 13, 120, 121, 12, None]
    described = {"client": {"type": "integer", "identity": "shop.client"}}
    source = cards(
        tmp_path, url, {"client": kind}, described, subject=["client"], rows=list(enumerate(values, start=1))
    )
    if kind.startswith("VAR"):
        # The zero before it is lost in a whole number, so it is told of and not given.
        with pytest.raises(Unreadable, match=r"sql\.lost_type"):
            found(source, Identifier("shop.client", 12))
        return
    assert found(source, Identifier("shop.client", 12)) == [1, 5]


def test_a_blank_number_is_filled_in_by_nothing_and_an_earlier_column_wins(tmp_path, url):
    rows = [(1, None, "a@x.example"), (2, "", "a@x.example"), (3, "  ", "A@x.example"), (4, "d1", "a@x.example")]
    described = {"device": TEXT | {"identity": "device_id"}, "email": TEXT | {"identity": "email"}}
    source = cards(tmp_path, url, {"device": "VARCHAR(20)", "email": "VARCHAR(50)"}, described,
                   subject=["device", "email"], rows=rows)  # fmt: skip
    assert found(source, Identifier("email", "a@x.example")) == [1, 2, 3]
    assert found(source, Identifier("device_id", "d1"), Identifier("email", "a@x.example")) == [1, 2, 3, 4]


def test_a_percent_and_a_colon_in_the_shops_own_sql_are_what_they_are(tmp_path, url):
    source = emails(tmp_path, url, ["a@x.example", "b@x.example"])
    text = "SELECT card, email FROM cards WHERE email LIKE '%@x.example' AND ':card' <> '100%' -- 100 % :card\n"
    (tmp_path / "sql/shop/cards.sql").write_text(text)
    assert found(source, Identifier("email", "b@x.example")) == [2]
    assert bound("a = :x AND b::int = 'it''s :y %' -- :z %") == "a = %(x)s AND b::int = 'it''s :y %%' -- :z %%"


def test_a_connection_that_is_lost_in_the_middle_is_tried_again_and_then_whole(tmp_path, server):
    """Edge case 12: the database restarts; what was read until then is no answer."""
    url = server.create("cards")
    source = emails(tmp_path, url, [f"{n}{'x' * 80}@a.example" for n in range(2_000)])
    double = "INSERT INTO cards SELECT card + {n}, email FROM cards"
    with engine(Connection("shop", url)).begin() as connection:
        for n in (2_000, 4_000, 8_000, 16_000, 32_000):
            connection.exec_driver_sql(double.format(n=n))
    selection = Selection("cards", Every())
    (part,) = source.partitions(selection)
    source._batch_rows = 100
    reading = source.read(selection, part)
    next(reading)
    server.cut("cards")
    with pytest.raises(RetryLater):
        list(reading)
    assert sum(batch.num_rows for batch in source.read(selection, part)) == 64_000


def test_what_was_read_is_one_state_although_the_shop_goes_on(tmp_path, server):
    """Edge case 12: rows that come in meanwhile are the next export's."""
    url = server.create("cards")
    source = emails(tmp_path, url, [f"{n}@a.example" for n in range(500)])
    source._batch_rows = 100
    selection = Selection("cards", Every())
    (part,) = source.partitions(selection)
    reading = source.read(selection, part)
    first = next(reading)
    fill(url, [(n, "late@a.example") for n in range(1_000, 1_050)])
    assert first.num_rows + sum(batch.num_rows for batch in reading) == 500
    assert isinstance(selection.pick, Due)


def test_a_person_is_looked_up_by_the_indexes_that_a_shop_has(tmp_path, server):
    """The wrapped SELECT is taken apart by the server: its plan asks the indexes, and reads no table through."""
    url = server.create("cards")
    described = {"client": {"type": "integer", "identity": "shop.client"}, "device": TEXT | {"identity": "device_id"}}
    source = cards(tmp_path, url, {"client": "BIGINT", "device": "VARCHAR(60)"}, described, subject=["client", "device"],
                   rows=[(n, n % 500 if n % 2 else None, f"d{n % 700}") for n in range(5_000)])  # fmt: skip
    with engine(Connection("shop", url)).begin() as connection:
        for name in ("client", "device"):
            connection.exec_driver_sql(f"CREATE INDEX cards_{name} ON cards ({name})")
        connection.exec_driver_sql("ANALYZE TABLE cards" if server.kind == "mysql" else "ANALYZE cards")
    one = Of((Subject(1, (Identifier("shop.client", 77), Identifier("device_id", "d78"))),))
    statement = source.wrap("cards").select(Selection("cards", one))
    with source.open_engine(read_only=True).connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN {statement.text}", statement.parameters).all()
    text = "\n".join(" ".join(map(str, row)) for row in plan)
    assert "cards_client" in text
    assert "cards_device" in text
    if server.kind == "mysql":
        assert {row[3] for row in plan if row[2] == "cards"} <= {"ref", "range"}, text
    else:
        assert "Seq Scan" not in text
    assert len(found(source, *one.subjects[0].identifiers)) == 10 + 8
