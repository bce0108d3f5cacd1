import base64
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests

from tests.local.toy import Toy

MEGABYTE = 1024 * 1024


def connect(toy: Toy) -> socket.socket:
    parts = urlsplit(toy.url)
    assert parts.hostname
    assert parts.port
    return socket.create_connection((parts.hostname, parts.port), timeout=10)


def exchange(toy: Toy, sent: bytes) -> bytes:
    """What comes back on one connection until the server closes it, or says nothing for a while."""
    received = b""
    with connect(toy) as wire:
        try:
            wire.sendall(sent)
            if b"Connection: close" not in sent:
                wire.shutdown(socket.SHUT_WR)
            while chunk := wire.recv(65536):
                received += chunk
        except OSError:
            pass
    return received


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/", "/"),
        ("/api/things/special", "/api/things/special"),
        ("/api/things/special/", "/api/things/special"),
        ("/api/things/other", "/api/things/{name}"),
        ("/api/more/special", "/api/{kind}/{name}"),
    ],
)
def test_routes_are_matched_as_api_gateway_does(toy: Toy, path: str, route: str) -> None:
    assert toy.get(path)["route"] == route


def test_path_parameter_keeps_its_escapes(toy: Toy) -> None:
    assert toy.get("/api/things/a%2Fb%20c%40d")["name"] == "a%2Fb%20c%40d"


def test_event_carries_every_value_of_query_and_headers(toy: Toy) -> None:
    answer = exchange(
        toy,
        b"GET /event?a=1&a=2&empty=&text=%C3%A9+x HTTP/1.1\r\nHost: toy\r\nX-Two: one\r\nX-Two: two\r\n"
        b"Content-Type: application/json\r\nConnection: close\r\n\r\n",
    )
    event = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "empty": [""], "text": ["é x"]}
    assert event["queryStringParameters"] == {"a": "2", "empty": "", "text": "é x"}
    assert event["multiValueHeaders"]["x-two"] == ["one", "two"]
    assert event["headers"]["x-two"] == "two"
    assert event["path"] == event["resource"] == "/event"
    assert event["pathParameters"] is None
    assert event["body"] is None


def test_source_ip_is_the_peer_whatever_the_caller_claims(toy: Toy) -> None:
    event = toy.get("/event", headers={"X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6"})
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"
    assert event["headers"]["x-forwarded-for"] == "6.6.6.6, 127.0.0.1"


def test_each_request_has_an_id_of_its_own(toy: Toy) -> None:
    answers = [toy.request("GET", "/event") for _ in range(2)]
    ids = [answer.json()["requestContext"]["requestId"] for answer in answers]
    assert len(set(ids)) == 2
    assert [answer.headers["x-amzn-requestid"] for answer in answers] == ids


@pytest.mark.parametrize(
    ("kind", "body", "encoded"),
    [
        ("application/json", b'{"a": "\xc3\xa9"}', False),
        ("application/json; charset=utf-8", b"{}", False),
        ("application/json", b'{"a": "\xff"}', True),
        ("application/octet-stream", b"text", True),
    ],
)
def test_body_is_text_unless_it_is_binary(toy: Toy, kind: str, body: bytes, encoded: bool) -> None:  # noqa: FBT001
    event = toy.request("POST", "/event", data=body, headers={"Content-Type": kind}).json()
    assert event["isBase64Encoded"] is encoded
    sent = base64.b64decode(event["body"]) if encoded else event["body"].encode()
    assert sent == body


def test_unknown_path_is_a_json_404(toy: Toy) -> None:
    answer = toy.request("GET", "/no/such/path?x=1")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["code"] == "NOT_FOUND"
    assert answer.json()["error"] is True


@pytest.mark.parametrize("method", ["PUT", "HEAD", "TRACE", "PROPFIND", "OPTIONS"])
def test_known_path_with_another_method_is_the_apps_405(toy: Toy, method: str) -> None:
    answer = toy.request(method, "/api/things/x")
    assert answer.status_code == 405
    assert {each.strip() for each in answer.headers["Allow"].split(",")} == {"GET", "DELETE"}


