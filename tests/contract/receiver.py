"""A receiver of webhooks: keeps what comes, and answers as it is told to."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answering = Callable[[BaseHTTPRequestHandler], object]


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: str

    def verified(self, secret: str) -> Any:
        """The body, whose signature must be good, as a receiver would read it."""
        from standardwebhooks import Webhook

        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """Answers by ``script``, a status or something stranger for each request in turn, and after that with 200."""

    url: str = ""
    script: list[int | Answering] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def host(self) -> str:
        """As the settings name it."""
        return self.url.removeprefix("http://")

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Keep a request, and answer it."""
        body = handler.rfile.read(int(handler.headers["Content-Length"])).decode()
        self.received.append(Received(handler.path, dict(handler.headers), body))
        told = self.script.pop(0) if self.script else 200
        if callable(told):
            told(handler)
        else:
            plain(handler, told)


def plain(handler: BaseHTTPRequestHandler, status: int, **headers: str) -> None:
    """An answer with a body that nobody is to see."""
    handler.send_response(status)
    for name, value in {"Content-Length": "9", **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(b"canary-42")


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up is no news."""


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver on a port of its own."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.answer(self)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        # The handshake is made by the thread that serves a connection: a client that ends it ends nothing else.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield receiver
    finally:
        receiver.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
