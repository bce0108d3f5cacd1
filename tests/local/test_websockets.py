import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from local.connections import Limits
from tests.local.toy import Toy

NewToy = Callable[..., AbstractContextManager[Toy]]
LIMIT = 128 * 1024
PATIENCE = 10
# Of messages of 64 KB: 128 wait in the server, and the network's buffers hold megabytes at most.
MOST_KEPT = 300


def opened(toy: Toy, path: str = "/api/ws/build/some", **options: Any) -> ClientConnection:
    url = toy.url.replace("http://", "ws://") + path
    client: ClientConnection = connect(url, proxy=None, ping_interval=None, **options)
    return client


def lazily_opened(toy: Toy) -> ClientConnection:
    """One whose client takes little unless it is asked to."""
    parts = urlsplit(toy.url)
    wire = socket.socket()
    # Before it connects: a large window would take megabytes.
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    wire.connect((parts.hostname, parts.port))
    return opened(toy, sock=wire, max_queue=1)


def management(toy: Toy) -> Any:
    # Tried once, so that what is seen is the server's answer.
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=5)
    return botocore.session.Session().create_client(
        "apigatewaymanagementapi", endpoint_url=toy.url, region_name="us-east-1", config=config,
        aws_access_key_id="local", aws_secret_access_key="local",
    )  # fmt: skip


def told_id(client: ClientConnection) -> str:
    client.send("who")
    return str(client.recv(timeout=PATIENCE))


def refused(call: Callable[..., Any], **arguments: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def rest(client: ClientConnection) -> list[Any]:
    """What comes until it is closed."""
    received = []
    with suppress(ConnectionClosed):
        while True:
            received.append(client.recv(timeout=PATIENCE))
    return received


def closing(client: ClientConnection) -> tuple[int | None, str | None]:
    """How it ends, once all that was sent has been read."""
    rest(client)
    return client.close_code, client.close_reason


def events(toy: Toy, connection_id: str, kind: str, patience: float = PATIENCE) -> list[dict[str, Any]]:
    """Those that the app was given; a connection's last one comes after the client has seen its end."""
    until = time.monotonic() + patience
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < until:
        wanted = {"connectionId": connection_id, "eventType": kind}
        found = [event for event in toy.call("sockets") if wanted.items() <= event["requestContext"].items()]
    return found


def post_until_gone(told: Any, slow: str, healthy: str) -> int:
    """How many large messages one connection takes, each followed by a small one to another."""
    for sent in range(1000):
        try:
            told.post_to_connection(ConnectionId=slow, Data=f"{sent:<65536}".encode())
        except told.exceptions.GoneException:
            return sent
        told.post_to_connection(ConnectionId=healthy, Data=str(sent).encode())
    return 1000


@pytest.fixture
def client(toy: Toy) -> Iterator[ClientConnection]:
    with opened(toy) as connection:
        yield connection


def test_handshake_is_the_event_of_api_gateway(toy: Toy) -> None:
    before = time.time() * 1000
    with opened(
        toy, "/api/ws/analysis/some?token=t%20t&token=u&id=other&kind=other&more=1", user_agent_header="me"
    ) as client:
        connection_id = told_id(client)
    (event,) = events(toy, connection_id, "CONNECT")
    assert event["queryStringParameters"] == {"token": "t t", "kind": "analysis", "id": "some"}
    assert event["multiValueQueryStringParameters"] == {"token": ["t t"], "kind": ["analysis"], "id": ["some"]}
    assert event["headers"]["upgrade"] == "websocket"
    assert event["headers"]["x-forwarded-for"] == "127.0.0.1"
    context = event["requestContext"]
    assert context["routeKey"] == "$connect"
    assert context["identity"] == {"sourceIp": "127.0.0.1", "userAgent": "me"}
    assert context["domainName"] == urlsplit(toy.url).netloc
    assert before - 1 < context["connectedAt"] <= context["requestTimeEpoch"] < time.time() * 1000
    assert {"apiId", "stage", "requestId"} <= context.keys()
    assert "body" not in event or event["body"] == ""


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/api/ws/build/401", 401, {"no": "401"}),
        ("/api/ws/build/503", 503, {"no": "503"}),
        ("/api/ws/build/crash", 500, {"code": "INTERNAL_ERROR"}),
        ("/api/ws/build/early", 409, {"early": "GoneException"}),
        ("/api/ws/build/", 404, {"code": "NOT_FOUND"}),
        ("/api/ws/build/a/", 404, {"code": "NOT_FOUND"}),
        ("/api/ws/build/a%2Fb", 404, {"code": "NOT_FOUND"}),
        ("/api/ws/other/a", 404, {"code": "NOT_FOUND"}),
        ("/api/ws", 404, {"code": "NOT_FOUND"}),
    ],
)
def test_refused_handshake_has_the_handlers_status_and_body(
    toy: Toy, path: str, status: int, body: dict[str, Any]
) -> None:
    with pytest.raises(InvalidStatus) as error:
        opened(toy, path)
    answer = error.value.response
    assert answer.status_code == status
    assert body.items() <= json.loads(answer.body or b"").items()
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers.get("X-Why") == ("toy" if "no" in body else None)


def test_token_is_told_to_no_log(toy: Toy) -> None:
    with opened(toy, "/api/ws/build/some?token=private") as client:
        told_id(client)
    for path in ("401", "crash", "a/b"):
        with pytest.raises(InvalidStatus):
            opened(toy, f"/api/ws/build/{path}?token=private")
    lines = toy.call("logged") + toy.call("spoken")
    assert any("/api/ws/build/crash" in line for line in lines)
    assert not any("private" in line for line in lines)


