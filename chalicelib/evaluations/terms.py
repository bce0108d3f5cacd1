"""What an evaluation asks of each of its batches."""

from dataclasses import dataclass
from typing import Any, Self

from chalicelib.engines.evaluation.criteria import Criteria
from chalicelib.errors import AgentNotFound
from chalicelib.jobs.staging import Refusal
from chalicelib.settings import settings

from . import answering
from .answering import AnsweringAgent
from .semantic import Scorer


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """An evaluation's order, read.

    Attributes:
        agent: answers rows, or those that bring no answer.
        selected: whether the agent answers all rows.
        template: of the prompts; None for the data set's own.
        instructions: for the agent, beside the prompt.
        knowledge_source: passed on to the agent.
    """

    criteria: Criteria
    scorer: Scorer | None
    agent: AnsweringAgent | None
    selected: bool
    template: str | None
    instructions: str | None
    knowledge_source: str | None

    @classmethod
    def of(cls, order: dict[str, Any]) -> Self:
        """As an evaluation's payload has it.

        Raises:
            Refusal: its agent is gone.
        """
        configuration = order["configuration"]
        wanted = configuration["agent_configuration"]
        selected = wanted.get("selected_agent_id")
        agent_id = selected or settings().evaluation_default_agent
        try:
            agent = answering.read(agent_id) if agent_id else None
        except AgentNotFound as error:
            raise Refusal(f"The agent {agent_id} is no longer registered.") from error
        return cls(
            criteria=Criteria.model_validate(configuration["evaluation_criteria"]),
            scorer=Scorer(order["scorer"]) if order["scorer"] else None,
            agent=agent,
            selected=bool(selected),
            template=configuration.get("prompt_template"),
            instructions=wanted.get("additional_instructions"),
            knowledge_source=wanted.get("knowledge_source"),
        )

    @property
    def asks(self) -> bool:
        """Whether others are asked, which takes long."""
        return self.agent is not None or self.scorer is Scorer.ENDPOINT

    @property
    def concurrency(self) -> int:
        """Rows that are asked for at once."""
        return self.agent.concurrency if self.agent else 1

    def budget_for(self, rows: int, total: int) -> int | None:
        """A batch's share of the tokens that the whole evaluation may spend; None without a limit."""
        budget = self.agent.token_budget if self.agent else None
        return None if budget is None else budget * rows // total
