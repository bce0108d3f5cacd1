"""What every HTTP answer gets: a trace, CORS, the contract's envelope on Chalice's own errors, one line in the log."""

import time
from collections.abc import Callable
from typing import Any

from chalice.app import Request, Response

from chalicelib.settings import settings
from chalicelib.telemetry import logger, start_trace

from . import problems
from .surface import Answer, allowed_methods, surface_of
from .vitals import vitals

_ALLOWED_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, traceparent, X-Admin-Api-Key, "
    "X-Claim-Attempt, X-Claim-Request-Id, X-Claim-Token, X-Colab-Id, X-Colab-Secret, X-Csrf-Token"
)
_EXPOSED_HEADERS = (
    "Location, Retry-After, traceparent, X-Next-Cursor, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"
)
_PREFLIGHT_SECONDS = "600"


def middleware(request: Request, get_response: Callable[[Request], Response]) -> Response:
    """Chalice's HTTP middleware for the whole app."""
    began = time.perf_counter()
    logger.thread_safe_clear_keys()
    trace = start_trace(request.headers.get("traceparent"))
    response = _in_envelope(request, get_response(request))
    headers = {
        "traceparent": trace.parent,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        **_cors(request),
    }
    for name, value in headers.items():
        response.headers.setdefault(name, value)
    vitals.request_answered()
    _log(request, response.status_code, began)
    return response


def _in_envelope(request: Request, response: Any) -> Response:  # noqa: ANN401  Chalice's
    if isinstance(response, Answer):
        return response
    error = problems.of_status(response.status_code)
    refusal = surface_of(_template(request)).refuse_early(error)
    if "Allow" in response.headers:
        refusal.headers["Allow"] = response.headers["Allow"]
    return refusal


def _cors(request: Request) -> dict[str, str]:
    """Permission for exactly the origins of the settings; the answer depends on the origin, and says so to caches."""
    headers = {"Vary": "Origin"}
    origin = request.headers.get("origin")
    if origin is None or origin not in settings().allowed_origins:
        return headers
    headers |= {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _EXPOSED_HEADERS}
    if _template(request).startswith("/u/"):
        headers["Access-Control-Allow-Credentials"] = "true"  # The one contract whose sessions are cookies.
    if request.method == "OPTIONS":
        headers["Access-Control-Allow-Methods"] = ", ".join(allowed_methods(_template(request)))
        headers["Access-Control-Allow-Headers"] = _ALLOWED_HEADERS
        headers["Access-Control-Max-Age"] = _PREFLIGHT_SECONDS
    return headers


def _template(request: Request) -> str:
    return str(request.context.get("resourcePath") or request.path)


def _log(request: Request, status: int, began: float) -> None:
    took = round((time.perf_counter() - began) * 1000, 1)
    # The template of the path and never the query: a query may carry a token.
    facts = {"method": request.method, "route": _template(request), "params": request.uri_params or {}}
    logger.info("request", extra={**facts, "status": status, "milliseconds": took})
