"""Scores of one row, as they are stored and answered."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, cast

from .criteria import Criteria
from .registry import Evaluator
from .similarity import similarity
from .texts import well_formed

MILLION = 1_000_000
"""Scores have six digits: they are whole millionths, so that 0.8 is 0.8 and sums do not depend on their order."""


class EvaluatorResult(TypedDict):
    """What one evaluator says; ``passed`` if its score is 1."""

    name: str
    score: float
    passed: bool
    reason: str | None


class RowResult(TypedDict):
    """A scored row; ``score`` is None where ``error`` says why, or while the semantic score is still to come.

    ``reason`` says why a row that has a score does not pass.
    """

    row: int
    prompt: str
    expected: str
    actual: str
    similarity: float | None
    semantic: float | None
    score: float | None
    passed: bool
    error: str | None
    reason: str | None
    evaluators: list[EvaluatorResult]


def score_row(
    number: int, prompt: str, expected: str, actual: str, criteria: Criteria, semantic: float | None
) -> RowResult:
    """Score an answer.

    Args:
        number: of the row.
        prompt: as it was asked; only kept.
        expected: the answer that was hoped for.
        actual: the answer that was given.
        criteria: what counts.
        semantic: how alike the two are in meaning, 0 to 1; None if it is not known, or not yet (``with_semantic``).

    Raises:
        ValueError: ``semantic`` is not a number.
    """
    expected, actual = well_formed(expected), well_formed(actual)
    result: RowResult = {
        "row": number,
        "prompt": well_formed(prompt),
        "expected": expected,
        "actual": actual,
        "similarity": _rounded(similarity(expected, actual)),
        "semantic": None,
        "score": None,
        "passed": False,
        "error": None,
        "reason": None,
        "evaluators": [
            _judged(label, evaluator, expected, actual)
            for label, evaluator in zip(criteria.labels, criteria.custom_evaluators, strict=True)
        ],
    }
    if semantic is not None:
        return with_semantic(result, semantic, criteria)
    return _decided(result, criteria)


def with_semantic(result: Mapping[str, Any], semantic: float, criteria: Criteria) -> RowResult:
    """The row with its semantic score, as if that had been known at once; an errored row stays as it is.

    Args:
        result: as ``score_row`` gave it, or as it was read from JSON.
        semantic: what is below 0 or above 1 is taken for that.
        criteria: those that the row was scored by.

    Raises:
        ValueError: ``semantic`` is not a number.
    """
    if not math.isfinite(semantic):
        raise ValueError("the semantic score is not a number")
    known = cast("RowResult", result)
    return known if known["error"] is not None else _decided({**known, "semantic": _rounded(semantic)}, criteria)


def errored_row(number: int, error: str, *, prompt: str = "", expected: str = "", actual: str = "") -> RowResult:
    """A row that could not be scored, and why; with what is known of it."""
    return {
        "row": number,
        "prompt": well_formed(prompt),
        "expected": well_formed(expected),
        "actual": well_formed(actual),
        "similarity": None,
        "semantic": None,
        "score": None,
        "passed": False,
        "error": well_formed(error),
        "reason": None,
        "evaluators": [],
    }


def millionths(score: float) -> int:
    """A score as whole millionths, halves up; what is below 0 or above 1 is taken for that."""
    return math.floor(min(max(score, 0.0), 1.0) * MILLION + 0.5)


def _rounded(score: float) -> float:
    return millionths(score) / MILLION


def _judged(label: str, evaluator: Evaluator, expected: str, actual: str) -> EvaluatorResult:
    verdict = evaluator.evaluate(expected, actual)
    reason = None if verdict.reason is None else well_formed(verdict.reason)
    score = _rounded(verdict.score)
    return {"name": label, "score": score, "passed": score == 1, "reason": reason}


def _decided(result: RowResult, criteria: Criteria) -> RowResult:
    """The row with its score, from what it already holds."""
    name = "semantic" if criteria.use_semantic_scoring else "similarity"
    base = result["semantic"] if criteria.use_semantic_scoring else result["similarity"]
    if base is None:
        return {**result, "score": None, "passed": False, "reason": "the semantic score is not there yet"}
    parts = [millionths(base), *(millionths(each["score"]) for each in result["evaluators"])]
    # Rounded half up, in whole numbers.
    score = (2 * sum(parts) + len(parts)) // (2 * len(parts))
    passed = score >= millionths(criteria.similarity_threshold)
    reason = None if passed else _reason(score, name, base, result["evaluators"], criteria)
    return {**result, "score": score / MILLION, "passed": passed, "reason": reason}


def _reason(score: int, name: str, base: float, evaluators: Sequence[EvaluatorResult], criteria: Criteria) -> str:
    parts = [f"{name} {base:.6g}", *(f"{each['name']} {each['score']:.6g}" for each in evaluators)]
    of = f", the mean of {', '.join(parts)}" if evaluators else f", its {name}"
    return f"the score {score / MILLION:.6g} is below {criteria.similarity_threshold:.6g}{of}"
