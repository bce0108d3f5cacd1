"""What is wrong with a step is said when it is created, at its place, in a sentence."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from chalicelib.engines.tabular.steps import Options, Step
from chalicelib.strict_json import inexact
from tests.engine.harness import step


class Job(BaseModel):
    processing_steps: list[Step]


def problems(*documents: Any) -> list[tuple[str, str]]:
    """Field and message of each problem; the same for a document as for its JSON."""
    found = []
    given = {"processing_steps": documents}
    ways: list[Callable[[], Job]] = [
        lambda: Job.model_validate(given),
        lambda: Job.model_validate_json(json.dumps(given)),
    ]
    for validate in ways:
        try:
            validate()
        except ValidationError as error:
            told = error.errors(include_input=False, include_url=False)
            found.append([(".".join(map(str, each["loc"])), each["msg"]) for each in told])
        else:
            found.append([])
    assert found[0] == found[1]
    return found[0]


def compare(operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return step("filter", column="c", operator=operator, value=value, **more)


VALID = [
    compare("eq", "India"),
    compare("eq", 10**30),
    compare("ne", value=False),
    compare("in", [1, "a", True]),
    compare("gt", "2024-01-01"),
    compare("between", [1, 2.5]),
    compare("is_null"),
    compare("matches", r"^\d+(?:x|[[:alpha:]])\pL\\1?$"),
    compare("contains", "x", ignore_case=True),
    step(
        "filter",
        any=[{"all": [{"column": "c", "operator": "not_null"}]}, {"column": "c", "operator": "lt", "value": 1}],
    ),
    step("select", columns=["a", "b"]),
    step("drop", columns=["a"]),
    step("rename", columns={"a": "b", "b": "a"}),
    step("cast", column="a", to="integer"),
    step("cast", columns=["a", "b"], to="decimal", precision=12, scale=2),
    step("cast", column="a", to="date", format="%d/%m/%Y", on_error="null"),
    step("derive", column="total", expression="price * quantity"),
    step("fill_null", column="a", value=0),
    step("fill_null", values={"a": "x", "b": 1.5}),
    step("replace", column="a", old="x", new=None),
    step("replace", column="a", mapping={"x": "y", "z": None}),
    step("replace", columns=["a"], old="(a)", new=r"\1", match="pattern"),
    step("trim"),
    step("trim", column="a", side="left", characters="*"),
    step("sort", by=["a", {"column": "b", "direction": "desc", "nulls": "first"}]),
    step("deduplicate"),
    step("deduplicate", columns=["a"], keep="last"),
    step("aggregate", aggregates=[{"function": "count"}]),
    step(
        "aggregate",
        group_by=["a"],
        aggregates=[{"function": "sum", "column": "b", "name": "total", "on_error": "null"}],
    ),
    step("limit", rows=5, offset=2),
    step("sample", fraction=0.1, seed=7),
    step("sample", rows=5),
    step("sample", fraction=1),
    step("convert_format", to_format="parquet"),
    step("convert_format", to_format="csv", delimiter=";", compression="gzip"),
]


@pytest.mark.parametrize("document", VALID, ids=lambda each: json.dumps(each)[:60])
def test_step_that_makes_sense_is_accepted_and_comes_back_as_it_was(document: dict[str, Any]) -> None:
    assert problems(document) == []
    read = Job.model_validate({"processing_steps": [document]})
    assert Job.model_validate_json(read.model_dump_json(exclude_unset=True)) == read


PARAMS = "processing_steps.0.params"
INVALID = [
    ({"type": "filtre", "params": {}}, "processing_steps.0.type", "must be one of filter, select"),
    ({"params": {}}, "processing_steps.0.type", "is required"),
    ("filter", "processing_steps.0", "must be an object"),
    ({"type": "filter", "params": []}, PARAMS, "must be an object"),
    ({"type": "limit"}, PARAMS, "Field required"),
    (compare("equals", 1), f"{PARAMS}.operator", "Input should be 'eq', 'ne'"),
    (compare("eq"), f"{PARAMS}.value", "is required with the operator eq"),
    (compare("eq", [1]), f"{PARAMS}.value", "must be one value with the operator eq"),
    (compare("eq", {"a": 1}), f"{PARAMS}.value", "must be a text, a finite number, true, false, or a list"),
    (compare("eq", 10**1001), f"{PARAMS}.value", "must be a text, a finite number"),
    (compare("gt", value=True), f"{PARAMS}.value", "must be a number or a text"),
    (compare("in", []), f"{PARAMS}.value", "must be a list of at least one value"),
    (compare("in", "abc"), f"{PARAMS}.value", "must be a list of at least one value"),
    (compare("in", [1, None]), f"{PARAMS}.value", "without null"),
    (compare("in", list(range(10_001))), f"{PARAMS}.value", "may list at most 10000 values"),
    (compare("between", [1]), f"{PARAMS}.value", "two numbers or two texts"),
    (compare("between", [1, "b"]), f"{PARAMS}.value", "not one of each"),
    (compare("contains", 5), f"{PARAMS}.value", "must be a text"),
    (compare("matches", "(?=a)"), f"{PARAMS}.value", "is not an RE2 pattern"),
    (compare("matches", r"(a)\1"), f"{PARAMS}.value", "is not an RE2 pattern"),
    (compare("matches", "a" * 1001), f"{PARAMS}.value", "at most 1000 characters"),
    (compare("is_null", 1), f"{PARAMS}.value", "must be left out"),
    (compare("gt", 1, ignore_case=True), f"{PARAMS}.ignore_case", "has no meaning"),
    (compare("eq", "a\0b"), f"{PARAMS}.value", "must be a text"),
    (step("filter", all=[]), f"{PARAMS}.all", "must not be empty"),
    (step("filter", all=[compare("in", 3)["params"]]), f"{PARAMS}.all.0.value", "must be a list"),
    (step("select", columns=[]), f"{PARAMS}.columns", "must not be empty"),
    (step("select", columns=["a", "b", "a"]), f"{PARAMS}.columns", "names 'a' twice"),
    (step("select", columns=["a"], extra=1), f"{PARAMS}.extra", "Extra inputs are not permitted"),
    (step("rename", columns={"a": "c", "b": "c"}), f"{PARAMS}.columns", "names 'c' twice"),
    (step("cast", to="integer"), f"{PARAMS}.column", "give either column or columns"),
    (step("cast", column="a", columns=["b"], to="integer"), f"{PARAMS}.column", "give either column or columns"),
    (step("cast", column="a", to="decimal"), f"{PARAMS}.precision", "is required for the type decimal"),
    (step("cast", column="a", to="decimal", precision=2, scale=3), f"{PARAMS}.scale", "greater than the precision"),
    (step("cast", column="a", to="integer", scale=1), f"{PARAMS}.scale", "belongs to the type decimal only"),
    (step("cast", column="a", to="date", format="%Q"), f"{PARAMS}.format", "must be made of"),
    (step("cast", column="a", to="date", format="%Y%"), f"{PARAMS}.format", "must be made of"),
    (step("cast", column="a", to="text", format="%Y"), f"{PARAMS}.format", "belongs to the types date and timestamp"),
    (step("derive", column="a", expression="b +"), f"{PARAMS}.expression", "cannot be read at character"),
    (step("fill_null", column="a"), f"{PARAMS}.value", "is required with column and columns"),
    (step("fill_null", value=1), f"{PARAMS}.column", "give one of column, columns and values"),
    (step("fill_null", column="a", value=[]), f"{PARAMS}.value", "must be a text, a number, true or false"),
    (step("replace", column="a", old="x"), f"{PARAMS}.new", "is required"),
    (step("replace", column="a", old="", new="x", match="part"), f"{PARAMS}.old", "must not be empty"),
    (step("replace", column="a", old=1, new="x", match="part"), f"{PARAMS}.old", "must be a text"),
    (step("replace", column="a", mapping={"a": "b"}, match="part"), f"{PARAMS}.match", "must be whole"),
    (step("replace", column="a", old="(?<!a)", new="", match="pattern"), f"{PARAMS}.old", "is not an RE2 pattern"),
    (step("sort", by=["a", {"column": "a"}]), f"{PARAMS}.by", "names 'a' twice"),
    (step("sort", by=[{"column": "a", "direction": "up"}]), f"{PARAMS}.by.0.direction", "'asc' or 'desc'"),
    (step("aggregate", aggregates=[{"function": "sum"}]), f"{PARAMS}.aggregates.0.column", "is required for sum"),
    (
        step("aggregate", group_by=["a"], aggregates=[{"function": "count", "name": "a"}]),
        f"{PARAMS}.aggregates",
        "names 'a' twice",
    ),
    (
        step("aggregate", aggregates=[{"function": "count", "on_error": "null"}]),
        f"{PARAMS}.aggregates.0.on_error",
        "no meaning",
    ),
    (step("limit", rows=0), f"{PARAMS}.rows", "greater than or equal to 1"),
    (step("limit", rows="5"), f"{PARAMS}.rows", "valid integer"),
    (step("sample", fraction=0.5, rows=3), f"{PARAMS}.fraction", "give either fraction or rows"),
    (step("sample", fraction=1.5), f"{PARAMS}.fraction", "less than or equal to 1"),
    (step("convert_format", to_format="xlsx"), f"{PARAMS}.to_format", "'csv', 'json', 'jsonl' or 'parquet'"),
    (step("convert_format", to_format="json", delimiter=";"), f"{PARAMS}.delimiter", "belongs to the format csv only"),
]


@pytest.mark.parametrize(("document", "field", "message"), INVALID, ids=lambda each: str(each)[:70])
def test_step_that_makes_no_sense_is_refused_at_its_field(document: Any, field: str, message: str) -> None:
    [(found_at, found)] = problems(document)
    assert found_at == field
    assert message in found


def test_problem_of_a_later_step_names_that_step() -> None:
    assert problems(step("trim"), step("limit", rows=-1))[0][0] == "processing_steps.1.params.rows"


def test_conditions_nested_too_deeply_or_too_many_are_refused() -> None:
    one = compare("is_null")["params"]
    deep = one
    for _ in range(6):
        deep = {"any": [deep]}
    assert "nested at most 5 deep" in problems({"type": "filter", "params": deep})[0][1]
    many = {"all": [{"any": [one] * 60}, {"any": [one] * 60}]}
    assert "at most 100 comparisons" in problems({"type": "filter", "params": many})[0][1]


@pytest.mark.parametrize("written", ["1234567890.12345678901", "0.1000000000000000055", "1e-400", "1e-" + "9" * 30])
@pytest.mark.parametrize(
    ("document", "field"),
    [
        (compare("eq", "#"), "value"),
        (compare("in", [1, "#"]), "value"),
        (compare("between", ["#", 3]), "value"),
        ({"type": "filter", "params": {"any": [compare("gt", "#")["params"]]}}, "any.0.value"),
        (step("fill_null", column="a", value="#"), "value"),
        (step("replace", column="a", old="x", new="#"), "new"),
        (step("replace", column="a", mapping={"x": "#"}), "mapping.x"),
    ],
)
def test_number_that_json_does_not_keep_is_refused(document: Any, field: str, written: str) -> None:
    def parsed(number: str) -> Job:
        content = json.dumps({"processing_steps": [document]}).replace('"#"', number).encode()
        return Job.model_validate_json(content, context={"inexact": inexact(content)})

    with pytest.raises(ValidationError, match="more digits than a JSON number keeps; give it as a text") as raised:
        parsed(written)
    assert [".".join(map(str, each["loc"])) for each in raised.value.errors()] == [f"{PARAMS}.{field}"]
    for exact in ("0.1", "1.50", "1e-7", "0.30000000000000004", "0e0", "-0.0", "1" * 300):
        assert parsed(exact)


def test_condition_nested_a_thousand_deep_is_refused_not_a_crash() -> None:
    document = '{"any":[' * 1000 + '{"column":"c","operator":"is_null"}' + "]}" * 1000
    with pytest.raises(ValidationError):
        Job.model_validate_json('{"processing_steps":[{"type":"filter","params":' + document + "}]}")


@pytest.mark.parametrize("delimiter", ['"', "\n", "\r", "\0", "", ",,"])
def test_option_delimiter_that_separates_nothing_is_refused(delimiter: str) -> None:
    with pytest.raises(ValidationError):
        Options(delimiter=delimiter)


def test_options_have_defaults_and_take_a_tab() -> None:
    options = Options(delimiter="\t", column_names=("a", "b"))
    assert (options.on_bad_row, options.escape_formulas, options.input_format) == ("fail", False, None)
    with pytest.raises(ValidationError):
        Options(column_names=("a", "a"))


def test_steps_are_validated_without_loading_duckdb() -> None:
    told = "import sys, chalicelib.engines.tabular.steps; print('duckdb' in sys.modules)"
    command = [sys.executable, "-c", told]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  a command made here
    assert answer.stdout == "False\n"
