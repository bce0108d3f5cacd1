"""The agents contract's answers that are made of its views: pages, lists, and pairs."""

from typing import Literal

from .views import (
    AgentView,
    AttemptView,
    ChatView,
    JobView,
    LogEntryView,
    MessageView,
    PartRequestView,
    SecretView,
    View,
)


class Done(View):
    """That it was done."""

    success: Literal[True]


class Page(View):
    """A part of a list; ``cursor`` asks for what follows."""

    cursor: str | None
    has_more: bool


class JobPage(Page):
    """A page of jobs, newest first."""

    data: list[JobView]


class MessagePage(Page):
    """A page of messages, oldest first."""

    data: list[MessageView]


class LogPage(Page):
    """A page of a log; there is more until the job has ended and all is read."""

    data: list[LogEntryView]


class AttemptList(View):
    """A job's attempts, first to last."""

    data: list[AttemptView]


class SecretList(View):
    """A project's secrets, without their values."""

    data: list[SecretView]


class AgentList(View):
    """All agents."""

    data: list[AgentView]


class ChatCreated(View):
    """A chat, and the job of its first message where it has one."""

    chat: ChatView
    job_id: str | None


class MessageCreated(View):
    """A message, and its job where it made one."""

    message: MessageView
    job_id: str | None


class ClaimView(View):
    """A claimed job with its claim token; or no job, and whether that is because the agent is being drained."""

    job: JobView | None
    claim_token: str | None = None
    draining: bool | None = None


class PartsView(View):
    """The requests that upload the parts."""

    parts: list[PartRequestView]


class SecretValue(View):
    """The one secret that was asked for."""

    secret: str


class SecretValues(View):
    """The secrets that were asked for, by type."""

    secrets: dict[str, str]


class RewrapView(View):
    """How many data keys were rewrapped; with a cursor there are more."""

    rewrapped: int
    cursor: str | None


class AgentCredentials(View):
    """A registered agent's secret, which is shown this once."""

    agent_id: str
    secret: str


class RevokedView(View):
    """How many claims a revoked agent has lost."""

    agent_id: str
    claims_ended: int
