"""A server that is busy, slow, cut off, or says "200 OK" and lists what it did not do; and credentials that are wrong."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import count

import botocore.auth
import pytest

from privacy.connections import Connection
from privacy.errors import BadConfiguration, PrivacyError, RetryLater, Unreadable
from privacy.orchestration.embedded import free_port
from privacy.storage_s3 import S3Store
from privacy.storage_s3_place import EU, Place
from services.faulty import Answer, Asked, Faulty, Pass, error, faulty
from services.seaweed import Seaweed


@pytest.fixture
def front(s3: Seaweed) -> Iterator[Faulty]:
    with faulty(s3.port) as made:
        yield made


@pytest.fixture
def kept(s3: Seaweed, front: Faulty) -> S3Store:
    return S3Store(s3.connection(s3.bucket(), endpoint=front.endpoint), attempts=2, seconds=2)


def put(kept: S3Store, key: str, content: bytes = b"x") -> None:
    with kept.write(key) as file:
        file.write(content)


def get(kept: S3Store, key: str) -> bytes:
    with kept.open(key) as file:
        return file.read()


def test_a_server_that_says_slow_down_once_is_asked_again(kept: S3Store, front: Faulty) -> None:
    """Edge case 12: throttling."""
    put(kept, "a")
    turn = count()
    front.rule = lambda _, forward: error(503, "SlowDown") if next(turn) % 2 == 0 else forward()
    assert [e.key for e in kept.list()] == ["a"]
    assert get(kept, "a") == b"x"
    kept.delete("a")
    front.rule = lambda _, forward: forward()
    assert list(kept.list()) == []


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (500, "InternalError"), (503, "ServiceUnavailable")])
def test_a_server_that_stays_busy_is_tried_again_later_and_nothing_was_half_done(
    kept: S3Store, front: Faulty, status: int, code: str
) -> None:
    put(kept, "a", b"old")
    front.rule = lambda asked, forward: error(status, code) if asked.method in ("PUT", "POST") else forward()
    for act in (lambda: put(kept, "a", b"new"), lambda: kept.delete("a")):
        with pytest.raises(RetryLater, match=r"storage\.busy") as caught:
            act()
        assert "klant" not in str(caught.value)
        assert caught.value.where == "a"
    front.rule = lambda _, forward: forward()
    assert get(kept, "a") == b"old"


def test_a_server_that_does_not_answer_in_time_is_tried_again_later(s3: Seaweed, front: Faulty) -> None:
    kept = S3Store(s3.connection(s3.bucket(), endpoint=front.endpoint), attempts=1, seconds=0.3)
    put(kept, "a")
    front.rule = lambda _, forward: (time.sleep(0.8), forward())[1]
    with pytest.raises(RetryLater, match=r"storage\.busy"):
        kept.stat("a")


def test_a_server_that_is_not_there_is_tried_again_later(s3: Seaweed) -> None:
    kept = S3Store(s3.connection("some", endpoint=f"http://127.0.0.1:{free_port()}"), attempts=1, seconds=1)
    with pytest.raises(RetryLater, match=r"storage\.busy"):
        list(kept.list())


def test_200_with_errors_in_it_is_read_key_by_key(kept: S3Store, front: Faulty) -> None:
    """Edge case 12: what the answer lists as failed, or does not speak of at all, is not told as gone."""
    keys = [f"k/{n:02}" for n in range(30)]
    for key in keys:
        put(kept, key)
    entries = list(kept.list())
    asked_for: list[list[str]] = []

    def rule(asked: Asked, forward: Pass) -> Answer:
        if not asked.deletes:
            return forward()
        named = re.findall(r"<Key>(.*?)</Key>", asked.body.decode())
        asked_for.append(named)
        said = ""
        for key in named:
            # 1: denied. 2: busy the first time, then removed by itself. 3: never spoken of. 4: a code nobody knows.
            code = {"k/01": "AccessDenied", "k/02": "SlowDown", "k/04": "Odd"}.get(key)
            if key == "k/03":
                continue
            if code is None or (key == "k/02" and len(asked_for) > 1):
                said += f"<Deleted><Key>{key}</Key></Deleted>"
            else:
                said += f"<Error><Key>{key}</Key><Code>{code}</Code><Message>jan@klant.example</Message></Error>"
        return Answer(200, f"<DeleteResult>{said}</DeleteResult>".encode())

    front.rule = rule
    told = kept.delete_all(entries)
    codes = {e.key: p.code for e, p in zip(entries, told, strict=True) if p is not None}
    assert codes == {"k/01": "storage.denied", "k/03": "storage.busy", "k/04": "storage.failed"}
    assert asked_for[0] == keys
    assert asked_for[1] == ["k/02", "k/03"]
    assert all(named == ["k/03"] for named in asked_for[2:])
    assert len(asked_for) > 2
    assert "klant" not in "".join(map(str, told))


def test_a_connection_cut_while_an_object_is_read_is_taken_up_where_it_was(kept: S3Store, front: Faulty) -> None:
    content = bytes(range(256)) * 4000
    put(kept, "a", content)
    cuts = iter([300_000, 200_000])

    def rule(asked: Asked, forward: Pass) -> Answer:
        answer = forward()
        if asked.method == "GET" and asked.path.partition("?")[0].endswith("/a"):
            answer.cut = next(cuts, None)
        return answer

    front.rule = rule
    assert get(kept, "a") == content
    assert [s.headers.get("range") for s in front.seen if s.method == "GET" and s.path.endswith("/a")] == [
        None, "bytes=300000-", "bytes=500000-",
    ]  # fmt: skip


def test_an_object_replaced_while_it_is_read_is_not_read_half_and_half(kept: S3Store) -> None:
    """Edge case 8."""
    put(kept, "a", b"a" * 500_000)
    with kept.open("a") as file:
        assert file.read(10) == b"a" * 10
        put(kept, "a", b"b" * 500_000)
        file.seek(400_000)
        with pytest.raises(RetryLater, match=r"storage\.changed"):
            file.read(10)


def test_an_answer_that_is_lost_does_not_make_a_finished_write_look_undone(kept: S3Store, front: Faulty) -> None:
    """The request is sent again by itself, and meets its own work: "If-None-Match" fails then."""
    lost = count()

    def rule(asked: Asked, forward: Pass) -> Answer:
        answer = forward()
        if asked.method == "PUT" and next(lost) == 0:
            answer.cut = -1
        return answer

    front.rule = rule
    put(kept, "a", b"new")
    assert sum(s.method == "PUT" for s in front.seen) == 2
    assert get(kept, "a") == b"new"


def test_a_server_without_conditions_is_looked_at_right_before(kept: S3Store, front: Faulty) -> None:
    """It refuses "If-Match" as not implemented: what was changed before the block ended is still not overwritten."""

    def rule(asked: Asked, forward: Pass) -> Answer:
        refused = asked.method in ("PUT", "POST") and any(name.startswith("if-") for name in asked.headers)
        return error(501, "NotImplemented") if refused else forward()

    front.rule = rule
    put(kept, "a", b"one")
    seen = kept.stat("a")
    with kept.write("a", replacing=seen) as file:
        file.write(b"two")
    assert get(kept, "a") == b"two"
    with pytest.raises(RetryLater, match=r"storage\.changed"), kept.write("a", replacing=kept.stat("a")) as file:  # noqa: PT012
        file.write(b"three")
        put(kept, "a", b"another's")
    assert get(kept, "a") == b"another's"


def test_what_comes_between_the_last_look_and_the_write_is_not_overwritten(
    kept: S3Store, front: Faulty, s3: Seaweed
) -> None:
    """The server is told what it may replace."""
    put(kept, "a", b"one")
    bucket = kept._bucket.place.bucket

    def rule(asked: Asked, forward: Pass) -> Answer:
        if asked.method in ("PUT", "POST") and "if-match" in asked.headers:
            s3.client.put_object(Bucket=bucket, Key="a", Body=b"another's")
        return forward()

    front.rule = rule
    with pytest.raises(RetryLater, match=r"storage\.changed"), kept.write("a", replacing=kept.stat("a")) as file:
        file.write(b"two")
    assert get(kept, "a") == b"another's"


def test_what_comes_between_the_look_and_the_removal_stays(kept: S3Store, front: Faulty, s3: Seaweed) -> None:
    """Edge case 14."""
    put(kept, "a", b"one")
    bucket = kept._bucket.place.bucket

    def rule(asked: Asked, forward: Pass) -> Answer:
        if asked.deletes:
            s3.client.put_object(Bucket=bucket, Key="a", Body=b"another's")
        return forward()

    front.rule = rule
    with pytest.raises(RetryLater, match=r"storage\.changed"):
        kept.delete("a")
    assert get(kept, "a") == b"another's"


def test_wrong_credentials_are_told_as_denied_and_by_no_name(s3: Seaweed) -> None:
    bucket = s3.bucket()
    for login in (("nobody", "secret-of-nobody"), (s3.key, "secret-of-nobody")):
        connection = s3.connection(bucket, login=login)
        kept = S3Store(connection)
        for act in (lambda s: list(s.list()), lambda s: s.stat("a"), lambda s: put(s, "a")):
            with pytest.raises(Unreadable, match=r"storage\.denied") as caught:
                act(kept)
            shown = f"{caught.value!r} {caught.value} {connection!r} {kept._bucket.place!r}"
            assert login[1] not in shown
            assert s3.key not in shown


def test_an_account_that_may_only_read_reads_and_cannot_change(s3: Seaweed) -> None:
    bucket = s3.bucket()
    put(S3Store(s3.connection(bucket)), "a", b"content")
    kept = S3Store(s3.connection(bucket, login=s3.reader))
    assert get(kept, "a") == b"content"
    for act in (lambda: put(kept, "a", b"new"), lambda: kept.delete("a")):
        with pytest.raises(Unreadable, match=r"storage\.denied"):
            act()
    assert [p and p.code for p in kept.delete_all(list(kept.list()))] == ["storage.denied"]
    assert get(kept, "a") == b"content"


def test_a_bucket_that_is_not_there_is_not_made(s3: Seaweed) -> None:
    """SeaweedFS makes one when something is written to it by an administrator."""
    kept = S3Store(s3.connection("no-such-bucket"))
    for act in (lambda: put(kept, "a"), lambda: list(kept.list())):
        with pytest.raises(Unreadable, match=r"storage\.missing"):
            act()
    assert "no-such-bucket" not in [b["Name"] for b in s3.client.list_buckets()["Buckets"]]


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-2", "eu-central-2", "ap-southeast-2", "somewhere"])
def test_a_bucket_outside_the_eu_is_refused(s3: Seaweed, region: str) -> None:
    """Promise EU: London and Zurich begin with "eu", and are not in it."""
    kept = S3Store(s3.connection(s3.bucket(), region=region))
    for act in (lambda: list(kept.list()), lambda: put(kept, "a"), lambda: kept.link("a", 60)):
        with pytest.raises(BadConfiguration, match=r"storage\.outside_eu"):
            act()


def test_a_server_of_a_private_network_must_say_where_it_is(s3: Seaweed) -> None:
    with pytest.raises(BadConfiguration, match=r"storage\.region"):
        list(S3Store(s3.connection(s3.bucket(), region="")).list())


@pytest.mark.parametrize(
    ("said", "code"),
    [("us-east-1", "outside_eu"), ("", "region"), ("eu-west-2", "outside_eu"), ("eu-west-1", None)],
)
def test_a_public_server_is_asked_where_the_bucket_is_whatever_the_connection_says(
    s3: Seaweed, front: Faulty, monkeypatch: pytest.MonkeyPatch, said: str, code: str | None
) -> None:
    """Promise EU. The address is this machine's, which the check is made to take for a public one."""
    monkeypatch.setattr(Place, "_near", lambda _: False)
    connection = s3.connection(s3.bucket(), endpoint=front.endpoint, region="eu-central-1")
    with pytest.raises(BadConfiguration, match=r"storage\.plain"):
        list(S3Store(connection).list())

    def rule(asked: Asked, forward: Pass) -> Answer:
        answer = forward()
        if asked.method == "HEAD" and said:
            answer.headers["x-amz-bucket-region"] = said
        return answer

    front.rule = rule
    place = Place.of(connection)
    client = place.client(1, 5)
    encrypted = Place(place.name, place.bucket, place.root, "https://s3.shop.example", place.region, place.login)
    if code is None:
        encrypted.require_eu(client)
    else:
        with pytest.raises(BadConfiguration, match=rf"storage\.{code}"):
            encrypted.require_eu(client)


