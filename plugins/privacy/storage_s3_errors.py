"""What an S3 server or boto3 says, as one of our errors: the codes are those of the folder store where it has them.

Their texts quote addresses, keys and credentials' names; nothing of them is passed on. ``where`` is the key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore import exceptions as boto
from urllib3.exceptions import HTTPError

from privacy.errors import BadConfiguration, GiveUp, PrivacyError, Refused, RetryLater, Unreadable
from privacy.storage_errors import changed, missing


def denied(where: str) -> Unreadable:
    """The server does not let these credentials do it."""
    return Unreadable(
        "storage.denied", "The object store does not allow that with these credentials.", where=where,
        advice="Check the connection's access key, and what it is allowed to do in the bucket.",
    )  # fmt: skip


def held(where: str) -> Refused:
    """Object lock or a legal hold keeps it."""
    return Refused(
        "storage.held", "A legal hold or a retention date of the object store keeps it.", where=where,
        advice="It can go when whoever placed the hold lifts it, or when the date has passed.",
    )  # fmt: skip


def busy(where: str) -> RetryLater:
    """Throttled, failing or out of reach, after several tries."""
    return RetryLater("storage.busy", "The store cannot answer now.", where=where)


def hidden(where: str) -> Unreadable:
    """It was deleted, and its older versions were not."""
    return Unreadable(
        "storage.hidden", "The object was deleted, but older versions of it are still stored.", where=where,
        advice="Restore it, remove its versions, or let a lifecycle rule of the bucket end them.",
    )  # fmt: skip


def unlisted(where: str) -> GiveUp:
    """The server does not list a version that it has: what else it has of the object is not known."""
    return GiveUp(
        "storage.unlisted", "The object store does not list all versions of the object.", where=where,
        advice="Remove its older versions with the store's own tools; see docs/adr/0013-an-object-store-over-s3.md.",
    )  # fmt: skip


def _full(where: str) -> RetryLater:
    return RetryLater("storage.full", "The object store is full.", where=where, advice="Make room, then try again.")


def _clock(where: str) -> GiveUp:
    return GiveUp(
        "storage.clock", "This machine's clock is not the object store's.", where=where, advice="Set the clocks (NTP)."
    )


def _archived(where: str) -> Unreadable:
    return Unreadable(
        "storage.archived", "The object is archived and cannot be read now.", where=where,
        advice="Restore it from the archive tier, or keep such objects out of it.",
    )  # fmt: skip


_CODES: dict[str, Callable[[str], PrivacyError]] = {
    **dict.fromkeys(("NoSuchKey", "NoSuchBucket", "NoSuchVersion", "NotFound", "404"), missing),
    **dict.fromkeys(
        (
            "AccessDenied", "AllAccessDisabled", "AccountProblem", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken",
            "SignatureDoesNotMatch", "TokenRefreshRequired", "403", "401",
        ),
        denied,
    ),
    **dict.fromkeys(
        (
            "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "InternalError",
            "ServiceUnavailable", "RequestTimeout", "OperationAborted", "BandwidthLimitExceeded", "500", "502", "503",
            "504", "429",
        ),
        busy,
    ),
    **dict.fromkeys(("PreconditionFailed", "ConditionalRequestConflict", "412"), changed),
    **dict.fromkeys(("QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "507"), _full),
    "RequestTimeTooSkewed": _clock,
    "InvalidObjectState": _archived,
}  # fmt: skip


def of_code(code: str, where: str, status: int = 0) -> PrivacyError:
    """What a server's code is as one of ours; by the HTTP status if the code is not known."""
    make = _CODES.get(code) or _CODES.get(str(status))
    return GiveUp("storage.failed", "The store failed.", where=where) if make is None else make(where)


def of(problem: Exception, where: str) -> PrivacyError:
    """What boto3 or the connection raised, as one of ours."""
    if isinstance(problem, boto.ClientError):
        answer = problem.response
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return of_code(str(answer.get("Error", {}).get("Code", "")), where, status)
    if isinstance(problem, boto.NoCredentialsError | boto.PartialCredentialsError | boto.CredentialRetrievalError):
        return BadConfiguration(
            "storage.no_login", "There are no credentials for the object store.", where=where,
            advice="Give the connection a login (the access key) and a password (its secret).",
        )  # fmt: skip
    if isinstance(problem, boto.SSLError):
        return BadConfiguration(
            "storage.certificate", "The object store's certificate is not trusted.", where=where,
            advice="Correct the endpoint, or add its authority to the system's certificates.",
        )  # fmt: skip
    if isinstance(
        problem,
        boto.HTTPClientError
        | boto.ConnectionError
        | boto.IncompleteReadError
        | boto.ResponseStreamingError
        | HTTPError
        | OSError,
    ):
        return busy(where)
    return GiveUp("storage.failed", "The store failed.", where=where)


FAILURES = (boto.ClientError, boto.BotoCoreError, HTTPError, OSError)
"""What talking to a server raises."""


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn what boto3 raises into one of ours that names ``where``, ``from None``."""
    try:
        yield
    except FAILURES as problem:
        raise of(problem, where) from None
