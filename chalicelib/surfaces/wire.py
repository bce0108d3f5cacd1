"""What the contracts' wire models have in common."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    Strict,
    StringConstraints,
    WithJsonSchema,
)

from chalicelib import times
from chalicelib.errors import InvalidCredentials, TooManyRequests

_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def _written_out(value: object) -> object:
    # Pydantic takes a number, also in a string, for seconds since the epoch, which is nothing that the contracts have.
    if not isinstance(value, datetime) and not (isinstance(value, str) and _DATE.match(value)):
        message = "must be a time as ISO 8601 has it, such as 2026-01-02T03:04:05Z"
        raise ValueError(message)
    return value


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        message = "needs a time zone, such as Z"
        raise ValueError(message)
    try:
        return times.from_epoch_ms(times.to_epoch_ms(moment.astimezone(UTC)))
    except OverflowError as error:  # The offset takes it out of the years 1 to 9999.
        message = "lies outside the years 1 to 9999 in UTC"
        raise ValueError(message) from error


Moment = Annotated[
    datetime,
    Strict(strict=False),
    BeforeValidator(_written_out),
    AfterValidator(_in_utc),
    PlainSerializer(times.iso, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-01-02T03:04:05.678Z"]}),
]
"""A time: any ISO 8601 with an offset coming in, UTC with milliseconds and ``Z`` going out."""

# The two that are a space to only one of Rust's and JavaScript's regular expressions are named, for both to agree.
_NO_SPACE = r"[^@\s\u0085\ufeff]+"
Email = Annotated[str, StringConstraints(min_length=3, max_length=254, pattern=f"^{_NO_SPACE}@{_NO_SPACE}$")]
Password = Annotated[str, StringConstraints(min_length=8, max_length=256)]


class Model(BaseModel):
    """A body: unknown fields are refused, and a number is not a string.

    It is built when first used, as every model of the wire, so that a cold start pays only for what its request uses.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, defer_build=True)


class Query(BaseModel):
    """A query: its values are texts, and names it does not know are passed over."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, defer_build=True)


LOG_IN_ERRORS = (InvalidCredentials, TooManyRequests)
"""What every log-in refuses with."""


class Credentials(BaseModel):
    """An address and a password, as every log-in takes them; ``username`` is the address."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, hide_input_in_errors=True, defer_build=True)

    username: Annotated[str, StringConstraints(min_length=1, max_length=254)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class Token(Model):
    """A bearer token, as every log-in answers it."""

    access_token: str
    token_type: str
