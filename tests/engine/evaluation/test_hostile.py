"""Texts of strangers take bounded time, and become nothing that cannot be stored."""

import json
import unicodedata
from typing import Any

import pytest

from chalicelib.engines.evaluation.registry import EVALUATORS
from chalicelib.engines.evaluation.scoring import errored_row, score_row
from chalicelib.engines.evaluation.similarity import COMPARED_CHARACTERS, similarity
from chalicelib.engines.evaluation.texts import collapsed
from tests.engine.evaluation.harness import criteria, judge, score

EVERY = (
    {"name": "exact_match", "ignore_case": True, "trim": True},
    {"name": "contains", "ignore_case": True},
    {"name": "regex", "pattern": r"(\w+\s*)+$", "ignore_case": True},
    {"name": "numeric_close"},
    {"name": "json_schema", "schema": {"items": {"uniqueItems": True}}, "allow_fence": True},
    {"name": "length", "max_words": 3},
)
MARKS = "a" + "\u0315\u0300" * 100_000
HOSTILE = {
    "a million letters": "a" * 1_000_000,
    "a million signs of a script": "日本" * 500_000,
    "white space": " \n\u2003" * 300_000,
    "combining marks in the wrong order": MARKS,
    "digits": "1" * 300_000,
    "groups of digits": "1,234" + ",234" * 100_000 + ",5",
    "points": "1." * 200_000,
    "signs": "-+" * 200_000,
    "open brackets": "[" * 200_000,
    "an open fence": "```json\n" + "\n```" * 100_000 + "x",
    "backslashes": "\\" * 300_000,
    "lone surrogates": "\ud800\udfff" * 1_000,
    "NUL": "\0" * 1_000,
    "ligatures that grow": "\ufdfa\u0390ß" * 50_000,
}


def test_each_evaluator_is_put_to_the_test() -> None:
    assert {each["name"] for each in EVERY} == EVALUATORS.keys()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_text_is_scored_and_can_be_stored(text: str) -> None:
    made = criteria(*EVERY)
    for expected, actual in ((text, "42"), ("42", text), (text, f"{text}!")):
        result = score_row(1, text, expected, actual, made, None)
        assert json.loads(json.dumps(result, ensure_ascii=False, allow_nan=False).encode()) == result
        assert 0 <= float(result["score"] or 0) <= 1
        assert all(len(each["reason"] or "") < 1_000 for each in result["evaluators"])


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a|aa)+$", "(.*)*b", r"(\w+\s?)*$", "^(a?){500}a{500}b", "(?:.{0,30}){0,30}b", "(x+x+)+y"],
)
def test_a_pattern_does_not_backtrack(pattern: str) -> None:
    # The first takes Python's engine 2**40000 steps.
    assert judge({"name": "regex", "pattern": pattern}, "", "a" * 40_000 + "!").score in {0, 1}


def test_lone_surrogates_are_replaced_wherever_they_stand() -> None:
    bad = "\ud800"
    rows: list[Any] = [
        score(bad, bad, {"name": "contains", "values": ["x"]}),
        errored_row(1, bad, prompt=bad, expected=bad, actual=bad),
    ]
    schema = {"name": "json_schema", "schema": {"additionalProperties": {"type": "null"}}}
    rows.append(score("x", r'{"\ud800": 1}', schema))
    for row in rows:
        json.dumps(row, ensure_ascii=False).encode()
    assert rows[0]["expected"] == "\ufffd"


def test_long_texts_are_compared_by_their_middle() -> None:
    same = "the same " * 100_000
    assert similarity(same, same) == 1
    # One letter more in the middle of 900,000, which is within what is compared.
    middle = len(same) // 2
    longer = f"{same[:middle]}X{same[middle:]}".strip()
    assert similarity(same, longer) == 2 * len(same.strip()) / (2 * len(same.strip()) + 1)


def test_what_is_not_compared_of_a_long_text_counts_as_different() -> None:
    first, second = "ab" * COMPARED_CHARACTERS, "ba" * COMPARED_CHARACTERS
    # Nothing is alike at the ends; of the 20,000 characters compared all but one are a common subsequence.
    assert similarity(first, second) == 2 * (COMPARED_CHARACTERS - 1) / (4 * COMPARED_CHARACTERS)


@pytest.mark.parametrize(
    "text", ["e\u0301\u0323 \u1e0b\u0323", "한글 \u1112\u1161\u11ab", "\u212b \u2126", "\u2000x\u2000y"]
)
def test_texts_are_composed_word_by_word_as_they_would_be_as_a_whole(text: str) -> None:
    assert collapsed(text) == " ".join(unicodedata.normalize("NFC", text).split())
