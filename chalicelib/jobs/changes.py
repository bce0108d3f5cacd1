"""What follows from a change of a job: a pure function of its images before and after, and nothing else."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .model import MESSAGES, WATCHED, ErrorCode, Job, Kind, State


class Event(StrEnum):
    """What happened to a job, in the words of the JobMessage schema."""

    CREATED = "job_created"
    STARTED = "job_started"
    PROGRESS = "job_progress"
    COMPLETED = "job_completed"
    FAILED = "job_failed"
    CANCELLED = "job_cancelled"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeRecord:
    """One event of one job; ``sequence`` is the head's version, which orders a job's events and names each of them."""

    event: Event
    job: Job
    sequence: int

    @property
    def message_id(self) -> str:
        """The same for every delivery of the same event."""
        return f"{self.job.job_id}.{self.sequence}"


@dataclass(frozen=True, kw_only=True, slots=True)
class AttemptEnded:
    """One claim of a job is over."""

    job_id: str
    attempt: int
    agent: str
    claimed_at: datetime
    ended_at: datetime
    outcome: str
    error_code: str | None
    error_message: str | None


@dataclass(frozen=True, slots=True)
class ReplyDue:
    """A chat's job has completed: its reply belongs into the chat."""

    job: Job


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A job's head has aged out: what lay beside it goes too."""

    job_id: str


@dataclass(frozen=True, slots=True)
class WorkDue:
    """A job is ready in a queue; where a stage serves that, it has to be woken."""

    queue: str


@dataclass(frozen=True, slots=True)
class OutputAbandoned:
    """An attempt at a job with files ended without success: what it has put into the store belongs to nobody."""

    job_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class VerdictDue:
    """A verification has completed: what it has found is noted, whoever still waits for it."""

    job: Job


@dataclass(frozen=True, slots=True)
class GatherDue:
    """Something happened to a part of this job, or to the job itself while it has parts: it has to look at them."""

    job_id: str


@dataclass(frozen=True, slots=True)
class WatchersDue:
    """A job that is watched has got on (``news``), or somebody new watches it: they are told how it stands."""

    job: Job
    news: bool


Effect = (
    ChangeRecord
    | AttemptEnded
    | ReplyDue
    | Forgotten
    | WorkDue
    | OutputAbandoned
    | GatherDue
    | WatchersDue
    | VerdictDue
)

_EVENT_OF = {
    State.RUNNING: Event.STARTED,
    State.COMPLETED: Event.COMPLETED,
    State.FAILED: Event.FAILED,
    State.CANCELLED: Event.CANCELLED,
}
RELEASED = "released"
_RETURNED = {ErrorCode.CLAIM_EXPIRED: "expired", ErrorCode.AGENT_REVOKED: "revoked"}


def effects(old: Job | None, new: Job | None) -> list[Effect]:
    """Everything that a change calls for, in order; the same images always give the same effects."""
    if new is None:
        return [Forgotten(old.job_id)] if old else []
    found: list[Effect] = []
    event = _event(old, new)
    if event:
        found.append(ChangeRecord(event=event, job=new, sequence=new.version))
    if _became_ready(old, new):
        found.append(WorkDue(new.queue))
    if old and _attempt_ended(old, new):
        found.append(_ended(old, new))
        if old.kind == Kind.FILE and new.state is not State.COMPLETED:
            found.append(OutputAbandoned(old.job_id, old.attempt))
    if old and new.state is State.COMPLETED and old.state is not State.COMPLETED:
        found += _completed(new)
    if old and new.watched and new.kind in WATCHED:
        found += _seen(old, new)
    if old and (whose := _to_gather(old, new)):
        found.append(GatherDue(whose))
    return found


def _event(old: Job | None, new: Job) -> Event | None:
    if new.internal:
        return None
    if old is None:
        return Event.CREATED
    if old.state is not new.state:
        return _EVENT_OF.get(new.state)
    return Event.PROGRESS if old.progress != new.progress and new.progress else None


def _completed(new: Job) -> list[Effect]:
    if new.kind == Kind.VERIFY:
        return [VerdictDue(new)]
    return [ReplyDue(new)] if new.chat_id else []


def _seen(old: Job, new: Job) -> list[Effect]:
    news = (old.state, old.progress) != (new.state, new.progress)
    return [WatchersDue(new, news)] if news or old.watched != new.watched else []


def _became_ready(old: Job | None, new: Job) -> bool:
    return new.claimable and not (old and old.claimable and old.slot == new.slot)


def _to_gather(old: Job, new: Job) -> str | None:
    """The job whose parts are to be looked at.

    It is the one that this is a part of; or this one, when it has got its parts, when somebody has taken it up again,
    and when it stops early.
    """
    if new.internal:
        return new.owner if new.finished or new.checkpoint != old.checkpoint else None
    moved = new.state is not old.state
    stopped = moved and new.state in {State.CANCELLING, State.CANCELLED, State.FAILED}
    spread = new.checkpoint != old.checkpoint or (moved and new.state is State.RUNNING)
    return new.job_id if new.kind == Kind.EVALUATION and (stopped or (spread and new.checkpoint)) else None


def _attempt_ended(old: Job, new: Job) -> bool:
    return old.held and (not new.held or new.attempt != old.attempt)


def _ended(old: Job, new: Job) -> AttemptEnded:
    why = ErrorCode(new.returned) if new.state is State.READY and new.returned else None
    return AttemptEnded(
        job_id=old.job_id,
        attempt=old.attempt,
        agent=old.agent or "",
        claimed_at=old.claimed_at or old.updated_at,
        ended_at=new.updated_at,
        outcome=_outcome(new, why),
        error_code=why or new.error_code,
        error_message=MESSAGES[why] if why else new.error_message,
    )


def _outcome(new: Job, why: ErrorCode | None) -> str:
    if why:
        return _RETURNED[why]
    return RELEASED if new.state is State.READY else new.state
