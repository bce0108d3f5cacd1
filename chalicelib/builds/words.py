"""The builds contract's words for how a job stands and what it has come to, in its answers and its messages alike.

What has become of a job is told by its agent, whose words are taken only in the form that they should have.
"""

from collections.abc import Callable
from typing import Any, Literal

from chalicelib import forms, idempotency
from chalicelib.jobs import progress
from chalicelib.jobs.model import Job, Kind, State

Status = Literal["initializing", "running", "completed", "failed", "cancelled"]

_WORDS: dict[State, Status] = {
    State.AWAITING_UPLOAD: "initializing",
    State.READY: "initializing",
    State.CLAIMED: "initializing",
    State.RUNNING: "running",
    # Nothing but cancelled can come of it any more, however long its agent takes to hear of it.
    State.CANCELLING: "cancelled",
    State.COMPLETED: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
}
_ENDS = ("completed", "failed", "cancelled")
MOST_LISTED = 5000
_RESULTS: dict[str, dict[str, Callable[[Any], Any]]] = {
    Kind.BUILD: {
        "generated_files": lambda value: forms.items(value, forms.line, MOST_LISTED) or [],
        "tests_passed": forms.count,
        "tests_failed": forms.count,
        "test_coverage": lambda value: forms.number(value, 0, 100),
        "written_by": lambda value: forms.text(value, 200),
    },
    Kind.ANALYSIS: {
        "quality_score": lambda value: forms.number(value, 0, 10),
        "security_issues": lambda value: forms.items(value, _issue, MOST_LISTED),
        "code_smells": forms.count,
        "type_errors": forms.count,
        "coverage_percent": lambda value: forms.number(value, 0, 100),
        "recommendations": lambda value: forms.items(value, forms.line, MOST_LISTED),
    },
}
_ISSUE = {
    "issue": forms.line,
    "severity": forms.line,
    "line": forms.count,
    "file": forms.line,
    "recommendation": forms.line,
}


def uuid(job: Job) -> str:
    """The id that the contract knows a job by."""
    return idempotency.uuid_of(job.job_id.rpartition("_")[2])


def job_id(kind: Kind, uuid: str) -> str:
    """The id of the job that the contract knows by a UUID; what is no UUID is the id of no job."""
    return kind.job_id(idempotency.seed_of(uuid) or "-")


def status(job: Job) -> Status:
    """How a job stands."""
    return _WORDS[job.state]


def ended(job: Job) -> bool:
    """Whether it has ended, for its owner and for those who watch it."""
    return status(job) in _ENDS


def step(job: Job) -> str | None:
    """What a job's agent is at."""
    return forms.text(progress.told(job).get("step"), 200)


def files_created(job: Job) -> int:
    """How many files a build's agent has written so far."""
    return forms.count(progress.told(job).get("files_created")) or 0


def error(job: Job) -> str | None:
    """Why a job has ended without success."""
    return f"The {job.kind} was cancelled." if status(job) == "cancelled" else job.error_message


def results(job: Job, found: Any) -> dict[str, Any]:  # noqa: ANN401  what an agent has told
    """What a completed job has come to; what its agent has not told is null."""
    known = found if isinstance(found, dict) else {}
    return {name: form(known.get(name)) for name, form in _RESULTS[job.kind].items()}


def _issue(value: Any) -> dict[str, Any] | None:  # noqa: ANN401  any JSON
    if not isinstance(value, dict):
        return None
    return {name: form(value.get(name)) for name, form in _ISSUE.items()}
