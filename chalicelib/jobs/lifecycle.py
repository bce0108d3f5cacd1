"""A job's life outside a claim: create, read, list, cancel, retry, and what the clock does to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import times
from chalicelib.dynamo import BACKEND_ERRORS, Refused
from chalicelib.errors import Conflict, JobNotFound, StorageFailed

from . import agenda, documents
from .model import HELD, MESSAGES, WATCHED, Actor, ErrorCode, Job, Kind, NewJob, State
from .tables import JobRow

# A change that finds the job altered under it looks again; more often than this means something else is wrong.
TRIES = 8
INPUTS = "input/"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of an owner's jobs, newest first; ``cursor`` is the id to go on from, None on the last page."""

    jobs: list[Job]
    cursor: str | None


def create(new: NewJob, seed: str) -> Job:
    """Create a job whose id is made from ``seed``; the same seed again answers the job that is there.

    Raises:
        TooLarge: the payload is over 256 KB.
    """
    job_id = new.kind.job_id(seed)
    now = times.now()
    row = JobRow(
        job_id,
        **{name: getattr(new, name) for name in _COPIED},
        **_beginning(job_id, new, now),
        deadline_slot=agenda.DEADLINES if new.deadline else None,
        listed_kind=new.kind if new.kind in WATCHED else None,
        created_at=now,
        updated_at=now,
        payload=documents.put(job_id, new.payload, field="payload"),
    )
    try:
        # An id is made from a random seed: an item of that id is this very job, made by an earlier try.
        row.put(JobRow.job_id.does_not_exist())
    except Refused as refused:
        return found(refused)
    return row.to_job()


def _beginning(job_id: str, new: NewJob, now: datetime) -> dict[str, Any]:
    if new.input_name:
        slot, due = agenda.upload(job_id, now)
        key = f"{INPUTS}{job_id}/{new.input_name}"
        return {"state": State.AWAITING_UPLOAD, "slot": slot, "due": due, "input_key": key}
    slot, due = agenda.ready(job_id, new.queue, priority=new.priority, since=now, not_before=new.not_before)
    given = new.given
    named = {"input_key": given.key, "input_etag": given.etag, "input_size": given.size} if given else {}
    return {"state": State.READY, "slot": slot, "due": due, **named}


_COPIED = (
    "kind", "type", "owner", "created_by", "project_id", "chat_id", "queue", "priority", "max_attempts",
    "not_before", "deadline", "secrets_project", "trace_parent",
)  # fmt: skip


def read(job_id: str) -> Job:
    """The job as it stands.

    Raises:
        JobNotFound: there is no such job.
    """
    if job := find(job_id):
        return job
    raise JobNotFound(jobId=job_id)


def find(job_id: str) -> Job | None:
    """The same; None if there is no such job."""
    row = JobRow.read(job_id)
    return row.to_job() if row else None


def list_owned(owner: str, *, limit: int, cursor: str | None) -> Page:
    """An owner's jobs, newest first: keys from the index, then the heads."""
    older = JobRow.job_id < cursor if cursor else None
    keys = [
        row.job_id
        for row in JobRow.page(JobRow.by_owner.query(owner, older, scan_index_forward=False, limit=limit + 1))
    ]
    wanted = keys[:limit]
    return Page(read_many(wanted), wanted[-1] if len(keys) > limit else None)


def list_of_kind(owner: str, kind: Kind, *, skip: int, limit: int) -> list[Job]:
    """An owner's jobs of one kind, newest first, after the first ``skip``: keys from the index, then the heads."""
    theirs = JobRow.by_owner.query(
        owner, JobRow.job_id.startswith(f"{kind.prefix}_"), scan_index_forward=False, limit=skip + limit
    )
    return read_many([row.job_id for row in JobRow.page(theirs)[skip:]])


def count_of_kind(owner: str, kind: Kind) -> int:
    """How many jobs of a kind an owner has."""
    return _counted(JobRow.by_owner, owner, JobRow.job_id.startswith(f"{kind.prefix}_"))


