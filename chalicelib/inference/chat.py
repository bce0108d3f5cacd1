"""Answers of a language model: ``POST <url>/chat/completions``.

https://platform.openai.com/docs/api-reference/chat/create
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from . import asking
from .endpoint import Endpoint
from .errors import ModelAnswerInvalid
from .pool import Budget
from .wire import first_problem

MAX_ANSWER_BYTES = 1024 * 1024
# OpenAI's rule of thumb for English text.
CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the model said, and what it cost.

    Attributes:
        text: may be empty.
        prompt_tokens: as the endpoint counts them.
        completion_tokens: as the endpoint counts them.
        estimated: the endpoint did not say, so that both are a quarter of the characters.
    """

    text: str
    prompt_tokens: int
    completion_tokens: int
    estimated: bool = False


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, defer_build=True)


class _Message(_Wire):
    content: str | None = None
    refusal: str | None = None


class _Choice(_Wire):
    message: _Message
    finish_reason: str | None = None


class _Usage(_Wire):
    prompt_tokens: Annotated[int, Field(ge=0)] | None = None
    completion_tokens: Annotated[int, Field(ge=0)] = 0


class _Completion(_Wire):
    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: _Usage | None = None


def answer(
    endpoint: Endpoint,
    *,
    prompt: str,
    instructions: str | None = None,
    knowledge_source: str | None = None,
    max_tokens: int | None = None,
    until: float,
    check: Callable[[], None],
    budget: Budget | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """The model's answer to a prompt.

    Args:
        endpoint: whom to ask.
        prompt: the user's message.
        instructions: the system's message before it.
        knowledge_source: goes along as ``metadata``, for agents that have several.
        max_tokens: of the answer.
        until: when to give up, as ``time.monotonic`` tells time.
        check: called before every try and each second between two; what it raises ends the request.
        budget: asked before, and told what was spent.
        sleep: what passes the time between tries.

    Raises:
        ModelRefused: the endpoint refuses this request (``ModelAnswerInvalid``: or its answer is none).
        ModelUnavailable: it gave no answer by then, or after so many tries.
        BudgetExhausted: nothing was asked.
    """
    if budget is not None:
        budget.check()
    body = _body(endpoint, prompt, instructions, knowledge_source, max_tokens)
    told = asking.post(
        endpoint, "chat/completions", body, limit=MAX_ANSWER_BYTES, until=until, check=check, sleep=sleep
    )
    made = _answer(endpoint, _completion(told), len(prompt) + len(instructions or ""))
    if budget is not None:
        budget.spend(made.prompt_tokens + made.completion_tokens)
    return made


def _body(
    endpoint: Endpoint, prompt: str, instructions: str | None, knowledge_source: str | None, max_tokens: int | None
) -> dict[str, Any]:
    messages = [{"role": "system", "content": instructions}] if instructions else []
    body: dict[str, Any] = {"model": endpoint.model, "messages": [*messages, {"role": "user", "content": prompt}]}
    if max_tokens is not None:
        body["max_tokens"] = max_tokens
    if knowledge_source is not None:
        body["metadata"] = {"knowledge_source": knowledge_source}
    return body


def _completion(told: object) -> _Completion:
    try:
        return _Completion.model_validate(told)
    except ValidationError as error:
        raise ModelAnswerInvalid(f"the endpoint's answer is no chat completion: {first_problem(error)}") from error


def _answer(endpoint: Endpoint, completion: _Completion, asked_characters: int) -> Answer:
    choice = completion.choices[0]
    text, usage = choice.message.content, completion.usage
    if text is None:
        why = choice.message.refusal or f"it ended with {choice.finish_reason or 'no reason'}"
        why = endpoint.without_secrets(why)[: asking.MAX_REASON_CHARACTERS]
        raise ModelAnswerInvalid(f"the model gave no text: {why}")
    if usage is None or usage.prompt_tokens is None:
        # Not to count it at all would make a budget worthless.
        asked, said = (-(-characters // CHARACTERS_PER_TOKEN) for characters in (asked_characters, len(text)))
        return Answer(text=text, prompt_tokens=asked, completion_tokens=said, estimated=True)
    return Answer(text=text, prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens)
