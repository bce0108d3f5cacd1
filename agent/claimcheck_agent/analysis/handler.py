"""The agent's own handler for analyses of code: the source comes first, the tools run as a command."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from claimcheck_agent.analysis.order import HOSTS, Order
from claimcheck_agent.errors import DownloadFailed
from claimcheck_agent.handlers import Handlers, Tell
from claimcheck_agent.inputs import InputHandler, fetching
from claimcheck_agent.job import Job
from claimcheck_agent.orders import BadOrder
from claimcheck_agent.own import must_have
from claimcheck_agent.workspace import Workspace

TYPE = "code-analysis"
QUEUE = "builds"
NEEDED = ("bandit", "junitparser", "mypy", "radon", "ruff", "uv")
INSTALL = 'pip install "claimcheck-agent[analysis]"'
HOSTS_VARIABLE = "CLAIMCHECK_REPOSITORY_HOSTS"


@dataclass(frozen=True, kw_only=True)
class AnalysisHandler(InputHandler):
    """Analyses the Python code of an archive, or of a repository on one of the hosts."""

    failure: ClassVar[str] = "The code could not be analysed"
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
        tell = fetching(tell, step="Fetching the source")
        if order.repository:
            job.follow()
            tell({"percent": 0})
        else:
            super().prepare(job, space, tell)


def add_analysis_handler(handlers: Handlers, queues: Sequence[str], hosts: Sequence[str]) -> Handlers:
    """Have analyses made by our own handler, if their queue is served and nobody else does it.

    Raises:
        ValueError: what it needs is not installed.
    """
    if QUEUE not in queues or handlers.find(TYPE):
        return handlers
    must_have(NEEDED, "analyses of code", INSTALL)
    return handlers.extended(TYPE, AnalysisHandler.fetching_from(hosts))


def default_hosts() -> list[str]:
    """Give the hosts that repositories are fetched from unless others are named."""
    return [host.strip() for host in os.environ.get(HOSTS_VARIABLE, ",".join(HOSTS)).split(",") if host.strip()]
