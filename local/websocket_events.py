"""The events that API Gateway's WebSocket API hands to a function, of which it has three kinds."""

import base64
import time
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

from .connections import Connection
from .proxy import Event, HttpRequest, headers_and_query

CONNECT, DEFAULT, DISCONNECT = "$connect", "$default", "$disconnect"
"""The routes, by API Gateway's names."""


def connect_event(request: HttpRequest, query: Iterable[tuple[str, str]], connection: Connection) -> Event:
    """Of a handshake; ``query`` is what the front of the API has made of the request's path and query."""
    return {
        **headers_and_query(request, query),
        "requestContext": _context(request, connection, CONNECT, "CONNECT"),
        "isBase64Encoded": False,
    }


def message_event(request: HttpRequest, connection: Connection, message: str | bytes) -> Event:
    """Of a message from the client; ``request`` is that of its handshake."""
    context = _context(request, connection, DEFAULT, "MESSAGE")
    encoded = isinstance(message, bytes)
    return {
        "requestContext": {**context, "messageId": str(uuid.uuid4())},
        "body": base64.b64encode(message).decode("ascii") if isinstance(message, bytes) else message,
        "isBase64Encoded": encoded,
    }


def disconnect_event(request: HttpRequest, connection: Connection) -> Event:
    """Of a connection's end."""
    code, reason = connection.ended
    host = {"host": request.header("host"), "x-forwarded-for": ""}
    context = _context(request, connection, DISCONNECT, "DISCONNECT")
    return {
        "headers": host,
        "multiValueHeaders": {name: [value] for name, value in host.items()},
        "requestContext": {**context, "disconnectStatusCode": code, "disconnectReason": reason},
        "isBase64Encoded": False,
    }


def _context(request: HttpRequest, connection: Connection, route: str, kind: str) -> Event:
    now = time.time()
    request_id = str(uuid.uuid4())
    return {
        "routeKey": route,
        "eventType": kind,
        "messageDirection": "IN",
        "apiId": "local",
        "stage": "local",
        "domainName": request.header("host"),
        "connectionId": connection.id,
        "connectedAt": int(connection.connected_at * 1000),
        "requestId": request_id,
        "extendedRequestId": request_id,
        "requestTime": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(now * 1000),
        "identity": {"sourceIp": request.source_ip, "userAgent": request.header("user-agent") or None},
    }
