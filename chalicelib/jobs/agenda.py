"""The agenda: in which slot of the one index a job waits, and reading what is due there."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pynamodb.expressions.update import Action

from chalicelib.settings import settings

from .model import READY_SLOT, Job
from .tables import JobRow

DEADLINES = "deadline"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A job as the agenda shows it; an index may lag, so it is a hint and never a permission."""

    job_id: str
    queue: str
    agent: str | None
    due: datetime
    deadline: datetime | None


def queue_slots(queue: str) -> list[str]:
    """The slots over which a queue is spread."""
    return [f"{READY_SLOT}{queue}#{shard}" for shard in range(settings().queue_shards.get(queue, 1))]


def lease_slots() -> list[str]:
    """The slots over which the leases are spread."""
    return [f"lease#{shard}" for shard in range(settings().lease_shards)]


def upload_slots() -> list[str]:
    """The slots over which the jobs that wait for an upload are spread, as the leases are."""
    return [f"upload#{shard}" for shard in range(settings().lease_shards)]


def later_slots() -> list[str]:
    """The slots over which the jobs that may not start yet are spread, as the leases are."""
    return [f"later#{shard}" for shard in range(settings().lease_shards)]


def ready(
    job_id: str, queue: str, *, priority: int, since: datetime, not_before: datetime | None
) -> tuple[str, datetime]:
    """Slot and due time of a waiting job: oldest first, each level of priority being a fixed head start.

    A fixed head start lets the order age, so that nothing starves. A job that may not start yet waits apart,
    because its head start would make it look due too early.
    """
    if not_before and not_before > since:
        return _spread(job_id, later_slots()), not_before
    head_start = timedelta(seconds=settings().priority_head_start_seconds * priority)
    return _spread(job_id, queue_slots(queue)), since - head_start


def upload(job_id: str, since: datetime) -> tuple[str, datetime]:
    """Slot of a job that waits for its upload, and when it stops waiting."""
    return _spread(job_id, upload_slots()), since + timedelta(seconds=settings().upload_wait_seconds)


def lease(job_id: str, *, seconds: int, since: datetime, deadline: datetime | None) -> tuple[str, datetime]:
    """Slot and end of a lease of so many seconds, which never outlasts the job's deadline."""
    end = since + timedelta(seconds=seconds)
    return _spread(job_id, lease_slots()), min(end, deadline) if deadline else end


def wait(job: Job, since: datetime, *, queue: str | None = None, returned: str | None = None) -> list[Action]:
    """The actions that put a job among the waiting of its queue, or of another.

    ``returned`` is why it comes back from a holder, where nobody asked for that.
    """
    slot, due = ready(job.job_id, queue or job.queue, priority=job.priority, since=since, not_before=None)
    gone = (JobRow.agent, JobRow.claimed_at, JobRow.claim_request, JobRow.progress)
    why = JobRow.returned.set(returned) if returned else JobRow.returned.remove()
    elsewhere = [JobRow.queue.set(queue)] if queue and queue != job.queue else []
    return [JobRow.slot.set(slot), JobRow.due.set(due), *elsewhere, why, *(field.remove() for field in (*gone, *TOKEN))]


TOKEN = (JobRow.token_hash, JobRow.token_expires, JobRow.redemption_id)


def leave(now: datetime) -> list[Action]:
    """The actions that take a finished job off the agenda and start its retention."""
    ends = now + timedelta(days=settings().retention_days)
    fields = (JobRow.slot, JobRow.due, JobRow.deadline_slot, *TOKEN)
    return [*(field.remove() for field in fields), JobRow.finished_at.set(now), JobRow.expires.set(ends)]


def due_in(slot: str, by: datetime, limit: int) -> list[Entry]:
    """The first entries of a slot that are due, earliest first."""
    rows = JobRow.agenda.query(slot, JobRow.due <= by, limit=limit)
    return [entry_of(row) for row in JobRow.page(rows)]


def first_in(slot: str) -> Entry | None:
    """The earliest entry of a slot, due or not."""
    rows = JobRow.page(JobRow.agenda.query(slot, limit=1))
    return entry_of(rows[0]) if rows else None


def leases() -> Iterator[Entry]:
    """Every lease there is, page by page."""
    for slot in lease_slots():
        yield from (entry_of(row) for row in JobRow.page(JobRow.agenda.query(slot)))


def past_deadline(by: datetime, limit: int) -> list[str]:
    """Ids of unfinished jobs whose deadline has passed, earliest first."""
    rows = JobRow.deadlines.query(DEADLINES, JobRow.deadline <= by, limit=limit)
    return [row.job_id for row in JobRow.page(rows)]


def _spread(job_id: str, slots: list[str]) -> str:
    return slots[zlib.crc32(job_id.encode()) % len(slots)]


def entry_of(row: JobRow) -> Entry:
    """A job as the agenda has it."""
    return Entry(job_id=row.job_id, queue=row.queue, agent=row.agent, due=row.due, deadline=row.deadline)
