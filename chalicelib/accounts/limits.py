"""Fixed-window limits: one atomic addition a call, the same for every container of the deployment."""

import time
from datetime import UTC, datetime, timedelta

from chalicelib.dynamo import expiry
from chalicelib.errors import TooManyRequests

from .tables import LimitRow

WINDOW_SECONDS = 60


def hit(what: str, who: str, *, limit: int) -> None:
    """Count one call of ``what`` by ``who`` in the present minute.

    Raises:
        TooManyRequests: it was more than ``limit`` calls; with the seconds until the window ends.
    """
    now = time.time()
    window = int(now // WINDOW_SECONDS)
    ends = (window + 1) * WINDOW_SECONDS
    expires = expiry(datetime.fromtimestamp(ends, UTC) + timedelta(minutes=5))
    row = LimitRow.change(
        f"{what}#{who}#{window}",
        actions=[LimitRow.calls.add(1), LimitRow.expires.set(expires)],
        condition=None,
    )
    if row.calls > limit:
        raise TooManyRequests(retry_after=max(1, round(ends - now)))
