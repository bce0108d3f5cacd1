"""What a job is and how it may change; pure, with no storage in it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, auto

from chalicelib import errors

DEFAULT_QUEUE = "default"
MAX_PRIORITY = 9
READY_SLOT = "ready#"
"""What the names of the queues' slots in the agenda begin with."""
MAX_ATTEMPTS = 20


class Kind(StrEnum):
    """Which product's job it is; each has its own id prefix."""

    TASK = auto()
    FILE = auto()
    EVALUATION = auto()
    BATCH = auto()
    """A part of another job, which owns it: run like any job, and seen by nobody but that one."""
    BUILD = auto()
    ANALYSIS = auto()
    PIPELINE = auto()
    AUDIT = auto()
    COMPLIANCE = auto()
    VERIFY = auto()

    @property
    def prefix(self) -> str:
        """What ids of this kind begin with."""
        return {Kind.EVALUATION: "job_eval", Kind.TASK: "job", Kind.PIPELINE: "ai_pipeline"}.get(self, str(self))

    def job_id(self, seed: str) -> str:
        """The id of the job of this kind that is made from a seed."""
        return f"{self.prefix}_{seed}"


class State(StrEnum):
    """Where a job stands."""

    AWAITING_UPLOAD = auto()
    READY = auto()
    CLAIMED = auto()
    RUNNING = auto()
    COMPLETED = auto()
    FAILED = auto()
    CANCELLING = auto()
    CANCELLED = auto()


class Actor(StrEnum):
    """Who asks for a change: the agent that holds the lease, the job's owner, or the clock."""

    AGENT = auto()
    OWNER = auto()
    CLOCK = auto()


WATCHED = frozenset({Kind.BUILD, Kind.ANALYSIS})
"""The kinds that may be watched live, and of which administrators see a list of everybody's."""
SHARED_SECRETS: dict[str, frozenset[str]] = {
    Kind.BUILD: frozenset({"llm"}),
    **dict.fromkeys(
        (Kind.PIPELINE, Kind.AUDIT, Kind.COMPLIANCE, Kind.VERIFY), frozenset({"llm", "deployer", "explorer"})
    ),
}
"""By kind, the types of the deployment's own secrets that a job's holder may redeem; anybody can make such a job."""
FINAL = frozenset({State.COMPLETED, State.FAILED, State.CANCELLED})
HELD = frozenset({State.CLAIMED, State.RUNNING, State.CANCELLING})

TRANSITIONS: dict[tuple[State, State], frozenset[Actor]] = {
    (State.AWAITING_UPLOAD, State.READY): frozenset({Actor.OWNER}),
    (State.AWAITING_UPLOAD, State.CANCELLED): frozenset({Actor.OWNER}),
    (State.AWAITING_UPLOAD, State.FAILED): frozenset({Actor.CLOCK}),
    (State.READY, State.CLAIMED): frozenset({Actor.AGENT}),
    (State.READY, State.CANCELLED): frozenset({Actor.OWNER}),
    (State.READY, State.FAILED): frozenset({Actor.CLOCK}),
    (State.CLAIMED, State.RUNNING): frozenset({Actor.AGENT}),
    (State.CLAIMED, State.READY): frozenset({Actor.AGENT, Actor.CLOCK}),
    (State.CLAIMED, State.FAILED): frozenset({Actor.CLOCK}),
    (State.CLAIMED, State.CANCELLING): frozenset({Actor.OWNER}),
    (State.RUNNING, State.RUNNING): frozenset({Actor.AGENT}),
    (State.RUNNING, State.COMPLETED): frozenset({Actor.AGENT}),
    (State.RUNNING, State.FAILED): frozenset({Actor.AGENT, Actor.CLOCK}),
    (State.RUNNING, State.READY): frozenset({Actor.AGENT, Actor.CLOCK}),
    (State.RUNNING, State.CANCELLING): frozenset({Actor.OWNER}),
    (State.CANCELLING, State.CANCELLED): frozenset({Actor.AGENT, Actor.CLOCK}),
    (State.FAILED, State.READY): frozenset({Actor.OWNER}),
}


def sources(target: State, actor: Actor) -> frozenset[State]:
    """The states from which this actor may take a job to ``target``."""
    return frozenset(old for (old, new), actors in TRANSITIONS.items() if new is target and actor in actors)


class ErrorCode(StrEnum):
    """Why a job or an attempt ended without success."""

    JOB_FAILED = "JOB_FAILED"
    CLAIM_EXPIRED = "CLAIM_EXPIRED"
    AGENT_REVOKED = "AGENT_REVOKED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    PAYLOAD_MISSING = "PAYLOAD_MISSING"
    UPLOAD_EXPIRED = "UPLOAD_EXPIRED"


