"""The sweeper: moves on what is due and nobody touched. Expiry itself is a condition in every write, not its doing."""

import time
from collections.abc import Callable
from datetime import timedelta

from chalicelib import queues, times
from chalicelib.errors import ClaimcheckError
from chalicelib.telemetry import logger

from . import agenda, lifecycle

AT_ONCE = 200
# Within Lambda's time-out and before the next round; what is left then is that round's.
SECONDS = 40
ROUSED_AFTER = timedelta(minutes=5)
ROUSED_AT_ONCE = 10


def sweep() -> int:
    """One round over the agenda, until nothing is due or the time is up; answers how many jobs were looked at."""
    until = time.monotonic() + SECONDS
    rounds: list[tuple[Callable[[], list[str]], Callable[[str], object]]] = [
        *((_due(slot), lifecycle.expire) for slot in agenda.lease_slots()),
        *((_due(slot), lifecycle.start_later) for slot in agenda.later_slots()),
        *((_due(slot), lifecycle.expire_upload) for slot in agenda.upload_slots()),
        (lambda: agenda.past_deadline(times.now(), AT_ONCE), lifecycle.fail_late),
    ]
    moved = sum(_until_none(find, move, until) for find, move in rounds)
    for queue in sorted(queues.STAGES):
        _rouse(queue)
    return moved


def _rouse(queue: str) -> None:
    """Wake a stage for jobs that have waited long: a message may have been lost, and nobody else would claim them."""
    late = times.now() - ROUSED_AFTER
    waiting = [job for slot in agenda.queue_slots(queue) for job in agenda.due_in(slot, late, ROUSED_AT_ONCE)]
    for _ in waiting[:ROUSED_AT_ONCE]:
        queues.wake(queue)


def _due(slot: str) -> Callable[[], list[str]]:
    return lambda: [entry.job_id for entry in agenda.due_in(slot, times.now(), AT_ONCE)]


def _until_none(find: Callable[[], list[str]], move: Callable[[str], object], until: float) -> int:
    """Move what is found until nothing new is: a job that cannot be moved, or an index that lags, ends it too."""
    seen: set[str] = set()
    while time.monotonic() < until:
        fresh = [job_id for job_id in find() if job_id not in seen]
        if not fresh:
            break
        seen.update(fresh)
        for job_id in fresh:
            _move(move, job_id)
    return len(seen)


def _move(move: Callable[[str], object], job_id: str) -> None:
    try:
        move(job_id)
    except ClaimcheckError as error:
        # One job that cannot be moved must not keep the others waiting; the next round meets it again.
        logger.warning("sweep.skipped", job_id=job_id, code=error.code)
