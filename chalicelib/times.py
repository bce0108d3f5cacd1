"""Times: aware datetimes in UTC inside, ISO 8601 with milliseconds and ``Z`` on the wire."""

from datetime import UTC, datetime, timedelta


def now() -> datetime:
    """The present, cut to the millisecond that the tables and the wire can hold."""
    return from_epoch_ms(to_epoch_ms(datetime.now(UTC)))


def from_epoch_ms(milliseconds: int) -> datetime:
    """The aware datetime of an epoch time in milliseconds, exactly (no float in between)."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC) + timedelta(milliseconds=milliseconds % 1000)


def to_epoch_ms(moment: datetime) -> int:
    """Whole milliseconds since the epoch."""
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)


def iso(moment: datetime) -> str:
    """``2026-01-02T03:04:05.678Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
