"""What an audit finds, and the score that is made of it: `docs/contracts.md` has the same in words."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

SEVERITIES = ("critical", "high", "medium", "low", "info")
SLITHER, MODEL = "slither", "model"

BEST = 100
PENALTIES = {"critical": 50, "high": 30, "medium": 15, "low": 5, "info": 0}
MOST_FOR_LOW = 20
# By slither's impact and how sure it is of it.
BY_IMPACT = {
    ("High", "High"): "critical",
    ("High", "Medium"): "high",
    ("High", "Low"): "medium",
    ("Medium", "High"): "medium",
    ("Medium", "Medium"): "medium",
    ("Medium", "Low"): "low",
}
LEAST = {"High": "high", "Medium": "medium", "Low": "low"}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where something was found: the path of a source and a line, counted from 1."""

    file: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One finding: how severe it is, what it is, what is to be done about it, where it is, and who found it."""

    severity: str
    title: str
    description: str
    recommendation: str
    place: Place | None
    source: str = SLITHER

    def order(self) -> tuple[Any, ...]:
        """Give what to sort by: the worst first, slither's before a model's, then by place."""
        where = (self.place.file, self.place.line) if self.place else ("", 0)
        return SEVERITIES.index(self.severity), self.source != SLITHER, where, self.title, self.description

    def as_json(self) -> dict[str, Any]:
        """Give it as a job's result has it."""
        return asdict(self)


def severity(impact: str, confidence: str) -> str:
    """Give the severity for slither's impact (High, Medium, Low, Informational) and confidence (High, Medium, Low)."""
    return BY_IMPACT.get((impact, confidence)) or LEAST.get(impact, "info")


def score(findings: Sequence[Finding]) -> int:
    """Give the score, 0 to 100. What a model has found does not count: it would find something else the next time."""
    counted = [finding.severity for finding in findings if finding.source == SLITHER]
    low = min(MOST_FOR_LOW, PENALTIES["low"] * counted.count("low"))
    return max(0, BEST - low - sum(PENALTIES[one] for one in counted if one != "low"))
