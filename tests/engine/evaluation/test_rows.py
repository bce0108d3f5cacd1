"""Columns are known by many names, and what is missing is said with what there is."""

from typing import Any

import pytest

from chalicelib.engines.evaluation.errors import DataSetError, RowError
from chalicelib.engines.evaluation.rows import (
    ACTUAL,
    CONTEXT,
    EXPECTED,
    PROMPT,
    check_columns,
    parse,
    prompt_of,
    row_of,
)


@pytest.mark.parametrize(
    ("part", "names"), [("prompt", PROMPT), ("context", CONTEXT), ("expected", EXPECTED), ("actual", ACTUAL)]
)
def test_a_column_is_known_by_each_of_its_names(part: str, names: tuple[str, ...]) -> None:
    for name in names:
        for written in (name, name.upper(), f" {name.replace('_', ' ').title()} ", name.replace("_", "-")):
            # The row needs an expected answer, by the least preferred name.
            row = row_of({"unlike": "no", EXPECTED[-1]: "e", written: "found"})
            assert getattr(row, part) == "found" or name == EXPECTED[-1] != written


def test_the_preferred_name_wins_whatever_the_order_of_the_columns() -> None:
    row = row_of({"answer": "a", "Actual": "b", "actual": "c", "reference": "d", "expected_output": "e"})
    assert (row.actual, row.expected) == ("b", "e")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("00123", "00123"),
        (12, "12"),
        (1.5, "1.5"),
        (True, "true"),
        ([1, "é"], '[1, "é"]'),
        ({"a": None}, '{"a": null}'),
        ("", ""),
    ],
)
def test_a_value_that_is_no_text_becomes_its_json(value: Any, text: str) -> None:
    row = row_of({"expected": value, "actual": value, "prompt": value})
    assert (row.expected, row.actual, row.prompt, row.columns["expected"]) == (text, text, text, text)


def test_a_line_is_parsed_into_texts_as_they_are_written() -> None:
    numbers = '"a": 1.50, "b":123456789012345678901234567890'
    line = f'{{{numbers},"c":"\\u00e9\\n","d":{{"x": [1.0, null]}},"e":null,"f":true,"a":2e0}}'
    assert parse(line.encode()) == {
        "a": "2e0",
        "b": "123456789012345678901234567890",
        "c": "é\n",
        "d": '{"x": [1.0, null]}',
        "e": None,
        "f": "true",
    }
    assert row_of(parse(b'{"expected": 1.50}')).expected == "1.50"


@pytest.mark.parametrize("line", [b"", b"[]", b"{", b"7", b'{"a": nope}', b'{"a": "\xff"}', b"[" * 10_000])
def test_a_line_that_is_no_object_is_an_error(line: bytes) -> None:
    with pytest.raises(RowError, match="not a JSON object"):
        parse(line)


@pytest.mark.parametrize("values", [{"expected": None, "actual": "x"}, {"actual": "x"}, {}])
def test_a_row_without_an_expected_answer_is_an_error(values: dict[str, Any]) -> None:
    with pytest.raises(RowError, match="no expected answer"):
        row_of(values)


def test_a_row_without_an_answer_has_none() -> None:
    assert row_of({"expected": "x"}).actual is None
    assert row_of({"expected": "x", "actual": None}).actual is None


def test_the_prompt_is_the_template_filled_or_else_the_prompt_with_its_context() -> None:
    row = row_of({"question": "Why?", "context": "Rain.", "expected": "x", "year": 2024, "note": None})
    assert prompt_of(row, None) == "Why?\n\nRain."
    assert prompt_of(row, "{Question} in {year}{note}") == "Why? in 2024"
    assert prompt_of(row_of({"prompt": "Why?", "expected": "x"}), None) == "Why?"
    assert prompt_of(row_of({"context": "Rain.", "expected": "x"}), None) == "Rain."
    assert prompt_of(row_of({"expected": "x"}), None) == ""


def test_a_row_that_lacks_a_column_of_the_template_is_an_error() -> None:
    with pytest.raises(RowError, match=r"'context'.*its columns are 'expected'"):
        prompt_of(row_of({"expected": "x"}), "{context}")


@pytest.mark.parametrize(
    ("columns", "template", "answers_given"),
    [
        (["Expected Answer", "Response"], None, False),
        (["question", "ground_truth"], None, True),
        (["ground_truth", "context"], "Analyze: {Context}", True),
        (["ground_truth", "context", "actual"], "Analyze: {context}", False),
    ],
)
def test_columns_that_will_do(columns: list[str], template: str | None, answers_given: bool) -> None:  # noqa: FBT001
    check_columns(columns, template, answers_given=answers_given)


@pytest.mark.parametrize(
    ("columns", "template", "answers_given", "message"),
    [
        (["question", "answer"], None, False, r"no column of expected answers \(expected, .*columns are 'question', "),
        ([], None, False, "it has none"),
        (["question", "expected"], None, False, r"no agent is asked, and .* no column of answers \(actual, "),
        (["expected"], None, True, r"no prompt template, and .* no column of prompts \(prompt, "),
        (["prompt", "expected"], "{context}", True, "prompt_template: .*'context'.*columns are 'prompt', 'expected'"),
        (["prompt", "expected"], "{", True, "prompt_template: .*brace alone"),
    ],
)
def test_columns_that_will_not_do(
    columns: list[str],
    template: str | None,
    answers_given: bool,  # noqa: FBT001
    message: str,
) -> None:
    with pytest.raises(DataSetError, match=message):
        check_columns(columns, template, answers_given=answers_given)
