"""The builds contract's words for how a job stands and what it has come to, in its answers and its messages alike.

What has become of a job is told by its agent, whose words are taken only in the form that they should have.
"""

import json
import math
from typing import Any, Literal

from chalicelib import idempotency
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
_NUMBER = (int, float)
_RESULTS: dict[str, dict[str, type | tuple[type, ...]]] = {
    Kind.BUILD: {
        "generated_files": list,
        "tests_passed": int,
        "tests_failed": int,
        "test_coverage": _NUMBER,
        "written_by": str,
    },
    Kind.ANALYSIS: {
        "quality_score": _NUMBER,
        "security_issues": list,
        "code_smells": int,
        "type_errors": int,
        "coverage_percent": _NUMBER,
        "recommendations": list,
    },
}
_WITHIN_LISTS = {"security_issues": dict, "generated_files": str, "recommendations": str}


def uuid(job: Job) -> str:
    """The id that the contract knows a job by."""
    return idempotency.uuid_of(job.job_id.rpartition("_")[2])


def job_id(kind: Kind, uuid: str) -> str:
    """The id of the job that the contract knows by a UUID; what is no UUID is the id of no job."""
    return f"{kind.prefix}_{idempotency.seed_of(uuid) or '-'}"


def status(job: Job) -> Status:
    """How a job stands."""
    return _WORDS[job.state]


def ended(job: Job) -> bool:
    """Whether it has ended, for its owner and for those who watch it."""
    return status(job) in _ENDS


def told(job: Job) -> dict[str, Any]:
    """What a job's agent has last told of how far it is."""
    found = json.loads(job.progress) if job.progress else None
    return found if isinstance(found, dict) else {}


def percent(job: Job) -> int:
    """How far a job is, from 0 to 100."""
    if job.state is State.COMPLETED:
        return 100
    found = told(job).get("percent")
    return min(max(int(found), 0), 99) if isinstance(found, _NUMBER) and math.isfinite(found) else 0


def error(job: Job) -> str | None:
    """Why a job has ended without success."""
    return f"The {job.kind} was cancelled." if status(job) == "cancelled" else job.error_message


def results(job: Job, found: Any) -> dict[str, Any]:  # noqa: ANN401  what an agent has told
    """What a completed job has come to; what its agent has not told is null."""
    known = found if isinstance(found, dict) else {}
    return {name: _taken(name, known.get(name), form) for name, form in _RESULTS[job.kind].items()}


def _taken(name: str, value: Any, form: type | tuple[type, ...]) -> Any:  # noqa: ANN401  any JSON
    if isinstance(value, bool) or not isinstance(value, form):
        return [] if name == "generated_files" else None
    return [one for one in value if isinstance(one, _WITHIN_LISTS[name])] if isinstance(value, list) else value
