"""The agent's own handler for analyses of code: the source comes first, the tools run as a command."""

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Self

from claimcheck_agent.analysis.order import HOSTS, BadOrder, Order
from claimcheck_agent.errors import DownloadFailed
from claimcheck_agent.handlers import Handlers, Tell
from claimcheck_agent.inputs import InputHandler
from claimcheck_agent.job import Job
from claimcheck_agent.runner import Ended
from claimcheck_agent.workspace import Workspace

TYPE = "code-analysis"
QUEUE = "builds"
NEEDED = ("bandit", "junitparser", "mypy", "radon", "ruff", "uv")
INSTALL = 'pip install "claimcheck-agent[analysis]"'
HOSTS_VARIABLE = "CLAIMCHECK_REPOSITORY_HOSTS"
DOWNLOADED = 10  # Percent of the work that is done once the source is here.


@dataclass(frozen=True, kw_only=True)
class AnalysisHandler(InputHandler):
    """Analyses the Python code of an archive, or of a repository on one of the hosts."""

    hosts: tuple[str, ...]

    @classmethod
    def fetching_from(cls, hosts: Sequence[str]) -> Self:
        """Make the handler; `hosts` are those that repositories are fetched from, with their ports if they name any."""
        program = (sys.executable, "-P", "-m", "claimcheck_agent.analysis.main")
        return cls(argv=(*program, *hosts), hosts=tuple(hosts))

    def optional_secrets(self, job: Job) -> tuple[str, ...]:
        """Name the secret that a repository is fetched with; without one it is taken to be public."""
        try:
            repository = Order.parse(job.payload, self.hosts).repository
        except BadOrder:
            return ()  # What is wrong is said when all is prepared.
        return (repository.secret,) if repository and repository.secret else ()

    def prepare(self, job: Job, space: Workspace, tell: Tell) -> None:
        """Download the archive; a repository is fetched by the command itself.

        Raises:
            DownloadFailed: it cannot be had, or the order makes no sense.
        """
        try:
            order = Order.parse(job.payload, self.hosts)
        except BadOrder as error:
            raise DownloadFailed(str(error)) from error
        if order.repository:
            job.follow()
            tell(_fetching({"percent": 0}))
        else:
            super().prepare(job, space, lambda told: tell(_fetching(told)))

    def deliver(self, job: Job, space: Workspace, tell: Tell) -> dict[str, Any]:  # noqa: ARG002  (for others)
        """Give the result; nothing else is delivered."""
        return space.result() or {}

    def explain(self, ended: Ended) -> str:
        """Say why the command may have been killed, for somebody who did not choose it."""
        if ended.code == -signal.SIGKILL:
            return "The code could not be analysed: most likely that needs more memory than this agent has."
        return f"The code could not be analysed because of an internal error: {ended.describe()}."


def add_analysis_handler(handlers: Handlers, queues: Sequence[str], hosts: Sequence[str]) -> Handlers:
    """Have analyses made by our own handler, if their queue is served and nobody else does it.

    Raises:
        ValueError: what it needs is not installed.
    """
    if QUEUE not in queues or handlers.find(TYPE):
        return handlers
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise ValueError(f"analyses of code need {', '.join(missing)}: {INSTALL}")
    return handlers.extended(TYPE, AnalysisHandler.fetching_from(hosts))


def default_hosts() -> list[str]:
    """Give the hosts that repositories are fetched from unless others are named."""
    return [host.strip() for host in os.environ.get(HOSTS_VARIABLE, ",".join(HOSTS)).split(",") if host.strip()]


def _fetching(told: dict[str, Any]) -> dict[str, Any]:
    return {"percent": told["percent"] * DOWNLOADED // 100, "step": "Fetching the source"}
