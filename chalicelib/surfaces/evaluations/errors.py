"""The evaluations contract's error envelope: ``{"error": {"code", "message", "details"}}``, always with a trace."""

from typing import Any

from chalicelib import errors
from chalicelib.errors import ClaimcheckError
from chalicelib.surfaces.statuses import status_of
from chalicelib.surfaces.wire import Model
from chalicelib.telemetry import current_trace

# The contract's common codes; what it has none for keeps the code of the core.
_CODES: dict[type[ClaimcheckError], str] = {
    errors.InvalidRequest: "INVALID_REQUEST",
    errors.InvalidStateTransition: "INVALID_STATE",
    errors.Unauthenticated: "UNAUTHORIZED",
    errors.NotFound: "NOT_FOUND",
    errors.TooManyRequests: "RATE_LIMITED",
    errors.EncryptionUnavailable: "SERVICE_UNAVAILABLE",
    errors.StorageFailed: "SERVER_ERROR",
    errors.EncryptionFailed: "SERVER_ERROR",
}


class ErrorBody(Model):
    """What went wrong; ``details`` has the ``trace_id`` to ask about, and the ``field`` where there is one."""

    code: str
    message: str
    details: dict[str, Any]


class ErrorView(Model):
    """An error."""

    error: ErrorBody


def envelope(error: ClaimcheckError) -> tuple[int, dict[str, Any]]:
    """Status and body."""
    status = status_of(error)
    trace = current_trace()
    details = {**error.details, "trace_id": trace.trace_id if trace else None}
    return status, {"error": {"code": _code(error), "message": error.message, "details": details}}


def _code(error: ClaimcheckError) -> str:
    return next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), error.code)
