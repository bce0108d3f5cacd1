"""Embeddings: batches, order, answers that are none; and the cosine of two vectors."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.inference.embeddings import cosine, embed
from chalicelib.inference.endpoint import Endpoint
from chalicelib.inference.errors import ModelAnswerInvalid, ModelRefused
from local.openai_server import Answer as Sent
from local.openai_server import OpenAIServer, refusal
from tests.inference.conftest import Patience


def _sent(*vectors: list[float], **changed: Any) -> Sent:
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return Sent(body={"data": data, **changed})


def test_texts_become_vectors_in_their_order(server: OpenAIServer, endpoint: Endpoint, patience: Patience) -> None:
    one, same, other = embed(endpoint, ["accept the form", "form the accept", "reject it"], **patience.how)
    assert cosine(one, same) == pytest.approx(1)
    assert cosine(one, other) == pytest.approx(0)
    (asked,) = server.asked
    assert asked.path == "/v1/embeddings"
    assert asked.body == {"model": "gpt-test", "input": ["accept the form", "form the accept", "reject it"]}


def test_nothing_is_asked_for_no_texts(server: OpenAIServer, endpoint: Endpoint, patience: Patience) -> None:
    assert embed(endpoint, [], **patience.how) == []
    assert server.asked == []


def test_order_is_by_index_and_not_as_they_come(server: OpenAIServer, endpoint: Endpoint, patience: Patience) -> None:
    made = _sent(*([float(number), 1] for number in range(20)))
    made.body["data"] = made.body["data"][13:] + made.body["data"][12::-1]
    server.instead.append(made)
    assert embed(endpoint, ["x"] * 20, **patience.how) == [[number, 1] for number in range(20)]


def test_batches_have_64_texts_at_most(server: OpenAIServer, endpoint: Endpoint, patience: Patience) -> None:
    texts = [f"text {number}" for number in range(130)]
    vectors = embed(endpoint, texts, **patience.how)
    assert [len(asked.body["input"]) for asked in server.asked] == [64, 64, 2]
    assert [text for asked in server.asked for text in asked.body["input"]] == texts
    assert vectors[129] == embed(endpoint, texts[129:], **patience.how)[0]


def test_batches_have_200_000_characters_at_most(server: OpenAIServer, endpoint: Endpoint, patience: Patience) -> None:
    texts = ["a" * 100_000, "b" * 100_000, "c", "d" * 300_000, "e"]
    embed(endpoint, texts, **patience.how)
    assert [[len(text) for text in asked.body["input"]] for asked in server.asked] == [
        [100_000, 100_000],
        [1],
        [300_000],
        [1],
    ]


@pytest.mark.parametrize(("sent", "words"), [
    (_sent([1.0]), "there were 1 embeddings for 2 texts"),
    (_sent([1.0], [2.0], [3.0]), "there were 3 embeddings for 2 texts"),
    (Sent(body={"data": []}), "there were 0 embeddings for 2 texts"),
    (Sent(body={"data": [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [2]}]}), "numbered wrongly"),
    (Sent(body={"data": [{"index": 1, "embedding": [1]}, {"index": 2, "embedding": [2]}]}), "numbered wrongly"),
    (Sent(body={}), "holds no embeddings: data: Field required"),
    (_sent([], [1.0]), "data.0.embedding: List should have at least 1 item"),
    (Sent(body={"data": [{"index": 0, "embedding": ["1"]}]}), "data.0.embedding.0: Input should be a valid number"),
    (Sent(body={"data": [{"index": 0, "embedding": [None]}]}), "data.0.embedding.0: Input should be a valid number"),
    (Sent(body={"data": [{"index": 0, "embedding": "AAAA"}]}), "data.0.embedding: Input should be a valid list"),
    (Sent(body=b'{"data": [{"index": 0, "embedding": [NaN]}]}'), "NaN is not a JSON number"),
    (Sent(body=b'{"data": [{"index": 0, "embedding": [1e999]}]}'), "a number is too large"),
    (_sent([1.0, 2.0], [1.0]), "different lengths"),
])  # fmt: skip
def test_answer_that_is_none_is_told_in_clear_words(
    server: OpenAIServer, endpoint: Endpoint, patience: Patience, sent: Sent, words: str
) -> None:
    server.instead.append(sent)
    with pytest.raises(ModelAnswerInvalid) as raised:
        embed(endpoint, ["one", "two"], **patience.how)
    assert words in raised.value.message


def test_large_answer_fits(server: OpenAIServer, endpoint: Endpoint, patience: Patience) -> None:
    """64 vectors of 3,072 dimensions, which are 4 MB, as OpenAI's largest model gives them."""
    vector = [math.sin(number) / 7 for number in range(3072)]
    server.instead.append(_sent(*[vector] * 64))
    assert embed(endpoint, ["x"] * 64, **patience.how)[63] == vector


def test_trouble_passes_and_refusals_do_not(server: OpenAIServer, endpoint: Endpoint, patience: Patience) -> None:
    server.instead.extend([refusal(500, "oops"), refusal(429, "busy")])
    assert len(embed(endpoint, ["one"], **patience.how)) == 1
    with pytest.raises(ModelRefused, match="an input cannot be empty"):
        embed(endpoint, ["one", ""], **patience.how)


@pytest.mark.parametrize(("one", "other", "expected"), [
    ([1, 0], [1, 0], 1), ([1, 0], [0, 1], 0), ([1, 0], [-1, 0], 0), ([0, 0], [1, 0], 0), ([3, 4], [4, 3], 24 / 25),
    ([1e300, 1e300], [1e300, 0], math.sqrt(0.5)), ([1e-300, 0], [1e-300, 1e-300], math.sqrt(0.5)),
    ([1.7e308, 1.7e308], [1, 1], 0),
])  # fmt: skip
def test_cosine_is_of_the_angle(one: list[float], other: list[float], expected: float) -> None:
    assert cosine(one, other) == pytest.approx(expected, abs=1e-12)


def test_vectors_of_different_lengths_have_no_cosine() -> None:
    with pytest.raises(ValueError, match="vectors of 1 and 2 numbers"):
        cosine([1], [1, 2])


_NUMBER = st.floats(allow_nan=False, allow_infinity=False)
_PAIR = st.integers(1, 6).flatmap(lambda size: st.tuples(*[st.lists(_NUMBER, min_size=size, max_size=size)] * 2))


@settings(max_examples=200, deadline=None)
@given(_PAIR)
def test_cosine_is_from_0_to_1_and_the_same_both_ways(pair: tuple[list[float], list[float]]) -> None:
    assert 0 <= cosine(*pair) <= 1
    assert cosine(*pair) == cosine(*pair[::-1])
