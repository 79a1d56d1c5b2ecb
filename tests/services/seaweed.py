"""A private SeaweedFS: an S3 server with credentials of its own, on loopback, in a fresh folder."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
from botocore.config import Config

from privacy.connections import Connection
from privacy.orchestration.embedded import free_port
from privacy.storage_s3_bucket import MODIFIED
from services.serving import program, running

REGION = "eu-west-1"


@dataclass(frozen=True)
class Seaweed:
    """A running server.

    :param key: the access key of an identity that may do everything; ``secret`` belongs to it.
    :param reader: key and secret of an identity that may only list and read.
    """

    port: int
    key: str
    secret: str
    reader: tuple[str, str]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def client(self) -> Any:
        """boto3's own, for what a test does behind the store's back."""
        return _client(self.endpoint, self.key, self.secret)

    def bucket(self, *, versions: bool = False, locked: bool = False) -> str:
        """A fresh bucket's name."""
        name, client = f"b{secrets.token_hex(8)}", self.client
        client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=locked)
        if versions:
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def upload(self, folder: Path, bucket: str, prefix: str = "") -> None:
        """Everything in a folder, with the times of its files (as what was rewritten keeps them)."""
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda path: self.send(bucket, prefix + path.relative_to(folder).as_posix(), path), files))

    def send(self, bucket: str, key: str, path: Path) -> None:
        """One file, with its time."""
        about = {"Bucket": bucket, "Key": key}
        micros = path.stat().st_mtime_ns // 1000
        upload = self.client.create_multipart_upload(**about, Metadata={MODIFIED: str(micros)})["UploadId"]
        part = self.client.upload_part(**about, UploadId=upload, PartNumber=1, Body=path.read_bytes())
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        self.client.complete_multipart_upload(**about, UploadId=upload, MultipartUpload=parts)

    def connection(
        self, bucket: str, prefix: str = "", *, name: str = "logs", login: tuple[str, str] | None = None,
        endpoint: str = "", region: str = REGION,
    ) -> Connection:  # fmt: skip
        """A connection as an operator writes it."""
        key, secret = login or (self.key, self.secret)
        url = f"s3://{quote(key, safe='')}:{quote(secret, safe='')}@{bucket}/{prefix}"
        return Connection(name, url, {"endpoint_url": endpoint or self.endpoint, "region": region})


def of_python(name: str) -> str:
    """Where a program is that came with a Python package: beside the interpreter, else wherever it is installed."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.is_file() else program(name)


@cache
def _client(endpoint: str, key: str, secret: str) -> Any:
    return boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret, region_name=REGION,
        config=Config(s3={"addressing_style": "path"}, max_pool_connections=16),
    )  # fmt: skip


@contextmanager
def seaweed(folder: Path) -> Iterator[Seaweed]:
    """A server until the block ends."""
    ports = {name: free_port() for name in ("s3", "s3g", "master", "masterg", "volume", "volumeg", "filer", "filerg")}
    key, secret, reader = f"test{secrets.token_hex(6)}", secrets.token_urlsafe(24), ("reads", secrets.token_urlsafe(24))
    folder.mkdir(parents=True, exist_ok=True)
    who = [
        {"name": "all", "credentials": [{"accessKey": key, "secretKey": secret}],
         "actions": ["Admin", "Read", "List", "Tagging", "Write"]},
        {"name": "reads", "credentials": [{"accessKey": reader[0], "secretKey": reader[1]}], "actions": ["Read", "List"]},
    ]  # fmt: skip
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": who}))
    config.chmod(0o600)
    # A socket's path must be short.
    sockets = Path(tempfile.mkdtemp(prefix="weed", dir="/tmp"))
    command = [
        of_python("weed"), "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", "-filer",
        f"-s3.config={config}", f"-s3.port={ports['s3']}", f"-s3.port.grpc={ports['s3g']}", "-s3.port.iceberg=0",
        "-s3.port.lance=0", f"-s3.localSocket={sockets / 's3.sock'}", f"-filer.localSocket={sockets / 'filer.sock'}",
        f"-master.port={ports['master']}", f"-master.port.grpc={ports['masterg']}", f"-volume.port={ports['volume']}",
        f"-volume.port.grpc={ports['volumeg']}", f"-filer.port={ports['filer']}", f"-filer.port.grpc={ports['filerg']}",
        "-master.volumeSizeLimitMB=64", "-volume.max=1000", "-master.telemetry=false",
    ]  # fmt: skip
    found = Seaweed(ports["s3"], key, secret, reader)

    def answers() -> bool:
        name = "ready"
        found.client.create_bucket(Bucket=name)
        found.client.put_object(Bucket=name, Key="x", Body=b"x")
        return True

    # Each bucket is volumes of its own; one of them is enough.
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}
    try:
        with running(command, folder, answers, env=env) as process:
            yield found
            process.kill()  # Asked kindly it takes 15 seconds, for data that nobody wants any more.
    finally:
        shutil.rmtree(sockets, ignore_errors=True)
