"""The sweeper: moves on what is due and nobody touched. Expiry itself is a condition in every write, not its doing."""

from collections.abc import Callable, Iterable

from chalicelib import times
from chalicelib.errors import ClaimcheckError
from chalicelib.telemetry import logger

from . import agenda, lifecycle

AT_ONCE = 200


def sweep() -> int:
    """One round over the agenda; answers how many jobs were looked at. What is left waits for the next round."""
    now = times.now()
    expired = [entry.job_id for slot in agenda.lease_slots() for entry in agenda.due_in(slot, now, AT_ONCE)]
    delayed = [entry.job_id for entry in agenda.due_in(agenda.LATER, now, AT_ONCE)]
    late = agenda.past_deadline(now, AT_ONCE)
    return _each(lifecycle.expire, expired) + _each(lifecycle.start_later, delayed) + _each(lifecycle.fail_late, late)


def _each(move: Callable[[str], object], job_ids: Iterable[str]) -> int:
    done = 0
    for job_id in job_ids:
        done += 1
        try:
            move(job_id)
        except ClaimcheckError as error:
            # One job that cannot be moved must not keep the others waiting; the next round meets it again.
            logger.warning("sweep.skipped", job_id=job_id, code=error.code)
    return done
