"""When a request is tried again, how long after, and when we give up; no pause is waited out."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from chalicelib.inference import asking
from chalicelib.inference.chat import answer
from chalicelib.inference.endpoint import Endpoint
from chalicelib.inference.errors import ModelRefused, ModelUnavailable
from local.openai_server import Answer as Sent
from local.openai_server import OpenAIServer, refusal
from tests.inference.conftest import Patience

SILENT = Sent(silent=True)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_passing_trouble_is_waited_out(
    server: OpenAIServer, endpoint: Endpoint, patience: Patience, status: int
) -> None:
    server.instead.extend([refusal(status, "busy")] * 2)
    assert answer(endpoint, prompt="hello", **patience.how).text == "hello"
    assert len(server.asked) == 3
    assert server.asked[0].body == server.asked[2].body
    first, second = patience.pauses
    assert 0.25 <= first <= 0.5 <= second <= 1


def test_pauses_double_up_to_a_limit_and_the_tries_end(
    server: OpenAIServer, endpoint: Endpoint, patience: Patience
) -> None:
    server.instead.extend([refusal(503, "down for\nmaintenance")] * 20)
    with pytest.raises(ModelUnavailable) as raised:
        answer(endpoint, prompt="?", **patience.how)
    told = "the model's endpoint gave no answer, tries: 6; the last: status 503: down for maintenance"
    assert raised.value.message == told
    assert len(server.asked) == 6
    # Half to all of 0.5 + 1 + 2 + 4 + 8 seconds, slept a second at most at a time.
    assert 7.75 <= sum(patience.pauses) <= 15.5
    assert max(patience.pauses) <= 1
    assert patience.checks >= 6 + 10


def test_pauses_are_not_all_the_same() -> None:
    """Else all who failed together would come back together."""
    assert len({asking._pause(3, None) for _ in range(20)}) > 10
    assert all(1 <= asking._pause(3, None) <= 2 for _ in range(100))
    assert all(4 <= asking._pause(50, None) <= 8 for _ in range(100))


def _date(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(("told", "least", "most"), [
    ("7", 7, 8), (" 7 ", 7, 8), ("0", 0.25, 1), ("100000", 60, 61),
    # An id of its own for what depends on the time: workers collect tests at different seconds.
    pytest.param(_date(3600), 60, 61, id="in an hour"), pytest.param(_date(-3600), 0.25, 1, id="an hour ago"),
    ("-5", 0.25, 1), ("soon", 0.25, 1), ("", 0.25, 1), ("7.5.5", 0.25, 1), ("\xb2", 0.25, 1),
    ("Mon, 99 Foo 2026 99:99:99 GMT", 0, 1),
    ("9" * 400, 60, 61), ("Mon, 01 Jan 0001 00:00:00 +2359", 0, 1),
])  # fmt: skip
def test_retry_after_is_honoured_up_to_a_minute(
    server: OpenAIServer, endpoint: Endpoint, patience: Patience, told: str, least: float, most: float
) -> None:
    server.instead.append(refusal(429, "slow down", headers={"Retry-After": told}))
    assert answer(endpoint, prompt="hello", **patience.how).text == "hello"
    assert least <= sum(patience.pauses) <= most


def test_account_with_nothing_left_is_not_asked_again(
    server: OpenAIServer, endpoint: Endpoint, patience: Patience
) -> None:
    server.instead.append(refusal(429, "You exceeded your current quota.", code="insufficient_quota"))
    with pytest.raises(ModelRefused, match="You exceeded your current quota"):
        answer(endpoint, prompt="?", **patience.how)
    assert len(server.asked) == 1


def test_silence_is_a_time_out_and_passes(server: OpenAIServer, endpoint: Endpoint, patience: Patience) -> None:
    server.instead.append(SILENT)
    assert answer(replace(endpoint, timeout_seconds=1), prompt="hello", **patience.how).text == "hello"
    assert len(server.asked) == 2


def test_server_that_is_gone_is_unavailable(patience: Patience) -> None:
    with pytest.raises(ModelUnavailable, match="tries: 6; the last: NewConnectionError"):
        answer(Endpoint(url="http://127.0.0.1:1/v1", model="m"), prompt="?", **patience.how)


def test_answer_that_breaks_off_is_asked_for_again(
    server: OpenAIServer, endpoint: Endpoint, patience: Patience
) -> None:
    server.instead.append(Sent(body=b'{"choices"', headers={"Content-Length": "500", "Connection": "close"}))
    assert answer(endpoint, prompt="hello", **patience.how).text == "hello"
    assert len(server.asked) == 2


def test_deadline_ends_a_try_and_there_is_no_other(
    server: OpenAIServer, endpoint: Endpoint, patience: Patience
) -> None:
    server.instead.append(SILENT)
    patience.seconds = 0.5
    with pytest.raises(ModelUnavailable, match="tries: 1; the last: ReadTimeoutError"):
        answer(endpoint, prompt="?", **patience.how)
    assert patience.pauses == []


def test_pause_beyond_the_deadline_is_not_begun(server: OpenAIServer, endpoint: Endpoint, patience: Patience) -> None:
    server.instead.append(refusal(429, "slow down", headers={"Retry-After": "30"}))
    patience.seconds = 20
    with pytest.raises(ModelUnavailable, match="tries: 1"):
        answer(endpoint, prompt="?", **patience.how)
    assert patience.pauses == []


def test_nothing_is_asked_after_the_deadline(server: OpenAIServer, endpoint: Endpoint, patience: Patience) -> None:
    patience.seconds = -1
    with pytest.raises(ModelUnavailable, match="no time left"):
        answer(endpoint, prompt="?", **patience.how)
    assert server.asked == []


class Cancelled(Exception):
    """The job is not wanted any more."""


@pytest.mark.parametrize("at", [1, 2, 3, 10])
def test_interruption_ends_it_before_a_try_and_within_a_pause(
    server: OpenAIServer, endpoint: Endpoint, patience: Patience, at: int
) -> None:
    def interrupt(checks: int) -> None:
        if checks == at:
            raise Cancelled

    patience.interrupt = interrupt
    server.instead.append(refusal(429, "slow down", headers={"Retry-After": "60"}))
    with pytest.raises(Cancelled):
        answer(endpoint, prompt="?", **patience.how)
    assert len(server.asked) == min(at - 1, 1)
    assert len(patience.pauses) == at - 1


def test_connection_is_kept_from_one_request_to_the_next(
    server: OpenAIServer, endpoint: Endpoint, patience: Patience
) -> None:
    from chalicelib.outgoing import _pool

    for _ in range(5):
        answer(endpoint, prompt="hello", **patience.how)
    assert _pool().connection_from_url(server.url).num_connections == 1


def test_answer_that_drips_is_too_slow() -> None:
    """Each byte comes in time; all of them do not."""
    import socket
    import threading

    from urllib3.exceptions import HTTPError

    from chalicelib import outgoing

    listening, done = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def drip() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not done.wait(0.01):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    began = time.monotonic()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
    with pytest.raises(HTTPError):
        outgoing.exchange("GET", url, headers={}, seconds=0.3, limit=1000_000)
    assert time.monotonic() - began < 10, "only whoever drips without an end takes that long"
    done.set()
    thread.join()
    listening.close()
