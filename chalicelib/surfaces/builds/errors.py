"""The builds contract's error envelope."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from chalicelib import times
from chalicelib.errors import ClaimcheckError
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


def envelope(error: ClaimcheckError) -> tuple[int, dict[str, Any]]:
    """Status and body."""
    status = status_of(error)
    body = {
        "error": _NAMES.get(error.code, error.code.lower()),
        "detail": error.message,
        "status_code": int(status),
        "timestamp": times.iso(times.now()),
    }
    return status, body
