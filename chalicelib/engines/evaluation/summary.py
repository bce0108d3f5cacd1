"""What an evaluation's rows come to, the same however they were split."""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Self

from .scoring import MILLION, millionths

BINS = 10
_PERCENTILES = {"median_score": 50, "p10": 10, "p25": 25, "p75": 75, "p90": 90, "p95": 95}


@dataclass(slots=True)
class Judged:
    """What an evaluator has said so far."""

    rows: int = 0
    passed: int = 0
    millionths: int = 0


@dataclass(slots=True)
class Summary:
    """Counts of rows and of scores. Scores are counted as whole millionths, so that all sums are exact.

    Rows are added one by one with ``add``, and summaries of parts with ``merge``, in any order. ``state`` is what a
    summary is kept as between the two: JSON that ``of_state`` reads.
    """

    errored: int = 0
    passed: int = 0
    scores: Counter[int] = field(default_factory=Counter)
    evaluators: dict[str, Judged] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a row, as ``scoring`` makes them.

        Raises:
            ValueError: it has neither a score nor an error: its semantic score is still to come.
        """
        if row["error"] is not None:
            self.errored += 1
            return
        if row["score"] is None:
            raise ValueError(f"row {row['row']} has no score yet")
        self.scores[millionths(row["score"])] += 1
        self.passed += row["passed"]
        for each in row["evaluators"]:
            self._judge(each["name"], 1, int(each["passed"]), millionths(each["score"]))

    def merge(self, other: "Summary") -> None:
        """Count all that another summary has counted."""
        self.errored += other.errored
        self.passed += other.passed
        self.scores.update(other.scores)
        for name, each in other.evaluators.items():
            self._judge(name, each.rows, each.passed, each.millionths)

    def state(self) -> dict[str, Any]:
        """All that has been counted, as JSON."""
        return {
            "errored": self.errored,
            "passed": self.passed,
            "scores": [list(pair) for pair in sorted(self.scores.items())],
            "evaluators": {
                name: [each.rows, each.passed, each.millionths] for name, each in sorted(self.evaluators.items())
            },
        }

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        """The summary that ``state`` was taken of."""
        return cls(
            errored=state["errored"],
            passed=state["passed"],
            scores=Counter(dict(state["scores"])),
            evaluators={name: Judged(*counts) for name, counts in state["evaluators"].items()},
        )

    def as_dict(self) -> dict[str, Any]:
        """The summary as JSON; what is said of scores is None where no row has one.

        ``pass_rate`` is of all rows: one that could not be scored has not passed. Percentiles are interpolated
        between the two nearest scores (Hyndman and Fan's definition 7), the standard deviation is the population's.
        """
        scores = _Scores(self.scores)
        total = scores.count + self.errored
        return {
            "total": total,
            "passed": self.passed,
            "failed": scores.count - self.passed,
            "errored": self.errored,
            "pass_rate": _ratio(self.passed * MILLION, total),
            "mean_score": scores.mean(),
            **{name: scores.percentile(percent) for name, percent in _PERCENTILES.items()},
            "min_score": scores.percentile(0),
            "max_score": scores.percentile(100),
            "standard_deviation": scores.standard_deviation(),
            "histogram": self._histogram(),
            "evaluators": {name: _told(each) for name, each in sorted(self.evaluators.items())},
        }

    def _judge(self, name: str, rows: int, passed: int, score: int) -> None:
        judged = self.evaluators.setdefault(name, Judged())
        judged.rows += rows
        judged.passed += passed
        judged.millionths += score

    def _histogram(self) -> list[dict[str, float]]:
        counts = [0] * BINS
        for score, count in self.scores.items():
            # The last bin has 1 in it.
            counts[min(score * BINS // MILLION, BINS - 1)] += count
        return [{"from": bin_ / BINS, "to": (bin_ + 1) / BINS, "count": count} for bin_, count in enumerate(counts)]


class _Scores:
    """Scores that are counted, sorted."""

    def __init__(self, counts: Mapping[int, int]) -> None:
        self._values = sorted(counts)
        self._ends = list(accumulate(counts[value] for value in self._values))
        self.count = self._ends[-1] if self._ends else 0
        self._sum = sum(value * count for value, count in counts.items())
        self._squares = sum(value * value * count for value, count in counts.items())

    def mean(self) -> float | None:
        return _ratio(self._sum, self.count)

    def percentile(self, percent: int) -> float | None:
        if not self.count:
            return None
        index, rest = divmod(percent * (self.count - 1), 100)
        low = self._at(index)
        high = self._at(index + 1) if rest else low
        return _ratio(100 * low + rest * (high - low), 100)

    def standard_deviation(self) -> float | None:
        if not self.count:
            return None
        # n * sum(x²) - sum(x)² is exact, and not below 0 by a rounding.
        return round(math.sqrt(self.count * self._squares - self._sum**2) / self.count / MILLION, 6)

    def _at(self, index: int) -> int:
        return self._values[bisect_right(self._ends, index)]


def _told(judged: Judged) -> dict[str, Any]:
    return {"mean_score": _ratio(judged.millionths, judged.rows), "passed": judged.passed, "rows": judged.rows}


def _ratio(score: int, count: int) -> float | None:
    """A sum of millionths by a count, rounded half up to a millionth."""
    return (2 * score + count) // (2 * count) / MILLION if count else None
