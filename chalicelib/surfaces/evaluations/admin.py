"""The agents whose answers can be evaluated: administrators register them, users choose among them."""

import re
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, SecretStr, StringConstraints

from chalicelib import times
from chalicelib.accounts.permissions import Permission
from chalicelib.evaluations import answering
from chalicelib.evaluations.answering import AnsweringAgent
from chalicelib.surfaces.callers import admin, user
from chalicelib.surfaces.calls import Call
from chalicelib.surfaces.problems import PathNotFound
from chalicelib.surfaces.wire import Model, Moment

from .surface import surface
from .wire import AGENT_ID, Name

# Visible ASCII, which all regular expressions read alike; without credentials, a query and a fragment.
_URL = r"^https?://[!-\x22$-.0->A-~]+(/[!-\x22$->@-~]*)?$"
_PATH = "/api/admin/evaluation-agents/{agent_id}"


class AgentPut(Model):
    """An OpenAI-compatible chat endpoint; without an ``api_key`` it keeps the one that it has."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Support bot", "url": "https://api.openai.com/v1", "model": "gpt-5-mini"}]
        }
    )

    name: Name
    url: Annotated[str, StringConstraints(max_length=2048, pattern=_URL)]
    model: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
    api_key: Annotated[SecretStr, Field(min_length=1, max_length=4096)] | None = None
    concurrency: Annotated[int, Field(ge=1, le=32)] = 8
    timeout_seconds: Annotated[int, Field(ge=1, le=120)] = 60
    answer_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    token_budget: Annotated[int, Field(ge=1, le=10**12)] | None = None


class AgentChoice(Model):
    """An agent that can be selected for an evaluation."""

    id: str
    name: str
    model: str


class AgentChoices(Model):
    """All of them."""

    agents: list[AgentChoice]


class AgentView(AgentChoice):
    """An agent as administrators see it; never its key."""

    url: str
    has_key: bool
    concurrency: int
    timeout_seconds: int
    answer_tokens: int | None
    token_budget: int | None
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, agent: AnsweringAgent) -> Self:
        """An agent."""
        told: dict[str, Any] = {name: getattr(agent, name) for name in cls.model_fields if name != "id"}
        return cls(id=agent.agent_id, **told)


class AgentViews(Model):
    """All agents."""

    agents: list[AgentView]


class Removed(Model):
    """It is gone."""

    success: bool


@surface.on("PUT", _PATH, auth=admin, body=AgentPut)
def put_evaluation_agent(call: Call[AgentPut], agent_id: str) -> AgentView:
    """Register an agent, or change it."""
    _must_be_an_id(agent_id)
    now, given = times.now(), call.body.model_dump(exclude={"api_key"})
    agent = AnsweringAgent(agent_id=agent_id, has_key=False, created_at=now, updated_at=now, **given)
    return AgentView.of(answering.register(agent, call.body.api_key))


@surface.on("GET", "/api/admin/evaluation-agents", auth=admin)
def list_evaluation_agents(call: Call) -> AgentViews:  # noqa: ARG001  a route's form
    """All agents, by id."""
    return AgentViews(agents=[AgentView.of(agent) for agent in answering.every()])


@surface.on("DELETE", _PATH, auth=admin)
def remove_evaluation_agent(call: Call, agent_id: str) -> Removed:  # noqa: ARG001  a route's form
    """Remove an agent and its key."""
    answering.remove(agent_id)
    return Removed(success=True)


@surface.on("GET", "/api/evaluation-agents", auth=user(Permission.JOB_READ))
def list_evaluation_agent_choices(call: Call) -> AgentChoices:  # noqa: ARG001  a route's form
    """The agents that can be selected, by id."""
    every = answering.every()
    return AgentChoices(agents=[AgentChoice(id=one.agent_id, name=one.name, model=one.model) for one in every])


def _must_be_an_id(agent_id: str) -> None:
    if not re.fullmatch(AGENT_ID, agent_id):
        raise PathNotFound
