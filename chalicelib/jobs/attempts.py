"""The history of a job's claims: who held it, when, and how it ended."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from chalicelib.dynamo import expiry
from chalicelib.settings import settings

from .changes import AttemptEnded
from .model import Job
from .tables import AttemptRow


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One claim; ``ended_at`` is None and ``outcome`` the job's state while it lasts."""

    attempt: int
    agent: str
    claimed_at: datetime
    ended_at: datetime | None
    outcome: str
    error_code: str | None = None
    error_message: str | None = None


def record(ended: AttemptEnded) -> None:
    """Keep how an attempt ended; writing the same again changes nothing."""
    # By the event's own time, so that a second delivery writes the same row.
    expires = expiry(ended.ended_at + timedelta(days=settings().retention_days))
    AttemptRow(**asdict(ended), expires=expires).put()


def history(job: Job) -> list[Attempt]:
    """A job's attempts, first to last; the present one comes from its head."""
    return [*_past(job), *_present(job)]


def _past(job: Job) -> Iterator[Attempt]:
    for row in AttemptRow.page(AttemptRow.query(job.job_id)):
        if not (job.held and row.attempt == job.attempt):
            names = ("attempt", "agent", "claimed_at", "ended_at", "outcome", "error_code", "error_message")
            yield Attempt(**{name: getattr(row, name) for name in names})


def _present(job: Job) -> Iterator[Attempt]:
    if job.held and job.agent and job.claimed_at:
        yield Attempt(attempt=job.attempt, agent=job.agent, claimed_at=job.claimed_at, ended_at=None, outcome=job.state)
