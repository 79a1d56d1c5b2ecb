"""Where a bucket is: what a connection says of it, boto3's client for it, and whether it lies within the EU.

The connection: ``s3://KEY:SECRET@bucket/prefix``, and as options (or in the URL's query) ``endpoint_url`` (none: AWS),
``region``, ``session_token``. Without key and secret boto3 looks for them where it always does (a role of the machine).
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from ipaddress import ip_address
from threading import Lock
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import boto3
from botocore.config import Config
from botocore.session import get_session
from botocore.utils import parse_timestamp

from privacy.connections import Connection
from privacy.errors import BadConfiguration
from privacy.storage_s3_errors import busy, translated

EU: dict[str, str] = json.loads(files("privacy").joinpath("storage_s3_regions.json").read_text(encoding="utf-8"))
"""Regions within the EU, and where each is. London (eu-west-2) and Zurich (eu-central-2) are not."""

_MAKING = Lock()
"""boto3 makes one client at a time."""

THREADS = 16
"""So many requests at a time, at most."""


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket, and where in it.

    :param name: the connection's, for errors.
    :param root: what every key begins with: empty, or ends with ``/``, so that no sibling's key begins with it.
    :param endpoint: the server's URL; empty: AWS.
    :param region: as the connection declares it; may be empty.
    :param login: access key, secret, session token.
    """

    name: str
    bucket: str
    root: str
    endpoint: str
    region: str
    login: tuple[str, str, str] | None = field(repr=False)

    @classmethod
    def of(cls, connection: Connection) -> Place:
        """What a connection says. :raises BadConfiguration: ``storage.place``: it names no bucket, or half a login."""
        parts = urlsplit(connection.url)
        options = {**dict(parse_qsl(parts.query)), **connection.options}
        key, secret = unquote(parts.username or ""), unquote(parts.password or "")
        if parts.scheme != "s3" or not parts.hostname or bool(key) != bool(secret):
            raise BadConfiguration(
                "storage.place", "The connection names no bucket, or half a login.", where=connection.name,
                advice="Write it as s3://KEY:SECRET@bucket/prefix, KEY and SECRET percent-encoded.",
            )  # fmt: skip
        root = unquote(parts.path).strip("/")
        login = (key, secret, options.get("session_token", "")) if key else None
        endpoint = options.get("endpoint_url", "").rstrip("/")
        return cls(connection.name, parts.hostname, root and root + "/", endpoint, options.get("region", ""), login)

    def client(self, attempts: int, seconds: float) -> Any:
        """boto3's client; threads may share it.

        :param attempts: how often a request is tried at most. It waits longer each time, and a server that says
            "slow down" is asked less often from then on.
        :param seconds: how long an answer is awaited.
        """
        key, secret, token = self.login or (None, None, None)
        config = Config(
            signature_version="s3v4", retries={"mode": "adaptive", "total_max_attempts": attempts},
            connect_timeout=min(10, seconds), read_timeout=seconds, max_pool_connections=2 * THREADS,
            s3={"addressing_style": "path" if self.endpoint else "auto"},
        )  # fmt: skip
        # The session, which reads its descriptions of services for half a second, is made once.
        with _MAKING, translated(self.name):
            return _session().client(
                "s3", endpoint_url=self.endpoint or None, region_name=self.region or "eu-west-1", config=config,
                aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token or None,
            )  # fmt: skip

    def require_eu(self, client: Any) -> None:
        """Make sure that the bucket is there, and lies within the EU (promise EU).

        A server on this machine or a private network is where the connection says; of every other the server is asked.

        :raises BadConfiguration: ``storage.outside_eu``; ``storage.region``: nobody says where it is;
            ``storage.plain``: it would go over a public network unencrypted.
        :raises Unreadable: ``storage.missing``, ``storage.denied``.
        """
        near = self._near()
        if self.endpoint.startswith("http:") and not near:
            raise BadConfiguration(
                "storage.plain", "The object store would be spoken to unencrypted, over a public network.",
                where=self.name, advice="Write endpoint_url as https://...",
            )  # fmt: skip
        with translated(self.name):
            told = client.head_bucket(Bucket=self.bucket).get("BucketRegion")
            if near:
                told = self.region
            elif not told:
                told = client.get_bucket_location(Bucket=self.bucket).get("LocationConstraint")
                told = {"EU": "eu-west-1", None: "us-east-1" if self._amazon() else ""}.get(told, told)
        if not told:
            raise BadConfiguration(
                "storage.region", "Nobody says in which region the bucket is.", where=self.name,
                advice="Add the option region to the connection; a public server must confirm it.",
            )  # fmt: skip
        if told not in EU:
            raise BadConfiguration(
                "storage.outside_eu", "The bucket is not known to lie within the EU.", where=self.name,
                advice="Move it to a region within the EU (storage_s3_regions.json lists them).",
            )  # fmt: skip

    def _amazon(self) -> bool:
        host = urlsplit(self.endpoint).hostname or ""
        return not self.endpoint or host.endswith((".amazonaws.com", ".amazonaws.eu", ".amazonaws.com.cn"))

    def _near(self) -> bool:
        """Whether the server is on this machine or a private network; AWS's private endpoints lead to AWS."""
        if self._amazon():
            return False
        host = urlsplit(self.endpoint).hostname or ""
        try:
            found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
        except OSError:
            raise busy(self.name) from None
        addresses = [ip_address(one.partition("%")[0]) for one in found]
        return bool(addresses) and all(one.is_private or one.is_loopback for one in addresses)


@cache
def _session() -> Any:
    session = get_session()
    # Of a list of objects, most of the time went into its moments.
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_moment)
    return boto3.session.Session(botocore_session=session)


def _moment(said: Any) -> datetime:
    """A moment as a server writes it: nearly always in ISO 8601, or as HTTP does."""
    try:
        found = datetime.fromisoformat(said)
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    except (TypeError, ValueError):
        return cast(datetime, parse_timestamp(said))
