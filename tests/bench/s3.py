"""Objects of a bucket removed: ours, with a look at each right before it goes, beside ``s5cmd rm``, which looks at none.

The server is a private SeaweedFS; most of the time is its own. Both have it in turn, in buckets of their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness import Row

from conftest_purges import Studio
from privacy.sources.base import Delete, Identifier, Of, Selection, Step, Subject
from services.faulty import faulty
from services.seaweed import REGION, Seaweed, of_python, seaweed

OBJECTS, EACH, TURNS = 10_000, 100, 3


class _Bucket:
    """A bucket with papers of cases, and a studio whose papers they are."""

    def __init__(self, server: Seaweed, folder: Path, *, versions: bool) -> None:
        self.name, self.server = server.bucket(versions=versions), server
        self._folder, papers = folder, folder / "papers"
        for number in range(OBJECTS // EACH if not papers.exists() else 0):
            (papers / str(number)).mkdir(parents=True)
            for n in range(EACH):
                (papers / str(number) / f"{n:02}.pdf").write_bytes(b"%PDF-1.4" + bytes(2_000))
        self._s5cmd("cp", f"{papers}/", f"s3://{self.name}/scans/cases/")
        time.sleep(1)  # What the server has still to do is nobody's time.

    def left(self) -> int:
        found = self.server.client.list_object_versions(Bucket=self.name)
        return len(found.get("Versions", [])) + len(found.get("DeleteMarkers", []))

    def ours(self) -> tuple[float, int]:
        """Seconds that the source's own apply takes for a batch of a plan, and how many requests it makes."""
        bucket, connection = self, self.server.connection(self.name, "scans", name="scans")

        class OnS3(Studio):
            @property
            def variables(self) -> dict[str, str]:
                options = "&".join(f"{name}={value}" for name, value in connection.options.items())
                return super().variables | {"PRIVACY_CONNECTION_SCANS": f"{connection.url}?{options}"}

        studio = OnS3(self._folder / bucket.name)
        source: Any = studio.house.source("scans")
        pick = Of(tuple(Subject(n + 1, (Identifier("studio.case_no", n),)) for n in range(OBJECTS // EACH)))
        selection, asked = Selection("papers", pick), list[str]()
        items = tuple(i for p in source.partitions(selection) for i in source.locate(selection, p))
        client = source._store._bucket.client
        client.meta.events.register("before-send.s3", lambda request, **_: asked.append(request.method))
        begun = time.perf_counter()
        done = sum(o.records for o in source.apply([Step(selection, Delete(), items)], []))
        seconds = time.perf_counter() - begun
        if done != OBJECTS or self.left():
            raise AssertionError((done, self.left()))
        return seconds, len(asked)

    def peer(self, *more: str, endpoint: str = "") -> float:
        """Seconds that s5cmd takes."""
        begun = time.perf_counter()
        self._s5cmd("rm", *more, f"s3://{self.name}/*", endpoint=endpoint)
        seconds = time.perf_counter() - begun
        if self.left():
            raise AssertionError("an object is left")
        return seconds

    def _s5cmd(self, *words: str, endpoint: str = "") -> None:
        login = {"AWS_ACCESS_KEY_ID": self.server.key, "AWS_SECRET_ACCESS_KEY": self.server.secret}
        command = [of_python("s5cmd"), "--endpoint-url", endpoint or self.server.endpoint, *words]
        env = os.environ | login | {"AWS_REGION": REGION}
        subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)


def _fastest(make: Callable[[], _Bucket], *more: str) -> tuple[float, float, int]:
    """Ours and s5cmd's seconds, the best of several in turn, and our requests."""
    ours, peer, requests = inf, inf, 0
    for _ in range(TURNS):
        peer = min(peer, make().peer(*more))
        seconds, requests = make().ours()
        ours = min(ours, seconds)
        if os.environ.get("SHOW"):
            sys.stderr.write(f"{more}: s5cmd {OBJECTS / peer:,.0f} a second, ours {OBJECTS / ours:,.0f}\n")
    return ours, peer, requests


def objects() -> list[Row]:
    """10,000 objects of a plan, and as many of a bucket that keeps versions."""
    found, size = [], f"{OBJECTS:,} objects"
    with tempfile.TemporaryDirectory() as name, seaweed(Path(name) / "server") as server:
        for versions, words, more in ((False, "", ()), (True, ", versions kept", ("--all-versions",))):

            def make(*, versions: bool = versions) -> _Bucket:
                return _Bucket(server, Path(name), versions=versions)

            ours, peer, requests = _fastest(make, *more)
            with faulty(server.port) as counting:
                make().peer(*more, endpoint=counting.endpoint)
                theirs = len(counting.seen)
            command = " ".join(("s5cmd rm", *more))
            found += [
                Row(f"purge of objects over S3{words}: apply", f"{size}, {OBJECTS / ours:,.0f} a second", "s",
                    round(ours, 2), round(peer, 2), f"{command}: {OBJECTS / peer:,.0f} a second",
                    round(ours / peer, 2), "at least as fast", ours <= peer),
                Row(f"purge of objects over S3{words}: requests", size, "requests", requests, theirs, command,
                    round(requests / theirs, 2), "shown", True),
            ]  # fmt: skip
    return found


if __name__ == "__main__":
    for row in objects():
        sys.stdout.write(f"{row}\n")
