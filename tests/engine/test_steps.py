"""What the steps do where a table of plain values does not show it: types, forms, names, plans and failures."""

import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.engines.tabular.errors import BadColumn, BadValue
from tests.engine.harness import Form, column, compiled, connection, frame_of, rows_of, run, step

EVIL = '"; DROP TABLE x; --'


def values(sql_type: str, given: list[Any], *steps: dict[str, Any]) -> list[Any]:
    return [
        row[-1] for row in rows_of(compiled(frame_of(["x"], [(each,) for each in given], Form.VALUE, sql_type), *steps))
    ]


def where(operator: str, value: Any = None) -> dict[str, Any]:
    return step("filter", column="x", operator=operator, value=value)


def test_select_orders_and_rename_swaps_columns() -> None:
    frame = compiled(
        frame_of(["a", "b", "c"], [("1", "2", "3")]),
        step("select", columns=["c", "a"]),
        step("rename", columns={"c": "a", "a": "c"}),
    )
    assert [each.name for each in frame.columns] == ["a", "c"]
    assert rows_of(frame) == [("3", "1")]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (step("drop", columns=["a", "b"]), "no column would be left"),
        (step("rename", columns={"a": "b"}), "two columns would be called 'b'"),
        (step("select", columns=["Country"]), r"there is no column 'Country' \(the columns are 'a', 'b'\)"),
        (step("sort", by=["aa"]), "did you mean 'a'"),
        (step("aggregate", group_by=["q"], aggregates=[{"function": "count"}]), "no column 'q'"),
        (step("fill_null", values={"z": 1}), "no column 'z'"),
    ],
)
def test_column_that_is_not_there_or_twice_is_named_with_the_step(document: dict[str, Any], message: str) -> None:
    with pytest.raises(BadColumn, match=rf"step 1 \({document['type']}\): .*{message}"):
        run(["a", "b"], [("1", "2")], step("trim"), document)


def test_pattern_that_re2_refuses_is_told_before_anything_runs() -> None:
    for document in (where("matches", "(a"), step("replace", column="x", old="[", new="", match="pattern")):
        with pytest.raises(BadValue, match=r"pattern .* is not valid"):
            compiled(frame_of(["x"], []), document)


def test_hostile_names_and_values_are_only_data() -> None:
    frame = compiled(
        frame_of([EVIL, "x"], [(EVIL, "1"), ("b", EVIL)]),
        step("filter", column=EVIL, operator="eq", value=EVIL),
        step("replace", column="x", mapping={"1": EVIL}),
        step("fill_null", column=EVIL, value=EVIL),
        step("rename", columns={EVIL: "'; --"}),
        step("aggregate", group_by=["'; --"], aggregates=[{"function": "max", "column": "x", "name": EVIL}]),
    )
    assert "DROP" not in frame.sql
    assert rows_of(frame) == [(EVIL, EVIL)]


def test_every_step_twice_in_a_row_keeps_parameters_apart() -> None:
    steps = [where("ne", f"q{number}") for number in range(30)] + [step("sample", fraction=1, seed=n) for n in range(3)]
    assert column(["a", "q7", "b"], *steps) == ["a", "b"]


def test_untouched_columns_keep_their_form() -> None:
    frame = compiled(
        frame_of(["a", "b"], [("00123", "")]), step("cast", column="a", to="integer"), step("trim", column="b")
    )
    assert [(each.form, each.type) for each in frame.columns] == [(Form.VALUE, "BIGINT"), (Form.TEXT, "VARCHAR")]
    assert rows_of(frame) == [(123, "")]


