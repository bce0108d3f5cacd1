"""Conditions as SQL. Each is true or false, never NULL, so that ``ne`` keeps just the rows that ``eq`` drops."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from .conditions import LISTED, TEXTUAL, WITHOUT_VALUE, AllOf, AnyOf, Comparison, parts_of
from .forms import Reading, is_moment, null_test, number_in, order_key, order_key_of, read_number, text_of
from .frames import Column
from .work import Work

SQL_OPERATORS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
# Two numbers of no more digits than these are equal if their doubles are.
_SAFE_DIGITS = 15
_SAFE_RANGE = (Decimal("1e-290"), Decimal("1e290"))
_NEVER = "false"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def condition_sql(work: Work, condition: Comparison | AllOf | AnyOf) -> str:
    """The condition over the frame's columns.

    Raises:
        BadColumn: it names a column that is not there.
        BadValue: its value cannot be compared with the column's.
    """
    if isinstance(condition, Comparison):
        return _comparison(work, condition)
    word = " AND " if isinstance(condition, AllOf) else " OR "
    return "(" + word.join(condition_sql(work, part) for part in parts_of(condition)) + ")"


def _comparison(work: Work, condition: Comparison) -> str:
    column, operator = work.column(condition.column), condition.operator
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    if operator in WITHOUT_VALUE:
        return null_test(column) if operator == "is_null" else f"(NOT {null_test(column)})"
    if operator in LISTED | {"eq", "ne"}:
        same = equal(work, column, values, ignore_case=condition.ignore_case)
        return same if operator in {"eq", "in"} else f"(NOT {same})"
    if operator in TEXTUAL:
        return _textual(work, column, condition)
    bounds = zip(("gte", "lte"), values, strict=True) if operator == "between" else [(operator, values[0])]
    return "(" + " AND ".join(_ordered(work, column, order, bound) for order, bound in bounds) + ")"


def equal(work: Work, column: Column, values: Sequence[object], *, ignore_case: bool = False) -> str:
    """Whether the column's value is one of these: numbers by what they are, texts as they are written."""
    if is_moment(column):
        return _present_in(f"epoch_us({column.sql})", [work.bind(_micros(work, column, value)) for value in values])
    texts = [value for value in values if isinstance(value, str)]
    words = [str(value).lower() for value in values if isinstance(value, bool)]
    numbers = [number for value in values if not isinstance(value, str) and (number := number_in(value)) is not None]
    reading = read_number(column)
    either = [_equal_texts(work, column, texts, ignore_case=ignore_case)] if texts else []
    either += [_equal_texts(work, column, words, ignore_case=True)] if words else []
    either += [_equal_number(work, reading, number) for number in numbers] if reading and len(numbers) == 1 else []
    either += [_equal_numbers(work, reading, numbers)] if reading and len(numbers) > 1 else []
    return f"({' OR '.join(either) or _NEVER})"


def _equal_texts(work: Work, column: Column, texts: Sequence[str], *, ignore_case: bool) -> str:
    if ignore_case:
        # By DuckDB's own lower case on both sides: Python's differs in a few letters.
        return _present_in(f"lower({text_of(column)})", [f"lower({work.bind(text)})" for text in texts])
    return _present_in(f"({text_of(column)})", [work.bind(text) for text in texts])


def _present_in(value: str, placeholders: Sequence[str]) -> str:
    if len(placeholders) == 1:
        return f"coalesce({value} = {placeholders[0]}, false)"
    return f"coalesce({value} IN ({', '.join(placeholders)}), false)"


def _equal_number(work: Work, reading: Reading, number: Decimal) -> str:
    double = work.bind(float(number))
    same = _by_digits(work, reading, "eq", number)
    return f"CASE WHEN {reading.double} = {double} THEN {reading.is_number} AND {same} ELSE false END"


def _equal_numbers(work: Work, reading: Reading, numbers: Sequence[Decimal]) -> str:
    doubles = ", ".join(work.bind(float(number)) for number in numbers)
    keys = ", ".join(work.bind(order_key_of(number)) for number in numbers)
    same = f"{order_key(reading.text)} IN ({keys})"
    return f"CASE WHEN {reading.double} IN ({doubles}) THEN {reading.is_number} AND {same} ELSE false END"


def _ordered(work: Work, column: Column, operator: str, value: object) -> str:
    sql = SQL_OPERATORS[operator]
    if is_moment(column):
        return f"coalesce(epoch_us({column.sql}) {sql} {work.bind(_micros(work, column, value))}, false)"
    number = number_in(value)
    if number is None:
        return f"coalesce({text_of(column)} {sql} {work.bind(value)}, false)"
    reading = read_number(column)
    return _ordered_number(work, reading, operator, number) if reading else _NEVER


def _ordered_number(work: Work, reading: Reading, operator: str, number: Decimal) -> str:
    double = work.bind(float(number))
    apart = f"{reading.double} {SQL_OPERATORS[operator][0]} {double}"
    near = f"{reading.is_number} AND {_by_digits(work, reading, operator, number)}"
    return f"CASE WHEN {reading.double} = {double} THEN {near} WHEN {apart} THEN {reading.is_number} ELSE false END"


def _by_digits(work: Work, reading: Reading, operator: str, number: Decimal) -> str:
    """The comparison where the doubles are equal."""
    exact = f"{order_key(reading.text)} {SQL_OPERATORS[operator]} {work.bind(order_key_of(number))}"
    answer = "true" if operator in {"eq", "gte", "lte"} else "false"
    if number == 0:
        return f"CASE WHEN {reading.text} IN ('0', '0.0', '0.00') THEN {answer} ELSE {exact} END"
    if len(number.normalize().as_tuple().digits) > _SAFE_DIGITS or not _SAFE_RANGE[0] < abs(number) < _SAFE_RANGE[1]:
        return f"({exact})"
    return f"CASE WHEN strlen({reading.text}) <= {_SAFE_DIGITS} THEN {answer} ELSE {exact} END"


def _textual(work: Work, column: Column, condition: Comparison) -> str:
    text, value = text_of(column), work.bind(condition.value)
    if condition.operator == "matches":
        flags = "'i'" if condition.ignore_case else "'c'"
        return f"coalesce(regexp_matches({text}, {value}, {flags}), false)"
    if condition.ignore_case:
        text, value = f"lower({text})", f"lower({value})"
    return f"coalesce({condition.operator}({text}, {value}), false)"


def _micros(work: Work, column: Column, value: object) -> int:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        message = f"column {column.name!r} holds dates, and {value!r} is none, as 2024-01-31 or 2024-01-31T12:30:00 is"
        raise work.wrong_value(message) from error
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)
