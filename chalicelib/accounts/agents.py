"""Remote agents: who they are, their own revocable secrets, and when they were last seen.

An agent calls with the deployment's shared secret under any id, as the agents contract has it, or with a secret of
its own after an administrator registered it. The two are different principals even under one id, so that the shared
secret cannot speak for a registered agent; whoever wants that for all agents switches the shared secret off.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from pynamodb.expressions.update import Action

from chalicelib import times
from chalicelib.dynamo import Refused, expiry
from chalicelib.errors import AgentNotFound, AlreadyExists, InvalidCredentials
from chalicelib.settings import settings
from chalicelib.telemetry import audit

from .tables import AgentRow

OWN = "agent"
SHARED = "shared"
STAGE = "stage"
SEEN_EVERY = timedelta(minutes=1)
FORGET_SHARED_AFTER = timedelta(days=7)

_seen: dict[str, datetime] = {}


@dataclass(frozen=True, slots=True)
class Agent:
    """An authenticated agent; ``principal`` is what a job's head records as its holder."""

    agent_id: str
    registered: bool
    draining: bool = False

    @property
    def principal(self) -> str:
        """The id with the kind of credential that proved it."""
        return f"{OWN if self.registered else SHARED}:{self.agent_id}"

    @property
    def lease_seconds(self) -> int:
        """How long its leases last."""
        return settings().lease_seconds


@dataclass(frozen=True, slots=True)
class Stage(Agent):
    """A function of ours that runs jobs as an agent does; the id is that of the invocation, so that no two are one.

    It renews every few seconds, so its leases are short: a job whose function was killed is soon taken up again.
    """

    registered: bool = True

    @property
    def principal(self) -> str:
        """Nobody can prove to be this over HTTP."""
        return f"{STAGE}:{self.agent_id}"

    @property
    def lease_seconds(self) -> int:
        """How long its leases last."""
        return settings().stage_lease_seconds


@dataclass(frozen=True, slots=True)
class Coordinator(Stage):
    """The stage that holds a job while others do its parts: nobody is at work who would renew every few seconds."""

    @property
    def lease_seconds(self) -> int:
        """How long its leases last."""
        return settings().coordinator_lease_seconds


def id_of(principal: str) -> str:
    """The agent's id in a principal."""
    return principal.partition(":")[2]


def is_registered(principal: str) -> bool:
    """Whether the principal was proved by a secret of the agent's own."""
    return principal.startswith(f"{OWN}:")


def authenticate(agent_id: str, secret: str) -> Agent:
    """The agent with this id and secret.

    Raises:
        InvalidCredentials: the secret is neither the shared one (where that is on) nor the agent's own.
    """
    if _is_shared(secret):
        agent = Agent(agent_id, registered=False)
    else:
        row = AgentRow.read(f"{OWN}:{agent_id}")
        if row is None or not _same(secret, row.secret_hash) or row.revoked_at:
            raise InvalidCredentials("the agent's id or secret is wrong")
        agent = Agent(agent_id, registered=True, draining=bool(row.draining))
    _see(agent)
    return agent


def register(agent_id: str) -> str:
    """Register an agent and answer its secret, which is not shown again and stored only as a hash.

    Raises:
        AlreadyExists: the id is registered; a revoked one may be registered again, with a new secret.
    """
    secret = f"cca_{secrets.token_urlsafe(32)}"
    row = AgentRow(f"{OWN}:{agent_id}", secret_hash=_digest(secret), created_at=times.now(), draining=False)
    try:
        row.put(AgentRow.principal.does_not_exist() | AgentRow.revoked_at.exists())
    except Refused as refused:
        if not _same(secret, refused.old.secret_hash):
            raise AlreadyExists("an agent of that id is registered", agentId=agent_id) from refused
    audit("agent.registered", actor="admin", agent_id=agent_id)
    return secret


def drain(agent_id: str, *, draining: bool) -> AgentRow:
    """Stop giving an agent new jobs, or start again.

    Raises:
        AgentNotFound: no agent of that id is registered.
    """
    return _alter(agent_id, "agent.drained", AgentRow.draining.set(draining))


def revoke(agent_id: str) -> AgentRow:
    """Make an agent's secret worthless from now on; its claims are ended by ``jobs.fleet``.

    Raises:
        AgentNotFound: no agent of that id is registered.
    """
    return _alter(agent_id, "agent.revoked", AgentRow.revoked_at.set(times.now()))


def every() -> list[AgentRow]:
    """All agents that are registered or were seen within a week."""
    now = times.now()
    rows = AgentRow.page(AgentRow.scan())
    return sorted((row for row in rows if not row.expires or row.expires > now), key=lambda row: row.principal)


def _alter(agent_id: str, action: str, change: Action) -> AgentRow:
    try:
        # Only a registered agent: one that uses the shared secret could simply call itself something else.
        row = AgentRow.change(f"{OWN}:{agent_id}", actions=[change], condition=AgentRow.secret_hash.exists())
    except Refused as refused:
        raise AgentNotFound(agentId=agent_id) from refused
    audit(action, actor="admin", agent_id=agent_id)
    return row


def _see(agent: Agent) -> None:
    """Record, once a minute and process, that an agent called."""
    now = times.now()
    if agent.principal in _seen and abs(now - _seen[agent.principal]) < SEEN_EVERY:
        return
    _seen[agent.principal] = now
    actions = [AgentRow.last_seen.set(now), AgentRow.created_at.set(AgentRow.created_at | now)]
    if not agent.registered:
        actions.append(AgentRow.expires.set(expiry(now + FORGET_SHARED_AFTER)))
    AgentRow.change(agent.principal, actions=actions, condition=None)


def _is_shared(secret: str) -> bool:
    shared = settings().agent_secret
    return (
        settings().agent_shared_secret_enabled
        and shared is not None
        and _same(secret, _digest(shared.get_secret_value()))
    )


def _same(secret: str, stored: bytes | None) -> bool:
    # Digests have one length and are bytes: compare_digest raises on text that is not ASCII.
    return stored is not None and hmac.compare_digest(_digest(secret), stored)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
