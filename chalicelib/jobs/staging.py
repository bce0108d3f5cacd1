"""A stage's way with a job: claim the next one as any agent does, and see it through to its last word."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.accounts.agents import Stage
from chalicelib.errors import (
    Conflict,
    EncryptionUnavailable,
    InputChanged,
    InvalidStateTransition,
    StorageFailed,
    UploadIncomplete,
)
from chalicelib.telemetry import logger, start_trace

from . import claims, holding
from .holding import Holder
from .model import Job, State
from .watch import Cancelled, Watch

# What the last words need at the end of a function's time.
RESERVED_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed job with its payload, in the hands of its holder."""

    holder: Holder
    job: Job
    order: dict[str, Any]
    watch: Watch


class Refusal(Exception):
    """The job cannot be done; its owner is told why in these words."""


Do = Callable[[Work], dict[str, Any] | None]
"""Does the work and answers its result; None where this was not the job's end, and somebody else has it now."""


def next_work(queue: str, invocation: str, seconds: float) -> Work | None:
    """Claim the next job of a queue; None where there is none.

    Args:
        queue: a stage's.
        invocation: names this run; no two may have the same.
        seconds: that are left to it.
    """
    until = time.monotonic() + seconds - RESERVED_SECONDS
    agent = Stage(invocation)
    claim = claims.claim(agent, [queue])
    if claim is None:
        return None
    start_trace(claim.job.trace_parent)
    holder = Holder(agent, claim.job.attempt)
    return Work(holder, claim.job, claim.payload, Watch(holder, claim.job.job_id, until=until))


def see_through(work: Work, do: Do, *, refusals: tuple[type[Exception], ...], lost: Callable[[Work], None]) -> None:
    """Do the work and say how it ended; where the job is another's meanwhile, nothing of it is left.

    Where the store, the database or the key service fails there is no last word: the lease runs out, and the job is
    done again.

    Args:
        work: the job.
        do: does it.
        refusals: errors of ``do`` that are the order's fault; their words are for the job's owner.
        lost: cleans up after a job that is not this holder's any more.
    """
    try:
        _do(work, do, (Refusal, InputChanged, UploadIncomplete, *refusals))
    except (Conflict, InvalidStateTransition) as error:
        logger.warning("stage.lost", job_id=work.job.job_id, code=error.code)
        lost(work)


def end(work: Work, state: State, told: dict[str, Any] | None) -> None:
    """The last word; a job that is being cancelled has another."""
    try:
        holding.report(work.holder, work.job.job_id, state, told)
    except InvalidStateTransition:
        holding.report(work.holder, work.job.job_id, State.CANCELLED, None)


def _do(work: Work, do: Do, refusals: tuple[type[Exception], ...]) -> None:
    """Every way in which the work can end, each with its last word."""
    try:
        result = do(work)
        if result is not None:
            end(work, State.COMPLETED, result)
    except Cancelled:
        end(work, State.CANCELLED, None)
    except refusals as error:
        end(work, State.FAILED, {"error": str(error)})
    except (Conflict, InvalidStateTransition, StorageFailed, EncryptionUnavailable):
        raise
    except Exception:
        logger.exception("stage.crashed", job_id=work.job.job_id)
        end(work, State.FAILED, {"error": f"The {work.job.kind} could not be processed because of an internal error."})
        raise
