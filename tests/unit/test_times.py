"""Times: milliseconds since the epoch, aware datetimes in UTC, and ISO 8601 with Z."""

import re
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from chalicelib import times

ZONES = [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=8))]
FIRST_DAY, LAST_DAY = datetime(2, 1, 1), datetime(9998, 12, 31)  # noqa: DTZ001  the zone is drawn
MOMENTS = st.datetimes(FIRST_DAY, LAST_DAY, timezones=st.sampled_from(ZONES))
LAST = 253_402_300_799_999


@given(st.integers(-62_135_596_800_000, LAST))
def test_milliseconds_come_back_exactly(milliseconds: int) -> None:
    moment = times.from_epoch_ms(milliseconds)
    assert times.to_epoch_ms(moment) == milliseconds
    assert moment.tzinfo is UTC


@given(MOMENTS)
def test_iso_is_utc_with_milliseconds_and_comes_back(moment: datetime) -> None:
    text = times.iso(moment)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    assert times.to_epoch_ms(datetime.fromisoformat(text)) == times.to_epoch_ms(moment)


@given(MOMENTS, MOMENTS)
def test_order_of_the_texts_is_the_order_of_the_times(first: datetime, second: datetime) -> None:
    assert (times.iso(first) <= times.iso(second)) == (times.to_epoch_ms(first) <= times.to_epoch_ms(second))


def test_now_is_aware_and_cut_to_the_millisecond() -> None:
    before = datetime.now(UTC)
    now = times.now()
    assert timedelta(0) <= now - before + timedelta(milliseconds=1) < timedelta(seconds=5)
    assert now.microsecond % 1000 == 0
    assert times.iso(datetime(2026, 1, 2, 3, 4, 5, 678_999, tzinfo=UTC)) == "2026-01-02T03:04:05.678Z"
