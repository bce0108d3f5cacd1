"""Scores are what they come to by hand."""

import json
from typing import Any

import pytest

from chalicelib.engines.evaluation.scoring import errored_row, with_semantic
from tests.engine.evaluation.harness import criteria, score


@pytest.mark.parametrize(
    ("expected", "actual", "similarity"),
    [
        # Twice the longest common subsequence by the sum of the lengths: "ace" of 5 and 3 is 2 * 3 / 8.
        ("abcde", "ace", 0.75),
        # "must " and "ct" of 11 and 11: 2 * 7 / 22.
        ("must accept", "must reject", 0.636364),
        # "kitten" and "sitting" share i-t-t-n: 2 * 4 / 13.
        ("kitten", "sitting", 0.615385),
        ("abc", "xyz", 0),
        ("abc", "", 0),
        ("", "", 1),
        (" \n", "", 1),
        ("The  cat\nsat ", "The cat sat", 1),
        ("caf\u00e9", "cafe\u0301", 1),
        ("Paris", "paris", 0.8),  # "aris": 2 * 4 / 10.
    ],
)
def test_similarity(expected: str, actual: str, similarity: float) -> None:
    result = score(expected, actual)
    assert (result["similarity"], result["score"]) == (similarity, similarity)


def test_a_result_has_all_there_is_to_say() -> None:
    assert score("kitten", "sitting", "exact_match", {"name": "length", "max_words": 1}) == {
        "row": 1,
        "prompt": "Why?",
        "expected": "kitten",
        "actual": "sitting",
        "similarity": 0.615385,
        "semantic": None,
        "score": 0.538462,  # (0.615385 + 0 + 1) / 3 = 0.5384616…
        "passed": False,
        "error": None,
        "reason": ("the score 0.538462 is below 0.8, the mean of similarity 0.615385, exact_match 0, length 1"),
        "evaluators": [
            {"name": "exact_match", "score": 0, "passed": False, "reason": "is not the expected text"},
            {"name": "length", "score": 1, "passed": True, "reason": None},
        ],
    }


@pytest.mark.parametrize(
    ("threshold", "passed"), [(0.8, True), (0.8000004, True), (0.800001, False), (0.0, True), (1.0, False)]
)
def test_a_score_of_the_threshold_passes(threshold: float, passed: bool) -> None:  # noqa: FBT001
    # "Paris" and "paris": 0.8.
    result = score("Paris", "paris", similarity_threshold=threshold)
    assert result["passed"] is passed
    assert (result["reason"] is None) is passed


def test_a_mean_of_the_threshold_passes() -> None:
    # (0.8 + 1 + 0.6) / 3 is 0.8, and 0.7999999999999999 in doubles.
    contains = {"name": "contains", "values": ["p", "a", "r", "X", "Y"]}
    result = score("Paris", "paris", {"name": "length", "max_words": 1}, contains)
    assert (result["score"], result["passed"]) == (0.8, True)


def test_the_semantic_score_is_the_base_where_it_is_asked_for() -> None:
    # The mean of 0.9 and 0 is 0.45.
    result = score("kitten", "sitting", "exact_match", semantic=0.9, use_semantic_scoring=True)
    assert (result["similarity"], result["semantic"], result["score"]) == (0.615385, 0.9, 0.45)
    assert result["reason"] == "the score 0.45 is below 0.8, the mean of semantic 0.9, exact_match 0"


def test_a_semantic_score_that_is_not_asked_for_is_only_kept() -> None:
    result = score("kitten", "sitting", semantic=1.0)
    assert (result["semantic"], result["score"]) == (1, 0.615385)


def test_there_is_no_score_before_the_semantic_one() -> None:
    waiting = score("a", "a", use_semantic_scoring=True)
    assert (waiting["score"], waiting["passed"], waiting["error"]) == (None, False, None)
    assert waiting["reason"] == "the semantic score is not there yet"


@pytest.mark.parametrize("semantic", [0.0, 0.8, 1.0, 1 / 3, -0.2, 1.0000001])
@pytest.mark.parametrize("asked", [True, False])
def test_a_semantic_score_that_comes_later_makes_no_difference(semantic: float, asked: bool) -> None:  # noqa: FBT001
    how: dict[str, Any] = {"use_semantic_scoring": asked}
    stored = json.loads(json.dumps(score("kitten", "sitting", "contains", **how)))
    made = criteria("contains", **how)
    assert with_semantic(stored, semantic, made) == score("kitten", "sitting", "contains", semantic=semantic, **how)


def test_a_semantic_score_lies_between_0_and_1() -> None:
    assert score("a", "b", semantic=-0.5)["semantic"] == 0
    assert score("a", "b", semantic=1.5)["semantic"] == 1
    with pytest.raises(ValueError, match="not a number"):
        score("a", "b", semantic=float("nan"))


def test_an_errored_row_has_no_score_and_stays_so() -> None:
    row = errored_row(7, "the agent did not answer", prompt="Why?", expected="x")
    assert (row["row"], row["error"], row["score"], row["passed"]) == (7, "the agent did not answer", None, False)
    assert with_semantic(row, 1.0, criteria(use_semantic_scoring=True)) == row
    assert row.keys() == score("a", "a").keys()