def test_the_list_of_regions_holds_none_outside_the_eu() -> None:
    assert not {"eu-west-2", "eu-central-2", "us-east-1", "uk", "bhs", "ch-gva-2", "ch-dk-2"} & set(EU)
    assert all("," in place for place in EU.values())


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/logs", ("bucket", "logs/", None)),
        ("s3://KEY:s%2Fe%40c@bucket/a%20b/", ("bucket", "a b/", ("KEY", "s/e@c", ""))),
        ("s3://bucket?region=eu-west-1&endpoint_url=http%3A%2F%2Flocalhost%3A1", ("bucket", "", None)),
    ],
)
def test_a_connection_is_written_as_a_url(url: str, shown: tuple[object, ...]) -> None:
    place = Place.of(Connection("logs", url))
    assert (place.bucket, place.root, place.login) == shown
    assert "s/e@c" not in repr(place)
    if "?" in url:
        assert (place.region, place.endpoint) == ("eu-west-1", "http://localhost:1")


@pytest.mark.parametrize("url", ["s3:///logs", "s3://KEY@bucket/logs", "s3://"])
def test_a_connection_without_a_bucket_or_with_half_a_login_says_what_to_write(url: str) -> None:
    with pytest.raises(BadConfiguration, match=r"storage\.place"):
        Place.of(Connection("logs", url))


@pytest.mark.parametrize("minutes", [-30, 30])
def test_a_machine_whose_clock_is_far_off_is_let_do_nothing_and_says_what_it_may_be(
    s3: Seaweed, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    """A request is signed for a moment, which the server compares with its own; so it cannot be replayed later."""
    bucket = s3.bucket()
    put(S3Store(s3.connection(bucket)), "a", b"old")
    wrong = S3Store(s3.connection(bucket), attempts=1)
    assert get(wrong, "a") == b"old"
    now = botocore.auth.get_current_datetime
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *more: now(*more) + timedelta(minutes=minutes))
    for act in (lambda: put(wrong, "a", b"new"), lambda: wrong.delete("a"), lambda: list(wrong.list())):
        with pytest.raises(PrivacyError, match=r"storage\.(clock|denied)") as caught:
            act()
        assert caught.value.advice
    monkeypatch.undo()
    assert get(wrong, "a") == b"old"
