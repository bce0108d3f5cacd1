"""What the contracts' wire models have in common."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, StringConstraints

from chalicelib import times


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        message = "needs a time zone, such as Z"
        raise ValueError(message)
    try:
        return times.from_epoch_ms(times.to_epoch_ms(moment.astimezone(UTC)))
    except OverflowError as error:  # The offset takes it out of the years 1 to 9999.
        message = "lies outside the years 1 to 9999 in UTC"
        raise ValueError(message) from error


Moment = Annotated[datetime, AfterValidator(_in_utc), PlainSerializer(times.iso, when_used="json")]
"""A time: any ISO 8601 with an offset coming in, UTC with milliseconds and ``Z`` going out."""

Email = Annotated[str, StringConstraints(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")]
Password = Annotated[str, StringConstraints(min_length=8, max_length=256)]


class Model(BaseModel):
    """A body: unknown fields are refused, and a number is not a string.

    It is built when first used, as every model of the wire, so that a cold start pays only for what its request uses.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, defer_build=True)


class Credentials(BaseModel):
    """An address and a password, as every log-in takes them; ``username`` is the address."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, hide_input_in_errors=True, defer_build=True)

    username: Annotated[str, StringConstraints(min_length=1, max_length=254)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class Token(Model):
    """A bearer token, as every log-in answers it."""

    access_token: str
    token_type: str
