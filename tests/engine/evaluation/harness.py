"""Evaluators and scores as the tests ask for them."""

from typing import Any

from chalicelib.engines.evaluation.criteria import Criteria
from chalicelib.engines.evaluation.registry import Verdict
from chalicelib.engines.evaluation.scoring import RowResult, score_row


def criteria(*evaluators: Any, **more: Any) -> Criteria:
    return Criteria.model_validate({"custom_evaluators": list(evaluators), **more})


def judge(evaluator: Any, expected: str, actual: str) -> Verdict:
    return criteria(evaluator).custom_evaluators[0].evaluate(expected, actual)


def score(expected: str, actual: str, *evaluators: Any, semantic: float | None = None, **more: Any) -> RowResult:
    return score_row(1, "Why?", expected, actual, criteria(*evaluators, **more), semantic)
