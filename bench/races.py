"""How many writes are lost to races while many agents claim from one queue as fast as they can.

Each Lambda container has a memory of its own, and with 64 requests under way there are 64 containers. Here each agent
is a thread whose claims remember contention in an object of its own, which is all that a container's claims share.
Sixty-four processes would share no more and, on a machine of a few cores, run less side by side than the threads,
which wait for DynamoDB Local together. Agents that never work between claims are the worst case there is; the cold
start, where no container knows of any other yet, and the last jobs, for which all race, are counted in.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from .counting import Tally, counted
from .queues import fill
from .report import Row

AGENTS, JOBS_EACH = 64, 30
BUDGET = 0.3
QUEUE = "q-races"
# Answers without a job before an agent takes the queue for empty.
PATIENCE = 3


def rows(endpoint: str) -> list[Row]:
    """The budget's number, and what the reading for it costs."""
    jobs = AGENTS * JOBS_EACH
    fill(QUEUE, jobs, endpoint)
    with counted() as tally, _containers():
        claimed = _race()
    assert len(claimed) == len(set(claimed)) == jobs, "a job was lost, or claimed twice"
    return _rows(tally, jobs)


def _race() -> list[str]:
    with ThreadPoolExecutor(AGENTS) as pool:
        return [job_id for taken in pool.map(_claim_all, range(AGENTS)) for job_id in taken]


def _claim_all(number: int) -> list[str]:
    from chalicelib.accounts.agents import Agent  # noqa: PLC0415  its settings are there only now
    from chalicelib.jobs import claims  # noqa: PLC0415

    agent, taken, misses = Agent(f"racer-{number}", registered=False), [], 0
    while misses < PATIENCE:
        claim = claims.claim(agent, [QUEUE])
        if claim:
            taken.append(claim.job.job_id)
        else:
            misses += 1
            time.sleep(0.1)
    return taken


@contextmanager
def _containers() -> Iterator[None]:
    from chalicelib.jobs import claims, contention  # noqa: PLC0415

    with (
        patch.object(claims, "contention", _PerThread(contention.Contention)),
        patch.object(claims, "lease_watch", _PerThread(contention.LeaseWatch)),
    ):
        yield


class _PerThread:
    """Looks like one object and is another in each thread."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._own = threading.local()
        self._make = make

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever the object has
        if not hasattr(self._own, "object"):
            self._own.object = self._make()
        return getattr(self._own.object, name)


def _rows(tally: Tally, jobs: int) -> list[Row]:
    what = f"{AGENTS} agents, {jobs} jobs in one queue: failed writes per claim"
    return [
        Row(what=what, measured=tally.refused / jobs, budget=BUDGET),
        Row(what="… queries per claim", measured=tally.names["Query jobs/agenda"] / jobs),
        Row(what="… read units per claim", measured=tally.read_units / jobs),
        Row(what="… write units per claim", measured=tally.write_units / jobs),
    ]
