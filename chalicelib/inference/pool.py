"""Many requests at once, in the order of what they are for, and no more tokens than are allowed."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from .errors import ModelError

Item = TypeVar("Item")
Result = TypeVar("Result")


class BudgetExhausted(ModelError):
    """The budget of tokens is used up."""

    code = "BUDGET_EXHAUSTED"


class Budget:
    """How many tokens may be spent, by all threads together.

    A request's cost is known when it is answered, so that those under way when the budget runs out still end: what is
    spent goes beyond it by them, and by nothing after them.
    """

    def __init__(self, tokens: int | None) -> None:
        """Allow so many tokens; None for any number."""
        self._tokens = tokens
        self._spent = 0
        self._lock = threading.Lock()

    @property
    def spent(self) -> int:
        """The tokens spent so far."""
        with self._lock:
            return self._spent

    def spend(self, tokens: int) -> None:
        """Count tokens that have been spent."""
        with self._lock:
            self._spent += tokens

    def check(self) -> None:
        """Ask, before spending more.

        Raises:
            BudgetExhausted: nothing is left.
        """
        if self._tokens is not None and self.spent >= self._tokens:
            raise BudgetExhausted(f"the budget of {self._tokens} tokens is used up")


def map_rows(work: Callable[[Item], Result], items: Iterable[Item], concurrency: int) -> Iterator[Result]:
    """``work`` of each item, in their order, of which up to ``concurrency`` are done at once.

    Items are taken as there is room, so that there may be any number of them. What ``work`` raises for an item is
    raised in that item's place; nothing is begun after that, or once the iterator is closed, and what is under way is
    waited for, so that no request outlives its job.
    """
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(concurrency, thread_name_prefix="inference") as executor:
        try:
            for item in items:
                pending.append(executor.submit(work, item))
                # A slow item in front keeps nobody idle until as many again are done behind it.
                if len(pending) >= 2 * concurrency:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
