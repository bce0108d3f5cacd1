"""The agent's own handler for pipelines: a contract is written, tried, deployed and verified by a command."""

import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from claimcheck_agent.builds.handler import MODEL_VARIABLE
from claimcheck_agent.contracts.check_jobs import add_check_handlers
from claimcheck_agent.contracts.tools import missing_programs
from claimcheck_agent.handlers import Handler, Handlers, Tell
from claimcheck_agent.job import Job
from claimcheck_agent.runner import Ended
from claimcheck_agent.workspace import Workspace

TYPE = "contract-pipeline"
QUEUE = "pipelines"
SECRETS = ("deployer", "llm", "explorer")
NEEDED = ("cbor2", "eth_account", "junitparser", "openai", "pydantic", "uv")
INSTALL = 'pip install "claimcheck-agent[pipelines]"'
# -P: a job's directory is not where modules are looked for.
PROGRAM = (sys.executable, "-P", "-m", "claimcheck_agent.contracts.main")
ARTIFACT_TYPE = "application/json"


@dataclass(frozen=True, kw_only=True)
class PipelineHandler(Handler):
    """Makes contracts, by rules or, if there is an endpoint, by a language model."""

    asks_model: bool = False

    @classmethod
    def using(cls, tools: Path, url: str | None, model: str | None) -> Self:
        """Make the handler; `tools` is where tools are installed, `url` and `model` say who writes contracts, if any.

        Raises:
            ValueError: it is not said which model is asked at the URL.
        """
        if not url:
            return cls(argv=(*PROGRAM, str(tools)))
        if not model:
            raise ValueError(f"--model-url needs a model: give --model or set {MODEL_VARIABLE}")
        return cls(argv=(*PROGRAM, str(tools), url, model), asks_model=True)

    def optional_secrets(self, job: Job) -> tuple[str, ...]:  # noqa: ARG002  (for others)
        """Name the deployer's key, the explorer's and, where a model is asked, the model's."""
        return tuple(name for name in SECRETS if name != "llm" or self.asks_model)

    def prepare(self, job: Job, space: Workspace, tell: Tell) -> None:  # noqa: ARG002  (for others)
        """Have a cancel learnt of within about a second, from the beginning on."""
        job.follow()
        tell({"percent": 0, "stage": "init", "step": "Reading the order"})

    def deliver(self, job: Job, space: Workspace, tell: Tell) -> dict[str, Any]:  # noqa: ARG002  (for others)
        """Upload the sources and what belongs to them, as far as there are any; gives the result."""
        for path, file in space.collect():
            if file:
                artifact = job.upload(file, path.name, content_type=ARTIFACT_TYPE)
                job.write("info", f"uploaded {artifact['fileName']} ({artifact['size']} bytes)")
        return space.result() or {}

    def explain(self, ended: Ended) -> str:
        """Say why the command may have been killed, for somebody who did not choose it."""
        if ended.code == -signal.SIGKILL:
            return "The contract could not be made: most likely that needs more memory than this agent has."
        return f"The contract could not be made because of an internal error: {ended.describe()}."


def add_pipeline_handlers(
    handlers: Handlers, queues: Sequence[str], tools: Path, url: str | None, model: str | None
) -> Handlers:
    """Have contracts made and looked at by our own handlers, if their queue is served and nobody else does it.

    Raises:
        ValueError: what they need is not installed.
    """
    if QUEUE not in queues or handlers.find(TYPE):
        return handlers
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise ValueError(f"contracts need {', '.join(missing)}: {INSTALL}")
    if missing := missing_programs():
        raise ValueError(f"contracts need {' and '.join(missing)}, of Node.js 20 or later: https://nodejs.org")
    handlers = handlers.extended(TYPE, PipelineHandler.using(tools.absolute(), url, model))
    return add_check_handlers(handlers, tools.absolute(), url)
