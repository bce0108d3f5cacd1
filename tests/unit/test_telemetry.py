"""W3C trace context: a valid parent is gone on from, anything else starts a trace of its own."""

import io
import json
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.usefixtures("configured")

TRACE = "0af7651916cd43dd8448eb211c80319c"
HEX = st.text("0123456789abcdef", min_size=1)


@given(st.from_regex(r"\A[0-9a-f]{32}\Z"), st.from_regex(r"\A[0-9a-f]{16}\Z"), st.from_regex(r"\A[0-9a-f]{2}\Z"))
def test_valid_parent_is_gone_on_from_with_a_span_of_our_own(trace_id: str, span_id: str, flags: str) -> None:
    from chalicelib.telemetry import current_trace, start_trace

    trace = start_trace(f"00-{trace_id}-{span_id}-{flags}")
    zero = set(trace_id) == {"0"} or set(span_id) == {"0"}
    assert (trace.trace_id == trace_id) is not zero
    assert trace.span_id != span_id
    assert trace.flags == ("01" if zero else flags)
    assert current_trace() == trace


@given(st.none() | st.text(max_size=80) | st.tuples(HEX, HEX, HEX, HEX).map("-".join))
def test_any_other_parent_starts_a_new_trace(traceparent: str | None) -> None:
    from chalicelib.telemetry import start_trace

    if re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", traceparent or ""):
        return
    trace = start_trace(traceparent)
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", trace.parent)
    assert trace.trace_id not in (traceparent or "")


@pytest.mark.parametrize("wrong", [
    f"01-{TRACE}-b7ad6b7169203331-01", f"00-{TRACE.upper()}-b7ad6b7169203331-01", f"00-{TRACE}-b7ad6b7169203331-01\n",
    f" 00-{TRACE}-b7ad6b7169203331-01", f"00-{TRACE}-b7ad6b7169203331-01-x", f"00-{TRACE}-b7ad6b7169203331",
])  # fmt: skip
def test_parent_that_is_nearly_right_is_not_taken(wrong: str) -> None:
    from chalicelib.telemetry import start_trace

    assert start_trace(wrong).trace_id != TRACE


def test_audit_is_one_line_of_json_with_its_facts() -> None:
    from chalicelib.telemetry import audit, logger

    sink = io.StringIO()
    handler = logging.StreamHandler(sink)
    handler.setFormatter(logger.registered_formatter)
    logger.addHandler(handler)
    try:
        audit("secret.refused", actor="a\nb\x1b[31m", outcome="refused", reason="because\r\n{}")
    finally:
        logger._logger.removeHandler(handler)
    (line,) = sink.getvalue().splitlines()
    told = json.loads(line)
    expected = {"message": "secret.refused", "audit": True, "actor": "a\nb\x1b[31m", "outcome": "refused"}
    assert {name: told[name] for name in expected} == expected
    assert "\x1b" not in line
