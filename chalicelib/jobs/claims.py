"""Claims: taking the next job of a queue, holding its lease, and the one-time token for its secrets."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pynamodb.expressions.update import Action

from chalicelib import idempotency, times
from chalicelib.accounts.agents import Agent
from chalicelib.dynamo import Refused
from chalicelib.errors import ClaimLost, Conflict, StorageFailed
from chalicelib.settings import settings
from chalicelib.telemetry import audit

from . import agenda, documents, lifecycle
from .contention import Contention, LeaseWatch
from .holding import Holder, held_by, held_write
from .model import READY_SLOT, ErrorCode, Job, State
from .tables import JobRow

# A claim that loses this many races leaves the queue to those who are winning them, and is told to come back soon.
MAX_LOSSES = 12
EXPIRED_AT_ONCE = 10

contention = Contention()
lease_watch = LeaseWatch()


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A job in an agent's hands: its head, its payload, and the plain token, which is stored only as a hash."""

    job: Job
    payload: Any
    token: str


@dataclass(frozen=True, slots=True)
class Token:
    """A fresh claim token; it begins with the job's id, so that redeeming needs no index."""

    plain: str
    expires: datetime

    @property
    def digest(self) -> bytes:
        """What is stored of it."""
        return hash_token(self.plain)

    def actions(self) -> list[Action]:
        """Make this the job's only token, not yet redeemed."""
        kept = [JobRow.token_hash.set(self.digest), JobRow.token_expires.set(self.expires)]
        return [*kept, JobRow.redemption_id.remove()]


def hash_token(plain: str) -> bytes:
    """SHA-256 of a claim token."""
    return hashlib.sha256(plain.encode()).digest()


def new_token(job_id: str) -> Token:
    """256 random bits, good for the five minutes of the contract unless the settings say otherwise."""
    expires = times.now() + timedelta(seconds=settings().claim_token_seconds)
    return Token(f"{job_id}.{secrets.token_urlsafe(32)}", expires)


def claim(agent: Agent, queues: list[str], request_id: str | None = None) -> Claim | None:
    """Take the next due job of the queues, in their order; None where there is none.

    A claim repeated with the same ``request_id`` answers the job that it took the first time, with a fresh token.
    """
    if request_id is None:
        return _from_queues(agent, queues, None)
    request = idempotency.fingerprint("claim", agent.principal, request_id)
    for _ in range(lifecycle.TRIES):
        note = _Note(request, idempotency.recall(request))
        try:
            return _repeated(agent, queues, note) or _from_queues(agent, queues, note)
        except _Overtaken:
            continue  # The same claim, asked for at the same time, is ahead: its job is this one's, too.
    return None


def mint_token(holder: Holder, job_id: str) -> Token:
    """A new claim token for the job's holder, in place of the one it had.

    Raises:
        ClaimLost, JobAlreadyClaimed, JobNotFound: the caller does not hold the job.
    """
    token = new_token(job_id)
    try:
        held_write(holder, job_id, token.actions(), JobRow.state.is_in(State.CLAIMED, State.RUNNING))
    except Refused as refused:
        raise ClaimLost("the job is being cancelled", jobId=job_id, state=State.CANCELLING) from refused
    audit("claim_token.minted", actor=holder.agent.principal, job_id=job_id)
    return token


def end_claims_of(principal: str) -> int:
    """Take back every job that a revoked agent holds; answers how many there were."""
    held = [entry.job_id for entry in agenda.leases() if entry.agent == principal]
    for job_id in held:
        _end_claim(job_id, principal)
    return len(held)


def _end_claim(job_id: str, principal: str) -> None:
    for _ in range(lifecycle.TRIES):
        job = lifecycle.read(job_id)
        if not job.held or job.agent != principal:
            return
        lifecycle.take_back(job, ErrorCode.AGENT_REVOKED, times.now())


class _Overtaken(Exception):
    """Another asking for the same claim has noted or taken a job meanwhile."""


@dataclass(slots=True)
class _Note:
    """What is noted under a claim's request id: the one job that any asking for this claim may take.

    It is written before the job is taken, so that a repetition finds the job should the answer be lost, and moved to
    another job only by who has seen that somebody else took the one before.
    """

    request: str
    job_id: str | None

    def move(self, job_id: str) -> None:
        """Let the claim be for this job."""
        self.job_id = idempotency.note(self.request, job_id, instead_of=self.job_id)
        if self.job_id != job_id:
            raise _Overtaken


def _from_queues(agent: Agent, queues: list[str], note: _Note | None) -> Claim | None:
    for queue in queues:
        while taken := _next_of(queue, agent, note):
            # A job whose payload has aged out has just been failed, and the next one may be whole.
            if claim := _with_payload(*taken):
                return claim
    return None


