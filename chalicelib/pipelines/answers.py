"""What the proxy routes are answered, whoever runs the jobs."""

from dataclasses import dataclass
from typing import Any

from .words import Status


@dataclass(frozen=True, slots=True)
class Standing:
    """How a job stands; ``progress`` is percent."""

    status: Status
    progress: int


@dataclass(frozen=True, slots=True)
class Told:
    """All there is to tell of a job: ``id``, ``status``, ``progress``, ``logs``, ``result`` and what else is known.

    ``insights`` are what can be read out of its log and result; None where they were not asked for.
    """

    data: dict[str, Any]
    insights: list[dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a log; ``more`` says that more may come."""

    lines: list[dict[str, Any]]
    more: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a contract is what its source says; where that takes longer, None and the job that finds it out."""

    verified: bool | None
    explorer_url: str | None = None
    reason: str | None = None
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit or a check of compliance has found; where that takes longer, None and the job that does it.

    ``markdown`` is the same as a text, where that was asked for.
    """

    report: dict[str, Any] | None
    markdown: str | None = None
    job_id: str | None = None


ARTIFACTS = ("sources", "abis", "scripts", "audit", "compliance")
"""What there may be of a job."""
