"""The one Logger and Metrics, W3C trace context, and the audit trail.

Tracing is the trace context alone: the X-Ray SDK would cost a second of every cold start.
"""

import re
import secrets
import threading
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from .settings import settings

# Not the Chalice app's name: both would then log every line.
SERVICE = "claimcheck-core"

logger = Logger(service=SERVICE, level=settings().log_level, utc=True)
metrics = Metrics(namespace="Claimcheck", service=SERVICE)

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
# All metrics are gathered in one place; the local cloud has threads.
_counting = threading.Lock()
_current: ContextVar["Trace | None"] = ContextVar("trace", default=None)


@dataclass(frozen=True, slots=True)
class Trace:
    """A position in a W3C trace (https://www.w3.org/TR/trace-context/)."""

    trace_id: str
    span_id: str
    flags: str = "01"

    @property
    def parent(self) -> str:
        """The ``traceparent`` header that makes this span the parent."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def start_trace(traceparent: str | None) -> Trace:
    """Begin a span within the caller's trace, or in a new one where the caller sent none that is valid."""
    found = _TRACEPARENT.fullmatch(traceparent or "")
    trace_id, flags = (found[1], found[3]) if found else (secrets.token_hex(16), "01")
    trace = Trace(trace_id, secrets.token_hex(8), flags)
    _current.set(trace)
    logger.thread_safe_append_keys(trace_id=trace.trace_id)
    return trace


def current_trace() -> Trace | None:
    """The span of the request or event being handled."""
    return _current.get()


def trace_parent() -> str | None:
    """What continues the present trace elsewhere; None outside of any."""
    trace = current_trace()
    return trace.parent if trace else None


def audit(action: str, *, actor: str, outcome: str = "success", **facts: Any) -> None:  # noqa: ANN401  JSON facts
    """Record who did what to what; never a secret, a token or a body."""
    logger.info(action, audit=True, actor=actor, outcome=outcome, **facts)


def count(name: str, **dimensions: str) -> None:
    """Emit one occurrence of something, with its own dimensions, as a line in CloudWatch's embedded metric format."""
    with _counting:
        for key, value in dimensions.items():
            metrics.add_dimension(key, value)
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)
        metrics.flush_metrics()
        # Flushing leaves them where metrics are switched off.
        metrics.clear_metrics()
