"""What the holder of a job may do, each as one write that only the holder of this attempt can make."""

from dataclasses import dataclass
from datetime import datetime

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import times
from chalicelib.accounts.agents import Agent
from chalicelib.dynamo import Refused
from chalicelib.errors import ClaimLost, JobAlreadyClaimed, JobNotFound, TooLarge
from chalicelib.telemetry import audit

from . import agenda, documents, lifecycle
from .model import FINAL, Actor, ErrorCode, Input, Job, State, sources
from .tables import JobRow

MAX_PROGRESS_BYTES = 2048
MAX_CHECKPOINT_BYTES = 4096
MAX_ERROR_CHARACTERS = 500
REPORTABLE = (State.RUNNING, State.COMPLETED, State.FAILED, State.CANCELLED)


@dataclass(frozen=True, slots=True)
class Holder:
    """An agent that says it holds a job; ``attempt`` is the fencing number of its claim, where it sent one."""

    agent: Agent
    attempt: int | None = None


def held_by(agent: Agent, job: Job) -> bool:
    """Whether the agent's lease on the job is good at this moment."""
    return job.agent == agent.principal and job.lease_expires is not None and job.lease_expires > times.now()


def read_held(holder: Holder, job_id: str) -> Job:
    """The job, for its holder only.

    Raises:
        JobNotFound, JobAlreadyClaimed, ClaimLost: the caller does not hold it.
    """
    row = JobRow.read(job_id)
    job = row.to_job() if row else None
    if job is None or not held_by(holder.agent, job) or _other_attempt(holder, job):
        raise _not_held(holder, job_id, job)
    return job


def held_write(holder: Holder, job_id: str, actions: list[Action], states: Condition) -> Job:
    """One write of a job by its holder.

    Raises:
        JobNotFound, JobAlreadyClaimed, ClaimLost: the caller does not hold it.
        Refused: the caller holds it, but it is in none of the ``states``.
    """
    condition = (
        # Only the agent that took it …
        (JobRow.agent == holder.agent.principal)
        # … while its lease lasts, to the millisecond and whether or not anybody swept …
        & JobRow.slot.startswith("lease#")
        & (JobRow.due > times.now())
        # … in a state from which this may be done …
        & states
    )
    if holder.attempt is not None:
        # … and in the attempt it speaks of: the same agent may have lost the job and taken it again.
        condition &= JobRow.attempt == holder.attempt
    try:
        return JobRow.move(job_id, actions=actions, condition=condition)
    except Refused as refused:
        job = refused.old.to_job() if refused.old else None
        if job is not None and held_by(holder.agent, job) and not _other_attempt(holder, job):
            raise
        raise _not_held(holder, job_id, job) from refused


def report(holder: Holder, job_id: str, target: State, payload: object, *, checkpoint: object = None) -> Job:
    """The holder's word on its job: running (with progress), completed or failed (with a result), or cancelled.

    With a ``checkpoint`` the next attempt, where there will be one, goes on from there.

    The same last word again is answered like the first, so that a lost answer can be asked for again.

    Raises:
        InvalidStateTransition: the job cannot go there from where it is.
        JobNotFound, JobAlreadyClaimed, ClaimLost: the caller does not hold it.
        TooLarge: the result is over 256 KB, the progress over 2 KB, or the checkpoint over 4 KB.
    """
    states = JobRow.state.is_in(*sources(target, Actor.AGENT))
    result = None if target is State.RUNNING else documents.put(job_id, payload, field="result")
    actions = [JobRow.state.set(target), *_told(target, payload, result)]
    if checkpoint is not None:
        actions.append(JobRow.checkpoint.set(_small(checkpoint, "checkpoint", MAX_CHECKPOINT_BYTES)))
    try:
        told = held_write(holder, job_id, actions, states)
    except Refused as refused:
        job: Job = refused.old.to_job()
        if target is State.RUNNING and job.state is State.CANCELLING:
            return job  # Progress is of no use any more; the answer tells the agent to stop.
        raise job.illegal(target, Actor.AGENT) from refused
    except ClaimLost as lost:
        return _already_said(holder, job_id, target, result, lost)
    if target in FINAL:
        audit("job.ended", actor=holder.agent.principal, job_id=job_id, state=target, attempt=told.attempt)
    return told


