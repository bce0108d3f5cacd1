"""Asks a model by an OpenAI-compatible endpoint, and waits for its answer, but not for ever.

https://platform.openai.com/docs/api-reference/chat
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from claimcheck_agent.builds.model.calls import Call
from claimcheck_agent.builds.model.settings import Model
from claimcheck_agent.masking import Masker

if TYPE_CHECKING:
    from openai import APIStatusError
    from openai.types.chat import ChatCompletionChunk
    from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall

Message = dict[str, Any]

BROKEN = 3  # Tries for an answer that breaks off.
PAUSE = 0.5  # Seconds between them.
CONNECT_SECONDS = 15.0
CHARACTERS_PER_TOKEN = 4  # Where the endpoint does not count: what is usual in English and in code.
LONGEST_REASON = 300  # Characters of what the endpoint said.
MOST_CALLS = 64  # In one answer.


class ModelFailed(Exception):
    """The model could not be asked; the message is for the build's owner, and holds no secret."""


class _Broken(Exception):
    def __init__(self, cause: Exception) -> None:
        self.cause = cause


class NoTools(Exception):
    """This model, or this endpoint, does not know tools."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """A model's answer: its text, the calls of tools, what it cost, and whether it was cut off."""

    text: str
    calls: tuple[Call, ...]
    tokens: int
    cut_off: bool