@pytest.mark.parametrize(
    ("document", "operators"),
    [
        (where("gt", 1), ["FILTER"]),
        (step("deduplicate"), ["FILTER"]),
        (step("sample", fraction=0.5), ["FILTER"]),
        (step("sample", rows=2), ["TOP_N"]),
        (step("limit", rows=2), ["STREAMING_LIMIT"]),
        (step("aggregate", group_by=["x"], aggregates=[{"function": "count"}]), ["HASH_GROUP_BY"]),
        (step("derive", column="y", expression="x * 2 if x > 1 else 0"), []),
        (step("sort", by=["x"]), []),
    ],
)
def test_step_that_drops_rows_is_one_operator_of_the_plan(document: dict[str, Any], operators: list[str]) -> None:
    source = "SELECT CAST(range AS VARCHAR) AS c0 FROM range(5)"
    made = compiled(replace(frame_of(["x"], []), sql=source), document)
    [(_, plan)] = connection().execute(f"EXPLAIN (FORMAT json) {made.sql}", dict(made.parameters)).fetchall()
    others = {"ORDER_BY", "PROJECTION", "RANGE", "STREAMING_WINDOW", "WINDOW"}
    found = [name.removeprefix("PERFECT_") for name in _names(json.loads(plan)[0]) if name not in others]
    assert found == operators


def _names(operator: dict[str, Any]) -> list[str]:
    return [operator["name"].strip(), *(name for child in operator["children"] for name in _names(child))]


def test_conditions_on_values_compare_by_type() -> None:
    assert values("BIGINT", [1, 2, None, 9007199254740993], where("gt", 9007199254740992)) == [9007199254740993]
    assert values("DECIMAL(38,2)", [Decimal("1.50"), Decimal("1.51")], where("eq", 1.5)) == [Decimal("1.50")]
    assert values("DOUBLE", [0.1, float("nan"), float("inf")], where("gte", 0.1)) == [0.1]
    assert values("FLOAT", [0.1, 0.2], where("eq", 0.1)) == [pytest.approx(0.1)]
    assert values("HUGEINT", [2**100, 2**100 + 1], where("gt", 2**100)) == [2**100 + 1]
    assert values("BOOLEAN", [True, False, None], where("ne", value=True)) == [False, None]
    day = dt.date(2024, 1, 31)
    assert values("DATE", [day, dt.date(2023, 1, 1)], where("gte", "2024-01-31")) == [day]
    assert values("DATE", [day], where("in", ["2024-01-31"])) == [day]
    moment = dt.datetime(2024, 1, 31, 12, 0, 0, 1)  # noqa: DTZ001  DuckDB's TIMESTAMP has none.
    assert values("TIMESTAMP", [moment], where("gt", "2024-01-31T12:00:00Z")) == [moment]
    with pytest.raises(BadValue, match="holds dates"):
        values("DATE", [day], where("gt", "soon"))


def test_json_values_are_compared_by_what_they_say() -> None:
    tokens = ["1", "1.0", '"1"', "true", '"true"', "null", None, '{"a":1}', '"\\ud800"']
    assert column(tokens, where("eq", 1), form=Form.JSON) == ["1", "1.0", '"1"']
    assert column(tokens, where("eq", "1"), form=Form.JSON) == ["1", '"1"']
    assert column(tokens, where("eq", value=True), form=Form.JSON) == ["true", '"true"']
    assert column(tokens, where("is_null"), form=Form.JSON) == ["null", None]
    assert column(tokens, where("contains", '"a"'), form=Form.JSON) == ['{"a":1}']


def test_ignore_case_folds_both_sides() -> None:
    for operator, value in (
        ("eq", "iNDIA"),
        ("in", ["INDIA"]),
        ("contains", "DI"),
        ("matches", "^i"),
        ("starts_with", "IN"),
    ):
        document = step("filter", column="x", operator=operator, value=value, ignore_case=True)
        assert column(["India", "Peru"], document) == ["India"], operator


@pytest.mark.parametrize(
    ("to", "given", "made"),
    [
        ({"to": "integer"}, ["1e3", "2.0", "-0"], [1000, 2, 0]),
        (
            {"to": "decimal", "precision": 6, "scale": 2},
            ["1.005", "-2.345", "1e2"],
            [Decimal("1.01"), Decimal("-2.35"), Decimal(100)],
        ),
        ({"to": "boolean"}, ["Yes", "0", "TRUE", "f"], [True, False, True, False]),
        ({"to": "date"}, ["2024-02-29", "2024-02-29T10:00:00Z"], [dt.date(2024, 2, 29)] * 2),
        ({"to": "date", "format": "%d/%m/%Y"}, ["01/02/2024"], [dt.date(2024, 2, 1)]),
        ({"to": "timestamp"}, ["2024-01-01 10:30"], [dt.datetime(2024, 1, 1, 10, 30)]),  # noqa: DTZ001  as above
    ],
)
def test_cast_makes_values(to: dict[str, Any], given: list[str], made: list[Any]) -> None:
    assert column([*given, "", None], step("cast", column="x", **to)) == [*made, None, None]


