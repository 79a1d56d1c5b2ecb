"""What a bucket lets these credentials do, asked without changing anything.

Each question is one that cannot be done: to replace an object under a random key that was never there, and to remove
one. Whoever may not is told so; whoever may is told that it is not there. Only a server that knows no conditions would
write then, and what it wrote is removed again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from privacy.connections import Connection
from privacy.storage_s3_bucket import Bucket
from privacy.storage_s3_errors import FAILURES, of, of_code

_NONE = '"00000000000000000000000000000000"'
"""No object's ETag."""
_ATTEMPTS, _SECONDS = 3, 20.0


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a bucket is like for these credentials.

    :param write, delete: None: the server's answer does not tell.
    :param versions: it keeps, or has kept, versions.
    :param lock: object lock is on; None: these credentials may not ask.
    :param days: so long the bucket itself keeps each new object, whatever anybody wants.
    """

    write: bool | None
    delete: bool | None
    versions: bool
    lock: bool | None
    days: int


def allowed(connection: Connection) -> Allowed:
    """Ask. :raises BadConfiguration, Unreadable, RetryLater: as :class:`privacy.storage_s3.S3Store`: no answer."""
    bucket = Bucket(connection, _ATTEMPTS, _SECONDS)
    key, client, versioned = f".privacy-doctor-{secrets.token_hex(16)}", bucket.client, bucket.versioned
    about, name = bucket.about(key), bucket.place.name

    def write() -> bool:
        client.put_object(**about, Body=b"", IfMatch=_NONE)
        client.delete_object(**about)  # It knows no conditions, so it keeps no versions either.
        return True

    def delete() -> bool:
        # With versions, to remove a key without one would leave a marker.
        one = {"Key": about["Key"], **({"VersionId": "null"} if versioned else {"ETag": _NONE})}
        answer = client.delete_objects(Bucket=about["Bucket"], Delete={"Objects": [one]})
        codes = [of_code(str(bad.get("Code")), name).code for bad in answer.get("Errors", ())]
        return "storage.denied" not in codes

    lock, days = _lock(client, about["Bucket"], name)
    return Allowed(_may(write, name), _may(delete, name), versioned, lock, days)


def _may(do: Callable[[], bool], name: str) -> bool | None:
    """Whether it may be done; that it cannot be, because there is no such object, is a yes."""
    try:
        return do()
    except FAILURES as problem:
        told = of(problem, name)
        if told.code in ("storage.changed", "storage.missing"):
            return True
        if told.code == "storage.denied":
            return False
        if told.code == "storage.busy":
            raise told from None
        return None


def _lock(client: Any, bucket: str, name: str) -> tuple[bool | None, int]:
    """Whether object lock is on, and for how many days it keeps what is new."""
    try:
        said = client.get_object_lock_configuration(Bucket=bucket).get("ObjectLockConfiguration", {})
    except ClientError as problem:
        if str(problem.response.get("Error", {}).get("Code")) == "ObjectLockConfigurationNotFoundError":
            return False, 0
        told = of(problem, name)
        # A server that has never heard of it answers that there is nothing, or that it does not know the question.
        return (None if told.code == "storage.denied" else False), 0
    except FAILURES as problem:
        raise of(problem, name) from None
    rule = said.get("Rule", {}).get("DefaultRetention", {})
    return said.get("ObjectLockEnabled") == "Enabled", int(rule.get("Days") or 0) + 365 * int(rule.get("Years") or 0)
