"""What `privacy doctor` says of buckets: what may be done there, versions, object lock; and nothing is changed by asking."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from privacy.connections import Connection
from privacy.errors import BadConfiguration, RetryLater, Unreadable
from privacy.rights.doctor import Level, Said
from privacy.rights.doctor_stores import bucket
from privacy.storage_s3_doctor import Allowed, allowed
from services.faulty import Answer, Asked, Faulty, Pass, error, faulty
from services.seaweed import Seaweed

NEEDS = "rule papers"


@pytest.fixture
def front(s3: Seaweed) -> Iterator[Faulty]:
    with faulty(s3.port) as made:
        yield made


def said(connection: Connection, needs: str = NEEDS) -> list[Said]:
    found = list(bucket("scans", connection, needs))
    for one in found:
        assert one.level is Level.RIGHT or (one.code and one.advice)
        assert len(str(one)) < 400
    return found


def stored(s3: Seaweed, name: str) -> list[str]:
    page = s3.client.list_object_versions(Bucket=name)
    return [one["Key"] for which in ("Versions", "DeleteMarkers") for one in page.get(which, [])]


@pytest.mark.parametrize("versions", [False, True])
def test_a_bucket_that_may_be_purged_is_said_to_be_and_is_as_it_was(s3: Seaweed, versions: bool) -> None:
    name = s3.bucket(versions=versions)
    s3.client.put_object(Bucket=name, Key="a.pdf", Body=b"x")
    connection = s3.connection(name)
    assert allowed(connection) == Allowed(write=True, delete=True, versions=versions, lock=False, days=0)
    (one,) = said(connection)
    assert one.level is Level.RIGHT
    assert "written to and deleted from by rule papers" in one.message
    assert ("keeps versions" in one.message) is versions
    assert stored(s3, name) == ["a.pdf"]


@pytest.mark.parametrize("versions", [False, True])
def test_an_account_that_may_only_read_is_fatal_where_a_rule_purges_and_right_where_none_does(
    s3: Seaweed, versions: bool
) -> None:
    name = s3.bucket(versions=versions)
    connection = s3.connection(name, login=s3.reader)
    found = allowed(connection)
    assert (found.write, found.delete) == (False, False)
    assert next((one.level, one.code) for one in said(connection)) == (Level.FATAL, "permission.purge")
    assert "written to or deleted from; rule papers cannot delete" in said(connection)[0].message
    assert [one.level for one in said(connection, "")] == [Level.RIGHT]
    assert stored(s3, name) == []


def test_an_account_that_may_write_and_not_delete_is_told_apart(s3: Seaweed, front: Faulty) -> None:
    """As a policy of AWS may be; whoever says so once a key says so under 200."""
    name = s3.bucket()

    def rule(asked: Asked, forward: Pass) -> Answer:
        if asked.deletes:
            body = "<DeleteResult><Error><Key>x</Key><Code>AccessDenied</Code></Error></DeleteResult>"
            return Answer(200, body.encode())
        return forward()

    front.rule = rule
    (one,) = said(s3.connection(name, endpoint=front.endpoint))
    assert (one.level, one.code) == (Level.FATAL, "permission.purge")
    assert "cannot be deleted from" in one.message


def test_object_lock_and_how_long_it_keeps_what_is_new_are_told(s3: Seaweed) -> None:
    """Edge case 12."""
    name = s3.bucket(locked=True)
    codes = [one.code for one in said(s3.connection(name))]
    assert codes == ["", "permission.lock"]
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 30}}
    s3.client.put_object_lock_configuration(
        Bucket=name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    found = said(s3.connection(name))
    assert [one.code for one in found] == ["", "permission.retention"]
    assert "for 30 days" in found[1].message
    assert stored(s3, name) == []


def test_a_server_that_may_not_be_asked_about_locks_is_not_said_to_have_none(s3: Seaweed, front: Faulty) -> None:
    name = s3.bucket()
    front.rule = lambda asked, forward: error(403, "AccessDenied") if "object-lock" in asked.path else forward()
    assert [one.code for one in said(s3.connection(name, endpoint=front.endpoint))] == ["", "permission.lock_unknown"]


def test_a_server_that_knows_no_conditions_keeps_nothing_of_the_question(s3: Seaweed, front: Faulty) -> None:
    name = s3.bucket()

    def rule(asked: Asked, forward: Pass) -> Answer:
        if asked.method == "PUT":
            s3.client.put_object(Bucket=name, Key=asked.path.partition("?")[0].rpartition("/")[2], Body=b"")
            return Answer(200, b"", {"ETag": '"d41d8cd98f00b204e9800998ecf8427e"'})
        return forward()

    front.rule = rule
    found = allowed(s3.connection(name, endpoint=front.endpoint))
    assert found.write is True
    assert stored(s3, name) == []


def test_a_bucket_that_is_not_there_wrong_credentials_and_a_busy_server_are_errors_of_their_own(
    s3: Seaweed, front: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unreadable, match=r"storage\.missing"):
        allowed(s3.connection("no-such-bucket"))
    with pytest.raises(Unreadable, match=r"storage\.denied"):
        allowed(s3.connection(s3.bucket(), login=("nobody", "secret-of-nobody")))
    with pytest.raises(BadConfiguration, match=r"storage\.outside_eu"):
        allowed(s3.connection(s3.bucket(), region="us-east-1"))
    monkeypatch.setattr("privacy.storage_s3_doctor._ATTEMPTS", 1)
    connection = s3.connection(s3.bucket(), endpoint=front.endpoint)
    front.rule = lambda asked, forward: error(503, "SlowDown") if asked.method in ("PUT", "POST") else forward()
    with pytest.raises(RetryLater, match=r"storage\.busy"):
        allowed(connection)