@pytest.mark.parametrize(
    ("to", "bad"),
    [
        ({"to": "integer"}, ["1.5", "abc", str(2**63), "0x1F", "1_000"]),
        ({"to": "decimal", "precision": 4, "scale": 2}, ["100", "abc", "1_0"]),
        ({"to": "float"}, ["NaN", "inf", "1e400", "1,5"]),
        ({"to": "boolean"}, ["maybe", "2"]),
        ({"to": "date"}, ["2024-02-30", "29/02/2024", "infinity", "epoch"]),
        ({"to": "date", "format": "%d/%m/%Y"}, ["2024-01-01", "31/02/2024"]),
    ],
)
def test_cast_of_what_is_none_fails_naming_it_or_makes_null(to: dict[str, Any], bad: list[str]) -> None:
    assert column(bad, step("cast", column="x", on_error="null", **to)) == [None] * len(bad)
    for each in bad:
        with pytest.raises(BadValue, match=rf"step 0 \(cast\): column 'x': the value '.*' is no {to['to']}"):
            column(["", each], step("cast", column="x", **to))


@pytest.mark.parametrize(
    ("scale", "given", "made"),
    [
        (3, ["5e-5", "5e-10", "5e-324", "9e-50", "-5e-4", "4.9e-4"], ["0", "0", "0", "0", "-0.001", "0"]),
        (0, ["95e-3", "5e-8", "5e-1", "-149e-2", "1e-99999999999999999999"], ["0", "0", "1", "-1", "0"]),
        (3, ["0e99999999999", "12345.6785E-1", "1e3", "5" + "0" * 1500 + "e-1500"], ["0", "1234.568", "1000", "5"]),
        (3, ["0." + "0" * 1500 + "5e1501", " +.5e1 ", "00012e-00000000000000000000001"], ["5", "5", "1.2"]),
    ],
)
def test_cast_to_decimal_rounds_by_the_digits_not_by_the_exponent(
    scale: int, given: list[str], made: list[str]
) -> None:
    assert column(given, step("cast", column="x", to="decimal", precision=38, scale=scale)) == list(map(Decimal, made))


def test_cast_to_integer_goes_by_the_digits() -> None:
    given = ["0e99999999999", "922337203685477580.7e1", "5" + "0" * 1500 + "e-1500", "-.5e1"]
    assert column(given, step("cast", column="x", to="integer")) == [0, 2**63 - 1, 5, -5]
    bad = ["5e-1", "1e-99999999999", "9e18999", "922337203685477580.8e1", "1e19"]
    assert column(bad, step("cast", column="x", to="integer", on_error="null")) == [None] * len(bad)


def test_exponents_beyond_all_measure_are_numbers_or_none() -> None:
    given = ["0e99999999999", "1", "1e-99999999999999999999", "9" * 301 + "e99999999999", "-1e-99999999999"]
    asked = [{"function": name, "column": "x", "on_error": "null"} for name in ("sum", "mean")]
    assert run(["x"], [(each,) for each in given], step("aggregate", aggregates=asked)) == [("1", "0.25")]
    assert column(given, step("sort", by=["x"])) == [given[4], given[0], given[2], given[1], given[3]]
    for bound in (0, "0e99999999999999999999"):
        assert column(given, where("gt", bound)) == [given[1], given[2]]
    assert column(given, where("gte", "1e-99999999999999999999999")) == [given[1], given[2]]


def test_median_of_numbers_too_long_for_decimals_is_a_double() -> None:
    asked = [{"function": "median", "column": "x"}]
    assert run(["x"], [("9" * 28,), ("9" * 28,)], step("aggregate", aggregates=asked)) == [("1e+28",)]