MESSAGES = {
    ErrorCode.JOB_FAILED: "The agent reported a failure.",
    ErrorCode.CLAIM_EXPIRED: "The agent's lease ran out before it finished.",
    ErrorCode.AGENT_REVOKED: "The agent's credentials were revoked while it held the job.",
    ErrorCode.DEADLINE_EXCEEDED: "The job was not finished by its deadline.",
    ErrorCode.PAYLOAD_MISSING: "The job's payload is no longer stored.",
    ErrorCode.UPLOAD_EXPIRED: "The input file was not uploaded in time.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class NewJob:
    """What a creator decides.

    ``not_before`` delays the job, ``deadline`` fails it when it is not finished by then. ``input_name`` is the last
    part of the key of an input that the job waits for; ``given`` is an input that is there already. Its holder may
    redeem the secrets of ``project_id``, or of ``secrets_project`` where that is named instead.
    """

    kind: Kind
    type: str
    owner: str
    created_by: str
    project_id: str | None = None
    chat_id: str | None = None
    payload: object = None
    queue: str = DEFAULT_QUEUE
    priority: int = 0
    max_attempts: int = 1
    not_before: datetime | None = None
    deadline: datetime | None = None
    input_name: str | None = None
    given: "Input | None" = None
    secrets_project: str | None = None
    trace_parent: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """An object that a job works on: its key, its size in bytes, and the ETag of the one upload that counts."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A job's head: all but its payload, result and log.

    ``attempt`` counts claims and is the fencing number of the one that holds the job. While the job is held, ``due``
    is when its lease ends. ``agent`` is the principal that holds it or that ended it by its own word. ``returned`` is
    why the clock took it from its last holder and made it ready again. A job with an ``input_key`` begins by waiting
    for that object; ``input_etag`` and ``input_size`` are of the upload that counts, and ``marked`` is the request
    by which its owner said so (a client may forget; then the upload's event does it). ``checkpoint`` is what earlier
    attempts have done, as JSON: the next goes on from there. ``watched`` counts who has ever begun to watch it live.
    """

    job_id: str
    kind: str
    type: str
    queue: str
    owner: str
    created_by: str
    state: State
    priority: int
    attempt: int
    max_attempts: int
    created_at: datetime
    updated_at: datetime
    version: int
    project_id: str | None = None
    chat_id: str | None = None
    agent: str | None = None
    claimed_at: datetime | None = None
    claim_request: str | None = None
    slot: str | None = None
    due: datetime | None = None
    token_hash: bytes | None = None
    token_expires: datetime | None = None
    redemption_id: str | None = None
    not_before: datetime | None = None
    deadline: datetime | None = None
    finished_at: datetime | None = None
    payload: str | None = None
    result: str | None = None
    progress: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    log_full: bool | None = None
    returned: str | None = None
    input_key: str | None = None
    input_etag: str | None = None
    input_size: int | None = None
    marked: str | None = None
    checkpoint: str | None = None
    watched: int | None = None
    secrets_project: str | None = None
    trace_parent: str | None = None

    def may_redeem(self, types: Iterable[str]) -> bool:
        """Whether its holder may ask for secrets of these types; of its own project's, for all."""
        return self.secrets_project is None or SHARED_SECRETS.get(self.kind, frozenset()).issuperset(types)

    @property
    def internal(self) -> bool:
        """Whether it is a part of another job, of which alone the world is told."""
        return self.kind == Kind.BATCH

    @property
    def claimable(self) -> bool:
        """Whether it waits in a queue, and not for its time to come."""
        return self.state is State.READY and (self.slot or "").startswith(READY_SLOT)

    @property
    def held(self) -> bool:
        """Whether an agent holds it, by what the table says (its lease may have run out)."""
        return self.state in HELD

    @property
    def finished(self) -> bool:
        """Whether it has ended; only a failed job can come back, by a retry."""
        return self.state in FINAL

    @property
    def lease_expires(self) -> datetime | None:
        """When the holder's lease ends; None while nobody holds it."""
        return self.due if self.held else None

    @property
    def cancel_requested(self) -> bool:
        """Whether its holder ought to stop."""
        return self.state in {State.CANCELLING, State.CANCELLED}

    def must_allow(self, target: State, actor: Actor) -> None:
        """Refuse what ``TRANSITIONS`` does not allow.

        Raises:
            errors.InvalidStateTransition: naming both states and those that would be legal.
        """
        if actor in TRANSITIONS.get((self.state, target), frozenset()):
            return
        raise self.illegal(target, actor)

    def illegal(self, target: State, actor: Actor) -> errors.InvalidStateTransition:
        """The error that says which states this actor could take the job to."""
        legal = sorted(new for (old, new), actors in TRANSITIONS.items() if old is self.state and actor in actors)
        return errors.InvalidStateTransition(jobId=self.job_id, state=self.state, requested=target, legal=legal)

    def after_lease(self, moment: datetime, why: ErrorCode) -> tuple[State, ErrorCode | None]:
        """Where the job goes when its holder is gone: cancelled, another attempt, or failed.

        A job made through the agents contract has one attempt unless its creator said otherwise, so by default
        a lease that runs out fails it, as that contract says.
        """
        if self.state is State.CANCELLING:
            return State.CANCELLED, None
        if self.deadline and self.deadline <= moment:
            return State.FAILED, ErrorCode.DEADLINE_EXCEEDED
        if self.attempt < self.max_attempts:
            return State.READY, None
        return State.FAILED, why
