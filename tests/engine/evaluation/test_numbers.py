"""Numbers are found in texts as people write them, and compared as they are written."""

from decimal import Decimal
from typing import Any

import pytest

from chalicelib.engines.evaluation.numbers import NumericClose, Separator, numbers_in
from tests.engine.evaluation.harness import judge


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("42", ["42"]),
        ("The answer is 42.", ["42"]),
        ("答案是42。", ["42"]),
        ("$1,234,567.89 or -3", ["1234567.89", "-3"]),
        ("-$5, \u22127 and +1", ["-5", "-7", "1"]),
        ("1'234'567 or 1_000 or 12\u00a0345 or 6\u202f789", ["1234567", "1000", "12345", "6789"]),
        ("10 100", ["10", "100"]),
        ("from 10-20, see 3\u20134", ["10", "20", "3", "4"]),
        ("1,2,3 and 1,2345", ["1", "2", "3", "1", "2345"]),
        ("1.5e3 and 2E-2 and .5", ["1500", "0.02", "0.5"]),
        ("12% of 5kg", ["12", "5"]),
        ("GPT4, v1.2.3, 1.2.3, x_7 and 0x1F", ["1.2", "0"]),
        ("NaN, inf, Infinity, ٣, ½", []),
        ("", []),
        ("007", ["7"]),
        ("1e99999", ["1"]),
        ("9" * 401, []),
        ("9" * 400, ["9" * 400]),
    ],
)
def test_numbers_are_found(text: str, numbers: list[str]) -> None:
    assert list(numbers_in(text)) == [Decimal(number) for number in numbers]


@pytest.mark.parametrize(
    ("separator", "number"),
    [(".", ["1.234", "5"]), (",", ["1234.5"])],
)
def test_the_decimal_separator_is_chosen(separator: Separator, number: list[str]) -> None:
    assert list(numbers_in("1.234,5", separator)) == [Decimal(each) for each in number]


@pytest.mark.parametrize(
    ("parameters", "expected", "actual", "score"),
    [
        ({}, "1234.5", "Revenue in 2023 was $1,234.50", 1),
        ({"position": "first"}, "1234.5", "Revenue in 2023 was $1,234.50", 0),
        ({"position": "last"}, "1234.5", "Revenue in 2023 was $1,234.50", 1),
        # A relative tolerance of 1e-6 of 1,000,000 is 1.
        ({}, "1000000", "1000001", 1),
        ({}, "1000000", "1000001.1", 0),
        ({}, "0", "0.0000000001", 0),
        ({"absolute": 0.1}, "0", "-0.1", 1),
        ({"absolute": 0.1}, "0.3", "0.4", 1),
        ({"relative": 0}, "0.3", "0.30000000000000001", 0),
        ({"relative": 0}, "12345678901234567890", "12345678901234567891", 0),
        ({"relative": 0.05}, "100", "about 95 %", 1),
        ({"decimal_separator": ","}, "3,14", "3,14", 1),
        ({}, "forty", "40", 0),
        ({}, "40", "forty", 0),
        ({}, "1e999", "1e-999", 0),
    ],
)
def test_numeric_close(parameters: dict[str, Any], expected: str, actual: str, score: float) -> None:
    assert judge({"name": "numeric_close", **parameters}, expected, actual).score == score


def test_numeric_close_says_what_it_looked_for() -> None:
    assert judge("numeric_close", "42", "41 or 43").reason == "no number is near 42"
    assert judge({"name": "numeric_close", "position": "last"}, "42", "42 or 43").reason == (
        "the last number is not near 42"
    )
    assert judge("numeric_close", "none", "1").reason == "the expected text has no number"


@pytest.mark.parametrize("position", ["any", "last"])
def test_number_behind_many_others_is_found(position: str) -> None:
    answer = " ".join(map(str, range(1200))) + "\nThe result is 424242."
    evaluator = NumericClose.model_validate({"position": position})
    assert evaluator.evaluate("424242", answer).score == 1
