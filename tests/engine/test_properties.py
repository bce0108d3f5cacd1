"""Each step does to any small table what a plain Python model of it does."""

import decimal
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.engines.tabular.frames import Form
from tests.engine import model
from tests.engine.harness import column, run, step

quickly = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
decimal.getcontext().prec = 2000  # The model's sums are exact.

AWKWARD = [
    "00123",
    "123",
    "1.50",
    "1.5",
    "-0",
    "0",
    "0.0",
    "1e5",
    "100000",
    "1E-7",
    " 7 ",
    "+5",
    ".5",
    "5.",
    "-2.50",
    "1_000",
    "0x1F",
    "inf",
    "NaN",
    "1e400",
    "-1e400",
    "1e-400",
    "123456789012345678901234567890",
    "123456789012345678901234567891",
    "9" * 320,
    "0.1",
    "0.1000000000000000055",
    "0.10000000000000001",
    "9007199254740993",
    "9007199254740992",
    "-9007199254740993",
    "India",
    "india",
    "é",
    "日本",
    "zß",
    '"; DROP',
    "a'b",
    "a\nb",
    "  ",
    "\u00a0x\u00a0",
    "true",
    "TRUE",
    "null",
    "$p0",
    "%",
    "\\",
]
OPERANDS: list[Any] = [
    0,
    1,
    -1,
    123,
    100000,
    1.5,
    0.1,
    -2.5,
    1e-7,
    5,
    7,
    9007199254740993,
    123456789012345678901234567890,
    10**319,
    True,
    False,
]

texts = st.one_of(st.sampled_from(AWKWARD), st.text("aé1 .-%", max_size=4), st.integers(-(10**20), 10**20).map(str))
fields = st.one_of(st.none(), st.just(""), texts)
number_tokens = st.one_of(
    st.sampled_from(["0", "-0", "1.50", "1.5", "1e5", "123456789012345678901234567890", "0.1", "100000", "5", "-2.5"]),
    st.integers(-(10**20), 10**20).map(str),
)
tokens = st.one_of(
    st.none(),
    st.sampled_from(["null", "true", "false", "[1,2]", '{"a":1}', '""', '"\\u00e9"']),
    number_tokens,
    texts.map(json.dumps),
    texts.map(lambda said: json.dumps(said, ensure_ascii=False)),
)
CELLS = {Form.TEXT: fields, Form.JSON: tokens}

operands = st.one_of(st.sampled_from(OPERANDS), texts, st.integers(-(10**25), 10**25))
bounds = st.one_of(st.tuples(texts, texts), st.tuples(st.sampled_from(OPERANDS[:14]), st.sampled_from(OPERANDS[:14])))
comparisons = st.one_of(
    st.tuples(st.sampled_from(["eq", "ne"]), operands),
    st.tuples(st.sampled_from(["gt", "gte", "lt", "lte"]), operands.filter(lambda each: not isinstance(each, bool))),
    st.tuples(st.sampled_from(["in", "not_in"]), st.lists(operands, min_size=1, max_size=4)),
    st.tuples(st.sampled_from(["contains", "starts_with", "ends_with"]), texts),
    st.tuples(st.just("between"), bounds.map(list)),
    st.tuples(st.sampled_from(["is_null", "not_null"]), st.none()),
)

both_forms = pytest.mark.parametrize("form", [Form.TEXT, Form.JSON])


def cells(form: Form) -> st.SearchStrategy[list[str | None]]:
    return st.lists(CELLS[form], max_size=12)


def condition(operator: str, value: Any) -> dict[str, Any]:
    return {"column": "x", "operator": operator} | ({} if value is None else {"value": value})


@both_forms
@quickly
@given(data=st.data())
def test_filter_keeps_what_the_model_keeps(form: Form, data: st.DataObject) -> None:
    given_cells = data.draw(cells(form))
    operator, value = data.draw(comparisons)
    kept = [cell for cell in given_cells if model.meets(model.text(cell, form), operator, value)]
    assert column(given_cells, step("filter", **condition(operator, value)), form=form) == kept


@pytest.mark.parametrize("operand", OPERANDS, ids=str)
@pytest.mark.parametrize("operator", ["eq", "ne", "gt", "gte", "lt", "lte"])
def test_filter_compares_every_awkward_value(operator: str, operand: Any) -> None:
    if isinstance(operand, bool) and operator not in {"eq", "ne"}:
        return
    kept = [cell for cell in AWKWARD if model.meets(cell, operator, operand)]
    assert column(AWKWARD, step("filter", **condition(operator, operand))) == kept


