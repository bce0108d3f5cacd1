"""API Gateway for one process: an ASGI app that serves HTTP by calling a Chalice app with proxy events."""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar
from urllib.parse import unquote

from chalice.app import Chalice
from chalice.local import LambdaContext

from .connections import Limits
from .proxy import Access, HttpAnswer, HttpRequest, Scope, from_answer, path_of, to_event, to_request
from .refusals import Refusal, crashed, refuse, timed_out, unknown_path
from .routes import RouteTable
from .websockets import WebSockets

BODY_LIMIT = 10 * 1024 * 1024
"""Bytes; API Gateway's own limit."""
UPLOAD_SECONDS = 30.0
ANSWER_SECONDS = 29.0
"""API Gateway's integration time-out."""
WORKERS = 32
MANAGEMENT = "/@connections/"
"""Below it is the management API of WebSockets."""
# What is read and thrown away of a body that is too large: a client that is still sending does not see an answer.
_DISCARD_LIMIT = 6 * BODY_LIMIT

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

log = logging.getLogger("local.gateway")


class Gateway:
    """Serves a Chalice app over ASGI; call ``close`` to end its threads.

    ``on_access`` is called on the event loop after each answer, so it must be quick.
    """

    def __init__(
        self,
        app: Chalice,
        on_access: Callable[[Access], None] = lambda _access: None,
        websocket_limits: Limits = Limits(),  # noqa: B008  frozen
    ) -> None:
        make_thread_safe(app)
        self._app = app
        self._routes = RouteTable(app.routes)
        self._binary_types = [kind.lower() for kind in app.api.binary_types]
        self._on_access = on_access
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="gateway")
        self._websockets = WebSockets(app, self._threads, on_access, websocket_limits)

    def close(self) -> None:
        """Take no more requests; those being answered are not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def close_websockets(self) -> None:
        """Close those that are open, and take no more; from another thread than the server's, while it still runs."""
        self._websockets.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        if scope["type"] == "websocket":
            await self._websockets.serve(scope, receive, send)
        elif unquote(path_of(scope)).startswith(MANAGEMENT):
            await self._manage(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        try:
            request = await _read(scope, receive)
        except _ClientLeft:
            return
        except Refusal as refusal:
            answer, agent = refuse(refusal), ""
        else:
            answer, agent = await self._answer(request), request.header("x-colab-id")
        await _write(send, answer)
        spent = (time.perf_counter() - started) * 1000
        self._on_access(Access(scope["method"], path_of(scope), answer.status, spent, agent))

    async def _manage(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Without a thread or an event: a job that many watch is told to each of them."""
        connection_id = unquote(path_of(scope)).removeprefix(MANAGEMENT)
        try:
            request = await _read(scope, receive)
        except _ClientLeft:
            return
        except Refusal as refusal:
            answer = refuse(refusal)
        else:
            answer = self._websockets.manage(request.method, connection_id, request.body)
        await _write(send, answer)

    async def _answer(self, request: HttpRequest) -> HttpAnswer:
        loop = asyncio.get_running_loop()
        call = loop.run_in_executor(self._threads, self._invoke, request)
        try:
            return await asyncio.wait_for(call, ANSWER_SECONDS)
        except TimeoutError:
            return timed_out()
        except Exception:
            log.exception("%s %s was not answered", request.method, request.path)
            return crashed()

    def _invoke(self, request: HttpRequest) -> HttpAnswer:
        match = self._routes.match(request.path)
        if match is None:
            return unknown_path(request.path)
        event = to_event(request, match, self._binary_types)
        context = LambdaContext("api", memory_size=1024, max_runtime_ms=int(ANSWER_SECONDS * 1000))
        context.aws_request_id = request.request_id
        return from_answer(self._app(event, context), request.request_id)


class _ThreadLocalRequest:
    """Chalice keeps the current request in one attribute of the app, which threads would overwrite for each other."""

    _held: ClassVar[threading.local] = threading.local()

    @property
    def current_request(self) -> Any:  # noqa: ANN401  Chalice's Request or None
        return getattr(self._held, "request", None)

    @current_request.setter
    def current_request(self, value: object) -> None:
        self._held.request = value

    @property
    def lambda_context(self) -> Any:  # noqa: ANN401  Lambda's context or None
        return getattr(self._held, "context", None)

    @lambda_context.setter
    def lambda_context(self, value: object) -> None:
        self._held.context = value


def make_thread_safe(app: Chalice) -> None:
    """Let several threads call the app at once. Doing it twice changes nothing."""
    if not isinstance(app, _ThreadLocalRequest):
        app.__class__ = type("ThreadSafeChalice", (_ThreadLocalRequest, type(app)), {})


class _ClientLeft(Exception):
    """The connection ended before the request did."""


async def _read(scope: Scope, receive: Receive) -> HttpRequest:
    try:
        async with asyncio.timeout(UPLOAD_SECONDS):
            body = await _read_body(receive)
    except TimeoutError as error:
        raise Refusal(408, "REQUEST_TIMEOUT", "The request's body did not arrive in time.") from error
    return to_request(scope, body)


async def _read_body(receive: Receive) -> bytes:
    body, size, more = bytearray(), 0, True
    while more and size <= _DISCARD_LIMIT:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientLeft
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= BODY_LIMIT:
            body += chunk
        more = message.get("more_body", False)
    if size > BODY_LIMIT:
        text = f"The request is larger than {BODY_LIMIT} bytes."
        raise Refusal(413, "PAYLOAD_TOO_LARGE", text, limitBytes=BODY_LIMIT)
    return bytes(body)


async def _write(send: Send, answer: HttpAnswer) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})
