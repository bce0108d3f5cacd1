"""Doing things at the same instant."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from bench.boundary import Answer, AwsCall, intercepted

T = TypeVar("T")
PATIENCE = 30


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """What each answers, all having started together."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        start.wait(PATIENCE)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@dataclass
class Pause:
    """A call of AWS that has been stopped on its way out, until ``go_on``."""

    arrived: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def go_on(self) -> None:
        self.released.set()

    def hold(self) -> None:
        self.arrived.set()
        assert self.released.wait(PATIENCE), "nobody let the call go on"


@contextmanager
def paused(work: Callable[[], T], *, operation: str, table: str, naming: str = "") -> Iterator[Callable[[], T]]:
    """Run ``work`` in a thread up to its first such call, which is stopped right before it is sent.

    Inside the block the world goes on without it; what is yielded lets it go on and answers what it answers.
    ``naming`` is an attribute that the call must name.
    """
    pause, taken = Pause(), threading.Lock()

    def handle(call: AwsCall) -> Answer:
        named = str(call.arguments.get("ExpressionAttributeNames", {}))
        if (call.operation, call.table) == (operation, table) and naming in named and taken.acquire(blocking=False):
            pause.hold()
        return call.proceed()

    with ThreadPoolExecutor(1) as pool, intercepted(handle):
        future = pool.submit(work)
        try:
            assert pause.arrived.wait(PATIENCE), f"it never came to a {operation} of {table}"

            def finish() -> T:
                pause.go_on()
                return future.result(PATIENCE)

            yield finish
        finally:
            pause.go_on()
