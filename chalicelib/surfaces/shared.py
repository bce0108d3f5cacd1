"""The routes that two contracts have: reading and cancelling a job, told in the words of the contract it is of."""

from typing import Any

from pydantic import RootModel

from chalicelib import errors
from chalicelib.accounts.permissions import Permission
from chalicelib.errors import ClaimcheckError
from chalicelib.evaluations import jobs as evaluations
from chalicelib.jobs.model import Kind
from chalicelib.projects import tasks

from .agents.errors import ErrorBody
from .agents.errors import envelope as agents_envelope
from .agents.views import JobView
from .callers import user
from .calls import Call
from .evaluations.errors import ErrorView
from .evaluations.errors import envelope as evaluations_envelope
from .evaluations.wire import EvaluationView
from .limits import EVALUATION_REQUESTS, HEADERS, Limit
from .surface import Surface

_PATH = "/api/jobs/{job_id}"


class EitherError(RootModel[ErrorBody | ErrorView]):
    """An error in the words of the contract that the job is of."""


def _envelope(error: ClaimcheckError) -> tuple[int, dict[str, Any]]:
    return evaluations_envelope(error) if _is_evaluation(_asked_for()) else agents_envelope(error)


def _limits() -> tuple[Limit, ...]:
    return (EVALUATION_REQUESTS,) if _is_evaluation(_asked_for()) else ()


def _asked_for() -> str:
    """The id in the path; none where an error is made up without a request."""
    try:
        return str((surface.current_request.uri_params or {}).get("job_id", ""))
    except RuntimeError:
        return ""


surface = Surface(
    __name__,
    envelope=_envelope,
    title="Jobs",
    about="A job of the agents contract or an evaluation, by its id.",
    error=EitherError,
    limits_by_id=_limits,
    speaks=(agents_envelope, evaluations_envelope),
)


@surface.on("GET", _PATH, auth=user(Permission.JOB_READ), tells=HEADERS)
def read_job(call: Call, job_id: str) -> JobView | EvaluationView:
    """A job with its documents: a task's payload and result, or an evaluation's configuration and summary."""
    if _is_evaluation(job_id):
        return EvaluationView.of(evaluations.read(call.user, job_id))
    return JobView.of_detail(tasks.read(call.user, job_id))


@surface.on("DELETE", _PATH, auth=user(Permission.JOB_CANCEL), tells=HEADERS, raises=(errors.InvalidStateTransition,))
def cancel_job(call: Call, job_id: str) -> JobView | EvaluationView:
    """Cancel a job: at once while it waits, through whoever does it while it is held."""
    if _is_evaluation(job_id):
        return EvaluationView.of(evaluations.cancel(call.user, job_id))
    return JobView.of_detail(tasks.cancel(call.user, job_id))


def _is_evaluation(job_id: str) -> bool:
    return job_id.startswith(f"{Kind.EVALUATION.prefix}_")
