"""API Gateway for one process: an ASGI app that serves HTTP by calling a Chalice app with proxy events."""

import asyncio
import json
import logging
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple

from chalice.app import Chalice
from chalice.local import LambdaContext

from .proxy import HttpAnswer, HttpRequest, from_answer, to_event
from .routes import RouteTable

BODY_LIMIT = 10 * 1024 * 1024
"""Bytes; API Gateway's own limit."""
UPLOAD_SECONDS = 30.0
ANSWER_SECONDS = 29.0
"""API Gateway's integration time-out."""
WORKERS = 32
# What is read and thrown away of a body that is too large: a client that is still sending does not see an answer.
_DISCARD_LIMIT = 6 * BODY_LIMIT

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

log = logging.getLogger("local.gateway")


class Access(NamedTuple):
    """A request that has been answered; ``milliseconds`` are from its first byte to its last."""

    method: str
    path: str
    status: int
    milliseconds: float


class Refusal(Exception):
    """The gateway answers by itself and the app never sees the request."""

    def __init__(self, status: int, code: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.status = status
        self.body = {
            "error": True,
            "code": code,
            "message": message,
            "details": details,
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }


class Gateway:
    """Serves a Chalice app over ASGI; call ``close`` to end its threads.

    ``on_access`` is called on the event loop after each answer, so it must be quick.
    """

    def __init__(self, app: Chalice, on_access: Callable[[Access], None] | None = None) -> None:
        make_thread_safe(app)
        self._app = app
        self._routes = RouteTable(app.routes)
        self._binary_types = [kind.lower() for kind in app.api.binary_types]
        self._on_access = on_access
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="gateway")

    def close(self) -> None:
        """Take no more requests; those being answered are not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry point; anything but HTTP is ignored."""
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        try:
            request = await _read(scope, receive)
        except _ClientLeft:
            return
        except Refusal as refusal:
            answer = _refuse(refusal)
        else:
            answer = await self._answer(request)
        await _write(send, answer)
        if self._on_access:
            spent = (time.perf_counter() - started) * 1000
            self._on_access(Access(scope["method"], _path(scope), answer.status, spent))

    async def _answer(self, request: HttpRequest) -> HttpAnswer:
        loop = asyncio.get_running_loop()
        call = loop.run_in_executor(self._threads, self._invoke, request)
        try:
            return await asyncio.wait_for(call, ANSWER_SECONDS)
        except TimeoutError:
            return _refuse(Refusal(504, "TIMEOUT", "The request took too long to answer."))
        except Exception:
            log.exception("%s %s was not answered", request.method, request.path)
            return _refuse(Refusal(500, "INTERNAL_ERROR", "Something went wrong."))

    def _invoke(self, request: HttpRequest) -> HttpAnswer:
        match = self._routes.match(request.path)
        if match is None:
            return _json_answer(404, _unknown_path(request.path))
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
    return HttpRequest(
        method=scope["method"],
        path=_path(scope),
        query=scope["query_string"].decode("latin-1"),
        headers=[(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]],
        body=body,
        source_ip=scope["client"][0] if scope.get("client") else "",
        port=(scope.get("server") or ("", 0))[1] or 0,
    )


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


def _path(scope: Scope) -> str:
    path: str = scope.get("raw_path", b"").decode("latin-1") or scope["path"]
    # A proxy's form of the request line names scheme and host as well.
    if path.startswith(("http://", "https://")):
        return "/" + path.split("/", 3)[3] if path.count("/") > 2 else "/"  # noqa: PLR2004  scheme://host/path
    return path


async def _write(send: Send, answer: HttpAnswer) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


def _refuse(refusal: Refusal) -> HttpAnswer:
    return _json_answer(refusal.status, refusal.body)


def _json_answer(status: int, body: object) -> HttpAnswer:
    content = json.dumps(body, separators=(",", ":")).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    return HttpAnswer(status=status, headers=headers, body=content)


def _unknown_path(path: str) -> object:
    try:
        from chalicelib.surfaces.surface import unknown_path  # noqa: PLC0415  the app decides its own envelope

        return unknown_path(path)
    except Exception:  # noqa: BLE001  an app without surfaces; whatever it is, nobody declared this path
        return Refusal(404, "NOT_FOUND", "There is no such path.", path=path).body
