"""Edge case 12: versions, delete markers, unfinished uploads, object lock; and links that end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from privacy.errors import BadInput, GiveUp, Refused, RetryLater, Unreadable
from privacy.storage import Store
from privacy.storage_s3 import S3Store
from services.seaweed import Seaweed

KILLED = """
import json, os, signal, sys
from privacy.connections import Connection
from privacy.storage_s3 import S3Store
from privacy.storage_s3_removal import Removal
url, options, moment = json.load(sys.stdin)
store = S3Store(Connection("logs", url, options))
def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if moment == "removing":
    Removal.versions = kill
with store.write("a.log", replacing=store.stat("a.log")) as file:
    file.write(b"n" * (6 << 20))
    if moment == "writing":
        file.write(b"n" * (6 << 20))
        kill()
"""


def put(kept: Store, key: str, content: bytes = b"x") -> None:
    with kept.write(key) as file:
        file.write(content)


def get(kept: Store, key: str) -> bytes:
    with kept.open(key) as file:
        return file.read()


def raw(s3: Seaweed, bucket: str) -> list[tuple[str, bool]]:
    """All that is stored: keys, and whether it is a delete marker."""
    page = s3.client.list_object_versions(Bucket=bucket)
    return sorted(
        (one["Key"], which == "DeleteMarkers") for which in ("Versions", "DeleteMarkers") for one in page.get(which, [])
    )


@pytest.fixture
def bucket(s3: Seaweed) -> str:
    return s3.bucket(versions=True)


@pytest.fixture
def kept(s3: Seaweed, bucket: str) -> S3Store:
    return S3Store(s3.connection(bucket))


def test_a_key_is_gone_only_when_all_its_versions_and_markers_are(kept: S3Store, s3: Seaweed, bucket: str) -> None:
    for key in ("a", "b", "ab"):
        s3.client.put_object(Bucket=bucket, Key=key, Body=b"1")
        s3.client.delete_object(Bucket=bucket, Key=key)
        s3.client.put_object(Bucket=bucket, Key=key, Body=b"2")
        s3.client.put_object(Bucket=bucket, Key=key, Body=b"3")
    kept.delete("a")
    assert [entry[0] for entry in raw(s3, bucket)] == ["ab"] * 4 + ["b"] * 4
    assert kept.delete_all([kept.stat("b")]) == [None]
    assert [entry[0] for entry in raw(s3, bucket)] == ["ab"] * 4
    assert get(kept, "ab") == b"3"


def test_what_is_replaced_leaves_no_older_version(kept: S3Store, s3: Seaweed, bucket: str) -> None:
    """A rewritten log whose old version stays is not purged."""
    for content in (b"1", b"2"):
        s3.client.put_object(Bucket=bucket, Key="a", Body=content)
    s3.client.put_object(Bucket=bucket, Key="ab", Body=b"sibling")
    with kept.write("a", replacing=kept.stat("a")) as file:
        file.write(b"new")
    put(kept, "a", b"newer")
    assert raw(s3, bucket) == [("a", False), ("ab", False)]
    assert get(kept, "a") == b"newer"


def test_what_lies_below_a_delete_marker_is_listed_cannot_be_opened_and_can_be_deleted(
    kept: S3Store, s3: Seaweed, bucket: str
) -> None:
    """Nobody sees it in the console, and it is stored for ever."""
    put(kept, "seen")
    s3.client.put_object(Bucket=bucket, Key="a", Body=b"12345")
    s3.client.delete_object(Bucket=bucket, Key="a")
    (entry, seen) = kept.list()
    assert (entry.key, entry.bytes, entry.identity, entry.regular) == ("a", 5, "hidden", False)
    assert kept.stat("a") == entry
    assert seen.regular
    with pytest.raises(Unreadable, match=r"storage\.hidden"):
        kept.open("a")
    with pytest.raises(Unreadable, match=r"storage\.hidden"), kept.write("a", replacing=entry):
        pass
    with pytest.raises(Unreadable, match=r"storage\.hidden"):
        kept.link("a", 60)
    kept.delete("a", expected=entry)
    assert raw(s3, bucket) == [("seen", False)]


def test_a_newer_version_than_the_one_that_was_seen_stays_with_all_others(
    kept: S3Store, s3: Seaweed, bucket: str
) -> None:
    """Edge case 14."""
    put(kept, "a", b"1")
    seen = kept.stat("a")
    s3.client.put_object(Bucket=bucket, Key="a", Body=b"1")  # The same content, and yet another object.
    with pytest.raises(RetryLater, match=r"storage\.changed"):
        kept.delete("a", expected=seen)
    assert [p and p.code for p in kept.delete_all([seen])] == ["storage.changed"]
    assert len(raw(s3, bucket)) == 2


def test_versions_that_were_turned_on_meanwhile_are_noticed(s3: Seaweed) -> None:
    bucket = s3.bucket()
    kept = S3Store(s3.connection(bucket))
    for key in ("a", "b"):
        put(kept, key)
    s3.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    kept.delete("a")
    assert raw(s3, bucket) == [("b", False)]
    put(kept, "b", b"new")
    assert raw(s3, bucket) == [("b", False)]


def test_versions_that_were_suspended_are_removed_as_well(kept: S3Store, s3: Seaweed, bucket: str) -> None:
    put(kept, "a", b"1")
    put(kept, "b", b"1")
    s3.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.client.put_object(Bucket=bucket, Key="a", Body=b"22")
    assert [e.bytes for e in kept.list("a")] == [2]
    assert list(kept.list("a")) == [kept.stat("a")]
    with kept.write("a", replacing=kept.stat("a")) as file:
        file.write(b"333")
    assert get(kept, "a") == b"333"
    assert raw(s3, bucket) == [("a", False), ("b", False)]
    assert kept.delete_all(list(kept.list())) == [None, None]
    assert raw(s3, bucket) == []


@pytest.mark.parametrize("how", ["hold", "retention"])
def test_object_lock_is_honoured_and_told_as_held(s3: Seaweed, how: str) -> None:
    bucket = s3.bucket(locked=True)
    kept = S3Store(s3.connection(bucket))
    until = datetime.now(UTC) + timedelta(hours=1)
    lock = (
        {"ObjectLockLegalHoldStatus": "ON"} if how == "hold"
        else {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}
    )  # fmt: skip
    s3.client.put_object(Bucket=bucket, Key="a", Body=b"old", **lock)
    put(kept, "b")
    entries = list(kept.list())
    with pytest.raises(Refused, match=r"storage\.held"):
        kept.delete("a")
    with pytest.raises(Refused, match=r"storage\.held"), kept.write("a", replacing=entries[0]) as file:
        file.write(b"never")
    assert [p and p.code for p in kept.delete_all(entries)] == ["storage.held", None]
    assert get(kept, "a") == b"old"
    assert raw(s3, bucket) == [("a", False)]
    if how == "hold":
        s3.client.put_object_legal_hold(Bucket=bucket, Key="a", LegalHold={"Status": "OFF"})
        kept.delete("a")
        assert raw(s3, bucket) == []


def test_an_older_version_that_is_held_keeps_its_key_and_the_newer_ones(s3: Seaweed) -> None:
    bucket = s3.bucket(locked=True)
    kept = S3Store(s3.connection(bucket))
    s3.client.put_object(Bucket=bucket, Key="a", Body=b"old", ObjectLockLegalHoldStatus="ON")
    s3.client.put_object(Bucket=bucket, Key="a", Body=b"new")
    with pytest.raises(Refused, match=r"storage\.held"):
        kept.delete("a")
    with pytest.raises(Refused, match=r"storage\.held"), kept.write("a", replacing=kept.stat("a")):
        pass
    assert get(kept, "a") == b"new"
    assert len(raw(s3, bucket)) == 2


def killed(s3: Seaweed, bucket: str, moment: str) -> None:
    import json

    connection = s3.connection(bucket)
    said = json.dumps([connection.url, dict(connection.options), moment])
    done = subprocess.run([sys.executable, "-c", KILLED], input=said, text=True, check=False, env=os.environ | PATHS)
    assert done.returncode == -signal.SIGKILL


PATHS = {"PYTHONPATH": str(Path(__file__).parents[2] / "plugins")}


def test_what_a_killed_writer_left_is_swept_when_no_writer_can_live_so_long(
    kept: S3Store, s3: Seaweed, bucket: str
) -> None:
    """Edge case 7: old, never half; and edge case 12: an unfinished upload is stored, and in no list."""
    put(kept, "a.log", b"old")
    killed(s3, bucket, "writing")
    assert get(kept, "a.log") == b"old"
    assert kept.sweep("a") == 0
    soon = S3Store(s3.connection(bucket), lives=timedelta(seconds=-5))
    assert soon.sweep("b") == 0
    assert soon.sweep("a") == 1
    assert not s3.client.list_multipart_uploads(Bucket=bucket).get("Uploads")
    assert get(kept, "a.log") == b"old"


def test_the_older_version_that_a_killed_writer_left_is_swept(kept: S3Store, s3: Seaweed, bucket: str) -> None:
    """Edge case 13: killed after the new content stood, and before the old one went."""
    put(kept, "a.log", b"old")
    for content in (b"1", b"2"):
        s3.client.put_object(Bucket=bucket, Key="b.log", Body=content)  # Somebody else's versions are theirs.
    killed(s3, bucket, "removing")
    assert raw(s3, bucket) == [("a.log", False)] * 2 + [("b.log", False)] * 2
    assert kept.sweep("a") == 1
    assert kept.sweep() == 0
    assert raw(s3, bucket) == [("a.log", False)] + [("b.log", False)] * 2
    assert len(get(kept, "a.log")) == 6 << 20


def test_versions_of_somebody_who_copied_an_object_of_ours_stay(kept: S3Store, s3: Seaweed, bucket: str) -> None:
    """Its metadata goes along with the copy."""
    put(kept, "a", b"ours")
    s3.client.put_object(Bucket=bucket, Key="b", Body=b"theirs")
    s3.client.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
    assert kept.sweep() == 0
    assert len(raw(s3, bucket)) == 3


def test_a_delete_marker_that_hides_nothing_is_swept(kept: S3Store, s3: Seaweed, bucket: str) -> None:
    """Its key may be a name."""
    s3.client.delete_object(Bucket=bucket, Key="jan.pdf")
    assert raw(s3, bucket) == [("jan.pdf", True)]
    assert kept.sweep() == 1
    assert raw(s3, bucket) == []


def many(s3: Seaweed, bucket: str, keys: Sequence[str]) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda key: s3.client.put_object(Bucket=bucket, Key=key, Body=key.encode()), keys))


def test_more_than_a_thousand_are_removed_and_siblings_stay(s3: Seaweed) -> None:
    """Edge case 12: 1,001 keys are one too many for a request, and 1,000 for a page."""
    bucket = s3.bucket()
    kept = S3Store(s3.connection(bucket, "a"))
    many(s3, bucket, [f"a/{n:04}" for n in range(1_050)] + ["a-b", "a/x"])
    entries = [entry for entry in kept.list() if entry.key != "x"]
    assert len(entries) == 1_050
    assert kept.delete_all(entries) == [None] * 1_050
    assert raw(s3, bucket) == [("a-b", False), ("a/x", False)]


def test_versions_that_the_server_does_not_list_are_removed_all_the_same(s3: Seaweed) -> None:
    """SeaweedFS walks by folder, and loses ``a.log`` among a thousand ``a.log-...``: see docs/adr/0013."""
    bucket = s3.bucket(versions=True)
    kept = S3Store(s3.connection(bucket))
    for content in (b"1", b"2", b"3"):
        s3.client.put_object(Bucket=bucket, Key="a.log", Body=content)
    many(s3, bucket, [f"a.log-{n:04}" for n in range(1_001)])
    pages = s3.client.get_paginator("list_object_versions").paginate(Bucket=bucket)
    assert "a.log" not in {one["Key"] for page in pages for one in page["Versions"]}, "SeaweedFS is repaired: simplify"
    assert len(list(kept.list())) == 1_002
    with pytest.raises(GiveUp, match=r"storage\.unlisted"), kept.write("a.log", replacing=kept.stat("a.log")):
        pass
    assert get(kept, "a.log") == b"3"
    kept.delete("a.log", expected=kept.stat("a.log"))
    with pytest.raises(Unreadable, match=r"storage\.missing"):
        kept.stat("a.log")
    rest = kept.delete_all(list(kept.list()))
    assert rest == [None] * 1_001
    assert raw(s3, bucket) == []


def test_a_link_is_good_for_its_time_and_for_this_object(kept: S3Store, s3: Seaweed) -> None:
    put(kept, "bundle é.age", b"sealed")
    link = kept.link("bundle é.age", 600)
    assert s3.secret not in link
    with urllib.request.urlopen(link) as answer:  # noqa: S310
        assert answer.read() == b"sealed"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(link.replace("bundle", "bundlf"))  # noqa: S310
    short = kept.link("bundle é.age", 1)
    time.sleep(2.1)  # The server counts whole seconds.
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(short)  # noqa: S310
    kept.delete("bundle é.age")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(link)  # noqa: S310


@pytest.mark.parametrize("seconds", [0, -1, 604_801])
def test_a_link_for_ever_or_for_no_time_is_refused(kept: S3Store, seconds: int) -> None:
    with pytest.raises(BadInput, match=r"storage\.link_term"):
        kept.link("a", seconds)


def test_a_link_to_nothing_is_not_made(kept: S3Store) -> None:
    with pytest.raises(Unreadable, match=r"storage\.missing"):
        kept.link("a", 60)


def test_what_has_no_proper_name_is_listed_and_not_touched(kept: S3Store, s3: Seaweed, bucket: str) -> None:
    """Edge case 9; and the empty "folders" that a console makes are no objects."""
    s3.client.put_object(Bucket=bucket, Key="folder/", Body=b"")
    put(kept, "folder/a")
    assert [e.key for e in kept.list()] == ["folder/a"]


def test_what_an_object_says_of_itself_stays_when_it_is_rewritten(kept: S3Store, s3: Seaweed, bucket: str) -> None:
    s3.client.put_object(
        Bucket=bucket, Key="a", Body=b"old", ContentType="text/plain", CacheControl="private", Metadata={"host": "web1"},
        Tagging="team=shop&kind=a%20b",
    )  # fmt: skip
    before = kept.stat("a")
    with kept.write("a", replacing=before) as file:
        file.write(b"new")
    head = s3.client.head_object(Bucket=bucket, Key="a")
    assert (head["ContentType"], head["CacheControl"], head["Metadata"]["host"]) == ("text/plain", "private", "web1")
    tags = s3.client.get_object_tagging(Bucket=bucket, Key="a")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "shop", "kind": "a b"}
    assert kept.stat("a").modified == before.modified
