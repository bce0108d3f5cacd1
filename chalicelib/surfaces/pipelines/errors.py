"""The pipelines contract's error envelope: ``{"ok": false, "error", "message"}`` with the contract's codes."""

from http import HTTPStatus
from typing import Any, Literal

from chalicelib import errors
from chalicelib.errors import ClaimcheckError
from chalicelib.pipelines.jobs import UnsupportedNetwork
from chalicelib.surfaces.problems import all_that_is_wrong
from chalicelib.surfaces.statuses import status_of
from chalicelib.surfaces.wire import Model

# The contract's codes; what it has none for keeps the code of the core.
_CODES: dict[type[ClaimcheckError], str] = {
    UnsupportedNetwork: "unsupported_network",
    errors.TooLarge: "payload_too_large",
    errors.InvalidRequest: "bad_request",
    errors.InvalidStateTransition: "conflict",
    errors.Unauthenticated: "unauthorized",
    errors.Forbidden: "forbidden",
    errors.NotFound: "not_found",
    errors.TooManyRequests: "rate_limited",
    errors.StorageFailed: "internal_error",
}


class ErrorView(Model):
    """What went wrong: ``error`` is for programs, ``message`` for people; ``field`` where one is at fault."""

    ok: Literal[False]
    error: str
    message: str
    field: str | None


def envelope(error: ClaimcheckError) -> tuple[int, dict[str, Any]]:
    """Status and body."""
    code = next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), error.code.lower())
    body = {
        "ok": False,
        "error": code,
        "message": all_that_is_wrong(error),
        "field": error.details.get("field") or None,
    }
    return HTTPStatus.CONFLICT if code == "conflict" else status_of(error), body
