"""How far the work is, told often, and never less than before."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

INTERVAL_SECONDS = 0.15


class Monitor(Protocol):
    """Is told how far the work is; whatever it raises stops the work and comes out of it."""

    def __call__(self, fraction: float, /) -> None:
        """Take note of the fraction that is done, 0 to 1; called four times a second or more."""


class Progress:
    """Passes the fraction that is done on to a monitor."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._told = 0.0
        self._start, self._end = 0.0, 1.0
        self._next = 0.0

    @contextmanager
    def part(self, end: float) -> Iterator[None]:
        """What happens inside leads from what was told last to ``end``."""
        self._start, self._end = self._told, max(end, self._told)
        yield
        self.tell(1.0)

    def tick(self, done: float) -> None:
        """Tell that ``done`` (0 to 1) of this part is done, unless something was told a moment ago."""
        if time.monotonic() >= self._next:
            self.tell(done)

    def tell(self, done: float) -> None:
        """Tell that ``done`` (0 to 1) of this part is done."""
        self._next = time.monotonic() + INTERVAL_SECONDS
        within = self._start + (self._end - self._start) * min(max(done, 0.0), 1.0)
        self._told = max(self._told, within)
        self._monitor(self._told)
