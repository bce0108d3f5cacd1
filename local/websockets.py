"""API Gateway's WebSocket API for one process, with what CloudFront makes of its paths in front of it."""

import asyncio
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from chalice.app import Chalice
from chalice.local import LambdaContext

from .connections import GOING_AWAY, Connection, Connections, Gone, Limits, Send
from .proxy import Access, Event, HttpAnswer, HttpRequest, Scope, from_answer, query_pairs, to_request
from .refusals import Refusal, crashed, refuse, timed_out, unknown_path
from .websocket_events import CONNECT, DEFAULT, DISCONNECT, connect_event, disconnect_event, message_event

HANDLER_SECONDS = 29.0
"""API Gateway's integration time-out."""
PATH = re.compile(r"/api/ws/(build|analysis)/([A-Za-z0-9_-]{1,64})")
"""Where WebSockets are opened: the ``kind`` and the ``id`` of the query at the API's root, which is all that it has."""
# What clients are given to take what was posted to them and the closing, before the server's end cuts them off.
_STOP_SECONDS = 1.0
_SWITCHING = 101
_REFUSALS_FROM = 300

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

log = logging.getLogger("local.websockets")


class WebSockets:
    """Serves an app's WebSocket handlers over ASGI, each called as Lambda calls it, in one of ``threads``.

    An app without such handlers has no WebSocket API, and every handshake is refused with 404. Messages to an app
    that handles none are ignored.

    Args:
        app: whose handlers they are.
        threads: where handlers run.
        on_access: told of each handshake when it has been answered, on the event loop.
        limits: how long connections last.
    """

    def __init__(
        self, app: Chalice, threads: ThreadPoolExecutor, on_access: Callable[[Access], None], limits: Limits
    ) -> None:
        # By name: what is registered by a route is not what Lambda is given to call.
        self._handlers = {
            route: (config.name, app.handler_map[config.name]) for route, config in app.websocket_handlers.items()
        }
        self._threads = threads
        self._on_access = on_access
        self._limits = limits
        self._connections = Connections()
        self._serving: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection from its handshake to its end.

        Raises:
            OSError: the client left before its handshake was answered; uvicorn knows this of its own.
        """
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  for the type checker: this is a coroutine
        self._serving.add(task)
        try:
            await self._serve(to_request(scope), receive, send)
        finally:
            self._serving.discard(task)

    def manage(self, method: str, connection_id: str, body: bytes) -> HttpAnswer:
        """Answer a request to ``/@connections/{connection_id}``; only on the event loop."""
        return self._connections.manage(method, connection_id, body)

    def stop(self) -> None:
        """Close every connection with 1001, from another thread; returns when they have ended, or soon."""
        self._stopping = True
        if self._loop is not None and self._loop.is_running():
            asyncio.run_coroutine_threadsafe(self._leave(), self._loop).result()

    async def _leave(self) -> None:
        for connection in self._connections:
            connection.close(GOING_AWAY, "Going away")
        if self._serving:
            await asyncio.wait(self._serving, timeout=_STOP_SECONDS)

    async def _serve(self, request: HttpRequest, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        await receive()
        connection = Connection(request.source_ip, request.header("user-agent"), self._limits)
        refusal = await self._refusal(request, connection)
        try:
            if refusal is None:
                await send({"type": "websocket.accept"})
                await self._talk(request, connection, receive, send, started)
            else:
                await _refuse(send, refusal)
                self._tell(request, refusal.status, started)
        finally:
            if refusal is None:
                await self._disconnect(request, connection)

    async def _refusal(self, request: HttpRequest, connection: Connection) -> HttpAnswer | None:
        found = PATH.fullmatch(request.path)
        if found is None or not self._handlers:
            return unknown_path(request.path)
        if self._stopping:
            return refuse(Refusal(503, "SERVICE_UNAVAILABLE", "The server is stopping."))
        event = connect_event(request, _query(request, found), connection)
        if CONNECT not in self._handlers:
            return None
        try:
            answer = from_answer(await self._call(CONNECT, event), request.request_id)
        except TimeoutError:
            return timed_out()
        except Exception:
            log.exception("the handshake at %s failed", request.path)
            return crashed()
        return answer if answer.status >= _REFUSALS_FROM else None

    async def _talk(
        self, request: HttpRequest, connection: Connection, receive: Receive, send: Send, started: float
    ) -> None:
        self._connections.add(connection)
        self._tell(request, _SWITCHING, started)
        if self._stopping:
            connection.close(GOING_AWAY, "Going away")
        parts = (
            self._listen(request, connection, receive),
            connection.deliver(send),
            connection.overrun(),
            connection.keep_time(),
        )
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            # The first that ends ends the connection.
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._connections.remove(connection)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self, request: HttpRequest, connection: Connection, receive: Receive) -> None:
        while (message := await receive())["type"] == "websocket.receive":
            connection.touch()
            if DEFAULT in self._handlers:
                text = message.get("text")
                await self._take(request, connection, message["bytes"] if text is None else text)
        connection.leave(message.get("code", 1005), message.get("reason") or "")

    async def _take(self, request: HttpRequest, connection: Connection, message: str | bytes) -> None:
        event = message_event(request, connection, message)
        try:
            await self._call(DEFAULT, event)
        except Exception:
            log.exception("a message at %s was not handled", request.path)
            told = {
                "message": "Internal server error",
                "connectionId": connection.id,
                "requestId": event["requestContext"]["requestId"],
            }
            with suppress(Gone):
                connection.post(json.dumps(told))

    async def _disconnect(self, request: HttpRequest, connection: Connection) -> None:
        if DISCONNECT not in self._handlers:
            return
        try:
            await self._call(DISCONNECT, disconnect_event(request, connection))
        except Exception:
            log.exception("the end of a connection at %s was not handled", request.path)

    async def _call(self, route: str, event: Event) -> Event:
        name, handler = self._handlers[route]
        context = LambdaContext(name, memory_size=1024, max_runtime_ms=int(HANDLER_SECONDS * 1000))
        context.aws_request_id = event["requestContext"]["requestId"]
        call = asyncio.get_running_loop().run_in_executor(self._threads, handler, event, context)
        answer: Event = await asyncio.wait_for(call, HANDLER_SECONDS)
        return answer

    def _tell(self, request: HttpRequest, status: int, started: float) -> None:
        spent = (time.perf_counter() - started) * 1000
        self._on_access(Access(request.method, request.path, status, spent))


def _query(request: HttpRequest, found: re.Match[str]) -> list[tuple[str, str]]:
    # As CloudFront's function does it: of the client's own query there remains the first token.
    tokens = [(name, value) for name, value in query_pairs(request.query) if name == "token"]
    return [("kind", found[1]), ("id", found[2]), *tokens[:1]]


async def _refuse(send: Send, answer: HttpAnswer) -> None:
    await send({"type": "websocket.http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "websocket.http.response.body", "body": answer.body})
