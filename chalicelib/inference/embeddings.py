"""Texts as vectors whose angle says how alike they are in meaning: ``POST <url>/embeddings``.

https://platform.openai.com/docs/api-reference/embeddings/create
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, ValidationError

from . import asking
from .endpoint import Endpoint
from .errors import ModelAnswerInvalid
from .wire import first_problem

BATCH_TEXTS = 64
BATCH_CHARACTERS = 200_000
# The numbers of 64 vectors of 4,096 dimensions, with room for twenty characters each, are 5 MB.
MAX_ANSWER_BYTES = 16 * 1024 * 1024

Vector = list[float]


class _Embedding(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True, defer_build=True)

    index: StrictInt
    embedding: Annotated[list[StrictFloat], Field(min_length=1)]


class _Embeddings(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True, defer_build=True)

    data: list[_Embedding]


def embed(
    endpoint: Endpoint,
    texts: Sequence[str],
    *,
    until: float,
    check: Callable[[], None],
    sleep: Callable[[float], None] = time.sleep,
) -> list[Vector]:
    """The vector of each text, in their order, all of the same length.

    Asked in batches of up to 64 texts and 200,000 characters; a text that is longer is a batch of its own.

    Args:
        endpoint: whom to ask.
        texts: none of them empty, which most endpoints refuse.
        until: when to give up, as ``time.monotonic`` tells time.
        check: called before every try and each second between two; what it raises ends the request.
        sleep: what passes the time between tries.

    Raises:
        ModelRefused: the endpoint refuses a batch (``ModelAnswerInvalid``: or its answer is none).
        ModelUnavailable: it gave no answer by then, or after so many tries.
    """
    vectors: list[Vector] = []
    for batch in _batches(texts):
        body = {"model": endpoint.model, "input": batch}
        told = asking.post(endpoint, "embeddings", body, limit=MAX_ANSWER_BYTES, until=until, check=check, sleep=sleep)
        vectors += _in_order(told, len(batch))
    if len({len(vector) for vector in vectors}) > 1:
        raise ModelAnswerInvalid("the endpoint's embeddings have different lengths")
    return vectors


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of the angle between two vectors, 0 to 1.

    What is negative counts as 0, since texts that point away from each other are not less alike than unrelated ones;
    so does a vector without a direction.

    Raises:
        ValueError: the vectors have different lengths.
    """
    if len(one) != len(other):
        raise ValueError(f"vectors of {len(one)} and {len(other)} numbers cannot be compared")
    lengths = math.hypot(*one), math.hypot(*other)
    if not all(lengths):
        return 0.0
    # Divided before they are multiplied, or the product of large numbers would be infinite.
    product = math.fsum((a / lengths[0]) * (b / lengths[1]) for a, b in zip(one, other, strict=True))
    return min(max(product, 0.0), 1.0)


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    characters = 0
    for text in texts:
        if batch and (len(batch) == BATCH_TEXTS or characters + len(text) > BATCH_CHARACTERS):
            yield batch
            batch, characters = [], 0
        batch.append(text)
        characters += len(text)
    if batch:
        yield batch


def _in_order(told: object, wanted: int) -> list[Vector]:
    """The vectors by their index: their order in the answer means nothing."""
    try:
        data = _Embeddings.model_validate(told).data
    except ValidationError as error:
        raise ModelAnswerInvalid(f"the endpoint's answer holds no embeddings: {first_problem(error)}") from error
    found = {each.index: each.embedding for each in data}
    if len(data) != wanted or set(found) != set(range(wanted)):
        raise ModelAnswerInvalid(f"there were {len(data)} embeddings for {wanted} texts, or they are numbered wrongly")
    return [found[index] for index in range(wanted)]
