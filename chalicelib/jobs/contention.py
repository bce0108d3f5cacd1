"""What one process remembers between claims: how crowded a slot is, and when a lease can next run out."""

import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from math import inf
from typing import TypeVar

from chalicelib.settings import settings

from . import agenda

T = TypeVar("T")
WIDEST = 512
WIDEN = 16
NARROW = 0.9
CALM_SECONDS = 30


class Contention:
    """Per slot, among how many of its first jobs a claim picks one: widened by a lost race, narrowed by a win.

    Agents that claim as fast as they can each have one claim under way, so ``n`` of them lose about ``n / 2w`` of
    their races in a window of ``w``. A lost race tells little but that the window is too narrow, so it widens fast;
    wins narrow it slowly, and half a minute without a loss brings it back to the very first job. At these rates it
    settles where about one race in twenty is lost, or at its widest.
    """

    def __init__(self) -> None:
        self._windows: dict[str, int] = {}
        self._lost_at: dict[str, float] = {}
        self._random = random.Random()  # noqa: S311  spreads load; keeps no secret

    def window(self, slot: str) -> int:
        """How many candidates to read."""
        if time.monotonic() - self._lost_at.get(slot, -inf) > CALM_SECONDS:
            return 1
        return self._windows[slot]

    def record(self, slot: str, *, won: bool) -> None:
        """Learn from a race."""
        window = self.window(slot)
        if won:
            self._windows[slot] = max(1, int(window * NARROW))
        else:
            self._windows[slot] = min(WIDEST, window * WIDEN)
            self._lost_at[slot] = time.monotonic()

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices, each as likely as the others."""
        return self._random.choice(choices)

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
