"""Each evaluator says what it is documented to say."""

from typing import Any

import pytest

from tests.engine.evaluation.harness import judge


@pytest.mark.parametrize(
    ("parameters", "expected", "actual", "score"),
    [
        ({}, "Paris", "Paris", 1),
        ({}, "Paris", "paris", 0),
        ({}, "Paris", " Paris\n", 0),
        ({}, "caf\u00e9", "cafe\u0301", 1),
        ({"ignore_case": True}, "STRASSE", "straße", 1),
        ({"ignore_case": True}, "\u00c9", "e\u0301", 1),
        ({"trim": True}, "Paris", "\u00a0Paris\n", 1),
        ({"trim": True}, "New York", "New  York", 0),
        ({}, "", "", 1),
    ],
)
def test_exact_match(parameters: dict[str, Any], expected: str, actual: str, score: float) -> None:
    assert judge({"name": "exact_match", **parameters}, expected, actual).score == score


@pytest.mark.parametrize(
    ("parameters", "expected", "actual", "score"),
    [
        ({}, "Paris", "It is Paris.", 1),
        ({}, "Paris", "It is paris.", 0),
        ({"ignore_case": True}, "Paris", "It is PARIS.", 1),
        ({}, "caf\u00e9", "a cafe\u0301 there", 1),
        ({}, "", "anything", 0),
        ({}, "", "", 1),
        ({"value": "Rome"}, "Paris", "Rome", 1),
        ({"values": ["a", "b", "c", "d"]}, "", "a d", 0.5),
        ({"values": ["a", "b"]}, "", "ab", 1),
    ],
)
def test_contains(parameters: dict[str, Any], expected: str, actual: str, score: float) -> None:
    assert judge({"name": "contains", **parameters}, expected, actual).score == score


def test_contains_says_what_is_missing() -> None:
    assert judge({"name": "contains", "values": ["a", "b", "c"]}, "", "b").reason == "does not contain 'a', 'c'"


@pytest.mark.parametrize(
    ("parameters", "actual", "score"),
    [
        ({"pattern": r"\d{3}"}, "call 555 now", 1),
        ({"pattern": r"\d{3}", "whole": True}, "call 555 now", 0),
        ({"pattern": r"\d{3}", "whole": True}, "555", 1),
        ({"pattern": "yes"}, "YES", 0),
        ({"pattern": "yes", "ignore_case": True}, "YES", 1),
        ({"pattern": "é.日"}, "é\u2013日", 1),
        ({"pattern": "^$"}, "", 1),
        ({"pattern": "a.b"}, "a\nb", 0),
    ],
)
def test_regex(parameters: dict[str, Any], actual: str, score: float) -> None:
    assert judge({"name": "regex", **parameters}, "", actual).score == score


def test_regex_looks_at_the_first_fifty_thousand_characters_and_says_so() -> None:
    pattern = {"name": "regex", "pattern": "needle"}
    assert judge(pattern, "", " " * 49_994 + "needle" + " ").score == 1
    verdict = judge(pattern, "", " " * 49_995 + "needle")
    assert verdict.score == 0
    assert str(verdict.reason).endswith("(in the first 50000 characters)")
    assert judge({"name": "regex", "pattern": " *", "whole": True}, "", " " * 50_001).score == 0


@pytest.mark.parametrize(
    ("parameters", "actual", "reason"),
    [
        ({"min_characters": 3}, "abc", None),
        ({"min_characters": 4}, "abc", "has 3 characters, fewer than 4"),
        ({"max_characters": 2}, "日本語", "has 3 characters, more than 2"),
        ({"max_words": 2}, "one  two\nthree", "has 3 words, more than 2"),
        ({"min_words": 3, "max_words": 3, "max_characters": 100}, "one  two\nthree", None),
        ({"max_words": 0}, " \n", None),
        ({"min_words": 1}, "", "has 0 words, fewer than 1"),
    ],
)
def test_length(parameters: dict[str, Any], actual: str, reason: str | None) -> None:
    verdict = judge({"name": "length", **parameters}, "", actual)
    assert verdict.reason == reason
    assert verdict.score == (reason is None)
