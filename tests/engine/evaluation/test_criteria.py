"""What is wrong with criteria is said when they are submitted, at its place, in a sentence."""

import json
import subprocess
import sys
from typing import Any, Literal

import pytest
from pydantic import ValidationError

from chalicelib.engines.evaluation.criteria import Criteria
from chalicelib.engines.evaluation.registry import EVALUATORS, PASS, Evaluator, Verdict, register


def criteria(*evaluators: Any, **more: Any) -> Criteria:
    """The same from a document as from its JSON."""
    document = {"custom_evaluators": list(evaluators), **more}
    made = Criteria.model_validate(document)
    assert Criteria.model_validate_json(json.dumps(document)) == made
    return made


def problems(*evaluators: Any, **more: Any) -> list[tuple[str, str]]:
    """Field and message of each problem."""
    document = {"custom_evaluators": list(evaluators), **more}
    with pytest.raises(ValidationError) as told:
        Criteria.model_validate(document)
    with pytest.raises(ValidationError) as told_of_json:
        Criteria.model_validate_json(json.dumps(document))
    found = [(".".join(map(str, each["loc"])), each["msg"]) for each in told.value.errors()]
    assert [(".".join(map(str, each["loc"])), each["msg"]) for each in told_of_json.value.errors()] == found
    return found


def test_criteria_have_the_defaults_of_the_contract() -> None:
    assert Criteria.model_validate({}).model_dump() == {
        "similarity_threshold": 0.8,
        "use_semantic_scoring": False,
        "custom_evaluators": (),
    }


@pytest.mark.parametrize(
    "evaluator",
    [
        "exact_match",
        "contains",
        "numeric_close",
        {"name": "exact_match", "ignore_case": True, "trim": True},
        {"name": "contains", "value": "x"},
        {"name": "contains", "values": ["x", "y"], "ignore_case": True},
        {"name": "regex", "pattern": r"^\d+(?:x|[[:alpha:]])\pL$", "whole": True},
        {"name": "numeric_close", "relative": 0, "absolute": 0.5, "position": "last", "decimal_separator": ","},
        {"name": "json_schema", "schema": {"type": "object"}, "allow_fence": True},
        {"name": "json_schema", "schema": False},
        {"name": "length", "min_words": 3, "max_words": 3},
    ],
)
def test_an_evaluator_is_read_and_written_as_it_was(evaluator: Any) -> None:
    made = criteria(evaluator)
    written = json.loads(made.model_dump_json(exclude_unset=True))["custom_evaluators"][0]
    assert written == ({"name": evaluator} if isinstance(evaluator, str) else evaluator)
    assert Criteria.model_validate_json(made.model_dump_json()) == made


PLACE = "custom_evaluators.0"
KNOWN = "contains, exact_match, json_schema, length, numeric_close, regex"


