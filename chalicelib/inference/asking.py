"""One request to a model's endpoint, tried again where that may help, until it is time to give up."""

import json
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from urllib3.exceptions import HTTPError, LocationValueError

from chalicelib import outgoing, strict_json
from chalicelib.errors import InvalidRequest
from chalicelib.outgoing import AnswerTooLarge, Received

from .endpoint import Endpoint
from .errors import ModelAnswerInvalid, ModelRefused, ModelUnavailable

TRIES = 6
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 8.0
# A server that asks for more is asked again all the same; the caller's deadline is what ends it.
LONGEST_RETRY_AFTER_SECONDS = 60.0
# How long a cancel can go unnoticed while we pause.
CHECK_EVERY_SECONDS = 1.0
MAX_REASON_CHARACTERS = 300
# Where the account has nothing left, OpenAI answers 429 too, and waiting changes nothing.
_USED_UP = "insufficient_quota"
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}


class _Passing(Exception):
    """No answer this time, but there may be one the next; ``retry_after`` is what the server asks for."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


def post(
    endpoint: Endpoint,
    path: str,
    body: Mapping[str, Any],
    *,
    limit: int,
    until: float,
    check: Callable[[], None],
    sleep: Callable[[float], None],
) -> Any:  # noqa: ANN401  any JSON
    """The JSON that the endpoint answers.

    Args:
        endpoint: whom to ask.
        path: under the endpoint's URL.
        body: as JSON.
        limit: of the answer, in bytes.
        until: when to give up, as ``time.monotonic`` tells time.
        check: called before every try and each second between two; what it raises ends the request.
        sleep: what passes the time between tries.

    Raises:
        ModelRefused: the endpoint refuses, and would do so again.
        ModelAnswerInvalid: its answer is too large or is not JSON.
        ModelUnavailable: there was no answer by then, or after so many tries.
    """
    headers, content = endpoint.request_headers(), json.dumps(body, allow_nan=False).encode()
    tried = 0
    while True:
        tried += 1
        check()
        seconds = min(endpoint.timeout_seconds, until - time.monotonic())
        if seconds <= 0:
            raise ModelUnavailable("there is no time left to ask the model's endpoint")
        try:
            return _parsed(_once(endpoint, path, headers, content, seconds=seconds, limit=limit))
        except _Passing as error:
            pause = _pause(tried, error.retry_after)
            if tried == TRIES or time.monotonic() + pause >= until:
                message = f"the model's endpoint gave no answer, tries: {tried}; the last: {error}"
                raise ModelUnavailable(message) from error
            _pass(pause, check, sleep)


def _once(
    endpoint: Endpoint, path: str, headers: Mapping[str, str], content: bytes, *, seconds: float, limit: int
) -> bytes:
    try:
        received = outgoing.exchange(
            "POST", endpoint.address(path), headers=headers, body=content, seconds=seconds, limit=limit
        )
    except AnswerTooLarge as error:
        raise ModelAnswerInvalid(f"the model's endpoint sent more than {limit} bytes") from error
    except LocationValueError as error:
        raise ModelRefused("the URL of the model's endpoint cannot be used") from error
    except HTTPError as error:
        raise _Passing(type(error).__name__) from error
    if received.status == HTTPStatus.OK:
        return received.content
    told = f"status {received.status}{_reason(received.content, endpoint)}"
    if _passes(received):
        raise _Passing(told, _retry_after(received.headers))
    raise ModelRefused(f"the model's endpoint refused: {told}")


def _passes(received: Received) -> bool:
    """Whether the same request may be answered another time."""
    if received.status == HTTPStatus.TOO_MANY_REQUESTS and _USED_UP in _text(received.content):
        return False
    return received.status in _PASSING or received.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _reason(content: bytes, endpoint: Endpoint) -> str:
    """What the server says is wrong, on one line: ``{"error": {"message": …}}`` as OpenAI has it, or the body."""
    try:
        told = json.loads(content)
        error = told.get("error", told)
        text = str(error.get("message", error) if isinstance(error, dict) else error)
    except (ValueError, RecursionError, AttributeError):
        text = _text(content)
    # Cut only when no secret is in it any more, of which a part could be left.
    line = endpoint.without_secrets(" ".join(text.split()))[:MAX_REASON_CHARACTERS]
    # It ends in results and logs, which cannot hold everything that JSON can.
    line = "".join(character if character.isprintable() else "?" for character in line)
    return f": {line}" if line else ""


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _parsed(content: bytes) -> Any:  # noqa: ANN401  any JSON
    try:
        return strict_json.parse(content)
    except InvalidRequest as error:
        # Not the name that it says is there twice, nor the error as a cause: the server could have put our key there.
        why = "a name stands twice in one object" if "field" in error.details else error.message
        raise ModelAnswerInvalid(f"the model's endpoint sent what cannot be read: {why}") from None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that the server asks for: a number of them, or a date (RFC 9110, 10.2.3)."""
    told = headers.get("Retry-After")
    if told is None:
        return None
    try:
        seconds = float(told) if told.strip().isdigit() else _seconds_until(told)
    except ValueError:
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)


def _seconds_until(date: str) -> float:
    moment = parsedate_to_datetime(date)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp()


def _pause(tried: int, retry_after: float | None) -> float:
    """Seconds until the next try: twice as long each time, and never the same for all who failed together."""
    longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (tried - 1))
    pause = longest * random.uniform(0.5, 1)  # noqa: S311  no secret
    return pause if retry_after is None else retry_after + pause


def _pass(seconds: float, check: Callable[[], None], sleep: Callable[[float], None]) -> None:
    while seconds > 0:
        sleep(min(seconds, CHECK_EVERY_SECONDS))
        seconds -= CHECK_EVERY_SECONDS
        check()