def list_everybodys(kind: Kind, *, skip: int, limit: int) -> list[Job]:
    """As ``list_of_kind``, whoever owns them; of the kinds in ``WATCHED`` only."""
    rows = JobRow.page(JobRow.by_kind.query(kind, scan_index_forward=False, limit=skip + limit))
    return read_many([row.job_id for row in rows[skip:]])


def count_everybodys(kind: Kind) -> int:
    """How many jobs of a kind there are; of the kinds in ``WATCHED`` only."""
    return _counted(JobRow.by_kind, kind)


def _counted(index: Any, *key: Any) -> int:  # noqa: ANN401  PynamoDB's indexes and conditions
    try:
        return int(index.count(*key))
    except BACKEND_ERRORS as error:
        raise StorageFailed from error


def watch(job_id: str) -> None:
    """Note on a job that somebody begins to watch it, so that its stream tells them how it stands.

    Its version stays: nothing has happened to it.

    Raises:
        JobNotFound: there is no such job.
    """
    try:
        JobRow.change(job_id, actions=[JobRow.watched.add(1)], condition=JobRow.job_id.exists())
    except Refused as refused:
        raise JobNotFound(jobId=job_id) from refused


def list_kind(owner: str, kind: Kind, *, limit: int, cursor: str | None) -> Page:
    """As ``list_owned``, of one kind only; the ``cursor`` is the id of a job of that kind."""
    first = f"{kind.prefix}_"
    # An index takes one condition on its sort key, and this one includes its ends.
    theirs = JobRow.job_id.between(first, cursor) if cursor else JobRow.job_id.startswith(first)
    rows = JobRow.page(JobRow.by_owner.query(owner, theirs, scan_index_forward=False, limit=limit + 2))
    keys = [row.job_id for row in rows if row.job_id != cursor]
    wanted = keys[:limit]
    return Page(read_many(wanted), wanted[-1] if len(keys) > limit else None)


def read_many(job_ids: Sequence[str]) -> list[Job]:
    """Heads in the order of their ids; ids that are gone are left out."""
    try:
        heads = {row.job_id: row.to_job() for row in JobRow.batch_get(list(job_ids), consistent_read=True)}
    except BACKEND_ERRORS as error:
        raise StorageFailed from error
    return [heads[job_id] for job_id in job_ids if job_id in heads]


def cancel(job: Job) -> Job:
    """Cancel a job: at once while it waits, by asking its holder to stop while it is held.

    Cancelling a job that is cancelled or being cancelled changes nothing.

    Raises:
        InvalidStateTransition: it has already completed or failed.
    """
    for _ in range(TRIES):
        if job.cancel_requested:
            return job
        target = State.CANCELLING if job.state in HELD else State.CANCELLED
        actions = [] if target is State.CANCELLING else agenda.leave(times.now())
        try:
            return move(job, target, Actor.OWNER, actions)
        except Refused as refused:
            job = found(refused)
    raise StorageFailed


def retry(job: Job) -> Job:
    """Make a failed job ready again, for one more attempt at least.

    Raises:
        InvalidStateTransition: it has not failed.
        Conflict: its payload has aged out.
    """
    job.must_allow(State.READY, Actor.OWNER)
    _keep_payload(job)
    ended = (JobRow.finished_at, JobRow.expires, JobRow.error_code, JobRow.error_message, JobRow.result)
    actions = [*agenda.wait(job, times.now()), *(field.remove() for field in ended)]
    if job.deadline:
        # The old deadline is what failed it, or lies ahead still and would fail the new attempt in its middle.
        actions.append(JobRow.deadline.remove())
    try:
        return move(job, State.READY, Actor.OWNER, actions)
    except Refused as refused:
        job_now = found(refused)
        # A retry inside the SDK found the first try's success, or another member asked for the same just before.
        if job_now.state is State.READY and job_now.attempt == job.attempt:
            return job_now
        raise job_now.illegal(State.READY, Actor.OWNER) from refused


def _keep_payload(job: Job) -> None:
    """Write a payload anew, so that it lasts as long as its job, which begins to age anew."""
    try:
        documents.put(job.job_id, documents.get(job.job_id, job.payload), field="payload")
    except KeyError as error:
        raise Conflict("the job's payload is no longer stored", jobId=job.job_id) from error


