"""The pipelines contract's words for how a job stands and what it has come to.

What has become of a job is told by its agent, whose words are taken only in the form that they should have.
"""

import json
from collections.abc import Callable
from typing import Any, Literal

from chalicelib import forms, times
from chalicelib.jobs import progress
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
JOB_ID = r"^[A-Za-z0-9_-]{1,128}$"
"""What ids of jobs look like, here and elsewhere."""
MOST_BYTES = 16 * 1024


def must_be_small(value: list[Any]) -> list[Any]:
    """Constructor arguments that a list of jobs has room for.

    Raises:
        ValueError: they are larger, as JSON.
    """
    if len(json.dumps(value)) > MOST_BYTES:
        message = f"may be at most {MOST_BYTES} bytes of JSON"
        raise ValueError(message)
    return value


def _small(value: Any) -> Any:  # noqa: ANN401  any JSON
    return value if isinstance(value, dict | list) and len(json.dumps(value)) <= MOST_BYTES else None


_RESULT: dict[str, Callable[[Any], Any]] = {
    "address": lambda value: forms.matching(value, r"0x[0-9a-fA-F]{40}"),
    "network": lambda value: forms.text(value, 64),
    "contract": lambda value: forms.text(value, 128),
    "txHash": lambda value: forms.matching(value, r"0x[0-9a-fA-F]{64}"),
    "fqName": lambda value: forms.text(value, 512),
    "chainId": forms.whole,
    "constructorArgs": lambda value: _small(value) if isinstance(value, list) else None,
    "verified": lambda value: value if isinstance(value, bool) else None,
    "explorerUrl": forms.link,
    "compiler": lambda value: _small(value) if isinstance(value, dict) else None,
    "understood": lambda value: _small(value) if isinstance(value, dict) else None,
    "iterations": forms.count,
    "writtenBy": lambda value: forms.text(value, 200),
}


def status(job: Job) -> Status:
    """How a job stands."""
    return _WORDS[job.state]


def ended(job: Job) -> bool:
    """Whether it has ended."""
    return status(job) in ENDED


def stage(job: Job) -> str | None:
    """Which stage a job is in."""
    found = progress.told(job).get("stage")
    return found if isinstance(found, str) else None


def result(found: Any) -> dict[str, Any]:  # noqa: ANN401  what an agent has told
    """What a pipeline has come to, in camel case; what its agent has not told is left out."""
    known = found if isinstance(found, dict) else {}
    taken = {name: form(known.get(_snake(name))) for name, form in _RESULT.items()}
    return {name: value for name, value in taken.items() if value is not None}


def verdict(found: Any) -> dict[str, Any]:  # noqa: ANN401  what an agent has told
    """What a verification has found: ``verified``, ``explorer_url`` and ``reason``."""
    known = found if isinstance(found, dict) else {}
    return {
        "verified": known.get("verified") is True,
        "explorer_url": forms.link(known.get("explorer_url")),
        "reason": forms.line(known.get("reason")),
    }


def outcome(job: Job, found: Any) -> dict[str, Any]:  # noqa: ANN401  what an agent has told
    """What a job of any kind of this contract has come to."""
    if job.kind == Kind.PIPELINE:
        return result(found)
    return plain(found) if isinstance(found, dict) else {}


def plain(report: dict[str, Any]) -> dict[str, Any]:
    """A report without its rendering."""
    return {name: value for name, value in report.items() if name != "markdown"}


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
