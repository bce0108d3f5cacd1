"""Answers that are to be JSON, and schemas that would do harm."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from tests.engine.evaluation.harness import criteria, judge

PERSON = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string", "pattern": "^[A-Z]"}, "born": {"$ref": "#/$defs/year"}},
    "patternProperties": {"^x-": {"type": "string"}},
    "additionalProperties": False,
    "$defs": {"year": {"type": "integer", "minimum": 1900}},
}


def check(schema: Any, answer: Any, **more: Any) -> str | None:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    verdict = judge({"name": "json_schema", "schema": schema, **more}, "", text)
    assert verdict.score == (verdict.reason is None)
    return verdict.reason


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"name": "Ada", "born": 1915, "x-note": "y"}, None),
        ({"born": 1915}, "'name' is a required property"),
        ({"name": "ada"}, "name: 'ada' does not match '^[A-Z]'"),
        ({"name": "Ada", "born": 1815}, "born: 1815 is less than the minimum of 1900"),
        ({"name": "Ada", "x-note": 1}, "x-note: 1 is not of type 'string'"),
        ({"name": "Ada", "age": 1}, "'age' is not a property that it may have"),
        ([], "[] is not of type 'object'"),
        ("{'name': 'Ada'}", "Expecting property name enclosed in double quotes at line 1, column 2"),
    ],
)
def test_json_schema(answer: Any, problem: str | None) -> None:
    reason = check(PERSON, answer)
    assert reason is None if problem is None else str(reason).endswith(problem)


def test_additional_properties_may_have_a_schema() -> None:
    schema = {"properties": {"a": {}}, "additionalProperties": {"type": "integer"}}
    assert check(schema, {"a": "x", "b": 1}) is None
    assert str(check(schema, {"b": "x"})).endswith("b: 'x' is not of type 'integer'")


@pytest.mark.parametrize(
    ("items", "unique"),
    [([1, True], True), ([1, 1.0], False), ([{"a": [1], "b": 2}, {"b": 2, "a": [1.0]}], False), ([[1], [2]], True)],
)
def test_items_are_unique_as_the_draft_has_it(items: list[Any], unique: bool) -> None:  # noqa: FBT001
    assert (check({"uniqueItems": True}, items) is None) is unique
    assert check({"uniqueItems": False}, items) is None


def test_a_fence_is_taken_off_only_where_that_is_allowed() -> None:
    answer = '```json\n{"name": "Ada"}\n```\n'
    assert "is not JSON" in str(check(PERSON, answer))
    assert check(PERSON, answer, allow_fence=True) is None
    assert check(PERSON, '{"name": "Ada"}', allow_fence=True) is None


ALTERNATIVES = {
    **{f"a{number}": {"allOf": [{"$ref": f"#/$defs/a{number + 1}"}] * 2} for number in range(100)},
    "a100": {"type": "integer"},
}


@pytest.mark.parametrize(
    ("schema", "answer", "reason"),
    [
        pytest.param({"pattern": "(a+)+$"}, f'"{"a" * 40_000}!"', "does not match", id="backtracking"),
        pytest.param({"$defs": ALTERNATIVES, "$ref": "#/$defs/a0"}, 1, "too many steps", id="2**100 steps"),
        pytest.param({"$ref": "#"}, 1, "refers to itself", id="refers to itself"),
        pytest.param({"uniqueItems": True}, [[]] * 12_000, "twice", id="unhashable items"),
        pytest.param({"items": {"enum": list(range(9_000))}}, [1] * 9_000, "too many steps", id="long enum"),
        pytest.param({"anyOf": [{"type": "null"}] * 3_000}, ["a" * 49_000], "too many steps", id="long messages"),
        pytest.param({"allOf": [{"pattern": ".{900}b|a"}] * 9}, f'"{"a" * 49_000}"', "too many steps", id="patterns"),
        pytest.param(True, "[" * 50_000, "nests too deep", id="deep answer"),
        pytest.param(True, "[" * 50_001, "more than 50000 characters", id="long answer"),
        pytest.param({"multipleOf": 0.1}, "1" + "0" * 390, "too large", id="number beyond a double"),
        pytest.param(True, "1" + "0" * 5_000, "too large", id="5000 digits"),
        pytest.param(True, "1e999", "too large", id="infinite"),
        pytest.param(True, "[NaN]", "too large or none", id="NaN"),
        pytest.param({"pattern": "a"}, r'"\ud800"', "surrogate", id="lone surrogate"),
        pytest.param(True, "", "is not JSON", id="empty"),
    ],
)
def test_a_hostile_answer_or_schema_ends(schema: Any, answer: Any, reason: str) -> None:
    told = check(schema, answer)
    assert reason in str(told)
    assert len(str(told)) < 500


DEEP: dict[str, Any] = {}
for _ in range(60):
    DEEP = {"not": DEEP}


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"pattern": "(?=a)"}, "RE2"),
        ({"patternProperties": {"(": {}}}, "RE2"),
        ({"properties": {"p": {"pattern": "("}}}, "RE2"),
        ({"$ref": "http://127.0.0.1:9/schema"}, "only references within"),
        ({"$ref": "file:///etc/passwd"}, "only references within"),
        ({"$ref": "other.json"}, "only references within"),
        ({"$ref": "#/$defs/none"}, "does not have"),
        ({"prefixItems": [{}], "$ref": "#/prefixItems/x"}, "does not have"),
        ({"$ref": "#/const", "const": {"pattern": "(a+)+$"}}, "no schema where it stands"),
        ({"not": {"unevaluatedProperties": False}}, "unevaluatedProperties"),
        ({"unevaluatedItems": False}, "unevaluatedItems"),
        ({"$dynamicRef": "#x", "$dynamicAnchor": "x"}, "$dynamicRef"),
        ({"items": {"$id": "https://example.com/x"}}, "$id"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "must be of the draft"),
        ({"$comment": "x" * 65_536}, "at most 65536"),
        ({"anyOf": [{"pattern": f"x{number}"} for number in range(101)]}, "at most 100 patterns"),
        ({"required": "name"}, "required: 'name' is not of type 'array'"),
    ],
)
def test_a_schema_that_is_not_taken_is_refused_at_submission(schema: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as told:
        criteria({"name": "json_schema", "schema": schema})
    problem = told.value.errors()[0]
    assert problem["loc"] == ("custom_evaluators", 0, "schema")
    assert message in problem["msg"]


def test_a_deep_schema_is_taken() -> None:
    assert check(DEEP, 1) is None
    assert check({"not": DEEP}, 1) is not None
