"""The agent's own handler for pipelines: a contract is written, tried, deployed and verified by a command."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from claimcheck_agent.contracts.check_jobs import add_check_handlers
from claimcheck_agent.contracts.tools import missing_programs
from claimcheck_agent.handlers import Handlers, Tell
from claimcheck_agent.job import Job
from claimcheck_agent.own import OwnHandler, endpoint, must_have
from claimcheck_agent.workspace import Workspace

TYPE = "contract-pipeline"
QUEUE = "pipelines"
SECRETS = ("deployer", "llm", "explorer")
NEEDED = ("cbor2", "eth_account", "junitparser", "openai", "pydantic", "uv")
INSTALL = 'pip install "claimcheck-agent[pipelines]"'
# -P: a job's directory is not where modules are looked for.
PROGRAM = (sys.executable, "-P", "-m", "claimcheck_agent.contracts.main")


@dataclass(frozen=True, kw_only=True)
class PipelineHandler(OwnHandler):
    """Makes contracts, by rules or, if there is an endpoint, by a language model."""

    failure: ClassVar[str] = "The contract could not be made"
    delivers: ClassVar[str | None] = "application/json"
    asks_model: bool = False

    @classmethod
    def using(cls, tools: Path, url: str | None, model: str | None) -> Self:
        """Make the handler; `tools` is where tools are installed, `url` and `model` say who writes contracts, if any.

        Raises:
            ValueError: the endpoint's URL is none, or it is not said which model is asked.
        """
        asked = endpoint(url, model)
        return cls(argv=(*PROGRAM, str(tools), *asked), asks_model=bool(asked))

    def optional_secrets(self, job: Job) -> tuple[str, ...]:  # noqa: ARG002  (for others)
        """Name the deployer's key, the explorer's and, where a model is asked, the model's."""
        return tuple(name for name in SECRETS if name != "llm" or self.asks_model)

    def prepare(self, job: Job, space: Workspace, tell: Tell) -> None:  # noqa: ARG002  (for others)
        """Have a cancel learnt of within about a second, from the beginning on."""
        job.follow()
        tell({"percent": 0, "stage": "init", "step": "Reading the order"})


def add_pipeline_handlers(
    handlers: Handlers, queues: Sequence[str], tools: Path, url: str | None, model: str | None
) -> Handlers:
    """Have contracts made and looked at by our own handlers, if their queue is served and nobody else does it.

    Raises:
        ValueError: what they need is not installed.
    """
    if QUEUE not in queues or handlers.find(TYPE):
        return handlers
    must_have(NEEDED, "contracts", INSTALL)
    if missing := missing_programs():
        raise ValueError(f"contracts need {' and '.join(missing)}, of Node.js 20 or later: https://nodejs.org")
    handlers = handlers.extended(TYPE, PipelineHandler.using(tools.absolute(), url, model))
    return add_check_handlers(handlers, tools.absolute(), url)