def start_later(job_id: str) -> None:
    """Put a delayed job whose time has come into its queue."""
    job = read(job_id)
    now = times.now()
    if job.slot in agenda.later_slots() and job.due and job.due <= now:
        slot, due = agenda.ready(job_id, job.queue, priority=job.priority, since=job.due, not_before=None)
        try:
            # Still waiting, and nobody has moved it since: the state stays, only its place changes.
            JobRow.move(job_id, actions=[JobRow.slot.set(slot), JobRow.due.set(due)], condition=_same_version(job))
        except Refused:
            return


def expire(job_id: str) -> Job:
    """Take a job from a holder whose lease has run out; a job whose lease is still good stays as it is."""
    job = read(job_id)
    now = times.now()
    if job.lease_expires is None or job.lease_expires > now:
        return job
    return take_back(job, ErrorCode.CLAIM_EXPIRED, now)


def fail_late(job_id: str) -> Job:
    """Fail a job that was not finished by its deadline."""
    job = read(job_id)
    now = times.now()
    if job.finished or job.deadline is None or job.deadline > now:
        return job
    if job.held:
        return take_back(job, ErrorCode.DEADLINE_EXCEEDED, now)
    return _quietly(job, State.FAILED, _failed(ErrorCode.DEADLINE_EXCEEDED, now))


def expire_upload(job_id: str) -> Job:
    """Fail a job whose upload has not come in time."""
    job = read(job_id)
    now = times.now()
    if job.state is not State.AWAITING_UPLOAD or job.due is None or job.due > now:
        return job
    return _quietly(job, State.FAILED, _failed(ErrorCode.UPLOAD_EXPIRED, now))


def take_back(job: Job, why: ErrorCode, now: datetime) -> Job:
    """End a claim from outside: the job is cancelled, ready again or failed, as ``Job.after_lease`` says."""
    target, error = job.after_lease(now, why)
    if target is State.READY:
        return _quietly(job, target, agenda.wait(job, now, returned=why))
    actions = _failed(error, now) if error else agenda.leave(now)
    return _quietly(job, target, [*actions, JobRow.agent.remove()])


def give_back(job: Job) -> Job:
    """Make a job ready again that was claimed and could not be handed over."""
    return _quietly(job, State.READY, agenda.wait(job, times.now()))


def fail(job: Job, why: ErrorCode) -> Job:
    """Fail a job for good, whatever attempts are left: one whose payload has aged out cannot be done by anybody."""
    return _quietly(job, State.FAILED, [*_failed(why, times.now()), JobRow.agent.remove()])


def _failed(why: ErrorCode, now: datetime) -> list[Action]:
    return [*agenda.leave(now), JobRow.error_code.set(why), JobRow.error_message.set(MESSAGES[why])]


def _quietly(job: Job, target: State, actions: list[Action]) -> Job:
    """Move a job, or leave it to whoever changed it first: then there is nothing left for the clock to do."""
    try:
        # The decision was made on this version of the job, so it is good for this version only.
        return move(job, target, Actor.CLOCK, actions, _same_version(job))
    except Refused as refused:
        return found(refused)


def move(job: Job, target: State, actor: Actor, actions: list[Action], guard: Condition | None = None) -> Job:
    """The conditional write of every change that is not an agent's own.

    Raises:
        InvalidStateTransition: ``TRANSITIONS`` does not let this actor do that.
        Refused: the job is not as it was read any more.
    """
    job.must_allow(target, actor)
    # What was legal for the state that was read is legal only while the job is in that state.
    condition = JobRow.state == job.state
    if guard is not None:
        condition &= guard
    return JobRow.move(job.job_id, actions=[JobRow.state.set(target), *actions], condition=condition)


def _same_version(job: Job) -> Condition:
    return JobRow.version == job.version


def found(refused: Refused) -> Job:
    """The job whose write was refused, as it stands.

    Raises:
        JobNotFound: there is none.
    """
    if refused.old is None:
        raise JobNotFound
    job: Job = refused.old.to_job()
    return job