def _repeated(agent: Agent, queues: list[str], note: _Note) -> Claim | None:
    """The claim that was made under the note, with a fresh token; None where there was none, or it has ended."""
    row = JobRow.read(note.job_id) if note.job_id else None
    if row is None:
        return None
    if row.state == State.READY and row.queue in queues:
        # Noted and not taken: the one who noted it may be about to, so that none but this job will do.
        taken = _take(agenda.entry_of(row), agent, note)
        return _with_payload(*taken) if taken else None
    if row.claim_request != note.request or not held_by(agent, row.to_job()):
        return None
    try:
        token = mint_token(Holder(agent, row.attempt), row.job_id)
    except Conflict:
        return None  # The claim ended since it was read; the agent gets another job.
    return _with_payload(row.to_job(), token)


def _next_of(queue: str, agent: Agent, note: _Note | None) -> tuple[Job, Token] | None:
    slots = contention.shuffled(agenda.queue_slots(queue))
    for slot in slots:
        taken = _next_in(slot, agent, note)
        if taken:
            return taken
    if not _revive(queue):
        return None
    return next((taken for slot in slots if (taken := _next_in(slot, agent, note))), None)


def _next_in(slot: str, agent: Agent, note: _Note | None) -> tuple[Job, Token] | None:
    """Take one of the first jobs of a slot: the very first while nobody else is claiming there.

    Under contention all would run for the same head, so each lost race widens the window of candidates from which one
    is picked at random. A list in which a race was lost is read anew before the next try: most of what it shows has
    been taken meanwhile, and a query costs a fraction of a write that fails.
    """
    for _ in range(MAX_LOSSES):
        candidates = agenda.due_in(slot, times.now(), contention.window(slot))
        if not candidates:
            return None
        taken = _take(contention.pick(candidates), agent, note)
        contention.record(slot, won=taken is not None)
        if taken:
            return taken
    return None


def _take(entry: agenda.Entry, agent: Agent, note: _Note | None) -> tuple[Job, Token] | None:
    if note:
        note.move(entry.job_id)
    now = times.now()
    token = new_token(entry.job_id)
    slot, due = agenda.lease(entry.job_id, seconds=agent.lease_seconds, since=now, deadline=entry.deadline)
    values = {"state": State.CLAIMED, "agent": agent.principal, "claimed_at": now, "slot": slot, "due": due}
    actions = [getattr(JobRow, name).set(value) for name, value in values.items()]
    actions += [JobRow.attempt.set(JobRow.attempt + 1), *token.actions()]
    actions += [JobRow.claim_request.set(note.request)] if note else []
    condition = (
        # Nobody else has taken, cancelled or failed it since the index was read …
        (JobRow.state == State.READY)
        # … it waits in a queue and not for its time to come …
        & JobRow.slot.startswith(READY_SLOT)
        # … and there is time left to do it.
        & (JobRow.deadline.does_not_exist() | (JobRow.deadline > now))
    )
    try:
        return JobRow.move(entry.job_id, actions=actions, condition=condition), token
    except Refused as refused:
        job = refused.old.to_job() if refused.old else None
        if job and job.token_hash == token.digest:
            return job, token
        if job and note and job.claim_request == note.request and held_by(agent, job):
            raise _Overtaken from refused
        if entry.deadline and entry.deadline <= now:
            lifecycle.fail_late(entry.job_id)
        return None


def _with_payload(job: Job, token: Token) -> Claim | None:
    try:
        claim = Claim(job=job, payload=documents.get(job.job_id, job.payload), token=token.plain)
    except KeyError:
        lifecycle.fail(job, ErrorCode.PAYLOAD_MISSING)
        return None
    except StorageFailed:
        if job.claim_request is None:
            # Nobody will ask for this claim again, so that its job would wait out the lease in nobody's hands.
            lifecycle.give_back(job)
        raise
    audit("job.claimed", actor=str(job.agent), job_id=job.job_id, attempt=job.attempt)
    return claim


def _revive(queue: str) -> bool:
    """Make expired claims ready again without waiting for the sweeper; whether any became so in this queue.

    Those of other queues too: left where they are, they would hide this queue's behind them.
    """
    now = times.now()
    expired = [
        entry.job_id
        for slot in agenda.lease_slots()
        if lease_watch.may_have_expired(slot, now)
        for entry in lease_watch.look(slot, now, EXPIRED_AT_ONCE)
    ]
    jobs = [lifecycle.expire(job_id) for job_id in expired]
    return any(job.state is State.READY and job.queue == queue for job in jobs)
