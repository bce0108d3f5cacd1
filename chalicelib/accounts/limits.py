"""Fixed-window limits: one atomic addition a call, the same for every container of the deployment."""

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chalicelib.dynamo import expiry
from chalicelib.errors import TooManyRequests

from .tables import LimitRow

WINDOW_SECONDS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """How a caller stands in the present window, this call included; ``reset`` is its end in epoch seconds."""

    limit: int
    calls: int
    reset: int
    retry_after: int

    @property
    def remaining(self) -> int:
        """How many more calls there may be."""
        return max(0, self.limit - self.calls)

    def enforce(self) -> None:
        """Refuse the call that was one too many.

        Raises:
            TooManyRequests: with the seconds until the window ends.
        """
        if self.calls > self.limit:
            raise TooManyRequests(retry_after=self.retry_after)


def count(what: str, who: str, *, limit: int, seconds: int = WINDOW_SECONDS) -> Window:
    """Count one call of ``what`` by ``who`` in the present minute, or window of so many seconds, and refuse nothing.

    Raises:
        StorageFailed: it could not be counted.
    """
    now = time.time()
    window = int(now // seconds)
    ends = (window + 1) * seconds
    expires = expiry(datetime.fromtimestamp(ends, UTC) + timedelta(minutes=5))
    row = LimitRow.change(
        f"{what}#{who}#{window}",
        actions=[LimitRow.calls.add(1), LimitRow.expires.set(expires)],
        condition=None,
    )
    return Window(limit=limit, calls=row.calls, reset=ends, retry_after=max(1, math.ceil(ends - now)))


def hit(what: str, who: str, *, limit: int) -> None:
    """Count one call of ``what`` by ``who`` in the present minute.

    Raises:
        TooManyRequests: it was more than ``limit`` calls; with the seconds until the window ends.
    """
    count(what, who, limit=limit).enforce()
