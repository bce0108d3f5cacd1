"""Who runs pipelines: our own core with its agents, or an outside service at the URL that the settings name."""

from collections.abc import Sequence
from typing import Any, Protocol

from chalicelib.accounts.sessions import Identity
from chalicelib.jobs.model import Kind
from chalicelib.settings import settings

from . import own, upstream
from .answers import Lines, Report, Standing, Told, Verdict


class PipelineService(Protocol):
    """What the proxy routes need.

    Whoever asks for a job that is not theirs is told JobNotFound. A service outside that gives no answer which can be
    used is an UpstreamUnreachable, whatever is asked.
    """

    def create(self, user: Identity, order: dict[str, Any], seed: str) -> str:
        """Create a pipeline; answers its id. The same seed makes the same one; see ``jobs.create``."""

    def detail(self, user: Identity, job_id: str, *, lines: int | None, with_insights: bool) -> Told:
        """All there is to tell of a job, with its log: no more than so many lines of it where we keep it."""

    def status(self, user: Identity, job_id: str) -> Standing:
        """How a job stands."""

    def logs(self, user: Identity, job_id: str, *, after: int, limit: int) -> Lines:
        """Lines of a log, from the one after the index ``after`` on."""

    def events(self, user: Identity, job_id: str, *, after: int, last: str | None) -> str | None:
        """Server-Sent Events since the one whose id is ``last``; None where there will be none any more."""

    def artifacts(self, user: Identity, job_id: str, names: Sequence[str]) -> dict[str, Any]:
        """Those of ``answers.ARTIFACTS`` that are asked for; None for a report that there is none of."""

    def verify_job(self, user: Identity, job_id: str, network: str | None, name: str | None, seed: str) -> Verdict:
        """Compare the contract that a job has deployed with its source."""

    def verify_address(self, user: Identity, told: dict[str, Any], seed: str) -> Verdict:
        """Compare a deployed contract with a source."""

    def verification(self, network: str, address: str) -> Verdict:
        """Whether a contract has been verified."""

    def examine(
        self, user: Identity, kind: Kind, job_id: str, order: dict[str, Any], seed: str, *, markdown: bool
    ) -> Report:
        """Audit a job's contract, or check its compliance, by the ``model`` and ``policy`` of the order."""

    def cancel(self, user: Identity, job_id: str) -> None:
        """Cancel a job that has not ended."""


def service() -> PipelineService:
    """The one that is asked for what is new."""
    return upstream if settings().pipelines_url else own


def service_of(user: Identity, job_id: str) -> PipelineService:
    """The one that is asked about a job.

    The upstream, for what it has made for this user. Every other id is our own core's to find or not: ids that a user
    has only named reach nothing outside, where all ids are open to us.
    """
    return upstream if upstream.has_made(user, job_id) else own