@pytest.mark.parametrize(
    ("evaluator", "field", "message"),
    [
        ("bleu", PLACE, KNOWN),
        ({"name": "bleu"}, f"{PLACE}.name", KNOWN),
        ({"name": ["regex"]}, f"{PLACE}.name", KNOWN),
        ({"pattern": "x"}, f"{PLACE}.name", "is required"),
        (7, PLACE, "must be the name of an evaluator"),
        (None, PLACE, "must be the name of an evaluator"),
        ("regex", PLACE, "regex needs parameters"),
        ("json_schema", PLACE, "json_schema needs parameters"),
        ("length", PLACE, "length needs parameters"),
        ({"name": "regex"}, f"{PLACE}.pattern", "Field required"),
        ({"name": "regex", "pattern": "("}, f"{PLACE}.pattern", "missing )"),
        ({"name": "regex", "pattern": "(?=x)"}, f"{PLACE}.pattern", "RE2"),
        ({"name": "regex", "pattern": r"(x)\1"}, f"{PLACE}.pattern", "RE2"),
        ({"name": "regex", "pattern": "(x{900}){900}"}, f"{PLACE}.pattern", "RE2"),
        ({"name": "regex", "pattern": "x" * 1_001}, f"{PLACE}.pattern", "at most 1000"),
        ({"name": "regex", "pattern": ""}, f"{PLACE}.pattern", "at least 1"),
        ({"name": "regex", "pattern": "x", "flags": "i"}, f"{PLACE}.flags", "not permitted"),
        ({"name": "contains", "value": "x", "values": ["x"]}, f"{PLACE}.values", "either"),
        ({"name": "contains", "values": []}, f"{PLACE}.values", "at least 1"),
        ({"name": "contains", "values": ["x", 1]}, f"{PLACE}.values.1", "valid string"),
        ({"name": "numeric_close", "relative": -1}, f"{PLACE}.relative", "greater than or equal to 0"),
        ({"name": "numeric_close", "absolute": "1"}, f"{PLACE}.absolute", "valid number"),
        ({"name": "length", "min_words": 2, "max_words": 1}, f"{PLACE}.min_words", "more than max_words"),
        ({"name": "length", "max_words": True}, f"{PLACE}.max_words", "valid integer"),
        ({"name": "json_schema"}, f"{PLACE}.schema", "Field required"),
        ({"name": "json_schema", "document": {}}, f"{PLACE}.schema", "Field required"),
        ({"name": "json_schema", "schema": "object"}, f"{PLACE}.schema", "an object, true or false"),
        ({"name": "json_schema", "schema": {"type": "text"}}, f"{PLACE}.schema", "'text' is not valid"),
    ],
)
def test_a_wrong_evaluator_is_refused_naming_its_field(evaluator: Any, field: str, message: str) -> None:
    told = problems("exact_match", evaluator)[0]
    assert told[0] == field.replace("0", "1")
    assert message in told[1]


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"similarity_threshold": 1.01}, "similarity_threshold"),
        ({"similarity_threshold": -0.01}, "similarity_threshold"),
        ({"similarity_threshold": "0.8"}, "similarity_threshold"),
        ({"use_semantic_scoring": 1}, "use_semantic_scoring"),
        ({"threshold": 0.8}, "threshold"),
    ],
)
def test_wrong_criteria_are_refused_naming_the_field(document: dict[str, Any], field: str) -> None:
    assert [place for place, _ in problems(**document)] == [field]


def test_a_threshold_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValidationError, match="finite number"):
        Criteria(similarity_threshold=float("nan"))


def test_twenty_evaluators_are_taken_and_no_more() -> None:
    assert len(criteria(*["exact_match"] * 20).custom_evaluators) == 20
    assert problems(*["exact_match"] * 21)[0][0] == "custom_evaluators"


def test_evaluators_of_one_name_are_told_apart() -> None:
    one, two = ({"name": "regex", "pattern": pattern} for pattern in "xy")
    assert criteria(one, "contains", two).labels == ("regex", "contains", "regex#2")


def test_the_json_schema_describes_names_and_objects() -> None:
    described = Criteria.model_json_schema()
    bare, objects = described["properties"]["custom_evaluators"]["items"]["anyOf"]
    assert bare == {"type": "string", "enum": ["contains", "exact_match", "numeric_close"]}
    assert sorted(objects["discriminator"]["mapping"]) == KNOWN.split(", ")
    assert described["$defs"]["JsonSchema"]["required"] == ["schema"]
    assert described["properties"]["similarity_threshold"]["default"] == 0.8


def test_an_evaluator_can_be_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.engines.evaluation.registry.EVALUATORS", known := dict(EVALUATORS))

    @register
    class StartsWith(Evaluator):
        name: Literal["starts_with"] = "starts_with"
        value: str

        def evaluate(self, expected: str, actual: str) -> Verdict:
            return PASS if actual.startswith(self.value) else Verdict(0.5, f"not after {expected}")

    assert known["starts_with"] is StartsWith
    made = criteria({"name": "starts_with", "value": "x"}).custom_evaluators[0]
    assert made.evaluate("e", "y") == Verdict(0.5, "not after e")
    with pytest.raises(ValueError, match="already"):
        register(type("Again", (StartsWith,), {}))


def test_an_evaluator_without_a_name_is_not_registered() -> None:
    class Nameless(Evaluator):
        name: str = "nameless"

        def evaluate(self, expected: str, actual: str) -> Verdict:
            return Verdict(float(expected == actual))

    with pytest.raises(ValueError, match="needs a field"):
        register(Nameless)


def test_importing_the_criteria_loads_no_library_of_the_evaluators() -> None:
    code = (
        "import sys, chalicelib.engines.evaluation.scoring\n"
        "print(sorted({'re2', 'rapidfuzz', 'jsonschema'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == "[]\n"
