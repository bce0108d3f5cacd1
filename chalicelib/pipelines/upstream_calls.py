"""Requests to the upstream that runs pipelines, at the URL of the settings and nowhere else.

What a caller has said reaches it as escaped parts of a path, as a query or as JSON; of a caller's own headers only the
``Last-Event-ID`` does, and of who they are nothing. No redirect is followed; time and size are bounded.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, ValidationError
from urllib3.exceptions import HTTPError

from chalicelib import errors, outgoing, strict_json
from chalicelib.errors import ClaimcheckError, TooManyRequests, UpstreamUnreachable
from chalicelib.outgoing import AnswerTooLarge, Patience, Received
from chalicelib.settings import settings

from .jobs import UnsupportedNetwork

MAX_ANSWER_BYTES = 4 * 1024 * 1024
MAX_EVENT_BYTES = 1024 * 1024
# The gateway gives up on us after 29 seconds.
PATIENCE = Patience(connect=3, read=20, seconds=25)
LEAST_LISTENING_SECONDS = 1
JSON = "application/json"
MAX_MESSAGE_CHARACTERS = 300
MAX_FIELD_CHARACTERS = 64
MAX_RETRY_AFTER_SECONDS = 900
REDACTED = "[redacted]"
# What is not among them is wrong between the upstream and us, and nothing that our caller could mend: above all a 401,
# which is about our token and not theirs.
_REFUSALS: dict[int, type[ClaimcheckError]] = {
    HTTPStatus.BAD_REQUEST: errors.InvalidRequest,
    HTTPStatus.FORBIDDEN: errors.Forbidden,
    HTTPStatus.NOT_FOUND: errors.NotFound,
    HTTPStatus.CONFLICT: errors.Conflict,
    HTTPStatus.GONE: errors.NotFound,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: errors.TooLarge,
    HTTPStatus.UNPROCESSABLE_ENTITY: errors.InvalidRequest,
}


class Answer(BaseModel):
    """An answer: what it has beside what we look for is passed over."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, hide_input_in_errors=True, defer_build=True)

    ok: Literal[True] = True


class Refusal(BaseModel):
    """An answer that is an error, as far as it can be read."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, hide_input_in_errors=True, defer_build=True)

    error: str = ""
    message: str = ""
    field: str | None = None


class _Unusable(Exception):
    """An answer that cannot be used, and why; for the log."""


Form = TypeVar("Form", bound=Answer)


def base() -> str:
    """The URL that all paths are under."""
    return str(settings().pipelines_url).rstrip("/")


def ask(
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
    seed: str | None = None,
    accept: str = JSON,
) -> Received:
    """A successful answer, whatever is in it.

    Args:
        method: of the request.
        path: under the URL of the settings, its parts escaped.
        query: names and values.
        body: as JSON.
        seed: what the request creates is made once for; sent as the ``Idempotency-Key``.
        accept: which content is wanted.

    Raises:
        UpstreamUnreachable: there is none.
        ClaimcheckError: the upstream refuses what is asked.
    """
    headers = _headers(accept)
    if body is not None:
        headers["Content-Type"] = JSON
    if seed is not None:
        headers["Idempotency-Key"] = seed
    content = json.dumps(body).encode() if body is not None else None
    try:
        received = outgoing.exchange(
            method, _url(path, query), headers=headers, body=content, seconds=PATIENCE, limit=MAX_ANSWER_BYTES
        )
    except (HTTPError, AnswerTooLarge) as error:
        raise UpstreamUnreachable from error
    return _successful(received)


def listen(path: str, *, query: Mapping[str, str] | None, last: str | None) -> Received:
    """What comes of a stream of events in the time that one of our own answers may wait.

    Raises:
        UpstreamUnreachable: no stream begins.
        ClaimcheckError: the upstream refuses what is asked.
    """
    headers = _headers("text/event-stream")
    if last is not None:
        headers["Last-Event-ID"] = last
    seconds = max(settings().stream_wait_seconds, LEAST_LISTENING_SECONDS)
    try:
        received = outgoing.listen(
            _url(path, query), headers=headers, patience=PATIENCE, listening=seconds, limit=MAX_EVENT_BYTES
        )
    except HTTPError as error:
        raise UpstreamUnreachable from error
    return _successful(received)


def read(form: type[Form], received: Received) -> Form:
    """What an answer says.

    Raises:
        UpstreamUnreachable: it cannot be read.
    """
    try:
        value = strict_json.parse(received.content)
    except errors.InvalidRequest:
        # Its message could repeat a part of the answer, and in it our token.
        raise unusable("no JSON that can be read") from None
    return checked(form, value)


def checked(form: type[Form], value: object) -> Form:
    """A part of an answer in its form.

    Raises:
        UpstreamUnreachable: it has another.
    """
    try:
        return form.model_validate(value)
    except ValidationError as error:
        raise UpstreamUnreachable from error


def unusable(why: str) -> UpstreamUnreachable:
    """The error for an answer that cannot be used."""
    error = UpstreamUnreachable()
    error.__cause__ = _Unusable(why)
    return error


def media_type(received: Received) -> str:
    """What an answer's content is said to be."""
    return received.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _headers(accept: str) -> dict[str, str]:
    made = {"Accept": accept, "User-Agent": "claimcheck"}
    token = settings().pipelines_token
    if token is not None:
        made["Authorization"] = f"Bearer {token.get_secret_value()}"
    return made


def _url(path: str, query: Mapping[str, str] | None) -> str:
    return f"{base()}{path}?{urlencode(query)}" if query else f"{base()}{path}"


def _successful(received: Received) -> Received:
    if HTTPStatus.OK <= received.status < HTTPStatus.MULTIPLE_CHOICES:
        return received
    if received.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise TooManyRequests(_retry_after(received))
    told = _refusal(received)
    if told.error == UnsupportedNetwork.code.lower() and received.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise UnsupportedNetwork(_line(told.message), field="network")
    kind = _REFUSALS.get(received.status)
    if kind is None:
        raise unusable(f"status {received.status}")
    field = {"field": told.field[:MAX_FIELD_CHARACTERS]} if told.field else {}
    raise kind(_line(told.message), **field)


def _refusal(received: Received) -> Refusal:
    try:
        return Refusal.model_validate(strict_json.parse(received.content))
    except (errors.InvalidRequest, ValidationError):
        return Refusal()


def _line(message: str) -> str | None:
    """A message on one line, without our token, which some servers repeat; None for the error's own."""
    token = settings().pipelines_token
    if token is not None:
        message = message.replace(token.get_secret_value(), REDACTED)
    line = " ".join(message.split())[:MAX_MESSAGE_CHARACTERS]
    return "".join(character if character.isprintable() else "?" for character in line) or None


def _retry_after(received: Received) -> int:
    told = received.headers.get("Retry-After", "").strip()
    # It may also be a date (RFC 9110, 10.2.3), of which servers make less use.
    seconds = int(told) if told.isascii() and told.isdigit() and len(told) < len(str(10**9)) else 60
    return min(max(seconds, 1), MAX_RETRY_AFTER_SECONDS)
