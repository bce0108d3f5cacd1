"""What ought to happen to a job, in plain Python: one clock, no storage, and no code of the app but its state table.

Each operation answers what the API is to answer, as status and code, and changes the model as the job is to change.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib.jobs.model import FINAL, HELD, TRANSITIONS, Actor, State

LEASE = timedelta(minutes=30)
TOKEN = timedelta(minutes=5)
HEAD_START = timedelta(minutes=5)
RETURNED = {None: "released", "CLAIM_EXPIRED": "expired", "AGENT_REVOKED": "revoked"}
WORKING = (State.CLAIMED, State.RUNNING)

Answer = tuple[int, str | None]

OK: Answer = (200, None)
CREATED: Answer = (201, None)
UNKNOWN_AGENT: Answer = (401, "UNAUTHORIZED")
BAD_TOKEN: Answer = (401, "INVALID_TOKEN")
NO_SECRET: Answer = (404, "SECRET_NOT_FOUND")
ILLEGAL: Answer = (400, "INVALID_STATE_TRANSITION")
ANOTHERS: Answer = (409, "JOB_ALREADY_CLAIMED")
LOST: Answer = (409, "CLAIM_LOST")
GAP: Answer = (416, "LOG_SEGMENT_MISMATCH")


@dataclass(eq=False)
class Agent:
    """A remote agent; a registered one has a secret of its own, which can be revoked."""

    agent_id: str
    registered: bool
    revoked: bool = False


@dataclass(eq=False)
class Token:
    """A claim token that was given out."""

    plain: str
    job: "Job"
    agent: Agent
    expires: datetime
    redeemed: bool = False


@dataclass(frozen=True)
class Ended:
    """One attempt's line in the history."""

    attempt: int
    agent_id: str
    claimed_at: datetime
    ended_at: datetime
    outcome: str
    error: str | None


@dataclass(frozen=True)
class Chunk:
    """An append that was acknowledged."""

    segment: int
    lines: tuple[str, ...]
    attempt: int

    @property
    def end(self) -> int:
        return self.segment + len(self.lines)


@dataclass(eq=False, kw_only=True)
class Job:
    """A job; ``path`` is the states it was written in since the last look, one for each write."""

    job_id: str
    project: str
    queue: str
    priority: int
    max_attempts: int
    deadline: datetime | None
    due: datetime
    later: bool = False
    state: State = State.READY
    attempt: int = 0
    holder: Agent | None = None
    claimed_at: datetime | None = None
    request: str | None = None
    token: Token | None = None
    result: Any = None
    error: str | None = None
    chunks: list[Chunk] = field(default_factory=list)
    history: list[Ended] = field(default_factory=list)
    path: list[State] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        return [line for chunk in self.chunks for line in chunk.lines]

    @property
    def held(self) -> bool:
        return self.state in HELD

    def is_with(self, agent: Agent, attempt: int | None, now: datetime) -> bool:
        """Whether this agent's lease, in this attempt where it names one, is good now."""
        return self.held and self.holder is agent and self.due > now and attempt in {None, self.attempt}

    def refusal(self, agent: Agent, attempt: int | None) -> Answer:
        """The answer to an agent that does not hold it."""
        return ANOTHERS if self.held and (self.holder is not agent or attempt not in {None, self.attempt}) else LOST

    def write(self, state: State, now: datetime, *, error: str | None = None) -> None:
        """One write of the job, with all that follows from the new state."""
        if self.held and state not in HELD:
            self._end_attempt(RETURNED[error] if state is State.READY else str(state), now, error)
        self.state = state
        self.path.append(state)
        if state not in HELD:
            self.token = None
        if state in FINAL:
            self.error = error

    def wait(self, now: datetime, why: str | None = None) -> None:
        """Back into its queue; ``why`` is what took it from its holder."""
        self.write(State.READY, now, error=why)
        self.holder = self.claimed_at = self.request = None
        self.later = False
        self.due = now - HEAD_START * self.priority

    def _end_attempt(self, outcome: str, now: datetime, error: str | None) -> None:
        assert self.holder is not None
        assert self.claimed_at is not None
        self.history.append(Ended(self.attempt, self.holder.agent_id, self.claimed_at, now, outcome, error))

    def hold(self, now: datetime) -> None:
        """A full lease from now on, but not past the deadline."""
        self.due = min(now + LEASE, self.deadline or now + LEASE)

    def take_back(self, why: str, now: datetime) -> None:
        """Its holder is gone."""
        if self.state is State.CANCELLING:
            self.write(State.CANCELLED, now)
        elif self.deadline and self.deadline <= now:
            self.write(State.FAILED, now, error="DEADLINE_EXCEEDED")
        elif self.attempt < self.max_attempts:
            self.wait(now, why)
            return
        else:
            self.write(State.FAILED, now, error=why)
        self.holder = None


