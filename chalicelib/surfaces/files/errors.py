"""The files contract's error envelope: ``{"detail": …}``."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict

from chalicelib import errors
from chalicelib.errors import ClaimcheckError
from chalicelib.surfaces.problems import all_that_is_wrong
from chalicelib.surfaces.statuses import status_of


class ErrorBody(BaseModel):
    """What went wrong, for people."""

    model_config = ConfigDict(defer_build=True)

    detail: str


# This contract has no 409: what cannot be done as things are is a bad request. A bad log-in is one, too.
_BAD_REQUESTS = (errors.InvalidCredentials, errors.Conflict)


def envelope(error: ClaimcheckError) -> tuple[int, dict[str, Any]]:
    """Status and body."""
    conflict_of_its_own = isinstance(error, errors.IdempotencyKeyReused)
    if isinstance(error, _BAD_REQUESTS) and not conflict_of_its_own:
        return HTTPStatus.BAD_REQUEST, {"detail": error.message}
    return status_of(error), {"detail": all_that_is_wrong(error)}
