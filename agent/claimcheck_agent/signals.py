"""SIGTERM and SIGINT as an orderly request to stop."""

import contextlib
import queue
import signal
import threading
from collections.abc import Callable, Iterator

STOPPING = (signal.SIGTERM, signal.SIGINT)


@contextlib.contextmanager
def stop_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` from a thread when a signal comes.

    Not from the signal's handler: that runs in between any two instructions of the main thread, which may
    hold the very locks that `stop` needs. SimpleQueue.put is made to be called there.
    """
    signals: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    before = {number: signal.signal(number, lambda got, _: signals.put(got)) for number in STOPPING}
    thread = threading.Thread(target=_listen, args=(signals, stop), name="claimcheck-signals", daemon=True)
    thread.start()
    try:
        yield
    finally:
        signals.put(None)
        thread.join()
        for number, handler in before.items():
            signal.signal(number, handler)


def _listen(signals: queue.SimpleQueue[int | None], stop: Callable[[], None]) -> None:
    while signals.get() is not None:
        stop()
