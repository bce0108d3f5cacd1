"""Lambda's event sources for SQS: hands what the queues hold to the app's handlers, several at once."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from .messages import Message, Source

WORKERS = 2
"""Threads for each queue, so that one long job does not hold up the next."""
# How long a queue that cannot tell us of a message is asked to wait for one: an end or a drain waits as long.
LONG_POLL_SECONDS = 1
RETRY_SECONDS = 1.0
GRACE_SECONDS = 3.0

log = logging.getLogger("local.queues")


class Failure(NamedTuple):
    """A handler that raised: the messages' bodies, and what it raised, as text."""

    queue: str
    bodies: list[str]
    error: str


class QueuePump:
    """Delivers messages in threads of its own: one that was taken is deleted, one whose handler raised stays.

    ``next_visible`` says by a queue's ARN when it has a message to receive (in seconds since the epoch, None for
    never), and ``nudge`` is called whenever that may have changed, so that nothing needs to be asked for in between.
    Where it is None the queues are polled.
    """

    def __init__(self, sources: Sequence[Source], next_visible: Callable[[str], float | None] | None) -> None:
        self.failures: list[Failure] = []
        self._sources = sources
        self._next_visible = next_visible
        self._changed = threading.Condition()
        self._drain_turn = threading.RLock()
        self._busy = 0
        self._holds = 0
        self._paused = False
        self._stopped = False
        self._abandoned = False
        self._threads = [
            threading.Thread(target=self._work, args=(source,), name=f"{source.queue}-{number}", daemon=True)
            for source in sources
            for number in range(WORKERS)
        ]

    def start(self) -> None:
        """Begin to receive."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Receive no more; handlers that run have ``GRACE_SECONDS`` to end, after which their messages stay."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        until = time.monotonic() + GRACE_SECONDS
        for thread in self._threads:
            if thread.ident:
                thread.join(timeout=max(0.0, until - time.monotonic()))
        left = sorted({thread.name.rpartition("-")[0] for thread in self._threads if thread.is_alive()})
        if left:
            self._abandoned = True
            log.warning("left before its end: a handler of %s", ", ".join(left))

    def nudge(self) -> None:
        """A message may have come, or become visible."""
        with self._changed:
            self._changed.notify_all()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Waits for handlers that run; until the end of the block only ``deliver`` delivers, in its caller's thread."""
        with self._drain_turn:
            with self._changed:
                self._holds += 1
                self._changed.wait_for(lambda: not self._busy)
            try:
                yield
            finally:
                with self._changed:
                    self._holds -= 1
                    self._changed.notify_all()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """As ``held``, and ``deliver`` delivers nothing either."""
        with self.held():
            self._paused = True
            try:
                yield
            finally:
                self._paused = False

    def deliver(self) -> int:
        """Within ``held``: deliver what is visible, in this thread; answers how many messages, failed ones included."""
        return 0 if self._paused else sum(self._deliver_all(source) for source in self._sources)

    def _deliver_all(self, source: Source) -> int:
        total = 0
        while self._wait(source) == 0 and (messages := source.receive()):
            total += len(messages)
            self._handle(source, messages)
        return total

    def _work(self, source: Source) -> None:
        wait_seconds = 0 if self._next_visible else LONG_POLL_SECONDS
        while self._enter(source):
            try:
                calm = self._receive_safely(source, wait_seconds)
            finally:
                self._leave()
            if not calm:
                with self._changed:
                    self._changed.wait_for(lambda: self._stopped, timeout=RETRY_SECONDS)

    def _enter(self, source: Source) -> bool:
        with self._changed:
            while not self._stopped:
                wait = None if self._holds else self._wait(source)
                if wait == 0:
                    self._busy += 1
                    return True
                self._changed.wait(wait)
        return False

    def _leave(self) -> None:
        with self._changed:
            self._busy -= 1
            self._changed.notify_all()

    def _wait(self, source: Source) -> float | None:
        if self._next_visible is None:
            return 0
        moment = self._next_visible(source.arn)
        return None if moment is None else max(0, moment - time.time())

    def _receive_safely(self, source: Source, wait_seconds: int) -> bool:
        try:
            if messages := source.receive(wait_seconds):
                self._handle(source, messages)
        except Exception as error:  # noqa: BLE001  the thread outlives a server that is restarted
            if not self._stopped:
                log.warning("the queue %s could not be read and is tried again: %r", source.queue, error)
            return False
        return True

    def _handle(self, source: Source, messages: list[Message]) -> None:
        try:
            source.invoke(messages)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  whatever ends a handler, even as a kill would, its batch stays
            self._note(source, messages, error)
            return
        # Past its grace the queue may be gone, and the environment points to somebody's own AWS again.
        if not self._abandoned:
            source.delete(messages)

    def _note(self, source: Source, messages: list[Message], error: BaseException) -> None:
        self.failures.append(Failure(source.queue, [each["Body"] for each in messages], repr(error)))
        log.error(
            "MESSAGE LEFT: %s failed on %d of %s, to be tried again after the visibility timeout: %r",
            source.handler_name, len(messages), source.queue, error, exc_info=error,
        )  # fmt: skip
