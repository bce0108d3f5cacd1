"""Requests to other servers: no redirects, and bounds on the size of an answer and on the time for all of it."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from socket import SHUT_RDWR

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

CHUNK_BYTES = 64 * 1024
# As many as there may be threads that ask one server at once.
KEPT_CONNECTIONS = 64


class AnswerTooLarge(Exception):
    """The answer is larger than what was allowed for."""


class AnswerTooSlow(urllib3.exceptions.HTTPError):
    """The answer came, but not all of it in time."""


@dataclass(frozen=True, slots=True)
class Received:
    """An answer, whatever its status; the names of its headers are found in any case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How many seconds there are for all of an exchange; and, where they are fewer, to connect and to hear anything."""

    seconds: float
    connect: float | None = None
    read: float | None = None


def exchange(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
    seconds: float | Patience,
    limit: int,
) -> Received:
    """Send one request, once, and read its answer, of at most ``limit`` bytes.

    Raises:
        urllib3.exceptions.HTTPError: there was no whole answer within ``seconds``.
        AnswerTooLarge: there was more of it.
    """
    patience = seconds if isinstance(seconds, Patience) else Patience(seconds=seconds)
    ends = time.monotonic() + patience.seconds
    with _answered(method, url, headers, body, patience) as response:
        content = bytearray()
        for chunk in _chunks(response, ends):
            content += chunk
            if len(content) > limit:
                raise AnswerTooLarge
        if time.monotonic() > ends:
            raise AnswerTooSlow("the answer took too long")
        return Received(response.status, response.headers, bytes(content))


def listen(url: str, *, headers: Mapping[str, str], patience: Patience, listening: float, limit: int) -> Received:
    """Send one GET, and read what comes of its answer while it lasts.

    Args:
        url: where to.
        headers: of the request.
        patience: for all of it.
        listening: for how many seconds after the answer's head to listen.
        limit: the most bytes to take of the content, of which the rest is left.

    Raises:
        urllib3.exceptions.HTTPError: no answer began in time. One that breaks off later has been what came of it.
    """
    ends = time.monotonic() + patience.seconds
    with _answered("GET", url, headers, None, patience) as response:
        content = bytearray()
        with suppress(urllib3.exceptions.HTTPError):
            for chunk in _chunks(response, min(ends, time.monotonic() + listening)):
                content += chunk
                if len(content) >= limit:
                    break
        return Received(response.status, response.headers, bytes(content[:limit]))


@contextmanager
def _answered(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None, patience: Patience
) -> Iterator[urllib3.BaseHTTPResponse]:
    response = _pool().request(
        method,
        url,
        headers=dict(headers),
        body=body,
        timeout=urllib3.Timeout(total=patience.seconds, connect=patience.connect, read=patience.read),
        # A redirect would carry what the request holds to a server that nobody has configured.
        redirect=False,
        retries=False,
        preload_content=False,
    )
    try:
        yield response
    finally:
        # One that was read to its end has gone back to the pool by then.
        response.close()


def _chunks(response: urllib3.BaseHTTPResponse, ends: float) -> Iterator[bytes]:
    """Whatever has come, as it comes, until then.

    And as it was sent: we ask for no compression, behind which any size could hide.
    """
    with suppress(TimeoutError), _hung_up_in(ends - time.monotonic(), lambda _: response.shutdown()):
        while time.monotonic() <= ends and (chunk := response.read1(CHUNK_BYTES, decode_content=False)):
            yield chunk


@contextmanager
def _hung_up_in(seconds: float, hang_up: Callable[[int], object]) -> Iterator[None]:
    """End a conversation in time: a time-out of the socket would start again with every byte of a slow answer.

    Raises:
        TimeoutError: that was done.
    """
    late = threading.Event()

    def end() -> None:
        late.set()
        with suppress(OSError, RuntimeError):  # It is over already.
            hang_up(SHUT_RDWR)

    timer = threading.Timer(max(seconds, 0), end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        if late.is_set():
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()
    # A connection that was shut looks like one that the server has closed, which may be how an answer ends.
    if late.is_set():
        raise TimeoutError


class _Connection(HTTPConnection):
    """One on which an answer's head comes as a whole within the time that there is to hear anything."""

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        """Wait for an answer."""
        with _hung_up_in(self.timeout or 0, self.sock.shutdown):
            return super().getresponse()


class _SecureConnection(_Connection, HTTPSConnection):
    """The same, by TLS."""


class _Connections(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecureConnections(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


@cache
def _pool() -> urllib3.PoolManager:
    pool = urllib3.PoolManager(maxsize=KEPT_CONNECTIONS)
    pool.pool_classes_by_scheme = {"http": _Connections, "https": _SecureConnections}
    return pool
