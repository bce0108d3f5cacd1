"""The one word that ends work on a job early, and who is waiting to hear it."""

import threading
from enum import StrEnum


class Reason(StrEnum):
    """Why work on a job ends before it is done."""

    CANCELLED = "cancelled"  # A person asked for it.
    LOST = "lost"  # The lease is somebody else's, or nobody's.
    STOPPED = "stopped"  # The agent itself is going.


class Halt:
    """A latch: the first reason stays, and everybody who listens is woken once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reason: Reason | None = None
        self._listeners: list[threading.Event] = []

    @property
    def reason(self) -> Reason | None:
        """The first reason that was given, or None."""
        return self._reason

    def set(self, reason: Reason) -> None:
        """Give a reason; later ones change nothing."""
        with self._lock:
            if self._reason is None:
                self._reason = reason
            listeners = list(self._listeners)
        for event in listeners:
            event.set()

    def listen(self, event: threading.Event) -> None:
        """Have an event set when a reason is given, at once if one has been."""
        with self._lock:
            self._listeners.append(event)
            given = self._reason is not None
        if given:
            event.set()