def test_client_is_told_in_order_and_closed_after_the_last(toy: Toy, client: ClientConnection) -> None:
    connection_id, told = told_id(client), management(toy)
    for number in range(200):
        told.post_to_connection(ConnectionId=connection_id, Data=f"é{number}".encode())
    told.delete_connection(ConnectionId=connection_id)
    assert [client.recv(timeout=PATIENCE) for _ in range(200)] == [f"é{number}" for number in range(200)]
    assert closing(client) == (1000, "")
    (event,) = events(toy, connection_id, "DISCONNECT")
    assert event["requestContext"]["disconnectStatusCode"] == 1000


def test_connection_tells_who_it_is(toy: Toy, client: ClientConnection) -> None:
    connection_id = told_id(client)
    about = management(toy).get_connection(ConnectionId=connection_id)
    assert about["Identity"]["SourceIp"] == "127.0.0.1"
    assert about["Identity"]["UserAgent"].startswith("Python")
    assert 0 <= (about["LastActiveAt"] - about["ConnectedAt"]).total_seconds() < PATIENCE


def test_connection_that_is_not_there_is_gone(toy: Toy) -> None:
    with opened(toy) as client:
        left = told_id(client)
        client.close(4000, "enough")
    (event,) = events(toy, left, "DISCONNECT")
    context = event["requestContext"]
    assert (context["disconnectStatusCode"], context["disconnectReason"]) == (4000, "enough")
    told = management(toy)
    for connection_id in (left, "never=", "a/b"):
        assert refused(told.post_to_connection, ConnectionId=connection_id, Data=b"x") == ("GoneException", 410)
        assert refused(told.get_connection, ConnectionId=connection_id) == ("GoneException", 410)
        assert refused(told.delete_connection, ConnectionId=connection_id) == ("GoneException", 410)
    assert toy.request("PUT", f"/@connections/{left}").headers["x-amzn-ErrorType"] == "ForbiddenException"


def test_messages_have_a_limit_either_way(toy: Toy, client: ClientConnection) -> None:
    connection_id, told = told_id(client), management(toy)
    assert refused(told.post_to_connection, ConnectionId=connection_id, Data=b"x" * (LIMIT + 1)) == (
        "PayloadTooLargeException",
        413,
    )
    assert refused(told.post_to_connection, ConnectionId=connection_id, Data=b"\xff")[1] == 400
    told.post_to_connection(ConnectionId=connection_id, Data=b"x" * LIMIT)
    assert client.recv(timeout=PATIENCE) == "x" * LIMIT
    client.send("y" * LIMIT)
    assert client.recv(timeout=PATIENCE) == "y" * LIMIT
    client.send("z" * (LIMIT + 1))
    assert closing(client)[0] == 1009


def test_message_whose_handler_fails_is_told_of(toy: Toy, client: ClientConnection) -> None:
    client.send("crash")
    told = json.loads(client.recv(timeout=PATIENCE))
    assert told["message"] == "Internal server error"
    client.send(b"\xff\0")
    assert client.recv(timeout=PATIENCE) == "/wA="
    (crash, _) = events(toy, told["connectionId"], "MESSAGE")
    assert crash["requestContext"]["requestId"] == told["requestId"]


def test_client_that_reads_nothing_is_dropped_and_holds_up_no_other(toy: Toy, client: ClientConnection) -> None:
    told, healthy = management(toy), told_id(client)
    with lazily_opened(toy) as slow:
        lazy = told_id(slow)
        sent = post_until_gone(told, lazy, healthy)
        assert [client.recv(timeout=PATIENCE) for _ in range(sent)] == [str(number) for number in range(sent)]
        # At once, and not only when it has taken nothing for long.
        (event,) = events(toy, lazy, "DISCONNECT", patience=Limits().stall / 2)
        assert event["requestContext"]["disconnectStatusCode"] == 1006
        # What it did get is in order, and then nothing more comes.
        got = [int(message) for message in rest(slow)]
        assert got == list(range(len(got)))
        assert 0 < len(got) < sent < MOST_KEPT


@pytest.fixture(scope="module")
def hasty(new_toy: NewToy) -> Iterator[Toy]:
    with new_toy(TOY_WEBSOCKET_LIMITS='{"idle": 0.4, "lifetime": 1, "stall": 0.3}') as toy:
        yield toy


def talk(client: ClientConnection) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        told_id(client)


def test_connections_end_at_their_limits(hasty: Toy) -> None:
    with opened(hasty) as idle, opened(hasty) as busy:
        with pytest.raises(ConnectionClosed):
            talk(busy)
        assert closing(idle) == closing(busy) == (1001, "Going away")


def test_client_that_takes_nothing_for_long_is_dropped(hasty: Toy) -> None:
    told = management(hasty)
    with lazily_opened(hasty) as slow:
        lazy = told_id(slow)
        for _ in range(100):
            with suppress(told.exceptions.GoneException):
                told.post_to_connection(ConnectionId=lazy, Data=b"x" * LIMIT)
        (event,) = events(hasty, lazy, "DISCONNECT")
        assert event["requestContext"]["disconnectStatusCode"] == 1006
        assert 0 < len(rest(slow)) < 100


def test_connections_end_with_the_server(hasty: Toy) -> None:
    with opened(hasty) as client:
        assert told_id(client)
        assert hasty.call("stop_seconds") < 3
        assert closing(client) == (1001, "Going away")
