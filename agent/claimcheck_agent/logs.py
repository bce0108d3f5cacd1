"""Ships a job's log: batched by size and time, each line delivered exactly once."""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from claimcheck_agent.batches import ENTRY_LIMIT, Batch, clean, entries, now, take_batch
from claimcheck_agent.errors import ApiError, ClaimLost, LogFull, NotAuthorized, SegmentMismatch, Unavailable
from claimcheck_agent.masking import Masker
from claimcheck_agent.transport import Answer

log = logging.getLogger(__name__)

SEND_AT = 256_000  # Bytes that are sent without waiting for the interval.
BACK_PRESSURE_AT = 8_000_000  # Bytes at which a writer waits until some are delivered.
LINGER = 0.05  # Seconds a line waits for company in any case.
LONGEST_PAUSE = 30.0
BEYOND_ANY_LOG = 1_000_000_000
TOO_LARGE = 413


class LogShipper:
    """Takes lines from any thread and appends them to the job's log from one of its own.

    A batch is kept until the server has acknowledged it and is sent again unchanged with the same
    `segment`, which makes the append idempotent. `first_segment` is None where the log may have been begun
    by an earlier attempt: then the first append names a segment beyond any log, which the server
    refuses (416) with the one it expects. Guessing 0 there would be taken for a repeat and lost.
    """

    def __init__(
        self,
        send: Callable[[bytes], Answer],
        masker: Masker,
        *,
        first_segment: int | None = 0,
        interval: float = 1.0,
        echo: Callable[[str, str], None] | None = None,
    ) -> None:
        """Take how to send an encoded batch; `interval` is the least time in seconds between two appends.

        A line that comes after a silence is sent almost at once.

        `echo` is called with the level and the masked text of each message, from the writer's thread.
        """
        self._send = send
        self._masker = masker
        self._segment = first_segment
        self._interval = interval
        self._echo = echo
        self._changed = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._due = 0.0
        self._last_sent = float("-inf")
        self._closing = False
        self._given_up = threading.Event()
        self._thread: threading.Thread | None = None

    def write(self, level: str, message: str, metadata: dict[str, Any] | None = None) -> None:
        """Take a message; waits only while too much is undelivered. After the log's end it does nothing."""
        text = clean(self._masker.mask(message))
        if self._echo:
            self._echo(level, text)
        lines = list(entries(level, text, self._masker.mask_json(metadata), now()))
        with self._changed:
            self._changed.wait_for(lambda: self._bytes < BACK_PRESSURE_AT or self._ended)
            if self._ended:
                return
            if not self._waiting:
                self._due = max(time.monotonic() + LINGER, self._last_sent + self._interval)
            self._waiting.extend(lines)
            self._bytes += sum(map(len, lines))
            self._start()
            self._changed.notify_all()

    def close(self, timeout: float | None = None) -> bool:
        """Take no more lines and wait until all are delivered; False if `timeout` seconds did not do.

        May be called again to go on waiting.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread:
            self._thread.join(timeout)
        return not (self._thread and self._thread.is_alive())

    def abandon(self) -> None:
        """Drop what has not been delivered; nothing more is sent."""
        with self._changed:
            self._given_up.set()
            if self._waiting:
                log.warning("%d log lines were not delivered", len(self._waiting))
            self._waiting.clear()
            self._bytes = 0
            self._changed.notify_all()

    @property
    def _ended(self) -> bool:
        return self._closing or self._given_up.is_set()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="claimcheck-logs", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while (batch := self._next_batch()).entries:
            self._deliver(batch)
            with self._changed:
                self._bytes = max(0, self._bytes - sum(map(len, batch.entries)))
                self._changed.notify_all()

    def _next_batch(self) -> Batch:
        """Wait for a batch that is big enough or old enough; an empty one says that all is done."""
        with self._changed:
            while not self._ended:
                if not self._waiting:
                    self._changed.wait()
                    continue
                wait = self._due - time.monotonic()
                if wait <= 0 or self._bytes >= SEND_AT or len(self._waiting) >= ENTRY_LIMIT:
                    break
                self._changed.wait(wait)
            self._last_sent = time.monotonic()
            return take_batch(self._waiting)

    def _deliver(self, batch: Batch) -> None:
        pause = 0.5
        while not self._given_up.is_set():
            try:
                self._append(batch)
            except SegmentMismatch as error:
                if error.expected is None:
                    self._refused(batch, error)
                    return
                # Had this batch been stored before, the server would have said so: it is not there yet.
                self._segment = error.expected
            except Unavailable as error:
                log.warning("the log cannot be delivered, trying again: %s", error)
                self._given_up.wait(pause * random.uniform(0.5, 1))  # noqa: S311  (jitter, not a secret)
                pause = min(LONGEST_PAUSE, pause * 2)
            except (ClaimLost, LogFull) as error:
                log.warning("the log ends here: %s", error)
                self.abandon()
            except ApiError as error:
                if error.status == TOO_LARGE and len(batch.entries) > 1:
                    for half in batch.halves():
                        self._deliver(half)
                else:
                    self._refused(batch, error)
                return
            else:
                return

    def _append(self, batch: Batch) -> None:
        segment = BEYOND_ANY_LOG if self._segment is None else self._segment
        answer = self._send(batch.body(segment))
        told = answer.body.get("nextSegment")
        self._segment = told if isinstance(told, int) else segment + len(batch.entries)

    def _refused(self, batch: Batch, error: ApiError) -> None:
        """Go on without a batch that the server will never take; trying for ever would lose the rest too."""
        log.error("the server refused %d log lines: %s", len(batch.entries), error)
        if isinstance(error, NotAuthorized):
            self.abandon()
