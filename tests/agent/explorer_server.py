"""A block explorer that says what a test has written down, and keeps what it was asked."""

import json
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request: its query and, of a form or JSON, its fields."""

    method: str
    path: str
    query: dict[str, str]
    fields: dict[str, Any]


@dataclass
class ExplorerServer:
    """`answers` are given in order, the last again and again: a status, a body, perhaps headers.

    A body is bytes, JSON, or `Chunks`.
    """

    url: str = ""
    answers: deque[tuple[Any, ...]] = field(default_factory=deque)
    asked: list[Asked] = field(default_factory=list)

    def says(self, *answers: Any) -> None:
        """Begin anew, with these answers: JSON for status 200, or tuples."""
        self.asked.clear()
        self.answers = deque(answer if isinstance(answer, tuple) else (200, answer) for answer in answers)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that have heard enough and hang up."""


@dataclass(frozen=True)
class Chunks:
    """A body whose length is not told beforehand."""

    pieces: Sequence[bytes]


def _framed(content: Any) -> tuple[dict[str, str], bytes]:
    """Give a body as it is sent, and the headers that say where it ends."""
    if isinstance(content, Chunks):
        sent = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*content.pieces, b""))
        return {"Transfer-Encoding": "chunked"}, sent
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    return {"Content-Length": str(len(content))}, content


@contextmanager
def explorer() -> Iterator[ExplorerServer]:
    """Run one."""
    state = ExplorerServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            is_json = "json" in self.headers.get("Content-Type", "")
            parts = urlsplit(self.path)
            fields = json.loads(body) if is_json else dict(parse_qsl(body.decode(), keep_blank_values=True))
            state.asked.append(
                Asked(method=self.command, path=parts.path, query=dict(parse_qsl(parts.query)), fields=fields)
            )
            status, content, *headers = state.answers.popleft() if len(state.answers) > 1 else state.answers[0]
            framing, content = _framed(content)
            self.send_response(status)
            for name, value in {**framing, **(headers[0] if headers else {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = serve  # noqa: N815  (names of http.server)

        def log_message(self, *_: object) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()
