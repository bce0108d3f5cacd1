"""The agent's own handler for builds: a project is written and tested by a command, and delivered as an archive."""

import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Self
from urllib.parse import urlsplit

from claimcheck_agent.handlers import Handler, Handlers, Tell
from claimcheck_agent.job import Job
from claimcheck_agent.runner import Ended
from claimcheck_agent.workspace import Workspace

TYPE = "code-build"
QUEUE = "builds"
SECRET = "llm"  # noqa: S105  (the name of a secret)
NEEDED = ("copier", "junitparser", "openai", "uv")
INSTALL = 'pip install "claimcheck-agent[builds]"'
ROUNDS = 5
URL_VARIABLE = "CLAIMCHECK_MODEL_URL"
MODEL_VARIABLE = "CLAIMCHECK_MODEL"
# -P: a job's directory is not where modules are looked for.
PROGRAM = (sys.executable, "-P", "-m", "claimcheck_agent.builds.main")
ARCHIVE_TYPE = "application/gzip"


@dataclass(frozen=True, kw_only=True)
class BuildHandler(Handler):
    """Writes projects, by templates or, if there is an endpoint, by a language model."""

    asks_model: bool = False

    @classmethod
    def using(cls, url: str | None, model: str | None, *, rounds: int = ROUNDS) -> Self:
        """Make the handler for an endpoint (its base URL, or None for templates) and the model that is asked there.

        Raises:
            ValueError: the endpoint's URL is none, or it is not said which model is asked.
        """
        if not url:
            return cls(argv=PROGRAM)
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise ValueError(f"--model-url must be an http or https URL, not {url!r}")
        if not model:
            raise ValueError(f"--model-url needs a model: give --model or set {MODEL_VARIABLE}")
        return cls(argv=(*PROGRAM, url, model, str(rounds)), asks_model=True)

    def optional_secrets(self, job: Job) -> tuple[str, ...]:  # noqa: ARG002  (for others)
        """Name the model's key, where a model is asked: endpoints of one's own want none."""
        return (SECRET,) if self.asks_model else ()

    def prepare(self, job: Job, space: Workspace, tell: Tell) -> None:  # noqa: ARG002  (for others)
        """Have a cancel learnt of within about a second, from the beginning on."""
        job.follow()
        tell({"percent": 0, "step": "Reading the order", "files_created": 0})

    def deliver(self, job: Job, space: Workspace, tell: Tell) -> dict[str, Any]:  # noqa: ARG002  (for others)
        """Upload the archive, if there is one (after tests that failed too); gives the result."""
        for path, file in space.collect():
            if file:
                artifact = job.upload(file, path.name, content_type=ARCHIVE_TYPE)
                job.write("info", f"uploaded {artifact['fileName']} ({artifact['size']} bytes)")
        return space.result() or {}

    def explain(self, ended: Ended) -> str:
        """Say why the command may have been killed, for somebody who did not choose it."""
        if ended.code == -signal.SIGKILL:
            return "The project could not be built: most likely it needs more memory than this agent has."
        return f"The project could not be built because of an internal error: {ended.describe()}."


def add_build_handler(handlers: Handlers, queues: Sequence[str], own: BuildHandler) -> Handlers:
    """Have builds done by our own handler, if their queue is served and nobody else does them.

    Raises:
        ValueError: what it needs is not installed.
    """
    if QUEUE not in queues or handlers.find(TYPE):
        return handlers
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise ValueError(f"builds need {', '.join(missing)}: {INSTALL}")
    return handlers.extended(TYPE, own)
