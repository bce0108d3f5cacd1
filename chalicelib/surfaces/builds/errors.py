"""The builds contract's error envelope."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict

from chalicelib import errors, times
from chalicelib.errors import ClaimcheckError
from chalicelib.surfaces.problems import all_that_is_wrong
from chalicelib.surfaces.statuses import status_of
from chalicelib.surfaces.wire import Moment


class ErrorBody(BaseModel):
    """What went wrong: ``error`` is for programs, ``detail`` for people."""

    model_config = ConfigDict(defer_build=True)

    error: str
    detail: str
    status_code: int
    timestamp: Moment


_NAMES = {"RATE_LIMITED": "rate_limit_exceeded"}
# Where the contract has another status than the rest of the house.
_STATUS: dict[type[ClaimcheckError], tuple[HTTPStatus, str]] = {
    errors.InvalidShape: (HTTPStatus.UNPROCESSABLE_ENTITY, "unprocessable_entity"),
    errors.InvalidStateTransition: (HTTPStatus.CONFLICT, "conflict"),
}


def envelope(error: ClaimcheckError) -> tuple[int, dict[str, Any]]:
    """Status and body."""
    own = (status_of(error), _NAMES.get(error.code, error.code.lower()))
    status, name = _STATUS.get(type(error), own)
    body = {
        "error": name,
        "detail": all_that_is_wrong(error),
        "status_code": int(status),
        "timestamp": times.iso(times.now()),
    }
    return status, body
