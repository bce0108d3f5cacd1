"""The JSON Schema of parameters allows what their validators take, and nothing else that a schema can tell of."""

import json
from collections.abc import Iterator
from itertools import product
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ValidationError

from chalicelib.engines.evaluation.errors import TemplateError
from chalicelib.engines.evaluation.evaluators import Contains, Length
from chalicelib.engines.evaluation.template import PATTERN, placeholders
from chalicelib.engines.tabular.conditions import OPERATORS, Comparison
from chalicelib.engines.tabular.row_steps import Aggregate, Aggregated, Deduplicate, Function, Sample, Sort
from chalicelib.engines.tabular.steps import ConvertFormat, Options, Trim
from chalicelib.engines.tabular.value_steps import Cast, CastType, FillNull, Replace

ABSENT = object()
NAMES = {"column": [ABSENT, None, "a"], "columns": [ABSENT, None, ["a"]]}
VALUES = [
    ABSENT,
    None,
    True,
    1,
    2.5,
    "",
    "x",
    [],
    ["a"],
    ["a", 1],
    [1, 2.5],
    ["a", "b"],
    ["a", "b", "c"],
    [True, False],
]
FORMATS = [ABSENT, None, "%Y", "%d.%m.%Y\n", "100%%: %Y%%", "%q", "ab", "a%", "%Y%", "%%", "%%%", "%%%Y", "%-d"]
PARAMETERS: dict[type[BaseModel], dict[str, list[Any]]] = {
    Aggregate: {"group_by": [ABSENT, None, [], ["a"], ["a", "a"]], "aggregates": [[], [{"function": "count"}]]},
    Aggregated: {
        "function": list(get_args(Function)), "column": [ABSENT, None, "a"], "on_error": [ABSENT, "fail", "null"],
    },
    Cast: {**NAMES, "to": list(get_args(CastType)), "precision": [ABSENT, None, 3], "scale": [ABSENT, None, 2]},
    Comparison: {
        "column": ["a"], "operator": list(OPERATORS), "value": VALUES, "ignore_case": [ABSENT, False, True],
    },
    Contains: {"value": [ABSENT, None, "x"], "values": [ABSENT, None, [], ["x"]]},
    ConvertFormat: {"to_format": ["csv", "json"], "delimiter": [ABSENT, None, ";", "\t", "\n", '"', "é", "\x7f", ""]},
    Deduplicate: {"columns": [ABSENT, None, [], ["a"], ["a", "a"], [""]]},
    FillNull: {**NAMES, "value": [ABSENT, None, "x", False], "values": [ABSENT, None, {}, {"a": 1}]},
    Length: {"min_characters": [ABSENT, None, 1], "max_words": [ABSENT, None, 1]},
    Options: {"delimiter": [ABSENT, None, ";", "\r"], "column_names": [None, [], ["a"], ["a", "a"], ["\0"]]},
    Replace: {
        **NAMES,
        "old": [ABSENT, None, "", "x", 1], "new": [ABSENT, None, "", "x", 1],
        "mapping": [ABSENT, None, {}, {"a": None}], "match": [ABSENT, "whole", "part", "pattern"],
    },
    Sample: {"fraction": [ABSENT, None, 0.5, 2], "rows": [ABSENT, None, 3, 0]},
    Sort: {"by": [[], ["a"], [""], ["a", {"column": "b"}]]},
    Trim: NAMES,
}  # fmt: skip


def bodies(choices: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Every choice of values for the fields."""
    for chosen in product(*choices.values()):
        yield {name: value for name, value in zip(choices, chosen, strict=True) if value is not ABSENT}


def taken(model: type[BaseModel], body: dict[str, Any]) -> bool:
    try:
        model.model_validate_json(json.dumps(body))
    except ValidationError:
        return False
    return True


def disagreements(model: type[BaseModel], choices: dict[str, list[Any]]) -> list[dict[str, Any]]:
    schema = Draft202012Validator(model.model_json_schema())
    all_of_them = list(bodies(choices))
    assert {taken(model, body) for body in all_of_them} == {True, False}
    return [body for body in all_of_them if schema.is_valid(body) != taken(model, body)]


@pytest.mark.parametrize("model", PARAMETERS, ids=lambda model: model.__name__)
def test_schema_allows_what_is_taken(model: type[BaseModel]) -> None:
    assert disagreements(model, PARAMETERS[model]) == []


def test_schema_of_formats_allows_what_is_taken() -> None:
    assert disagreements(Cast, {"column": ["a"], "to": ["date", "timestamp", "integer"], "format": FORMATS}) == []


def test_pattern_of_templates_allows_what_is_taken() -> None:
    schema = Draft202012Validator({"pattern": PATTERN})
    for characters in product("{}a. \n", repeat=5):
        template = "".join(characters)
        try:
            placeholders(template)
        except TemplateError:
            assert not schema.is_valid(template), template
        else:
            assert schema.is_valid(template), template
