"""Summaries are what they come to by hand, however the rows were split."""

import json
from typing import Any

import pytest

from chalicelib.engines.evaluation.scoring import RowResult, errored_row
from chalicelib.engines.evaluation.summary import Summary
from tests.engine.evaluation.harness import score


def scored(value: float, *, passed: bool = False, evaluators: Any = ()) -> RowResult:
    return {**score("a", "a"), "score": value, "passed": passed, "evaluators": list(evaluators)}


def summary(*rows: RowResult) -> dict[str, Any]:
    made = Summary()
    for row in rows:
        made.add(row)
    return made.as_dict()


def test_a_summary_of_rows() -> None:
    judged = {"name": "exact_match", "score": 1.0, "passed": True, "reason": None}
    rows = [
        scored(0.1),
        scored(0.2, evaluators=[{**judged, "score": 0.5, "passed": False}]),
        scored(0.6, evaluators=[judged]),
        scored(0.9, passed=True),
        errored_row(5, "no answer"),
    ]
    assert summary(*rows) == {
        "total": 5,
        "passed": 1,
        "failed": 3,
        "errored": 1,
        "pass_rate": 0.2,
        "mean_score": 0.45,  # 1.8 / 4
        # Between the scores at (4 - 1) * p: the median is half-way from 0.2 to 0.6.
        "median_score": 0.4,
        "p10": 0.13,  # 0.3 of the way from 0.1 to 0.2
        "p25": 0.175,  # 0.75 of the way from 0.1 to 0.2
        "p75": 0.675,  # 0.25 of the way from 0.6 to 0.9
        "p90": 0.81,  # 0.7 of the way from 0.6 to 0.9
        "p95": 0.855,  # 0.85 of the way from 0.6 to 0.9
        "min_score": 0.1,
        "max_score": 0.9,
        # The squares of -0.35, -0.25, 0.15, 0.45 sum to 0.41; the root of 0.41 / 4.
        "standard_deviation": 0.320156,
        "histogram": [
            {"from": 0.0, "to": 0.1, "count": 0},
            {"from": 0.1, "to": 0.2, "count": 1},
            {"from": 0.2, "to": 0.3, "count": 1},
            {"from": 0.3, "to": 0.4, "count": 0},
            {"from": 0.4, "to": 0.5, "count": 0},
            {"from": 0.5, "to": 0.6, "count": 0},
            {"from": 0.6, "to": 0.7, "count": 1},
            {"from": 0.7, "to": 0.8, "count": 0},
            {"from": 0.8, "to": 0.9, "count": 0},
            {"from": 0.9, "to": 1.0, "count": 1},
        ],
        "evaluators": {"exact_match": {"mean_score": 0.75, "passed": 1, "rows": 2}},
    }


@pytest.mark.parametrize(("value", "place"), [(0.0, 0), (0.099999, 0), (0.3, 3), (0.7, 7), (0.899999, 8), (1.0, 9)])
def test_a_score_is_in_its_bin(value: float, place: int) -> None:
    # 0.3 / 0.1 is 2.9999999999999996 in doubles.
    counts = [each["count"] for each in summary(scored(value))["histogram"]]
    assert counts == [int(number == place) for number in range(10)]


@pytest.mark.parametrize("rows", [[], [errored_row(1, "no answer")]])
def test_without_scores_nothing_is_said_of_them(rows: list[RowResult]) -> None:
    found = summary(*rows)
    assert found["pass_rate"] == (0 if rows else None)
    told = ("mean_score", "median_score", "p10", "p95", "min_score", "max_score", "standard_deviation")
    assert [found[name] for name in told] == [None] * len(told)
    assert sum(each["count"] for each in found["histogram"]) == 0


def test_a_row_whose_semantic_score_is_to_come_is_not_counted() -> None:
    with pytest.raises(ValueError, match="row 1 has no score yet"):
        summary(score("a", "a", use_semantic_scoring=True))


def test_a_hundred_thousand_rows_are_summed_exactly_and_kept_small() -> None:
    made = Summary()
    for number in range(100_000):
        # Added one by one as doubles, 0.1 a hundred thousand times is 10000.000000018848.
        made.add(scored(0.1) if number % 2 else scored((number % 1_000) / 1_000))
    # Half are 0.1, the others 0, 0.002, … 0.998, whose mean is 0.499.
    assert made.as_dict()["mean_score"] == 0.2995
    assert len(json.dumps(made.state())) < 20_000
    assert Summary.of_state(json.loads(json.dumps(made.state()))) == made