class Chat:
    """Asks one model; each question holds the whole conversation."""

    def __init__(self, model: Model, masker: Masker) -> None:
        # Imported here: it takes half a second, and builds without a model do without.
        import openai  # noqa: PLC0415

        self._model = model
        self._masker = masker
        self._openai = openai
        if model.key and not (model.key.isascii() and model.key.isprintable()):
            raise ModelFailed("The key for the model (the secret llm) has characters in it that no key can have.")
        budget = model.budget
        self._client = openai.OpenAI(
            base_url=model.url,
            api_key=model.key or "none",
            max_retries=budget.retries,
            timeout=openai.Timeout(budget.silence_seconds, connect=CONNECT_SECONDS),
            # The key is for this endpoint, and for nobody whom it names.
            http_client=openai.DefaultHttpxClient(follow_redirects=False),
        )

    def ask(self, messages: Sequence[Message], tools: Sequence[Message], seconds: float) -> Said:
        """Send the conversation and give the answer.

        Raises:
            ModelFailed: there is none, or not in time.
            NoTools: tools were given, and are not known there.
        """
        seconds = min(seconds, self._model.budget.answer_seconds)
        try:
            return _bounded(lambda: self._patiently(messages, tools), seconds)
        except TimeoutError as error:
            raise ModelFailed(f"The model took longer than {seconds:.0f} seconds for an answer.") from error
        except self._openai.APIStatusError as error:
            raise self._refusal(error, with_tools=bool(tools)) from None  # What it says may hold the key.
        except self._openai.OpenAIError as error:
            raise ModelFailed(self._because("The model cannot be reached", error)) from None

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def _patiently(self, messages: Sequence[Message], tools: Sequence[Message]) -> Said:
        for left in reversed(range(BROKEN)):
            try:
                return self._once(messages, tools)
            except _Broken as error:
                if not left:
                    raise ModelFailed(self._because("The model's answer broke off", error.cause)) from None
                time.sleep(PAUSE)
        raise AssertionError

    def _once(self, messages: Sequence[Message], tools: Sequence[Message]) -> Said:
        request: dict[str, Any] = {
            "model": self._model.name,
            "messages": messages,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if tools:
            request["tools"] = tools
        if not self._model.key:
            request["extra_headers"] = {"Authorization": self._openai.Omit()}
        answer = _Answer(most=self._model.budget.answer_characters)
        with self._client.chat.completions.create(**request) as stream:
            try:
                answer.read(stream)
            except Exception as error:  # noqa: BLE001  (which errors a broken stream raises is not said)
                raise _Broken(error) from None
        return answer.said(asked=sum(len(str(message)) for message in messages))

    def _refusal(self, error: "APIStatusError", *, with_tools: bool) -> Exception:
        status = error.status_code
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            had = "does not accept the key (the secret llm)" if self._model.key else "wants a key (the secret llm)"
            return ModelFailed(f"The model's endpoint at {self._model.host} {had}: {status}.")
        if with_tools and status < HTTPStatus.INTERNAL_SERVER_ERROR and "tool" in str(error).lower():
            return NoTools()
        return ModelFailed(self._because(f"The model's endpoint refused with status {status}", error))

    def _because(self, what: str, error: Exception) -> str:
        """Say what went wrong, with what was said of it, as far as that may be shown."""
        said = f"{error} {error.__cause__ or ''}".strip() or type(error).__name__
        reason = self._masker.mask(" ".join(said.split()))[:LONGEST_REASON]
        return f"{what} ({self._model.name} at {self._model.host}): {reason}"


@dataclass
class _Answer:
    """An answer that comes in pieces, up to so many characters."""

    most: int
    text: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    size: int = 0
    tokens: int = 0
    ended: str | None = None

    def read(self, stream: "Iterable[ChatCompletionChunk]") -> None:
        for chunk in stream:
            if chunk.usage:
                self.tokens = chunk.usage.total_tokens
            for choice in chunk.choices[:1]:
                self.ended = choice.finish_reason or self.ended
                self._add_text(choice.delta.content or "")
                for call in choice.delta.tool_calls or ():
                    self._add_call(call)
            if self.size > self.most or len(self.calls) > MOST_CALLS:
                self.ended = "length"
                return
        if self.ended is None:
            raise EOFError("it has no end")

    def _add_text(self, text: str) -> None:
        self.text.append(text)
        self.size += len(text)

    def _add_call(self, piece: "ChoiceDeltaToolCall") -> None:
        """Add a piece of a call to the call that it continues: one of its number, unless it has another id."""
        before = [call for call in self.calls if call["number"] == piece.index]
        if before and piece.id in {None, "", before[-1]["id"]}:
            call = before[-1]
        else:
            call = {"number": piece.index, "id": piece.id or "", "name": "", "arguments": ""}
            self.calls.append(call)
        function = piece.function
        call["name"] = call["name"] or (function and function.name) or ""
        arguments = (function and function.arguments) or ""
        call["arguments"] += arguments
        self.size += len(arguments)

    def said(self, *, asked: int) -> Said:
        calls = tuple(
            Call(tool=_text(call["name"]), arguments=_text(call["arguments"]), id=_text(call["id"]) or f"call_{index}")
            for index, call in enumerate(self.calls)
        )
        return Said(
            text=_text("".join(self.text)),
            calls=calls,
            tokens=self.tokens or (asked + self.size) // CHARACTERS_PER_TOKEN,
            cut_off=self.ended == "length",
        )


def _text(came: str) -> str:
    """Replace halves of surrogate pairs, which JSON can hold, but no file, log or request."""
    return came.encode(errors="replace").decode()


def _bounded(work: Callable[[], Said], seconds: float) -> Said:
    """Do something that may wait for another machine, in one of many ways, for at most so many seconds.

    Raises:
        TimeoutError: they are over. The thread waits on by itself, and ends with this process.
    """
    outcome: queue.SimpleQueue[Said | BaseException] = queue.SimpleQueue()

    def run() -> None:
        try:
            outcome.put(work())
        except BaseException as error:  # noqa: BLE001  (it is raised by whoever waits)
            outcome.put(error)

    threading.Thread(target=run, name="claimcheck-model", daemon=True).start()
    try:
        came = outcome.get(timeout=max(0.0, seconds))
    except queue.Empty as error:
        raise TimeoutError from error
    if isinstance(came, BaseException):
        raise came
    return came
