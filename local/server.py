"""uvicorn in a thread, on a socket that is ours from the start."""

import errno
import os
import socket
import threading
import time
from typing import Any

import uvicorn

from .connections import MESSAGE_LIMIT

# Longer than agents and browsers keep an idle connection, so that they do not send into one that is just closing.
KEEP_ALIVE_SECONDS = 75
GRACE_SECONDS = 3
_BACKLOG = 1024


class CannotListenError(Exception):
    """The address cannot be had; the message says why and what to do."""


def listen(host: str, port: int) -> socket.socket:
    """Take an address; port 0 takes any free one.

    Raises:
        CannotListenError: the port is in use, or the host is not this machine's.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return _bound(family, address)
    except OSError as error:
        message = f"Cannot listen on {host}, port {port}: {error.strerror or error}."
        if error.errno == errno.EADDRINUSE:
            message = f"Port {port} on {host} is in use. Choose another, such as PORT={port + 1}, or PORT=0 for any."
        raise CannotListenError(message) from error


def _bound(family: int, address: Any) -> socket.socket:  # noqa: ANN401  an address of that family
    # asyncio turns Nagle's algorithm off only for sockets that name their protocol, which create_server's do not;
    # an answer in two packets would then wait 40 ms for the peer's delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def url_of(listener: socket.socket) -> str:
    """How this machine reaches a listening socket."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared with, not bound to
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server:
    """An ASGI app behind a listening socket, which it owns."""

    def __init__(self, app: Any, listener: socket.socket) -> None:  # noqa: ANN401  uvicorn's types of ASGI are private
        config = uvicorn.Config(
            app,
            # The peer's address is the caller's: no header may say otherwise.
            proxy_headers=False,
            log_config=None,
            # Below this it tells of each WebSocket with its query, which holds a token.
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="websockets-sansio",
            ws_max_size=MESSAGE_LIMIT,
            # API Gateway neither compresses nor pings.
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            http="h11",
            loop="asyncio",
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        self._listener = listener
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    def start(self) -> None:
        """Serve; returns when the first request would be answered."""
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.005)

    def stop(self) -> None:
        """Stop taking requests, and give those under way ``GRACE_SECONDS``."""
        self._server.should_exit = True
        self._thread.join(timeout=GRACE_SECONDS + 5)

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])