def test_row_dropped_before_a_cast_cannot_fail_it() -> None:
    assert column(["1", "abc"], where("ne", "abc"), step("cast", column="x", to="integer")) == [1]


def test_sum_of_what_is_no_number_fails_or_passes_it_over() -> None:
    asked = {"function": "sum", "column": "x"}
    with pytest.raises(BadValue, match="column 'x': the value 'n/a' is no number"):
        column(["1", "n/a"], step("aggregate", aggregates=[asked]))
    assert column(["1", "n/a", ""], step("aggregate", aggregates=[asked | {"on_error": "null"}])) == ["1"]
    with pytest.raises(BadColumn, match="type DATE, not numbers"):
        values("DATE", ["2024-01-01"], step("aggregate", aggregates=[asked]))


def test_aggregates_of_nothing_are_one_row_of_nulls() -> None:
    asked = [{"function": name, "column": "x"} for name in ("count", "sum", "mean", "median", "min", "count_distinct")]
    assert run(["x"], [], step("aggregate", aggregates=asked)) == [(0, "null", "null", "null", None, 0)]
    assert run(["x"], [], step("aggregate", group_by=["x"], aggregates=asked)) == []


def test_aggregates_of_typed_columns_are_exact() -> None:
    asked = [{"function": name, "column": "x"} for name in ("sum", "mean", "median", "max")]
    frame = frame_of(["x"], [(2**62,), (2**62,), (3,)], Form.VALUE, "BIGINT")
    assert rows_of(compiled(frame, step("aggregate", aggregates=asked)))[0][0] == str(2**63 + 3)
    floats = frame_of(["x"], [(0.1,), (0.2,)], Form.VALUE, "DOUBLE")
    assert rows_of(compiled(floats, step("aggregate", aggregates=asked[1:]))) == [
        ("0.15000000000000002", "0.15000000000000002", 0.2)
    ]


def test_fill_null_fits_the_columns_type() -> None:
    assert values("BIGINT", [1, None], step("fill_null", column="x", value=7)) == [1, 7]
    with pytest.raises(BadValue, match="type BIGINT, and 'seven' is none"):
        values("BIGINT", [1], step("fill_null", column="x", value="seven"))
    assert values("DECIMAL(38,10)", [None], step("fill_null", column="x", value=5e-10)) == [Decimal("5e-10")]
    for sql_type, value in (
        ("BIGINT", 1.5),
        ("DECIMAL(9,2)", 1.005),
        ("DECIMAL(38,3)", 5e-10),
        ("BIGINT", "1e-99999999999"),
    ):
        with pytest.raises(BadValue, match=rf"'?{value}'? is none"):
            values(sql_type, [None], step("fill_null", column="x", value=value))
    assert column(["null", None, '""'], step("fill_null", column="x", value="é"), form=Form.JSON) == [
        '"é"',
        '"é"',
        '""',
    ]


def test_replace_and_trim_change_texts_only() -> None:
    assert column(['" a "', "12", '"\\u00e9"'], step("trim"), form=Form.JSON) == ['"a"', "12", '"\\u00e9"']
    pattern = step("replace", column="x", old=r"(\d)-(\d)", new=r"\2-\1", match="pattern")
    assert column(["1-2", "x"], pattern) == ["2-1", "x"]
    with pytest.raises(BadColumn, match="not texts"):
        values("BIGINT", [1], step("trim", column="x"))
    assert values("BIGINT", [1], step("trim")) == [1]


def test_trim_takes_off_given_characters() -> None:
    assert column(["**a*", "", None], step("trim", characters="*")) == ["a", "", None]


def test_sample_is_the_same_with_any_number_of_threads() -> None:
    given = [str(place) for place in range(5000)]
    chosen = column(given, step("sample", fraction=0.01, seed=42))
    connection().execute("SET threads = 1")
    try:
        assert column(given, step("sample", fraction=0.01, seed=42)) == chosen
    finally:
        connection().execute("SET threads = 2")
    assert chosen != column(given, step("sample", fraction=0.01, seed=43))


def test_convert_format_changes_no_rows() -> None:
    assert column(["1"], step("convert_format", to_format="parquet")) == ["1"]
