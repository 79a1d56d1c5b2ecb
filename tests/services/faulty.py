"""A server in front of another that passes everything on, but for what a test says: refusals, delays, cut answers."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DROPPED = ("connection", "transfer-encoding", "content-length", "date", "server")


@dataclass(frozen=True)
class Asked:
    """A request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def deletes(self) -> bool:
        """Whether it is one for many objects to be removed."""
        return self.method == "POST" and "delete" in self.path.partition("?")[2]


@dataclass
class Answer:
    """What is answered.

    :param cut: so many bytes of the body are sent, and the connection is closed. -1: not even a status.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


def error(status: int, code: str) -> Answer:
    """An error as S3 says it."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>jan@klant.example</Message></Error>"
    return Answer(status, body.encode(), {"Content-Type": "application/xml"})


Pass = Callable[[], Answer]
Rule = Callable[[Asked, Pass], Answer]


class Faulty:
    """A running one.

    :param rule: is given each request and what passes it on, and says what is answered.
    """

    def __init__(self, port: int) -> None:
        self.behind = port
        self.rule: Rule = lambda _, forward: forward()
        self.seen: list[Asked] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def forward(self, asked: Asked) -> Answer:
        link = http.client.HTTPConnection("127.0.0.1", self.behind, timeout=30)
        try:
            link.request(
                asked.method, asked.path, asked.body, {k: v for k, v in asked.headers.items() if k != "expect"}
            )
            got = link.getresponse()
            size = got.headers.get("Content-Length", "0") if asked.method == "HEAD" else None
            headers = {k: v for k, v in got.getheaders() if k.lower() not in DROPPED}
            return Answer(got.status, got.read(), headers | ({} if size is None else {"Content-Length": size}))
        finally:
            link.close()


def _handler(faulty: Faulty) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            faulty.seen.append(asked)
            answer = faulty.rule(asked, lambda: faulty.forward(asked))
            with suppress(ConnectionError):  # Whoever asked may have given up waiting.
                if answer.cut == -1:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in answer.headers:
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body[: answer.cut])
                self.close_connection = self.close_connection or answer.cut is not None

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def faulty(port: int) -> Iterator[Faulty]:
    """One in front of a loopback port, until the block ends."""
    made = Faulty(port)
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
        thread.join(5)
