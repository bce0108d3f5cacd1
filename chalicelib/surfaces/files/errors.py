"""The files contract's error envelope: ``{"detail": …}``."""

from http import HTTPStatus
from typing import Any

from chalicelib import errors
from chalicelib.errors import ClaimcheckError
from chalicelib.surfaces.statuses import status_of


def envelope(error: ClaimcheckError) -> tuple[int, dict[str, Any]]:
    """Status and body; a bad log-in and an address that is taken are 400 in this contract."""
    if isinstance(error, errors.InvalidCredentials | errors.AlreadyExists):
        return HTTPStatus.BAD_REQUEST, {"detail": error.message}
    return status_of(error), {"detail": error.message}