def renew(holder: Holder, job_id: str) -> Job:
    """Extend the lease to its full length from now, but not past the job's deadline.

    Raises:
        JobNotFound, JobAlreadyClaimed, ClaimLost: the caller does not hold it.
    """
    slot, due = agenda.lease(job_id, seconds=holder.agent.lease_seconds, since=times.now(), deadline=None)
    in_time = JobRow.deadline.does_not_exist() | (JobRow.deadline >= due)
    try:
        return _extend(holder, job_id, slot, due, in_time)
    except Refused as refused:
        if refused.old.state == State.CANCELLING:
            stopping: Job = refused.old.to_job()
            return stopping  # It has what is left of its lease to stop in.
        # A deadline does not change while a job is held, so this second write does not need to ask again.
        return _extend(holder, job_id, slot, refused.old.deadline or due)


def _extend(holder: Holder, job_id: str, slot: str, due: datetime, in_time: Condition | None = None) -> Job:
    working = JobRow.state.is_in(State.CLAIMED, State.RUNNING)
    actions: list[Action] = [JobRow.slot.set(slot), JobRow.due.set(due)]
    return held_write(holder, job_id, actions, working if in_time is None else working & in_time)


def release(holder: Holder, job_id: str, *, queue: str | None = None, given: Input | None = None) -> Job:
    """Give the job back unfinished, for another agent to take; a job being cancelled is cancelled by it.

    With a ``queue`` it goes there, to those who can do what this holder cannot; what is ``given`` is its input then.

    Raises:
        JobNotFound, JobAlreadyClaimed, ClaimLost: the caller does not hold it.
    """
    job = read_held(holder, job_id)
    # What was read is given back, and no later attempt of the same agent.
    this = Holder(holder.agent, job.attempt)
    actions: list[Action] = [JobRow.state.set(State.READY), *agenda.wait(job, times.now(), queue=queue)]
    if given:
        actions += [JobRow.input_key.set(given.key), JobRow.input_etag.set(given.etag)]
        actions.append(JobRow.input_size.set(given.size))
    try:
        return held_write(this, job_id, actions, JobRow.state.is_in(*sources(State.READY, Actor.AGENT)))
    except Refused:
        return report(this, job_id, State.CANCELLED, None)
    except ClaimLost as lost:
        return _already_free(job, lost)


def _told(target: State, payload: object, result: str | None) -> list[Action]:
    if target is State.RUNNING:
        return [] if payload is None else [JobRow.progress.set(_small(payload, "payload", MAX_PROGRESS_BYTES))]
    actions = agenda.leave(times.now())
    if result:
        actions.append(JobRow.result.set(result))
    if target is State.FAILED:
        actions.append(JobRow.error_code.set(ErrorCode.JOB_FAILED))
        actions.append(JobRow.error_message.set(_reason(payload)))
    return actions


def _small(value: object, field: str, limit: int) -> str:
    """What is kept in the head itself, as JSON."""
    text = documents.encode(value).decode()
    if len(text.encode()) > limit:
        what = "progress" if field == "payload" else field
        raise TooLarge(f"{what} may be at most {limit} bytes of JSON", field=field, limit=limit)
    return text


def _reason(payload: object) -> str:
    given = payload.get("error") if isinstance(payload, dict) else None
    return given[:MAX_ERROR_CHARACTERS] if isinstance(given, str) and given else "The agent reported a failure."


def _already_said(holder: Holder, job_id: str, target: State, result: str | None, lost: ClaimLost) -> Job:
    """The job, if this holder's last word is already on it; otherwise why the word was refused."""
    job = lifecycle.read(job_id)
    mine = job.agent == holder.agent.principal and not _other_attempt(holder, job)
    if mine and job.state is target and target in FINAL and job.result == result:
        return job
    if (mine and job.finished) or (job.state is State.READY and job.attempt == 0):
        raise job.illegal(target, Actor.AGENT) from lost
    raise lost


def _already_free(held: Job, lost: ClaimLost) -> Job:
    """The job, if nobody has taken it since: a retry inside the SDK found the first try's success."""
    job = lifecycle.read(held.job_id)
    if job.state is State.READY and job.attempt == held.attempt:
        return job
    raise lost


def _other_attempt(holder: Holder, job: Job) -> bool:
    return holder.attempt is not None and holder.attempt != job.attempt


def _not_held(holder: Holder, job_id: str, job: Job | None) -> Exception:
    if job is None:
        return JobNotFound(jobId=job_id)
    if job.held and (job.agent != holder.agent.principal or _other_attempt(holder, job)):
        return JobAlreadyClaimed(jobId=job_id, attempt=job.attempt)
    return ClaimLost(jobId=job_id, state=job.state)
