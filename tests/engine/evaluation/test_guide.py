"""The guide says what is so."""

import json
import re
from pathlib import Path

from chalicelib.engines.evaluation import rows
from chalicelib.engines.evaluation.criteria import Criteria
from chalicelib.engines.evaluation.registry import EVALUATORS
from chalicelib.engines.evaluation.results import COLUMNS
from chalicelib.engines.evaluation.scoring import score_row
from chalicelib.engines.evaluation.summary import Summary

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "evaluations.md").read_text(encoding="utf-8")
SUBMITTED, RESULT = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL))


def _table(heading: str) -> dict[str, list[str]]:
    """The first cell of each row of a section's table, and the names in the second."""
    section = GUIDE.split(f"## {heading}\n", 1)[1].split("\n## ")[0].split("\n### ")[0]
    cells = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("|")]
    return {first.strip().strip("`"): re.findall(r"`(\w+)[`:]", second) for first, second in cells}


def test_the_criteria_of_the_example_are_taken() -> None:
    Criteria.model_validate(SUBMITTED["configuration"]["evaluation_criteria"])


def test_the_row_of_the_example_is_what_is_scored() -> None:
    criteria = Criteria.model_validate({"custom_evaluators": ["numeric_close"]})
    assert score_row(1, RESULT["prompt"], RESULT["expected"], RESULT["actual"], criteria, None) == RESULT
    assert tuple(RESULT) == COLUMNS


def test_each_evaluator_is_described_with_its_parameters() -> None:
    described = _table("Evaluators")
    for name, kind in EVALUATORS.items():
        parameters = {field.alias or key for key, field in kind.model_fields.items()} - {"name"}
        assert parameters <= set(described[name]), name
    assert EVALUATORS.keys() <= described.keys() <= {*EVALUATORS, "name", "---"}


def test_the_columns_are_those_that_are_known() -> None:
    described = _table("Data sets")
    for part, names in {
        "expected": rows.EXPECTED,
        "actual": rows.ACTUAL,
        "prompt": rows.PROMPT,
        "context": rows.CONTEXT,
    }.items():
        assert described[part] == list(names)


def test_each_field_of_the_summary_is_described() -> None:
    table = GUIDE.split("The summary:", 1)[1]
    assert [name for name in Summary().as_dict() if f"`{name}`" not in table] == []
