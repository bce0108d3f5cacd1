"""The expressions of derive."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from chalicelib.engines.tabular.errors import BadColumn, BadValue
from chalicelib.engines.tabular.expressions import parse
from chalicelib.engines.tabular.terms import BadExpression
from tests.engine.harness import Form, compiled, frame_of, rows_of, run, step

NAMES = ["price", "quantity", "name", "day", "empty", "unit price", "long"]
ROW = ("19.99", "3", " Ada é ", "2024-02-29", "", "00.50", "123456789012345678901234567890")


def made(
    expression: str, names: Sequence[str] = NAMES, row: tuple[Any, ...] = ROW, form: Form = Form.TEXT, **more: Any
) -> Any:
    [out] = run(names, [row], step("derive", column="made", expression=expression, **more), form=form)
    return out[-1]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("price * quantity", "59.97"),
        ("0.1 + 0.2", "0.3"),
        ("price - 0.99 - 19", "0"),
        ("10 / 4", "2.5"),
        ("1 / 3", "0.3333333333333333"),
        ("9007199254740993 / 8", "1125899906842624.125"),
        ("12345678901234567.5 / 2", "6172839450617283.75"),
        ("99999999999999999 / 0.0000000003", "333333333333333330000000000"),
        ("-12345678901234567 / 7", "-1763668414462081"),
        ("7 % 3", "1"),
        ("-7 % 3", "-1"),
        ("-quantity", "-3"),
        ("(1 + 2) * 3", "9"),
        ('col("unit price") * 2', "1"),
        ("12345678901234567890 + 1", "12345678901234567891"),
        ("round(price / 3, 2)", "6.66"),
        ("round(2.5)", "3"),
        ("abs(0 - price)", "19.99"),
        ("floor(price) + ceil(price)", "39"),
        ("empty + 1", "null"),
        ("price if quantity > 2 else 0", "19.99"),
        ("coalesce(empty, price, 1)", "19.99"),
        ('number(replace("1.234,5", ".", "")) + 0 if false else 1', "1"),
        ("length(trim(name))", "5"),
        ("year(day) * 100 + month(day)", "202402"),
        ("weekday(day)", "4"),
        ("quarter(day) + day(day)", "30"),
        ('hour("2024-01-01T13:30:00")', "13"),
    ],
)  # fmt: skip
def test_number_is_exact_and_short(expression: str, value: str) -> None:
    assert made(expression) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("upper(trim(name))", "ADA É"),
        ('trim(name) + ", " + price', "Ada é, 19.99"),
        ("quantity & name", "3 Ada é "),
        ('concat(empty, "x", price)', "x19.99"),
        ("price & empty", None),
        ('replace(name, "a", "o")', " Ado é "),
        ("substr(day, 1, 4)", "2024"),
        ("substr(day, 6)", "02-29"),
        ('case(price > 100, "high", price > 10, "middle", "low")', "middle"),
        ('"many" if quantity >= 3 and not is_null(name) else "few"', "many"),
        ('"yes" if empty == null else "no"', "yes"),
        ('"yes" if name != "x" else "no"', "yes"),
        ('"yes" if 1 < quantity < 5 else "no"', "yes"),
        ('"yes" if empty > 5 or name > 5 else "no"', "no"),
        ("price if quantity > 2 else name", "19.99"),
        ("col('unit price')", "00.50"),
        ("text(price * 2) & '!'", "39.98!"),
        ("null", None),
    ],
)
def test_text_is_joined_cut_and_chosen(expression: str, value: str | None) -> None:
    assert made(expression) == value


def test_dates_and_conditions_are_values_of_their_types() -> None:
    assert str(made("date(day)")) == "2024-02-29"
    assert str(made('date("03/02/2024", "%d/%m/%Y")')) == "2024-02-03"
    assert str(made("timestamp(day)")) == "2024-02-29 00:00:00"
    assert made("day >= date('2024-02-29')") is True
    assert made("price == 19.990") is True
    assert made("price == quantity or contains(name, 'Ada')") is True


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("name * 2", "column 'name': the value ' Ada é ' is no number"),
        ("price / (quantity - 3)", "column 'made': the value 'infinity' is not finite"),
        ("year(name)", "column 'name': the value ' Ada é ' is no date or time"),
        ('date(day, "%d/%m/%Y")', "does not fit the format"),
    ],
)
def test_value_that_does_not_fit_fails_or_is_null(expression: str, message: str) -> None:
    with pytest.raises(BadValue, match="step 0") as raised:
        made(expression)
    assert message in str(raised.value)
    assert made(expression, on_error="null") in {None, "null"}


def test_branch_that_is_not_taken_cannot_fail() -> None:
    assert made("0 if quantity == 3 else price / (quantity - 3)") == "0"
    assert made("number(name) if quantity == 4 else 1") == "1"


def test_json_numbers_and_strings_are_read_as_what_they_say() -> None:
    row = ('"19.99"', "3", '"A\\u00e9"', '"2024-02-29"', "null", None, "[1]")
    assert made("price * quantity", row=row, form=Form.JSON) == "59.97"
    assert made("name & empty", row=row, form=Form.JSON) is None
    assert made("upper(name)", row=row, form=Form.JSON) == "AÉ"
    assert made("long", row=row, form=Form.JSON) == "[1]"


def test_derived_column_replaces_one_of_its_name_in_its_place() -> None:
    assert run(["a", "b"], [("1", "2")], step("derive", column="a", expression="a + b")) == [("3", "2")]


def test_values_of_other_types_are_refused_where_they_do_not_belong() -> None:
    dates = frame_of(["d"], [("2024-02-29",)], Form.VALUE, "DATE")
    with pytest.raises(BadValue, match="type DATE"):
        compiled(dates, step("derive", column="x", expression="d + 1"))
    assert rows_of(compiled(dates, step("derive", column="x", expression="year(d) + 1")))[0][-1] == "2025"


def test_missing_column_is_named_with_those_there_are() -> None:
    with pytest.raises(BadColumn, match="no column 'Price'; did you mean 'price'"):
        made("Price * 2")


@pytest.mark.parametrize(
    "expression",
    [
        "",
        " ",
        "a +",
        "a.b",
        "a[0]",
        "__import__('os')",
        "eval('1')",
        "lambda: a",
        "[x for x in a]",
        "a := 1",
        "f'{a}'",
        "a ** b",
        "a // b",
        "a @ b",
        "~a",
        "a is b",
        "a in b",
        "(a, b)",
        "{a: b}",
        "b'x'",
        "1j",
        "upper(x=a)",
        "upper(*a)",
        "upper()",
        "upper(a, b)",
        "round(a, 1, 2)",
        "case(a, b)",
        "col(a)",
        "col('a', 'b')",
        "'a' * 2",
        "a and b",
        "1 if a else 2",
        "null > 1",
        "true > false",
        "1e999",
        "a; b",
        "a\nb",
        "'\\x00'",
        "date(1 + 1)",
        "not a",
        "sum(a)",
        "...",
        "select 1",
        "a if b",
        '"unclosed',
    ],
)
def test_what_is_no_expression_is_refused_in_words(expression: str) -> None:
    with pytest.raises(BadExpression) as raised:
        parse(expression)
    assert str(raised.value)


@pytest.mark.parametrize(
    "expression",
    ["(" * 900 + "1" + ")" * 900, "-" * 1999 + "1", "abs(" * 300 + "1" + ")" * 300, "+".join(["a"] * 999), "9" * 1990],
    ids=["parentheses", "signs", "calls", "terms", "digits"],
)
def test_expression_that_is_huge_is_refused_or_read(expression: str) -> None:
    with suppress(BadExpression):  # And nothing else, a RecursionError least of all.
        parse(expression)


def test_nested_choices_do_not_grow_beyond_measure() -> None:
    nested = "a"
    for _ in range(30):
        nested = f"(1 if {nested} > 0 else 2)"
    with pytest.raises(BadExpression, match="too complex"):
        parse(nested)


def test_names_and_texts_never_reach_the_sql() -> None:
    evil = '"; DROP TABLE x; --'
    frame = compiled(frame_of([evil], [("1",)]), step("derive", column="y", expression=f"col({evil!r}) & {evil!r}"))
    assert "DROP" not in frame.sql
    assert rows_of(frame) == [("1", "1" + evil)]
