"""All that an analysis has found; what was not asked for, or could not be had, is None."""

from collections.abc import Sequence
from dataclasses import dataclass

from claimcheck_agent.analysis.metrics import Metrics
from claimcheck_agent.analysis.security import SecurityIssue
from claimcheck_agent.analysis.smells import Smell
from claimcheck_agent.analysis.type_check import TypeMistake


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What running a project's own tests gave: percent of its statements that they execute, or why it is not known."""

    percent: float | None
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What was found. `failed` says which tools gave no answer, and why; `left_out` names files that are too large."""

    metrics: Metrics
    smells: Sequence[Smell] | None = None
    issues: Sequence[SecurityIssue] | None = None
    mistakes: Sequence[TypeMistake] | None = None
    coverage: Coverage | None = None
    failed: Sequence[str] = ()
    left_out: Sequence[str] = ()
