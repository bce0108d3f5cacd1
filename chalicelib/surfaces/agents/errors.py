"""The agents contract's error envelope and its codes."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from chalicelib import times
from chalicelib.errors import ClaimcheckError, InvalidStateTransition
from chalicelib.surfaces.statuses import status_of
from chalicelib.surfaces.wire import Moment

from .words import state_word


class ErrorBody(BaseModel):
    """What went wrong; ``code`` is for programs, ``message`` for people, ``details`` depend on the code."""

    model_config = ConfigDict(defer_build=True)

    error: Literal[True]
    code: str
    message: str
    details: dict[str, Any]
    timestamp: Moment


def envelope(error: ClaimcheckError) -> tuple[int, dict[str, Any]]:
    """Status and body; the codes are those of the errors, which are named after this contract's."""
    body = {
        "error": True,
        "code": error.code,
        "message": error.message,
        "details": _details(error),
        "timestamp": times.iso(times.now()),
    }
    return status_of(error), body


def _details(error: ClaimcheckError) -> dict[str, Any]:
    if not isinstance(error, InvalidStateTransition):
        return error.details
    told = error.details
    words = {"state": state_word(told["state"]), "requested": state_word(told["requested"])}
    return {**told, **words, "legal": [state_word(state) for state in told["legal"]]}
