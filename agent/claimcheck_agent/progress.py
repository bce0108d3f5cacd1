"""Reports a job's progress without holding up the work: the newest wins, at most one a second."""

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from claimcheck_agent.errors import AgentError, ClaimLost

log = logging.getLogger(__name__)

PROGRESS_LIMIT = 2048  # Bytes of JSON; the server's rule.


class ProgressReporter:
    """Sends progress from a thread of its own; what was overtaken by something newer is not sent."""

    def __init__(self, send: Callable[[dict[str, Any]], object], *, interval: float = 1.0) -> None:
        self._send = send
        self._interval = interval
        self._changed = threading.Condition()
        self._newest: dict[str, Any] | None = None
        self._repeats = False
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def offer(self, progress: dict[str, Any]) -> None:
        """Take the newest progress.

        Raises:
            ValueError: it is not JSON, or more than 2048 bytes of it.
        """
        size = len(json.dumps(progress, allow_nan=False).encode())
        if size > PROGRESS_LIMIT:
            raise ValueError(f"progress of {size} bytes; at most {PROGRESS_LIMIT} are kept")
        with self._changed:
            if self._closed.is_set():
                return
            self._newest = progress
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="claimcheck-progress", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def repeat(self) -> None:
        """Send the newest progress again at each interval that brings nothing newer, to hear the answer."""
        with self._changed:
            self._repeats = True

    def close(self, timeout: float | None = None) -> None:
        """Send the newest progress, if it has not been sent, and end."""
        with self._changed:
            self._closed.set()
            self._changed.notify_all()
        if self._thread:
            self._thread.join(timeout)

    def _run(self) -> None:
        last: dict[str, Any] | None = None
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None or self._closed.is_set() or self._repeats)
                progress, self._newest = self._newest, None
                if progress is None and not self._closed.is_set():
                    progress = last
            if progress is None:
                return
            last = progress
            try:
                self._send(progress)
            except ClaimLost as error:
                log.warning("progress was not reported: %s", error)
                return
            except (AgentError, RecursionError) as error:
                log.warning("progress was not reported: %s", error)
            self._closed.wait(self._interval)


class Meter:
    """Tells how far one phase of the work is: when it begins, then at most once a second, and only what is new."""

    def __init__(self, phase: str, tell: Callable[[dict[str, Any]], object], *, interval: float = 1.0) -> None:
        self._phase = phase
        self._tell_it = tell
        self._interval = interval
        self._tell(0)

    def __call__(self, done: float, total: float = 1.0) -> None:
        """So much of so much is done."""
        percent = int(100 * min(done, total) / total) if total else 0
        if percent != self._percent and time.monotonic() >= self._next:
            self._tell(percent)

    def _tell(self, percent: int) -> None:
        self._percent = percent
        self._next = time.monotonic() + self._interval
        self._tell_it({"phase": self._phase, "percent": percent})
