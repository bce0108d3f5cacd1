"""What the agent's own handlers share, which run commands of ours instead of the operator's."""

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, ClassVar
from urllib.parse import urlsplit

from claimcheck_agent.handlers import Handler, Tell
from claimcheck_agent.job import Job
from claimcheck_agent.runner import Ended
from claimcheck_agent.workspace import Workspace

URL_VARIABLE = "CLAIMCHECK_MODEL_URL"
MODEL_VARIABLE = "CLAIMCHECK_MODEL"


@dataclass(frozen=True, kw_only=True)
class OwnHandler(Handler):
    """Runs a command of ours: `failure` says what could not be done, `delivers` the media type of what it leaves."""

    failure: ClassVar[str]
    delivers: ClassVar[str | None] = None

    def deliver(self, job: Job, space: Workspace, tell: Tell) -> dict[str, Any]:  # noqa: ARG002  (for others)
        """Upload what the command has left, if it left anything (after a failure too); gives the result."""
        if self.delivers:
            for path, file in space.collect():
                if file:
                    artifact = job.upload(file, path.name, content_type=self.delivers)
                    job.write("info", f"uploaded {artifact['fileName']} ({artifact['size']} bytes)")
        return space.result() or {}

    def explain(self, ended: Ended) -> str:
        """Say why the command may have been killed, for somebody who did not choose it."""
        if ended.code == -signal.SIGKILL:
            return f"{self.failure}: most likely that needs more memory than this agent has."
        return f"{self.failure} because of an internal error: {ended.describe()}."


def must_have(needed: Sequence[str], purpose: str, install: str) -> None:
    """Refuse to serve what cannot be done.

    Raises:
        ValueError: some of the modules needed are not installed; it names them, and the command that installs them.
    """
    if missing := [name for name in needed if find_spec(name) is None]:
        raise ValueError(f"{purpose} need {', '.join(missing)}: {install}")


def endpoint(url: str | None, model: str | None) -> tuple[str, ...]:
    """Give the arguments of a command that asks a language model: base URL and model; none without an endpoint.

    Raises:
        ValueError: the URL is none, or it is not said which model is asked there.
    """
    if not url:
        return ()
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise ValueError(f"--model-url must be an http or https URL, not {url!r}")
    if not model:
        raise ValueError(f"--model-url needs a model: give --model or set {MODEL_VARIABLE}")
    return (url, model)
