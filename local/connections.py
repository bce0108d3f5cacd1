"""Open WebSockets, and API Gateway's management API for them: ``/@connections/{id}``, which boto3 speaks.

All of it runs on the event loop, so that nothing here needs a lock and a post costs next to nothing.
"""

import asyncio
import base64
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .proxy import Event, HttpAnswer
from .refusals import json_answer

MESSAGE_LIMIT = 128 * 1024
"""Bytes of one message, either way; API Gateway's own limit."""
NORMAL, GOING_AWAY, DROPPED = 1000, 1001, 1006
"""Codes of RFC 6455, section 7.4.1."""
# What waits for one client, beyond what the network's buffers hold of it.
_PENDING = 128
_ID_BYTES = 11

Send = Callable[[Event], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long a connection may last, in seconds.

    ``idle``, from the last message either way, and ``lifetime`` are API Gateway's own, though that counts the client's
    pings too. A client that takes nothing for ``stall`` is gone, whatever its socket says.
    """

    idle: float = 600.0
    lifetime: float = 7200.0
    stall: float = 10.0


class Gone(Exception):
    """The connection is closed, or was dropped just now because its client is too slow."""


class Connection:
    """One client's end. What is posted to it is sent in that order by ``deliver``."""

    def __init__(self, source_ip: str, user_agent: str, limits: Limits) -> None:
        # Random enough that whoever knows it was told: the management API asks for nothing else here.
        self.id = base64.urlsafe_b64encode(secrets.token_bytes(_ID_BYTES)).decode()
        self.connected_at = time.time()
        self._made = time.monotonic()
        self.source_ip = source_ip
        self.user_agent = user_agent
        self.ended = (DROPPED, "")
        self._limits = limits
        self._pending: asyncio.Queue[Event] = asyncio.Queue(_PENDING)
        self._overrun = asyncio.Event()
        self._closing = False
        self.touch()

    @property
    def open(self) -> bool:
        """Whether it can still be posted to."""
        return not self._closing

    def touch(self) -> None:
        """A message passed: the idle limit counts from now."""
        self.active_at = time.time()
        self._touched = time.monotonic()

    def post(self, text: str) -> None:
        """Send a message after those before it, without waiting for the client.

        Raises:
            Gone: it is closed, or its client has too much waiting for it and is dropped.
        """
        if self._closing:
            raise Gone
        self._put({"type": "websocket.send", "text": text})
        self.touch()

    def close(self, code: int, reason: str = "") -> None:
        """Close it after what was posted. Of several closes the first one counts."""
        if self._closing:
            return
        self._closing = True
        self.ended = (code, reason)
        try:
            self._put({"type": "websocket.close", "code": code, "reason": reason})
        except Gone:
            self.ended = (DROPPED, "")

    async def deliver(self, send: Send) -> None:
        """Send what is posted; returns once the closing has been sent, or there is nobody to send to."""
        message: Event = {}
        try:
            while message.get("type") != "websocket.close":
                message = await self._pending.get()
                async with asyncio.timeout(self._limits.stall):
                    await send(message)
        except OSError:  # TimeoutError is one of them.
            self.leave(DROPPED, "")

    async def overrun(self) -> None:
        """Return when its client has been given up."""
        await self._overrun.wait()

    async def keep_time(self) -> None:
        """Close it when one of its limits is reached; then there is nothing more to wait for, and this goes on."""
        while (left := self._left()) > 0:  # noqa: ASYNC110  each sleep is as long as is left
            await asyncio.sleep(left)
        self.close(GOING_AWAY, "Going away")
        await asyncio.Future()

    def leave(self, code: int, reason: str) -> None:
        """The client has closed it, or is there no more."""
        if not self._closing:
            self._closing = True
            self.ended = (code, reason)

    def _put(self, message: Event) -> None:
        try:
            self._pending.put_nowait(message)
        except asyncio.QueueFull:
            self._closing = True
            self._overrun.set()
            raise Gone from None

    def _left(self) -> float:
        now = time.monotonic()
        return min(self._touched + self._limits.idle - now, self._made + self._limits.lifetime - now)


class Connections:
    """Those whose handshake is done and that are not closed."""

    def __init__(self) -> None:
        self._held: dict[str, Connection] = {}

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._held.values()))

    def add(self, connection: Connection) -> None:
        """From now on it can be posted to."""
        self._held[connection.id] = connection

    def remove(self, connection: Connection) -> None:
        """It has ended."""
        self._held.pop(connection.id, None)

    def manage(self, method: str, connection_id: str, body: bytes) -> HttpAnswer:
        """Answer a request of the management API."""
        act, connection = _MANAGING.get(method), self._held.get(connection_id)
        if act is None:
            return _failure(403, "ForbiddenException", f"{method} is not one of the management API's methods.")
        if connection is None or not connection.open:
            return _gone()
        try:
            return act(connection, body)
        except Gone:
            return _gone()


def _post(connection: Connection, body: bytes) -> HttpAnswer:
    if len(body) > MESSAGE_LIMIT:
        return _failure(413, "PayloadTooLargeException", f"A message may have {MESSAGE_LIMIT} bytes.")
    try:
        connection.post(body.decode())
    except UnicodeDecodeError:
        return _failure(400, "BadRequestException", "A message is text in UTF-8.")
    return HttpAnswer(status=200, headers=[(b"content-length", b"0")], body=b"")


def _delete(connection: Connection, _body: bytes) -> HttpAnswer:
    connection.close(NORMAL)
    return HttpAnswer(status=204, headers=[], body=b"")


def _get(connection: Connection, _body: bytes) -> HttpAnswer:
    told: dict[str, Any] = {
        "connectedAt": _spelt(connection.connected_at),
        "identity": {"sourceIp": connection.source_ip, "userAgent": connection.user_agent},
        "lastActiveAt": _spelt(connection.active_at),
    }
    return json_answer(200, told)


_MANAGING: dict[str, Callable[[Connection, bytes], HttpAnswer]] = {"POST": _post, "DELETE": _delete, "GET": _get}


def _gone() -> HttpAnswer:
    return _failure(410, "GoneException", "There is no such connection.")


def _failure(status: int, kind: str, message: str) -> HttpAnswer:
    return json_answer(status, {"message": message}, x_amzn_errortype=kind)


def _spelt(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
