"""The builds contract's error envelope."""

from typing import Any

from chalicelib import times
from chalicelib.errors import ClaimcheckError
from chalicelib.surfaces.statuses import status_of

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
