"""A service that runs pipelines, as the proxy routes find it outside: it answers as it is told to, and keeps all."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TOKEN = "upstream-token-canary"
EVENTS = "text/event-stream"


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Answer:
    """An answer; ``stays`` leaves the connection open after it, as a stream does."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    stays: bool = False


Answering = Callable[[BaseHTTPRequestHandler], object]
Said = Answer | Answering | dict[str, Any]


def events(text: str, **more: Any) -> Answer:
    """A stream of events."""
    return Answer(text.encode(), headers={"Content-Type": EVENTS}, **more)


@dataclass
class Upstream:
    """Answers each path, with its method, by ``says``; the same to all where there is only the one for ``*``."""

    url: str = ""
    says: dict[str, Said] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Keep a request, and answer it."""
        parts = urlsplit(handler.path)
        content = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        body = json.loads(content) if content else None
        path = parts.path.removeprefix("/base")
        self.asked.append(Asked(handler.command, path, dict(parse_qsl(parts.query)), dict(handler.headers), body))
        said = self.says.get(f"{handler.command} {path}", self.says.get("*", Answer(b"{}", 404)))
        if callable(said):
            said(handler)
        else:
            self._send(handler, said if isinstance(said, Answer) else Answer(json.dumps(said).encode()))

    def _send(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        handler.send_response(answer.status)
        length = {} if answer.stays else {"Content-Length": str(len(answer.body))}
        for name, value in {**length, **answer.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(answer.body)
        if answer.stays:
            self.over.wait(20)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up is no news."""


@contextmanager
def serving() -> Iterator[Upstream]:
    """An upstream on a port of its own."""
    upstream = Upstream()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            upstream.answer(self)

        def do_POST(self) -> None:
            upstream.answer(self)

        def do_DELETE(self) -> None:
            upstream.answer(self)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    upstream.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield upstream
    finally:
        upstream.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
