"""A claim token turned into secrets, once: check, fetch and decrypt, then consume the token, then answer.

In that order a failure of the key service burns nothing, and a crash after the token is consumed loses only the
token: the holder of the lease mints another. The project is the job's; the request's own word for it must agree.
"""

import hmac
import re
import secrets
from typing import NoReturn

from pydantic import SecretStr

from chalicelib import times
from chalicelib.accounts import agents, limits
from chalicelib.accounts.tables import AgentRow
from chalicelib.dynamo import Refused, read_together
from chalicelib.errors import InvalidToken, SecretNotFound, TokenRedeemed
from chalicelib.jobs.claims import hash_token
from chalicelib.jobs.model import State
from chalicelib.jobs.tables import JobRow
from chalicelib.settings import settings
from chalicelib.telemetry import audit

from . import store
from .table import SecretRow

# What claims.new_token makes: the job's id, and 256 bits. Anything else cannot be in the table.
_FORM = re.compile(r"[a-z_]+_[0-9a-z]{26}\.[A-Za-z0-9_-]{43}")
_WORKING = (State.CLAIMED, State.RUNNING)


def redeem(agent_id: str, token: str, project_id: str, types: list[str], *, source_ip: str) -> dict[str, SecretStr]:
    """The project's secrets of these types, for the agent whose claim the token belongs to.

    Raises:
        InvalidToken: one and the same for every reason; the audit trail has the reason.
        SecretNotFound: the project lacks one of the types; the token stays good.
        EncryptionUnavailable: the key service did not answer; the token stays good.
        TokenRedeemed: another redemption of this token won at the same moment.
        TooManyRequests: too many bad tokens from this address.
    """
    job_id = token.partition(".")[0] if _FORM.fullmatch(token) else "-"
    wanted = [(SecretRow, (project_id, kind)) for kind in types]
    head, agent, *rows = read_together((JobRow, (job_id,)), (AgentRow, (f"{agents.OWN}:{agent_id}",)), *wanted)
    reason = _why_not(head, agent, agent_id, token, project_id, types)
    if reason:
        _refuse(agent_id, job_id, reason, source_ip)
    missing = [kind for kind, row in zip(types, rows, strict=True) if row is None]
    if missing:
        raise SecretNotFound(type=missing[0], projectId=project_id)
    plain = {row.type: store.open_row(row) for row in rows}
    _consume(head, token)
    audit("secret.released", actor=head.agent, job_id=job_id, project_id=project_id, types=types, attempt=head.attempt)
    return plain


def _why_not(
    head: JobRow | None, agent: AgentRow | None, agent_id: str, token: str, project_id: str, types: list[str]
) -> str | None:
    now = times.now()
    if head is None or not hmac.compare_digest(head.token_hash or b"", hash_token(token)):
        return "unknown token"
    if agents.id_of(head.agent) != agent_id:
        return "another agent"
    if agents.is_registered(head.agent) and (agent is None or agent.revoked_at):
        return "agent revoked"
    checks = {
        "job not held": head.state in _WORKING,
        "lease expired": head.due > now,
        "token expired": head.token_expires > now,
        "token redeemed": head.redemption_id is None,
        "another project": (head.secrets_project or head.project_id) == project_id,
        "not for such jobs": head.to_job().may_redeem(types),
    }
    return next((reason for reason, passed in checks.items() if not passed), None)


def _refuse(agent_id: str, job_id: str, reason: str, source_ip: str) -> NoReturn:
    audit("secret.refused", actor=agent_id, outcome="refused", job_id=job_id, reason=reason, source_ip=source_ip)
    limits.hit("bad-token", source_ip, limit=settings().token_failures_per_minute)
    raise InvalidToken


def _consume(head: JobRow, token: str) -> None:
    now = times.now()
    redemption = secrets.token_hex(16)
    condition = (
        # The token is the job's present one, not yet used and not yet expired …
        (JobRow.token_hash == hash_token(token))
        & JobRow.redemption_id.does_not_exist()
        & (JobRow.token_expires > now)
        # … and the claim it belongs to still stands: same agent, same attempt, lease running, work going on.
        & (JobRow.agent == head.agent)
        & (JobRow.attempt == head.attempt)
        & JobRow.state.is_in(*_WORKING)
        & (JobRow.due > now)
    )
    try:
        JobRow.move(head.job_id, actions=[JobRow.redemption_id.set(redemption)], condition=condition)
    except Refused as refused:
        # A retry inside the SDK finds the first try's success: that redemption was this one.
        if refused.old is None or refused.old.redemption_id != redemption:
            audit("secret.refused", actor=head.agent, outcome="refused", job_id=head.job_id, reason="lost the race")
            raise TokenRedeemed from refused
