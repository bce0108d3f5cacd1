"""What one process remembers between claims: how crowded a slot is, and when a lease can next run out."""

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from chalicelib.settings import settings

from . import agenda

T = TypeVar("T")
WIDEST = 32


class Contention:
    """Per slot, among how many of its first jobs a claim picks: doubled by a lost race, halved by a win."""

    def __init__(self) -> None:
        self._windows: dict[str, int] = defaultdict(lambda: 1)
        self._random = random.Random()  # noqa: S311  spreads load; keeps no secret

    def window(self, slot: str) -> int:
        """How many candidates to read."""
        return self._windows[slot]

    def record(self, slot: str, *, won: bool) -> None:
        """Learn from a race."""
        window = self._windows[slot]
        self._windows[slot] = max(1, window // 2) if won else min(WIDEST, window * 2)

    def shuffled(self, choices: Sequence[T]) -> list[T]:
        """The choices in random order."""
        return self._random.sample(choices, len(choices))


class LeaseWatch:
    """Remembers before when no lease can run out, so that polling an empty queue does not read the leases each time.

    Leases are all of one length, so those made after a look end after the earliest one seen. (A lease cut short by
    a deadline may end sooner; the sweeper sees to it.)
    """

    def __init__(self) -> None:
        self._none_before: dict[str, datetime] = {}

    def may_have_expired(self, slot: str, now: datetime) -> bool:
        """Whether a look is worth its read."""
        return self._none_before.get(slot, now) <= now

    def look(self, slot: str, now: datetime, limit: int) -> list[agenda.Entry]:
        """The leases of a slot that have run out, earliest first."""
        expired = agenda.due_in(slot, now, limit)
        if not expired:
            first = agenda.first_in(slot)
            soonest = now + timedelta(seconds=settings().lease_seconds)
            self._none_before[slot] = min(first.due, soonest) if first else soonest
        return expired
