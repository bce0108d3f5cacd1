"""What holds of all scores and summaries."""

import json
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some
from rapidfuzz.distance import Indel

from chalicelib.engines.evaluation.scoring import RowResult, errored_row, with_semantic
from chalicelib.engines.evaluation.similarity import similarity
from chalicelib.engines.evaluation.summary import Summary
from chalicelib.engines.evaluation.template import fill, placeholders
from chalicelib.engines.evaluation.texts import collapsed
from tests.engine.evaluation.harness import criteria, score

EXAMPLES = 60
TEXTS = some.text(max_size=30) | some.text("ab 1", max_size=12)
SCORES = some.floats(0, 1) | some.sampled_from([0, 0.1, 0.3, 0.8, 1])
EVALUATORS = some.lists(
    some.sampled_from(["exact_match", "contains", "numeric_close", {"name": "contains", "values": ["a", "b", "1"]}]),
    max_size=3,
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(TEXTS, TEXTS)
def test_similarity_is_indel_whatever_the_order(first: str, second: str) -> None:
    wanted = Indel.normalized_similarity(collapsed(first), collapsed(second))
    assert abs(similarity(first, second) - wanted) < 1e-12
    assert similarity(first, second) == similarity(second, first)


@settings(max_examples=EXAMPLES, deadline=None)
@given(TEXTS, TEXTS, EVALUATORS, SCORES, SCORES, some.booleans())
def test_a_score_is_between_0_and_1_and_the_same_whenever_the_semantic_one_comes(
    expected: str,
    actual: str,
    evaluators: list[Any],
    semantic: float,
    threshold: float,
    asked: bool,  # noqa: FBT001
) -> None:
    how: dict[str, Any] = {"use_semantic_scoring": asked, "similarity_threshold": threshold}
    at_once = score(expected, actual, *evaluators, semantic=semantic, **how)
    stored = json.loads(json.dumps(score(expected, actual, *evaluators, **how)))
    assert with_semantic(stored, semantic, criteria(*evaluators, **how)) == at_once
    told = at_once["score"]
    assert told is not None
    assert 0 <= told <= 1
    # Nearer than a millionth, the threshold is the score.
    assert at_once["passed"] == (told >= threshold) or abs(told - threshold) < 1e-6


def _row(value: float | None) -> RowResult:
    if value is None:
        return errored_row(1, "no answer")
    judged = {"name": "exact_match", "score": value, "passed": value == 1, "reason": None}
    return {**score("a", "a"), "score": value, "passed": value > 0.5, "evaluators": [judged]}  # type: ignore[list-item]


@settings(max_examples=EXAMPLES, deadline=None)
@given(some.lists(some.none() | SCORES, max_size=40), some.lists(some.integers(0, 40), max_size=5), some.randoms())
def test_a_summary_is_the_same_however_the_rows_were_split(
    values: list[float | None], cuts: list[int], random: Any
) -> None:
    rows = [_row(value) for value in values]
    whole = Summary()
    for row in rows:
        whole.add(row)
    parts = []
    edges = [0, *sorted(cuts), len(rows)]
    for start, end in pairwise(edges):
        part = Summary()
        for row in rows[start : max(start, end)]:
            part.add(row)
        parts.append(Summary.of_state(json.loads(json.dumps(part.state()))))
    # Cuts beyond the end leave empty parts, and nothing is in two of them.
    random.shuffle(parts)
    merged = Summary()
    for part in parts:
        merged.merge(part)
    assert merged.as_dict() == whole.as_dict()
    assert sum(each["count"] for each in merged.as_dict()["histogram"]) == len([v for v in values if v is not None])


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    some.dictionaries(
        some.text("abc é", min_size=1, max_size=5).filter(lambda n: n == n.strip()), some.text(max_size=9)
    )
)
def test_a_filled_template_has_the_values_as_they_are(row: dict[str, str]) -> None:
    template = "|".join(f"{{{name}}}" for name in row) + "{{}}"
    assert placeholders(template) == row.keys()
    assert fill(template, row) == "|".join(row.values()) + "{}"
