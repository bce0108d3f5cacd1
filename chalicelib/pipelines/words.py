"""The pipelines contract's words for how a job stands and what it has come to.

What has become of a job is told by its agent, whose words are taken only in the form that they should have.
"""

import json
from typing import Any, Literal

from chalicelib import forms, times
from chalicelib.jobs.logs import Entry
from chalicelib.jobs.model import Job, Kind, State

Status = Literal["queued", "running", "completed", "failed", "cancelled"]
ENDED: frozenset[Status] = frozenset({"completed", "failed", "cancelled"})
KINDS = frozenset({Kind.PIPELINE, Kind.AUDIT, Kind.COMPLIANCE, Kind.VERIFY})

_WORDS: dict[State, Status] = {
    State.AWAITING_UPLOAD: "queued",
    State.READY: "queued",
    State.CLAIMED: "running",
    State.RUNNING: "running",
    # Nothing but cancelled can come of it any more, however long its agent takes to hear of it.
    State.CANCELLING: "cancelled",
    State.COMPLETED: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
}
_RESULT: dict[str, type | tuple[type, ...]] = {
    "address": str,
    "network": str,
    "contract": str,
    "txHash": str,
    "fqName": str,
    "chainId": int,
    "constructorArgs": list,
    "verified": bool,
    "explorerUrl": str,
    "compiler": dict,
    "understood": dict,
    "iterations": int,
    "writtenBy": str,
}


def status(job: Job) -> Status:
    """How a job stands."""
    return _WORDS[job.state]


def ended(job: Job) -> bool:
    """Whether it has ended."""
    return status(job) in ENDED


def told(job: Job) -> dict[str, Any]:
    """What a job's agent has last told of how far it is."""
    found = json.loads(job.progress) if job.progress else None
    return found if isinstance(found, dict) else {}


def percent(job: Job) -> int:
    """How far a job is, from 0 to 100."""
    return (
        100 if job.state is State.COMPLETED else int(forms.number(told(job).get("percent"), 0, 99, clamped=True) or 0)
    )


def stage(job: Job) -> str | None:
    """Which stage a job is in."""
    found = told(job).get("stage")
    return found if isinstance(found, str) else None


def result(found: Any) -> dict[str, Any]:  # noqa: ANN401  what an agent has told
    """What a pipeline has come to, in camel case; what its agent has not told is left out."""
    known = found if isinstance(found, dict) else {}
    taken = {name: known.get(_snake(name)) for name in _RESULT}
    return {name: value for name, value in taken.items() if _is(value, _RESULT[name])}


def line(entry: Entry) -> dict[str, Any]:
    """A line of a log."""
    stage_ = (entry.metadata or {}).get("stage")
    return {
        "index": entry.segment,
        "msg": entry.message,
        "stage": stage_ if isinstance(stage_, str) else None,
        "level": entry.level,
        "timestamp": times.iso(entry.timestamp),
    }


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _is(value: object, form: type | tuple[type, ...]) -> bool:
    return isinstance(value, form) and (form is bool or not isinstance(value, bool))
