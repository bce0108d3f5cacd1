"""The agent's own handlers for looking at contracts: verification, audits and checks of compliance."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from claimcheck_agent.handlers import Handlers, Tell
from claimcheck_agent.inputs import InputHandler, fetching
from claimcheck_agent.job import Job
from claimcheck_agent.workspace import Workspace

TYPES = {"contract-verify": "verify", "contract-audit": "audit", "contract-compliance": "compliance"}
SECRETS = {"verify": ("explorer",), "audit": ("llm",), "compliance": ()}
# -P: a job's directory is not where modules are looked for.
PROGRAM = (sys.executable, "-P", "-m", "claimcheck_agent.contracts.checks")


@dataclass(frozen=True, kw_only=True)
class CheckHandler(InputHandler):
    """Looks at one contract in one of the three ways; `kind` says in which."""

    failure: ClassVar[str] = "The contract could not be looked at"
    kind: str

    @classmethod
    def of(cls, kind: str, tools: Path, model_url: str | None) -> Self:
        """Make the handler; `tools` is where tools are installed, `model_url` the endpoint where models are asked."""
        return cls(argv=(*PROGRAM, kind, str(tools), *([model_url] if model_url else [])), kind=kind)

    def optional_secrets(self, job: Job) -> tuple[str, ...]:  # noqa: ARG002  (for others)
        """Name the key of an explorer, or that of a model."""
        return SECRETS[self.kind]

    def prepare(self, job: Job, space: Workspace, tell: Tell) -> None:
        """Download what is to be looked at.

        Raises:
            DownloadFailed: it cannot be had.
        """
        super().prepare(job, space, fetching(tell, stage=self.kind, step="Fetching the sources"))


def add_check_handlers(handlers: Handlers, tools: Path, model_url: str | None) -> Handlers:
    """Have contracts looked at by our own handlers, as far as nobody else does it."""
    for name, kind in TYPES.items():
        if not handlers.find(name):
            handlers = handlers.extended(name, CheckHandler.of(kind, tools, model_url))
    return handlers
