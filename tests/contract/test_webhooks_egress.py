"""Threat 37: a URL of a caller's turned against our own network. What leads there is refused, or never connected to."""

import contextlib
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.contract.harness import changed_settings
from tests.contract.receiver import Receiver, plain, receiving
from tests.support.certificates import certificate

HEADERS = {"content-type": "application/json"}
PUBLIC = "93.184.215.14"
BAD_URLS = [
    "http://example.com/", "ftp://example.com/", "https:///x", "//example.com", "example.com", "https://",
    "https://user:password@example.com/", "https://user@example.com/", "https://example.com@127.0.0.1/",
    "https://example.com/#x", "https://exa mple.com/", "https://example.com\\@127.0.0.1/", "https://例え.example/",
    "https://example.com/\r\nHost: x", "https://example.com:22/", "https://example.com:0/", "https://example.com:80/",
    "https://example.com:99999/", "https://[::1/", "https://-example.com/", "https://localhost/",
    "https://metadata.localhost./", "https://127.0.0.1/", "https://169.254.169.254/latest/meta-data/",
    "https://10.0.0.1/", "https://192.168.1.1:8443/", "https://100.64.0.1/", "https://0.0.0.0/", "https://[::]/",
    "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:169.254.169.254]/", "https://[fe80::1%25eth0]/",
    "https://[fd00:ec2::254]/", "https://[64:ff9b::a9fe:a9fe]/", "https://[2002:7f00:1::]/", "https://2130706433/",
    "https://0x7f000001/", "https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/", "https://1.2.3.4./",
    "https://224.0.0.1/", "https://example.com/" + "x" * 2048,
]  # fmt: skip
NOT_PUBLIC = [
    "127.0.0.1", "169.254.169.254", "10.1.2.3", "172.16.0.1", "192.168.0.1", "100.64.0.1", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::", "::1", "fe80::1", "fe80::1%2", "fc00::1",
    "0.0.0.1", "fec0::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "2002:a00:1::", "64:ff9b::7f00:1", "64:ff9b:1::1",
    "2001:db8::1", "2001::1",
]  # fmt: skip


@contextlib.contextmanager
def answers(*rounds: list[str]) -> Iterator[list[str]]:
    """DNS that answers each question with the next of these; what was asked for."""
    left, asked, real = list(rounds), [], socket.getaddrinfo

    def look_up(host: str, port: int, *more: Any, **named: Any) -> list[Any]:
        if _is_address(host):
            return real(host, port, *more, **named)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in left.pop(0)]

    with patch("socket.getaddrinfo", look_up):
        yield asked


def _is_address(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(host))
    return False


@contextlib.contextmanager
def dialled() -> Iterator[list[tuple[str, int]]]:
    """Where connections are made to; nobody is there."""
    called: list[tuple[str, int]] = []

    def refuse(address: tuple[str, int], **_: Any) -> None:
        called.append(address)
        raise ConnectionRefusedError

    with patch("socket.create_connection", refuse):
        yield called


def _post(url: str, **more: Any) -> Any:
    from chalicelib.webhooks import egress

    return egress.post(url, b"{}", HEADERS, **more)


@pytest.mark.parametrize("url", BAD_URLS)
def test_url_that_leads_astray_is_refused(url: str) -> None:
    from chalicelib.errors import InvalidRequest

    with dialled() as called, answers() as asked, pytest.raises(InvalidRequest) as refused:
        _post(url)
    assert refused.value.details["field"] == "url"
    assert (called, asked) == ([], [])


@pytest.mark.parametrize("url", ["https://example.com", "https://1.1.1.1/", "https://[2606:4700::1111]:8443/a?b=c"])
def test_url_on_the_internet_is_taken(url: str) -> None:
    from chalicelib.webhooks import addresses

    assert addresses.parse(url).secure


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_name_of_an_address_that_is_not_public_is_never_connected_to(address: str) -> None:
    """Alone or among others: whoever answers could choose which is used."""
    for found in ([address], [PUBLIC, address]):
        with dialled() as called, answers(found):
            assert _post("https://example.com/").error == "address_refused"
        assert called == []


def test_public_addresses_are_tried_in_turn() -> None:
    with dialled() as called, answers([PUBLIC, "1.1.1.1"]):
        assert _post("https://example.com:8443/").error == "connection_failed"
    assert called == [(PUBLIC, 8443), ("1.1.1.1", 8443)]