@quickly
@given(
    given_cells=cells(Form.TEXT),
    parts=st.lists(comparisons, min_size=1, max_size=3),
    together=st.sampled_from([all, any]),
)
def test_filter_of_several_conditions_combines_them(
    given_cells: list[str | None], parts: list[tuple[str, Any]], together: Callable[[list[bool]], bool]
) -> None:
    kept = [cell for cell in given_cells if together([model.meets(cell or None, *part) for part in parts])]
    name = "all" if together is all else "any"
    assert column(given_cells, step("filter", **{name: [condition(*part) for part in parts]})) == kept


@both_forms
@quickly
@given(data=st.data())
def test_sort_orders_as_the_model_and_is_stable(form: Form, data: st.DataObject) -> None:
    rows = [(cell, str(place)) for place, cell in enumerate(data.draw(cells(form)))]
    direction, nulls = data.draw(st.sampled_from(["asc", "desc"])), data.draw(st.sampled_from(["first", "last"]))
    by = step("sort", by=[{"column": "x", "direction": direction, "nulls": nulls}])
    wanted = model.sort(
        rows, lambda row: model.text(row[0], form), descending=direction == "desc", nulls_first=nulls == "first"
    )
    assert run(["x", "place"], rows, by, form=form) == wanted


@both_forms
@quickly
@given(data=st.data(), keep=st.sampled_from(["first", "last"]))
def test_deduplicate_keeps_what_the_model_keeps(form: Form, data: st.DataObject, keep: str) -> None:
    few = (
        st.sampled_from(["a", "1", "1.0", "", None])
        if form is Form.TEXT
        else st.sampled_from(['"a"', "1", "null", None])
    )
    rows = [(cell, str(place)) for place, cell in enumerate(data.draw(st.lists(few, max_size=12)))]
    wanted = model.deduplicate(rows, lambda row: None if row[0] in {"", "null"} else row[0], keep=keep)
    assert run(["x", "place"], rows, step("deduplicate", columns=["x"], keep=keep), form=form) == wanted


@quickly
@given(count=st.integers(0, 30), rows=st.integers(1, 10), offset=st.integers(0, 40))
def test_limit_slices(count: int, rows: int, offset: int) -> None:
    given_cells = [str(place) for place in range(count)]
    assert column(given_cells, step("limit", rows=rows, offset=offset)) == given_cells[offset : offset + rows]


@quickly
@given(count=st.integers(0, 60), seed=st.integers(0, 2**63 - 1), fraction=st.floats(0.01, 1), rows=st.integers(1, 20))
def test_sample_draws_what_the_model_draws(count: int, seed: int, fraction: float, rows: int) -> None:
    given_cells = [str(place) for place in range(count)]
    some = column(given_cells, step("sample", fraction=fraction, seed=seed))
    assert some == model.sample(given_cells, seed=seed, fraction=fraction)
    assert column(given_cells, step("sample", rows=rows, seed=seed)) == model.sample(given_cells, seed=seed, count=rows)


@quickly
@given(given_cells=cells(Form.TEXT), side=st.sampled_from(["both", "left", "right"]))
def test_trim_takes_off_white_space(given_cells: list[str | None], side: str) -> None:
    assert column(given_cells, step("trim", side=side)) == [model.trim(cell, side) for cell in given_cells]


@both_forms
@quickly
@given(data=st.data(), value=operands)
def test_fill_null_changes_nulls_only(form: Form, data: st.DataObject, value: Any) -> None:
    given_cells = data.draw(cells(form))
    said = json.dumps(value, ensure_ascii=False)
    filling = said if form is Form.JSON or not isinstance(value, str) else value
    wanted = [filling if model.text(cell, form) is None else cell for cell in given_cells]
    assert column(given_cells, step("fill_null", column="x", value=value), form=form) == wanted


@quickly
@given(given_cells=cells(Form.TEXT), old=operands, new=st.one_of(st.none(), texts))
def test_replace_changes_equal_values_only(given_cells: list[str | None], old: Any, new: str | None) -> None:
    wanted = [new if model.equals(cell or None, old) else cell for cell in given_cells]
    assert column(given_cells, step("replace", column="x", old=old, new=new)) == wanted


