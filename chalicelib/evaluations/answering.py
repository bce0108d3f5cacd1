"""The agents under test: chat endpoints that an administrator has registered; their keys are in the secrets store."""

import contextlib
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr

from chalicelib import times
from chalicelib.dynamo import BACKEND_ERRORS
from chalicelib.errors import AgentNotFound, SecretNotFound, StorageFailed
from chalicelib.inference.endpoint import Endpoint
from chalicelib.secrets import store
from chalicelib.telemetry import audit

from .tables import AnsweringAgentRow

SECRET = "llm"  # noqa: S105  the type of a secret
PROJECT = "answering-agent:"


@dataclass(frozen=True, kw_only=True, slots=True)
class AnsweringAgent:
    """An OpenAI-compatible chat endpoint.

    Attributes:
        url: its base, such as ``https://api.openai.com/v1``.
        concurrency: requests at once, for each batch.
        timeout_seconds: for one answer.
        answer_tokens: at most, of one answer.
        token_budget: at most, of one evaluation's prompts and answers.
    """

    agent_id: str
    name: str
    url: str
    model: str
    has_key: bool
    concurrency: int
    timeout_seconds: int
    answer_tokens: int | None
    token_budget: int | None
    created_at: datetime
    updated_at: datetime

    def endpoint(self) -> Endpoint:
        """How to ask it.

        Raises:
            SecretNotFound: its key is gone.
            EncryptionUnavailable: its key cannot be had now.
        """
        key = store.read(f"{PROJECT}{self.agent_id}", SECRET) if self.has_key else None
        return Endpoint(url=self.url, model=self.model, key=key, timeout_seconds=self.timeout_seconds)


def register(agent: AnsweringAgent, key: SecretStr | None) -> AnsweringAgent:
    """Register an agent, or change it; without a ``key`` the one that it has stays.

    Raises:
        StorageFailed, EncryptionUnavailable: nothing has changed, or it has a new key already; do it again.
    """
    old = AnsweringAgentRow.read(agent.agent_id)
    # The key first: an agent that is registered with a key has one.
    if key is not None:
        store.store(f"{PROJECT}{agent.agent_id}", SECRET, key)
    row = _row(agent, has_key=key is not None or bool(old and old.has_key), created_at=old.created_at if old else None)
    row.put()
    audit("answering_agent.registered", actor="admin", agent_id=agent.agent_id)
    return _agent(row)


def read(agent_id: str) -> AnsweringAgent:
    """The agent of that id.

    Raises:
        AgentNotFound: none is registered.
    """
    row = AnsweringAgentRow.read(agent_id)
    if row is None:
        raise AgentNotFound(agentId=agent_id)
    return _agent(row)


def every() -> list[AnsweringAgent]:
    """All agents, by id."""
    rows = AnsweringAgentRow.page(AnsweringAgentRow.scan())
    return sorted((_agent(row) for row in rows), key=lambda agent: agent.agent_id)


def remove(agent_id: str) -> None:
    """Remove an agent and its key; evaluations that still need it fail.

    Raises:
        AgentNotFound: none is registered.
    """
    read(agent_id)
    with contextlib.suppress(SecretNotFound):  # It had none, or an earlier try has deleted it.
        store.delete(f"{PROJECT}{agent_id}", SECRET)
    try:
        AnsweringAgentRow(agent_id).delete()
    except BACKEND_ERRORS as error:
        raise StorageFailed from error
    audit("answering_agent.removed", actor="admin", agent_id=agent_id)


_FIELDS = ("agent_id", "name", "url", "model", "concurrency", "timeout_seconds", "answer_tokens", "token_budget")


def _row(agent: AnsweringAgent, *, has_key: bool, created_at: datetime | None) -> AnsweringAgentRow:
    given = {name: getattr(agent, name) for name in _FIELDS}
    return AnsweringAgentRow(
        **given, has_key=has_key, created_at=created_at or agent.created_at, updated_at=times.now()
    )


def _agent(row: AnsweringAgentRow) -> AnsweringAgent:
    kept = {name: getattr(row, name) for name in _FIELDS}
    return AnsweringAgent(**kept, has_key=row.has_key, created_at=row.created_at, updated_at=row.updated_at)
