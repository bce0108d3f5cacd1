"""HTTP to API Gateway's REST proxy event (version 1), and a proxy answer to HTTP."""

import base64
import time
import uuid
from collections.abc import Iterable, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from .routes import Match

BODILESS = frozenset({204, 304})

Event = dict[str, Any]
Header = tuple[str, str]
Scope = MutableMapping[str, Any]
"""ASGI's words for a connection."""


@dataclass(frozen=True, kw_only=True)
class HttpRequest:
    """A request as it came over the wire; header names are in lower case, ``path`` keeps its percent-escapes."""

    method: str
    path: str
    query: str
    headers: Sequence[Header]
    body: bytes
    source_ip: str
    port: int = 0
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def header(self, name: str) -> str:
        """The last value of a header, or nothing."""
        return next((value for key, value in reversed(self.headers) if key == name), "")


@dataclass(frozen=True, kw_only=True)
class HttpAnswer:
    """What goes back over the wire."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Access(NamedTuple):
    """A request that has been answered, or a WebSocket's handshake.

    ``milliseconds`` are from its first byte to its last; ``agent`` is the id that an agent gave itself, if one did.
    """

    method: str
    path: str
    status: int
    milliseconds: float
    agent: str = ""


def path_of(scope: Scope) -> str:
    """The path that was asked for, with its percent-escapes and without its query, which may hold a token."""
    path: str = scope.get("raw_path", b"").decode("latin-1") or scope["path"]
    # A proxy's form of the request line names scheme and host as well.
    if path.startswith(("http://", "https://")):
        return "/" + path.split("/", 3)[3] if path.count("/") > 2 else "/"  # noqa: PLR2004  scheme://host/path
    return path


def to_request(scope: Scope, body: bytes = b"") -> HttpRequest:
    """A request in ASGI's words; the one that opens a WebSocket is a GET."""
    return HttpRequest(
        method=scope.get("method", "GET"),
        path=path_of(scope),
        query=scope["query_string"].decode("latin-1"),
        headers=[(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]],
        body=body,
        source_ip=scope["client"][0] if scope.get("client") else "",
        port=(scope.get("server") or ("", 0))[1] or 0,
    )


def to_event(request: HttpRequest, match: Match, binary_types: Iterable[str]) -> Event:
    """The event that API Gateway would hand to the function for this request."""
    body, encoded = _event_body(request, binary_types)
    return {
        "resource": match.resource,
        "path": request.path,
        "httpMethod": request.method,
        **headers_and_query(request, query_pairs(request.query)),
        "pathParameters": match.parameters or None,
        "stageVariables": None,
        "requestContext": _context(request, match),
        "body": body,
        "isBase64Encoded": encoded,
    }


def query_pairs(query: str) -> list[tuple[str, str]]:
    """A query's names and values, decoded."""
    return parse_qsl(query, keep_blank_values=True, errors="replace")


def headers_and_query(request: HttpRequest, query: Iterable[tuple[str, str]]) -> Event:
    """Those parts of an event, the last of several values alone and all of them."""
    headers, parameters = _gather(_forwarded(request)), _gather(query)
    return {
        "headers": _last(headers),
        "multiValueHeaders": headers,
        "queryStringParameters": _last(parameters) or None,
        "multiValueQueryStringParameters": parameters or None,
    }


def from_answer(answer: Event, request_id: str) -> HttpAnswer:
    """What API Gateway would send for the function's answer.

    Raises:
        ValueError: the answer is not one that HTTP can carry.
    """
    status = int(answer["statusCode"])
    headers = [*answer.get("headers", {}).items()]
    headers += [(name, value) for name, values in answer.get("multiValueHeaders", {}).items() for value in values]
    wire = [_wire_header(name, str(value)) for name, value in headers]
    body = b"" if status in BODILESS else _answer_body(answer)
    if status in BODILESS:
        wire = [(name, value) for name, value in wire if name not in {b"content-length", b"content-type"}]
    else:
        wire = [(name, value) for name, value in wire if name != b"content-length"]
        wire.append((b"content-length", str(len(body)).encode()))
    if not any(name == b"content-type" for name, _ in wire) and body:
        wire.append((b"content-type", b"application/json"))
    wire.append((b"x-amzn-requestid", request_id.encode()))
    return HttpAnswer(status=status, headers=wire, body=body)


def _forwarded(request: HttpRequest) -> list[Header]:
    # API Gateway appends the peer to what the caller claimed; only requestContext.identity.sourceIp is to be trusted.
    claimed = [value for name, value in request.headers if name == "x-forwarded-for"]
    added = {
        "x-forwarded-for": ", ".join([*claimed, request.source_ip]),
        "x-forwarded-proto": "http",
        "x-forwarded-port": str(request.port),
    }
    return [*(pair for pair in request.headers if pair[0] not in added), *added.items()]


def _gather(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    gathered: dict[str, list[str]] = {}
    for name, value in pairs:
        gathered.setdefault(name, []).append(value)
    return gathered


def _last(gathered: dict[str, list[str]]) -> dict[str, str]:
    return {name: values[-1] for name, values in gathered.items()}


def _event_body(request: HttpRequest, binary_types: Iterable[str]) -> tuple[str | None, bool]:
    if not request.body:
        return None, False
    essence = request.header("content-type").partition(";")[0].strip().lower()
    if not any(fnmatchcase(essence, kind) for kind in binary_types):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            # Text that is not UTF-8 goes over as bytes, so that it is the app that refuses it.
            pass
    return base64.b64encode(request.body).decode("ascii"), True


def _context(request: HttpRequest, match: Match) -> dict[str, Any]:
    now = time.time()
    return {
        "accountId": "123456789012",
        "apiId": "local",
        "resourceId": "local",
        "resourcePath": match.resource,
        "httpMethod": request.method,
        "path": request.path,
        "protocol": "HTTP/1.1",
        "stage": "local",
        "domainName": request.header("host"),
        "requestId": request.request_id,
        "requestTime": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(now * 1000),
        "identity": {"sourceIp": request.source_ip, "userAgent": request.header("user-agent") or None},
    }


def _wire_header(name: str, value: str) -> tuple[bytes, bytes]:
    if any(mark in name + value for mark in "\r\n\0"):
        message = f"the header {name!r} has a line break in it"
        raise ValueError(message)
    try:
        return name.lower().encode("ascii"), value.encode("latin-1")
    except UnicodeEncodeError:
        return name.lower().encode("ascii"), value.encode()


def _answer_body(answer: Event) -> bytes:
    body = answer.get("body") or ""
    if answer.get("isBase64Encoded"):
        return base64.b64decode(body)
    return body if isinstance(body, bytes) else str(body).encode()