class World:
    """All jobs of one example, and the clock."""

    def __init__(self, now: datetime, secrets: dict[str, str]) -> None:
        self.now = now
        self.secrets = secrets
        self.jobs: list[Job] = []
        self.tokens: list[Token] = []
        self.noted: dict[tuple[Agent, str], Job] = {}

    # --- the owner

    def cancel(self, job: Job) -> Answer:
        if job.state in {State.COMPLETED, State.FAILED}:
            return ILLEGAL
        if job.held and job.state is not State.CANCELLING:
            job.write(State.CANCELLING, self.now)
        elif job.state is State.READY:
            job.write(State.CANCELLED, self.now)
        return OK

    def retry(self, job: Job) -> Answer:
        if job.state is not State.FAILED:
            return ILLEGAL
        job.wait(self.now)
        job.deadline = job.error = job.result = None
        return OK

    # --- the clock

    def sweep(self) -> None:
        for job in self.expired():
            job.take_back("CLAIM_EXPIRED", self.now)
        for job in self.jobs:
            if job.later and job.state is State.READY and job.due <= self.now:
                job.later = False
                job.due -= HEAD_START * job.priority
                job.write(State.READY, self.now)
        for job in self.jobs:
            self.fail_if_late(job)

    def fail_if_late(self, job: Job) -> None:
        if job.state is State.READY and job.deadline and job.deadline <= self.now:
            job.write(State.FAILED, self.now, error="DEADLINE_EXCEEDED")

    def ends(self) -> list[datetime]:
        """When the next lease ends, the next delay, the next deadline passes, the next token expires."""
        kinds = (
            [job.due for job in self.jobs if job.held],
            [job.due for job in self.jobs if job.later],
            [job.deadline for job in self.jobs if job.deadline and job.state not in FINAL],
            [job.token.expires for job in self.jobs if job.token],
        )
        ahead = ([moment for moment in kind if moment > self.now] for kind in kinds)
        return [min(moments) for moments in ahead if moments]

    # --- claims

    def waiting(self, queue: str) -> list[Job]:
        """What may be claimed from a queue now, in order."""
        ready = [job for job in self.jobs if job.queue == queue and job.state is State.READY and not job.later]
        open_ = [job for job in ready if job.due <= self.now and not (job.deadline and job.deadline <= self.now)]
        return sorted(open_, key=lambda job: job.due)

    def late(self, queue: str) -> list[Job]:
        """What waits in a queue although its deadline has passed; a claim that meets it fails it."""
        ready = [job for job in self.jobs if job.queue == queue and job.state is State.READY and not job.later]
        return [job for job in ready if job.deadline and job.deadline <= self.now]

    def expired(self) -> list[Job]:
        """Claims that have run out, of all queues."""
        return [job for job in self.jobs if job.held and job.due <= self.now]

    def repeated(self, agent: Agent, request: str | None) -> Job | None:
        """The job that a claim with this request id took before, while its lease is good and there is work to do."""
        job = self.noted.get((agent, request)) if request else None
        if job and job.request == request and job.is_with(agent, None, self.now) and job.state in WORKING:
            return job
        return None

    def wanted(self, agent: Agent, request: str | None, queues: list[str]) -> Job | None:
        """The job that this claim was about before and that waits again: it is taken before any other."""
        job = self.noted.get((agent, request)) if request else None
        return job if job and job.state is State.READY and job.queue in queues else None

    def take(self, job: Job, agent: Agent, request: str | None, plain: str) -> None:
        """The claim that the app made."""
        job.write(State.CLAIMED, self.now)
        job.attempt += 1
        job.holder, job.claimed_at, job.request = agent, self.now, request
        job.hold(self.now)
        if request:
            self.noted[agent, request] = job
        self._give_token(job, agent, plain)

    def mint_again(self, job: Job, agent: Agent, plain: str) -> None:
        """The token of a claim that was repeated, or asked for."""
        job.write(job.state, self.now)
        self._give_token(job, agent, plain)

    def may_mint(self, job: Job, agent: Agent, attempt: int | None) -> Answer:
        if agent.revoked:
            return UNKNOWN_AGENT
        if not job.is_with(agent, attempt, self.now):
            return job.refusal(agent, attempt)
        return CREATED if job.state in WORKING else LOST

    def _give_token(self, job: Job, agent: Agent, plain: str) -> None:
        job.token = Token(plain, job, agent, self.now + TOKEN)
        self.tokens.append(job.token)

    def redeem(self, token: Token, bearer: Agent, project: str, kind: str) -> Answer:
        job = token.job
        good = (
            job.token is token
            and not token.redeemed
            and token.expires > self.now
            and job.state in WORKING
            and job.due > self.now
            and bearer is token.agent
            and not bearer.revoked
            and project == job.project
        )
        if not good:
            return BAD_TOKEN
        if kind != "github":
            return NO_SECRET
        token.redeemed = True
        job.write(job.state, self.now)
        return OK

    # --- the holder

    def renew(self, job: Job, agent: Agent, attempt: int | None) -> Answer:
        if agent.revoked:
            return UNKNOWN_AGENT
        if not job.is_with(agent, attempt, self.now):
            return job.refusal(agent, attempt)
        if job.state is not State.CANCELLING:
            job.hold(self.now)
            job.write(job.state, self.now)
        return OK

    def release(self, job: Job, agent: Agent, attempt: int | None) -> Answer:
        if agent.revoked:
            return UNKNOWN_AGENT
        if not job.is_with(agent, attempt, self.now):
            return job.refusal(agent, attempt)
        if job.state is State.CANCELLING:
            job.write(State.CANCELLED, self.now)
        else:
            job.wait(self.now)
        return OK

    def report(self, job: Job, agent: Agent, attempt: int | None, target: State, payload: Any) -> Answer:
        if agent.revoked:
            return UNKNOWN_AGENT
        if job.is_with(agent, attempt, self.now):
            return self._told(job, target, payload)
        mine = job.holder is agent and attempt in {None, job.attempt}
        if mine and job.state in FINAL:
            return OK if job.state is target and job.result == payload else ILLEGAL
        if job.state is State.READY and job.attempt == 0:
            return ILLEGAL
        return job.refusal(agent, attempt)

    def _told(self, job: Job, target: State, payload: Any) -> Answer:
        if Actor.AGENT not in TRANSITIONS.get((job.state, target), frozenset()):
            stopping = job.state is State.CANCELLING and target is State.RUNNING
            return OK if stopping else ILLEGAL
        job.write(target, self.now, error="JOB_FAILED" if target is State.FAILED else None)
        if target in FINAL:
            job.result = payload
        return OK

    def append(
        self, job: Job, agent: Agent, attempt: int | None, lines: tuple[str, ...], segment: int | None
    ) -> Answer:
        if agent.revoked:
            return UNKNOWN_AGENT
        if not job.is_with(agent, attempt, self.now):
            return job.refusal(agent, attempt)
        end = job.chunks[-1].end if job.chunks else 0
        if segment in {None, end}:
            job.chunks.append(Chunk(end, lines, job.attempt))
            return OK
        there = next((chunk for chunk in job.chunks if chunk.segment == segment), None)
        same = there is not None and (there.lines, there.attempt) == (lines, job.attempt)
        return OK if same else GAP

    # --- the administrator

    def revoke(self, agent: Agent) -> int:
        """Answers how many claims it ends."""
        agent.revoked = True
        held = [job for job in self.jobs if job.held and job.holder is agent]
        for job in held:
            job.take_back("AGENT_REVOKED", self.now)
        return len(held)


def legal(path: Iterable[State], start: State | None) -> bool:
    """Whether a job may have been written in these states, one after the other."""
    previous = start
    for state in path:
        same = previous is state and state not in FINAL
        if not (same or (previous, state) in TRANSITIONS or (previous is None and state is State.READY)):
            return False
        previous = state
    return True
