"""The agent's own handler for builds: a project is written and tested by a command, and delivered as an archive."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from claimcheck_agent.handlers import Handlers, Tell
from claimcheck_agent.job import Job
from claimcheck_agent.own import OwnHandler, endpoint, must_have
from claimcheck_agent.workspace import Workspace

TYPE = "code-build"
QUEUE = "builds"
SECRET = "llm"  # noqa: S105  (the name of a secret)
NEEDED = ("copier", "junitparser", "openai", "uv")
INSTALL = 'pip install "claimcheck-agent[builds]"'
ROUNDS = 5
# -P: a job's directory is not where modules are looked for.
PROGRAM = (sys.executable, "-P", "-m", "claimcheck_agent.builds.main")


@dataclass(frozen=True, kw_only=True)
class BuildHandler(OwnHandler):
    """Writes projects, by templates or, if there is an endpoint, by a language model."""

    failure: ClassVar[str] = "The project could not be built"
    delivers: ClassVar[str | None] = "application/gzip"
    asks_model: bool = False

    @classmethod
    def using(cls, url: str | None, model: str | None, *, rounds: int = ROUNDS) -> Self:
        """Make the handler for an endpoint (its base URL, or None for templates) and the model that is asked there.

        Raises:
            ValueError: the endpoint's URL is none, or it is not said which model is asked.
        """
        asked = endpoint(url, model)
        return cls(argv=(*PROGRAM, *asked, str(rounds)) if asked else PROGRAM, asks_model=bool(asked))

    def optional_secrets(self, job: Job) -> tuple[str, ...]:  # noqa: ARG002  (for others)
        """Name the model's key, where a model is asked: endpoints of one's own want none."""
        return (SECRET,) if self.asks_model else ()

    def prepare(self, job: Job, space: Workspace, tell: Tell) -> None:  # noqa: ARG002  (for others)
        """Have a cancel learnt of within about a second, from the beginning on."""
        job.follow()
        tell({"percent": 0, "step": "Reading the order", "files_created": 0})


def add_build_handler(handlers: Handlers, queues: Sequence[str], own: BuildHandler) -> Handlers:
    """Have builds done by our own handler, if their queue is served and nobody else does them.

    Raises:
        ValueError: what it needs is not installed.
    """
    if QUEUE not in queues or handlers.find(TYPE):
        return handlers
    must_have(NEEDED, "builds", INSTALL)
    return handlers.extended(TYPE, own)
