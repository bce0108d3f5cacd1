"""The agents as an administrator sees them: who there is, what each is doing, and taking one out."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.accounts import agents
from chalicelib.accounts.tables import AgentRow

from . import agenda, claims


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """An agent and the jobs it holds now."""

    agent_id: str
    registered: bool
    draining: bool
    revoked_at: datetime | None
    created_at: datetime
    last_seen: datetime | None
    job_ids: tuple[str, ...]


def members() -> list[Member]:
    """All agents that are registered or were seen within a week, with what they hold."""
    holding = _holding()
    return [_member(row, holding) for row in agents.every()]


def drain(agent_id: str, *, draining: bool) -> Member:
    """Stop giving an agent new jobs, or start again; what it holds it may finish."""
    return _member(agents.drain(agent_id, draining=draining), _holding())


def revoke(agent_id: str) -> int:
    """Refuse an agent from now on and take back what it holds; answers how many jobs that were.

    The credential goes first: a claim that slips in between the two cannot redeem its token, because redeeming
    reads the credential again.
    """
    row = agents.revoke(agent_id)
    return claims.end_claims_of(row.principal)


def _holding() -> dict[str, list[str]]:
    """The jobs that each principal holds."""
    holding: dict[str, list[str]] = {}
    for entry in agenda.leases():
        holding.setdefault(entry.agent or "", []).append(entry.job_id)
    return holding


def _member(row: AgentRow, holding: dict[str, list[str]]) -> Member:
    return Member(
        agent_id=agents.id_of(row.principal),
        registered=row.secret_hash is not None,
        draining=bool(row.draining),
        revoked_at=row.revoked_at,
        created_at=row.created_at,
        last_seen=row.last_seen,
        job_ids=tuple(holding.get(row.principal, ())),
    )
