"""What is asked of a chat endpoint, and what is made of its answers."""

from typing import Any

import pytest

from chalicelib.inference.chat import Answer, answer
from chalicelib.inference.endpoint import Endpoint
from chalicelib.inference.errors import ModelAnswerInvalid, ModelRefused
from local.openai_server import Answer as Sent
from local.openai_server import OpenAIServer, completion, refusal
from tests.inference.conftest import KEY, Patience


def test_prompt_is_answered_with_what_it_cost(server: OpenAIServer, endpoint: Endpoint, patience: Patience) -> None:
    server.instead.append(completion("Paris", prompt_tokens=12, completion_tokens=3))
    found = answer(endpoint, prompt="The capital of France?", **patience.how)
    assert found == Answer(text="Paris", prompt_tokens=12, completion_tokens=3)
    (asked,) = server.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.body == {"model": "gpt-test", "messages": [{"role": "user", "content": "The capital of France?"}]}
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["content-type"] == "application/json"


def test_everything_that_may_be_said_is_sent(server: OpenAIServer, endpoint: Endpoint, patience: Patience) -> None:
    server.instead.append(completion("Grüße"))
    answer(
        endpoint,
        prompt="Grüße \ud800",
        instructions="Be brief.",
        knowledge_source="kb-7",
        max_tokens=50,
        **patience.how,
    )
    assert server.asked[0].body == {
        "model": "gpt-test",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Grüße \ud800"}],
        "max_tokens": 50,
        "metadata": {"knowledge_source": "kb-7"},
    }


def test_endpoint_without_a_key_is_asked_without_one(server: OpenAIServer, patience: Patience) -> None:
    server.key = None
    at = Endpoint(url=server.url + "/", model="m", headers={"api-key": "canary-header"})
    assert answer(at, prompt="hello", **patience.how).text == "hello"
    assert "authorization" not in server.asked[0].headers
    assert (server.asked[0].headers["api-key"], server.asked[0].path) == ("canary-header", "/v1/chat/completions")


@pytest.mark.parametrize("text", ["", "Ünïcödé\n\t🎉", "x" * 900_000])
def test_text_of_any_kind_comes_as_it_is(
    server: OpenAIServer, endpoint: Endpoint, patience: Patience, text: str
) -> None:
    server.instead.append(completion(text))
    assert answer(endpoint, prompt="?", **patience.how).text == text


@pytest.mark.parametrize("more", [{}, {"usage": None}, {"usage": {}}, {"usage": {"total_tokens": 9}}])
def test_cost_is_estimated_where_the_endpoint_counts_nothing(
    server: OpenAIServer, endpoint: Endpoint, patience: Patience, more: dict[str, Any]
) -> None:
    server.instead.append(Sent(body={"choices": [{"message": {"content": "nine char"}}], **more}))
    found = answer(endpoint, prompt="p" * 10, instructions="i" * 10, **patience.how)
    # 20 characters are 5 tokens at four each; 9 are 2.25, and so 3.
    assert found == Answer(text="nine char", prompt_tokens=5, completion_tokens=3, estimated=True)


def _choice(**message: Any) -> dict[str, Any]:
    return {"choices": [{"message": message, "finish_reason": "content_filter"}]}


INVALID: dict[str, tuple[Any, str]] = {
    "no JSON": (b"<html>busy</html>", "cannot be read: the body is not JSON"),
    "nothing": (b"", "cannot be read: the body is not JSON"),
    "not UTF-8": (b"\xff", "cannot be read: the body is not UTF-8"),
    "half": (b'{"choices": [', "cannot be read: the body is not JSON"),
    "nested": (b"[" * 50_000, "cannot be read"),
    "NaN": (b'{"choices": NaN}', "NaN is not a JSON number"),
    "surrogate": (b'{"choices": [{"message": {"content": "\\ud800"}}]}', "lone surrogate"),
    "a list": ([], "no chat completion"),
    "no choices": ({"id": 1}, "choices: Field required"),
    "empty choices": ({"choices": []}, "choices: List should have at least 1 item"),
    "no message": ({"choices": [{}]}, "choices.0.message: Field required"),
    "null content": (_choice(content=None), "the model gave no text: it ended with content_filter"),
    "twice": (b'{"choices": [], "choices": []}', "cannot be read: a name stands twice in one object"),
    "refusal": (_choice(content=None, refusal="I cannot help."), "the model gave no text: I cannot help."),
    "parts": (_choice(content=[{"type": "text"}]), "choices.0.message.content: Input should be a valid string"),
    "negative cost": ({**_choice(content="x"), "usage": {"prompt_tokens": -1}}, "usage.prompt_tokens"),
    "too long": (b'"' + b"x" * 1024 * 1024 + b'"', "sent more than 1048576 bytes"),
}


@pytest.mark.parametrize("name", list(INVALID))
def test_answer_that_is_none_is_told_in_clear_words(
    server: OpenAIServer, endpoint: Endpoint, patience: Patience, name: str
) -> None:
    body, words = INVALID[name]
    server.instead.append(Sent(body=body))
    with pytest.raises(ModelAnswerInvalid) as raised:
        answer(endpoint, prompt="?", **patience.how)
    assert words in raised.value.message
    assert (len(server.asked), patience.pauses) == (1, [])
    # The next one is none the worse for it.
    assert answer(endpoint, prompt="again", **patience.how).text == "again"


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 405, 413, 422])
def test_refusal_is_final(server: OpenAIServer, endpoint: Endpoint, patience: Patience, status: int) -> None:
    server.instead.append(refusal(status, "no such\n model", headers={"Location": f"{server.url}/elsewhere"}))
    with pytest.raises(ModelRefused) as raised:
        answer(endpoint, prompt="?", **patience.how)
    assert raised.value.message == f"the model's endpoint refused: status {status}: no such model"
    assert len(server.asked) == 1


@pytest.mark.parametrize(("body", "told"), [
    ({"error": "plain"}, "plain"), ({"message": "bare"}, "bare"), ({"error": {"message": "deep"}}, "deep"),
    (b"<h1>\x00no\r\n</h1>", "<h1>?no </h1>"), ({"error": {"message": "a\ud800b"}}, "a?b"), (b"\xff", "\ufffd"),
    ([1], "[1]"), ("text", '"text"'), (b"[" * 50_000, "["),
])  # fmt: skip
def test_reason_of_any_form_is_told_on_one_line(
    server: OpenAIServer, endpoint: Endpoint, patience: Patience, body: Any, told: str
) -> None:
    server.instead.append(Sent(status=400, body=body))
    with pytest.raises(ModelRefused) as raised:
        answer(endpoint, prompt="?", **patience.how)
    assert raised.value.message.startswith(f"the model's endpoint refused: status 400: {told}")
    assert len(raised.value.message) <= len("the model's endpoint refused: status 400: ") + 300
    assert raised.value.message.isprintable()


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://127.0.0.1/v1", "http://", "http://[::1", "http://" + "a" * 70 + ".example"]
)
def test_url_that_is_none_is_told(patience: Patience, url: str) -> None:
    with pytest.raises(ModelRefused, match="the URL of the model's endpoint cannot be used"):
        answer(Endpoint(url=url, model="m"), prompt="?", **patience.how)
