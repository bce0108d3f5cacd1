"""Threat 21: an endpoint's key is in no error, no repr and no log, whatever the server does with it."""

import logging
import traceback
from dataclasses import replace

import pytest
from pydantic import SecretStr

from chalicelib.inference.chat import answer
from chalicelib.inference.embeddings import embed
from chalicelib.inference.endpoint import Endpoint
from chalicelib.inference.errors import ModelError, ModelRefused
from local.openai_server import Answer as Sent
from local.openai_server import OpenAIServer, refusal
from tests.inference.conftest import KEY, Patience

HEADER = "canary-header-0123456789"


def _told(endpoint: Endpoint, patience: Patience) -> str:
    """All that is told of a request that fails, with its causes and what the frames hold."""
    with pytest.raises(ModelError) as raised:
        answer(endpoint, prompt="?", **patience.how)
    told = traceback.TracebackException.from_exception(raised.value)
    return "\n".join([repr(raised.value), str(raised.value), repr(raised.value.details), *told.format()])


@pytest.mark.parametrize("sent", [
    refusal(401, f"Incorrect API key provided: {KEY}. Header {HEADER}."), refusal(403, "x" * 250 + KEY),
    refusal(500, KEY), refusal(400, f"Bearer {KEY}"), Sent(status=400, body=KEY.encode()), Sent(body=KEY.encode()),
    Sent(status=400, body={"error": {"message": f"{KEY} " * 3000}}),
    Sent(status=302, headers={"Location": f"http://127.0.0.1:1/{KEY}"}), Sent(body={"choices": KEY}),
    Sent(body={"choices": [{"message": {"content": None, "refusal": "x" * 285 + KEY}}]}), Sent(body={KEY: 1}),
    Sent(body={"choices": [{"message": {"content": {KEY: 1}}}]}),
])  # fmt: skip
def test_key_that_the_server_repeats_is_not_told(
    server: OpenAIServer, endpoint: Endpoint, patience: Patience, caplog: pytest.LogCaptureFixture, sent: Sent
) -> None:
    server.instead.extend([sent] * 6)
    with caplog.at_level(logging.DEBUG):
        told = _told(replace(endpoint, headers={"api-key": HEADER}), patience)
    for canary in (KEY, KEY[:12], HEADER):
        assert canary not in told
        assert canary not in caplog.text


def test_key_of_a_request_without_an_answer_is_not_told(
    server: OpenAIServer, endpoint: Endpoint, patience: Patience, caplog: pytest.LogCaptureFixture
) -> None:
    server.instead.extend([Sent(silent=True)] * 6)
    with caplog.at_level(logging.DEBUG):
        told = _told(replace(endpoint, headers={"api-key": HEADER}, timeout_seconds=0.1), patience)
    assert "tries: 6" in told
    for canary in (KEY, HEADER):
        assert canary not in told
        assert canary not in caplog.text


def test_key_that_a_duplicate_name_repeats_is_not_told(
    server: OpenAIServer, endpoint: Endpoint, patience: Patience
) -> None:
    server.instead.append(Sent(body=f'{{"{KEY}": 1, "{KEY}": 2}}'.encode()))
    assert KEY not in _told(endpoint, patience)


@pytest.mark.parametrize("key", [f"{KEY}\r\nX-Evil: 1", f"{KEY}\x00", f"ä{KEY}", f"{KEY}漢", f"{KEY}\x7f"])
def test_key_that_no_header_can_carry_is_refused_unseen(server: OpenAIServer, patience: Patience, key: str) -> None:
    told = _told(Endpoint(url=server.url, model="m", key=SecretStr(key)), patience)
    assert "the endpoint's Authorization header has characters that a header cannot carry" in told
    assert KEY not in told
    assert server.asked == []


def test_key_with_a_line_break_behind_it_is_good(server: OpenAIServer, patience: Patience) -> None:
    at = Endpoint(url=server.url, model="m", key=SecretStr(f"{KEY}\n"))
    assert answer(at, prompt="hello", **patience.how).text == "hello"


def test_endpoint_does_not_show_its_key(endpoint: Endpoint) -> None:
    shown = replace(endpoint, headers={"api-key": HEADER})
    for text in (repr(shown), str(shown), f"{shown}"):
        assert KEY not in text
        assert HEADER not in text


def test_embeddings_keep_the_key_as_well(server: OpenAIServer, endpoint: Endpoint, patience: Patience) -> None:
    server.instead.append(refusal(401, f"Incorrect API key provided: {KEY}."))
    with pytest.raises(ModelRefused) as raised:
        embed(endpoint, ["x"], **patience.how)
    assert raised.value.message == "the model's endpoint refused: status 401: Incorrect API key provided: [redacted]."


def test_key_is_sent_to_nobody_else(server: OpenAIServer, endpoint: Endpoint, patience: Patience) -> None:
    from local.openai_server import serving

    with serving() as other:
        server.instead.append(Sent(status=307, headers={"Location": f"{other.url}/chat/completions"}))
        with pytest.raises(ModelRefused, match="status 307"):
            answer(endpoint, prompt="?", **patience.how)
        assert other.asked == []
