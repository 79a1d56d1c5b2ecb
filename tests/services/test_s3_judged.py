"""Many objects are removed while the next ones are looked at: no check is weaker for it, and no failure is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from privacy import storage_s3_judged
from privacy.errors import RetryLater
from privacy.storage_s3 import S3Store
from services.faulty import Answer, Asked, Faulty, Pass, error, faulty
from services.seaweed import Seaweed

SPAN = 20
KEYS = [f"k/{n:03}" for n in range(9 * SPAN)]


@pytest.fixture
def front(s3: Seaweed) -> Iterator[Faulty]:
    with faulty(s3.port) as made:
        yield made


@pytest.fixture(params=[False, True], ids=["plain", "versions"])
def bucket(request: pytest.FixtureRequest, s3: Seaweed) -> str:
    name = s3.bucket(versions=request.param)
    for key in KEYS:
        s3.client.put_object(Bucket=name, Key=key, Body=key.encode())
    return name


@pytest.fixture
def kept(s3: Seaweed, front: Faulty, bucket: str, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    monkeypatch.setattr(storage_s3_judged, "_SPAN", SPAN)
    return S3Store(s3.connection(bucket, endpoint=front.endpoint), attempts=1, seconds=5)


def there(s3: Seaweed, bucket: str) -> list[str]:
    return [one["Key"] for one in s3.client.list_objects_v2(Bucket=bucket).get("Contents", [])]


def looks(asked: Asked) -> bool:
    """Whether it is a list of objects that are looked at again before they go."""
    return asked.method == "GET" and "list-type=2" in asked.path


def test_all_go_whatever_the_order_they_are_named_in_and_each_is_answered_for_itself(
    s3: Seaweed, kept: S3Store, bucket: str
) -> None:
    entries = list(kept.list())
    s3.client.put_object(Bucket=bucket, Key="k/007", Body=b"newer")
    s3.client.put_object(Bucket=bucket, Key="another", Body=b"x")
    entries.reverse()
    told = kept.delete_all(entries)
    assert {e.key: p.code for e, p in zip(entries, told, strict=True) if p is not None} == {"k/007": "storage.changed"}
    assert there(s3, bucket) == ["another", "k/007"]


def test_what_is_put_there_after_the_look_stays_whichever_span_it_is_of(
    s3: Seaweed, kept: S3Store, front: Faulty, bucket: str
) -> None:
    """Edge case 14: the first request to remove anything comes when the next ones are looked at already."""
    entries, lock, first = list(kept.list()), threading.Lock(), []

    def rule(asked: Asked, forward: Pass) -> Answer:
        with lock:
            if asked.deletes and not first:
                first.append(asked.body)
                for key in ("k/003", f"k/{SPAN + 3:03}", KEYS[-1]):
                    s3.client.put_object(Bucket=bucket, Key=key, Body=b"another's")
        return forward()

    front.rule = rule
    told = kept.delete_all(entries)
    assert first
    changed = [entry.key for entry, problem in zip(entries, told, strict=True) if problem is not None]
    left = {key: s3.client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in there(s3, bucket)}
    assert left == dict.fromkeys(("k/003", f"k/{SPAN + 3:03}", KEYS[-1]), b"another's")
    # A version of its own is removed by its id, so that the newer one stands and the older one is truly gone.
    assert set(changed) <= set(left)
    assert KEYS[-1] in changed


def test_a_look_that_fails_in_the_middle_keeps_the_rest_and_what_went_before_is_told_as_gone(
    s3: Seaweed, kept: S3Store, front: Faulty, bucket: str
) -> None:
    """A server that is busy from some moment on: nothing that was not looked at is removed."""
    entries, seen = list(kept.list()), []

    def rule(asked: Asked, forward: Pass) -> Answer:
        if looks(asked):
            seen.append(asked)
            if len(seen) > 3:
                return error(503, "SlowDown")
        return forward()

    front.rule = rule
    told = kept.delete_all(entries)
    codes = [None if problem is None else problem.code for problem in told]
    assert codes == [None] * 3 * SPAN + ["storage.busy"] * 6 * SPAN
    assert [p.where for p in told if p is not None] == KEYS[3 * SPAN :]
    assert there(s3, bucket) == KEYS[3 * SPAN :]


def test_where_the_very_first_look_fails_nothing_is_removed(
    s3: Seaweed, kept: S3Store, front: Faulty, bucket: str
) -> None:
    entries = list(kept.list())
    front.rule = lambda asked, forward: error(503, "SlowDown") if looks(asked) else forward()
    with pytest.raises(RetryLater, match=r"storage\.busy"):
        kept.delete_all(entries)
    assert there(s3, bucket) == KEYS


def test_looks_run_ahead_of_removals_by_a_few_spans_at_most(kept: S3Store, front: Faulty) -> None:
    """A look is worth something only right before."""
    entries, free, seen, most = list(kept.list()), threading.Event(), [], []

    def rule(asked: Asked, forward: Pass) -> Answer:
        if looks(asked):
            seen.append(asked)
        if asked.deletes and not free.is_set():
            free.wait(1.5)
            most.append(len(seen))
            free.set()
        return forward()

    front.rule = rule
    assert not any(kept.delete_all(entries))
    assert 1 < most[0] <= storage_s3_judged._AT_ONCE + 1 < len(KEYS) // SPAN