def test_dns_that_changes_its_answer_gains_nothing() -> None:
    """The address that was checked is the one that is connected to: the name is looked up once for a request."""
    with dialled() as called, answers([PUBLIC], ["127.0.0.1"]) as asked:
        assert _post("https://rebind.example.com/").error == "connection_failed"
        assert _post("https://rebind.example.com/").error == "address_refused"
    assert called == [(PUBLIC, 443)]
    assert asked == ["rebind.example.com"] * 2


def test_every_public_form_is_judged_by_what_it_carries() -> None:
    from chalicelib.webhooks.addresses import is_public

    for text in ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"):
        assert is_public(ipaddress.ip_address(text)), text


def test_name_without_an_address() -> None:
    with patch("socket.getaddrinfo", side_effect=socket.gaierror):
        assert _post("https://nowhere.example.com/").error == "host_not_resolved"


@pytest.fixture
def receiver(cloud: object) -> Iterator[Receiver]:
    """A receiver that is exempt."""
    assert cloud
    with receiving() as made, changed_settings(webhook_allowed_hosts=made.host):
        yield made


def test_redirect_is_not_followed(receiver: Receiver) -> None:
    to = "http://169.254.169.254/latest/meta-data/"
    receiver.script = [
        lambda handler: plain(handler, 307, Location=to),
        lambda handler: plain(handler, 301, Location=f"{receiver.url}/x"),
    ]
    assert [_post(receiver.url).status for _ in range(2)] == [307, 301]
    assert len(receiver.received) == 2


def test_exemption_is_for_that_host_and_port_only(receiver: Receiver) -> None:
    from chalicelib.errors import InvalidRequest

    assert _post(receiver.url).status == 200
    for url in (receiver.url.replace("127.0.0.1", "localhost"), "http://127.0.0.1:1/", "https://127.0.0.1/"):
        with pytest.raises(InvalidRequest):
            _post(url)


def test_proxies_of_the_environment_are_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert _post(receiver.url).status == 200


def _drip(handler: Any, piece: bytes, over: Callable[[], bool]) -> None:
    with contextlib.suppress(OSError):
        while not over():
            handler.wfile.write(piece)
            handler.wfile.flush()
            time.sleep(0.02)


def test_answer_that_never_ends_is_left_in_time(receiver: Receiver) -> None:
    """Each byte comes well within a time-out of the socket: only a clock for the whole ends it."""

    def slow_head(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        _drip(handler, b"x", receiver.over.is_set)

    receiver.script = [slow_head]
    assert _post(receiver.url, seconds=0.3).error == "timed_out"


def test_status_counts_however_slow_or_long_the_body_is(receiver: Receiver) -> None:
    left: list[int] = []

    def endless(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 202 Accepted\r\n\r\n")
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 64 * 1024 * 1024:
                sent += handler.connection.send(b"x" * 65536)
        left.append(sent)

    def slow(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 201 Created\r\nContent-Length: 99999\r\n\r\n")
        _drip(handler, b"x", receiver.over.is_set)

    receiver.script = [endless, slow]
    assert _post(receiver.url).status == 202
    assert _post(receiver.url, seconds=0.3).status == 201
    receiver.over.set()
    for _ in range(500):
        if left:
            break
        time.sleep(0.01)
    assert left[0] < 32 * 1024 * 1024


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_what_is_no_http_is_no_answer(receiver: Receiver, answer: bytes) -> None:
    receiver.script = [lambda handler: handler.wfile.write(answer)]
    assert _post(receiver.url).error in {"no_http_answer", "connection_failed"}


@pytest.mark.parametrize(("host", "error"), [("hooks.example.test", None), ("other.example.test", "tls_failed")])
def test_certificate_is_verified_for_the_name_and_the_connection_is_to_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, error: str | None
) -> None:
    vouched = certificate(tmp_path, "hooks.example.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(vouched))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(vouched)
    with receiving(context) as receiver:
        port = receiver.url.rpartition(":")[2]
        with changed_settings(webhook_allowed_hosts=f"{host}:{port}"), answers(["127.0.0.1"]):
            outcome = _post(f"https://{host}:{port}/x")
    assert outcome.error == error
    assert [each.headers["Host"] for each in receiver.received] == ([] if error else [f"{host}:{port}"])


def test_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path, "hooks.example.test"))
    with receiving(context) as receiver:
        host = f"hooks.example.test:{receiver.url.rpartition(':')[2]}"
        with changed_settings(webhook_allowed_hosts=host), answers(["127.0.0.1"]):
            assert _post(f"https://{host}/").error == "tls_failed"
    assert receiver.received == []