@quickly
@given(given_cells=cells(Form.TEXT), old=texts.filter(bool), new=texts)
def test_replace_of_a_part_changes_each_occurrence(given_cells: list[str | None], old: str, new: str) -> None:
    wanted = [(cell.replace(old, new) or None) if cell else cell for cell in given_cells]
    assert column(given_cells, step("replace", column="x", old=old, new=new, match="part")) == wanted


@both_forms
@quickly
@given(data=st.data())
def test_cast_reads_what_the_model_reads(form: Form, data: st.DataObject) -> None:
    given_cells = data.draw(cells(form))
    said = [model.text(cell, form) for cell in given_cells]
    numbers = [model.number(each) for each in said]
    whole = [
        int(each) if each is not None and each == each.to_integral() and -(2**63) <= each < 2**63 else None
        for each in numbers
    ]
    assert column(given_cells, step("cast", column="x", to="integer", on_error="null"), form=form) == whole
    floats = [None if each is None or abs(float(each)) == float("inf") else float(each) for each in numbers]
    assert column(given_cells, step("cast", column="x", to="float", on_error="null"), form=form) == floats
    assert column(given_cells, step("cast", column="x", to="text"), form=form) == said


@both_forms
@quickly
@given(data=st.data())
def test_aggregates_are_exact(form: Form, data: st.DataObject) -> None:
    kept = [cell for cell in data.draw(cells(form)) if _counts(model.text(cell, form))]
    said = [each for cell in kept if (each := model.text(cell, form)) is not None]
    numbers = [number for value in said if (number := model.number(value)) is not None]
    functions = ["count", "sum", "mean", "median", "min", "max"]
    asked = [{"function": name, "column": "x"} for name in functions]
    asked[1:4] = [one | {"on_error": "null"} for one in asked[1:4]]
    [(count, total, mean, median, least, most)] = run(
        ["x"], [(cell,) for cell in kept], step("aggregate", aggregates=asked), form=form
    )
    assert count == len(said)
    assert total == (model.plain(sum(numbers, Decimal(0))) if numbers else "null")
    assert _close(mean, sum(numbers, Decimal(0)) / len(numbers) if numbers else None)
    assert _close(median, model.median(numbers) if numbers else None)
    keys = sorted(model.sort_key(each) for each in said)
    assert [model.sort_key(model.text(each, form)) for each in (least, most) if model.text(each, form) is not None] == (
        [keys[0], keys[-1]] if keys else []
    )


def _counts(value: str | None) -> bool:
    """Leaves out numbers that are so large or small that forty places do not hold them."""
    said = model.number(value)
    return said is None or abs(said.adjusted()) < 30


def _close(token: str, wanted: Decimal | None) -> bool:
    if wanted is None:
        return token == "null"
    return abs(Decimal(token) - wanted) <= abs(wanted) * Decimal("1e-14") + Decimal("1e-25")


@quickly
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["a", "b", "10", "9", "", None]), st.integers(-99, 99).map(str)), max_size=12
    )
)
def test_aggregate_groups_in_order(rows: list[tuple[str | None, str]]) -> None:
    groups: dict[str | None, list[int]] = {}
    for key, value in rows:
        groups.setdefault(key or None, []).append(int(value))
    names = model.sort(list(groups), lambda name: name, descending=False, nulls_first=False)
    asked = [{"function": "count", "name": "n"}, {"function": "sum", "column": "v", "name": "s"}]
    assert run(["k", "v"], rows, step("aggregate", group_by=["k"], aggregates=asked)) == [
        (name, len(groups[name]), str(sum(groups[name]))) for name in names
    ]


small = st.decimals(-(10**6), 10**6, places=2)


@quickly
@given(a=small, b=small, c=small)
def test_derive_calculates_exactly(a: Decimal, b: Decimal, c: Decimal) -> None:
    row = tuple(map(str, (a, b, c)))
    [made] = run(["a", "b", "c"], [row], step("derive", column="d", expression="(a + b) * c - a * 3"))
    assert made[-1] == model.plain((a + b) * c - a * 3)
    [made] = run(["a", "b", "c"], [row], step("derive", column="d", expression="(a / b) if b != 0 else -1"))
    assert _close(made[-1], a / b if b else Decimal(-1))