def test_several_cookies_stay_several_headers(toy: Toy) -> None:
    answer = exchange(toy, b"GET /cookies HTTP/1.1\r\nHost: toy\r\nConnection: close\r\n\r\n")
    assert answer.count(b"set-cookie: ") == 2


@pytest.mark.parametrize("status", [204, 304])
def test_answer_without_a_body_has_none(toy: Toy, status: int) -> None:
    answer = exchange(toy, f"GET /status/{status} HTTP/1.1\r\nHost: toy\r\nConnection: close\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert str(status).encode() in head.splitlines()[0]
    assert body == b""
    assert b"content-length" not in head
    assert b'etag: "x"' in head


def test_binary_answer_arrives_as_it_is(toy: Toy) -> None:
    answer = toy.request("GET", "/binary", headers={"Accept": "application/octet-stream"})
    assert answer.content == bytes(range(256))


@pytest.mark.parametrize("how", ["view", "header", "body"])
def test_crash_is_a_json_500_and_the_server_lives_on(toy: Toy, how: str) -> None:
    answer = toy.request("GET", f"/crash/{how}")
    assert answer.status_code == 500
    assert answer.json()
    assert toy.get("/")["route"] == "/"


@pytest.mark.parametrize(("size", "status"), [(10 * MEGABYTE, 200), (10 * MEGABYTE + 1, 413), (30 * MEGABYTE, 413)])
def test_body_over_ten_megabytes_is_refused(toy: Toy, size: int, status: int) -> None:
    answer = toy.request("PUT", "/event", data=b"x" * size, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    if status == 413:
        assert answer.json()["code"] == "PAYLOAD_TOO_LARGE"


def test_body_of_unknown_length_is_counted(toy: Toy) -> None:
    answer = toy.request("PUT", "/event", data=(b"x" * MEGABYTE for _ in range(11)))
    assert answer.status_code == 413


def test_concurrent_requests_each_see_their_own(toy: Toy) -> None:
    with ThreadPoolExecutor(16) as pool:
        seen = list(pool.map(lambda number: toy.get(f"/own/t{number}"), range(320)))
    assert [each for each in seen if each["sent"] != each["seen"]] == []
    assert len({each["thread"] for each in seen}) > 1


MALFORMED = [
    b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n",
    b"GET / HTTP/1.1\r\n: x\r\n\r\n",
    b"POST /event HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    b"POST /event HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    b"POST /event HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    b"POST /event HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nshort",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"CONNECT other:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /event?%zz=%&&&=&a=%ff%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
]


@pytest.mark.parametrize("sent", MALFORMED, ids=lambda sent: repr(sent[:24]))
def test_malformed_request_does_no_harm(toy: Toy, sent: bytes) -> None:
    status = exchange(toy, sent)[9:12]
    assert not status.startswith(b"5")
    assert toy.get("/")["route"] == "/"


def test_absolute_request_target_is_its_path(toy: Toy) -> None:
    answer = exchange(toy, b"GET http://toy/api/things/x?a=1 HTTP/1.1\r\nHost: toy\r\nConnection: close\r\n\r\n")
    assert b'"name":"x"' in answer


def test_slow_and_leaving_clients_hold_up_nobody(toy: Toy) -> None:
    unfinished = [connect(toy) for _ in range(64)]
    try:
        for index, wire in enumerate(unfinished):
            head = b"POST /event HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{" if index % 2 else b"GET / HT"
            wire.sendall(head)
        started = time.monotonic()
        assert toy.get("/")["route"] == "/"
        assert time.monotonic() - started < 5
    finally:
        for wire in unfinished:
            wire.close()
    for _ in range(8):
        with connect(toy) as wire:
            wire.sendall(b"GET /slow/200 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert toy.get("/")["route"] == "/"


def test_answers_do_not_wait_for_delayed_acknowledgements(toy: Toy) -> None:
    # With Nagle's algorithm each of these would take 40 ms.
    with requests.Session() as session:
        session.get(toy.url + "/", timeout=10)
        started = time.monotonic()
        for _ in range(40):
            session.post(toy.url + "/event", json={"a": 1}, timeout=10)
    assert time.monotonic() - started < 40 * 0.04
