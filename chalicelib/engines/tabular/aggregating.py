"""The step ``aggregate``: one row for each group, in the order in which sorting by the groups' columns puts them."""

from dataclasses import dataclass, replace

from .forms import FLOATS, Reading, is_numeric, is_texts, null_test, present, read_number, with_texts
from .frames import Column, Form, Frame
from .numbers import (
    DECIMAL,
    PLACES,
    Number,
    decimal_of,
    exactly,
    quotient,
    token,
    total,
    unusual_part,
    usual_part,
)  # fmt: skip
from .ordering import sort_keys
from .row_steps import Aggregate, Aggregated
from .selecting import select
from .work import Work


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """A result: what is computed for each group, by identifier, and the value made of that."""

    column: Column
    parts: dict[str, str]
    value: str


def aggregate(work: Work, params: Aggregate) -> Frame:
    """Compute the aggregates of each group."""
    groups = [work.column(name) for name in params.group_by or ()]
    first = int(work.fresh()[1:])
    used = [work.column(one.column) for one in params.aggregates if one.column is not None]
    source, readable = with_texts(work.frame.sql, used)
    results = [_result(work, one, f"c{first + number}", readable) for number, one in enumerate(params.aggregates)]
    given = [f"{_group(column)} AS {column.sql}" for column in groups]
    given += [f"{value} AS {name}" for result in results for name, value in result.parts.items()]
    by = f"GROUP BY {', '.join(str(place + 1) for place in range(len(groups)))}" if groups else ""
    shown = [column.sql for column in groups] + [f"{result.value} AS {result.column.sql}" for result in results]
    columns = [*groups, *(result.column for result in results)]
    sql = select(", ".join(shown), select(", ".join(given), source, by))
    return work.frame_of(_in_order(sql, columns, groups), columns)


def _group(column: Column) -> str:
    return f"coalesce({column.sql}, 'null')" if column.form is Form.JSON else present(column)


def _in_order(sql: str, columns: list[Column], groups: list[Column]) -> str:
    if not groups:
        return sql
    source, readable = with_texts(sql, groups)
    read = [readable[column.sql] for column in groups]
    keys = [key for column in read for key in (null_test(column), *sort_keys(column))]
    last = [column.sql for column in groups]
    return select(", ".join(column.sql for column in columns), source, f"ORDER BY {', '.join(keys + last)}")


def _result(work: Work, one: Aggregated, sql: str, readable: dict[str, Column]) -> Result:
    column = work.column(one.column) if one.column is not None else None
    made = Column(name=one.title, sql=sql, form=Form.VALUE, type="BIGINT")
    if column is None:
        return _as_it_is(made, "count(*)")
    if one.function in {"count", "count_distinct"}:
        return _as_it_is(made, f"count({'DISTINCT ' if one.function == 'count_distinct' else ''}{present(column)})")
    if one.function in {"min", "max"}:
        return _as_it_is(
            replace(made, form=column.form, type=column.type), _extreme(one.function, column, readable[column.sql])
        )
    parts, value = _numeric(work, one, readable[column.sql], sql)
    return Result(column=Column(name=one.title, sql=sql, form=Form.JSON), parts=parts, value=value)


def _as_it_is(column: Column, value: str) -> Result:
    return Result(column=column, parts={column.sql: value}, value=column.sql)


def _extreme(function: str, column: Column, read: Column) -> str:
    if not is_texts(column):
        return f"{function}({column.sql})"
    keys = [*sort_keys(read), column.sql]
    packed = ", ".join(f"k{number} := {key}" for number, key in enumerate(keys))
    kept = f"{function}(struct_pack({packed})) FILTER (WHERE NOT {null_test(read)})"
    found = f"struct_extract({kept}, 'k{len(keys) - 1}')"
    return f"coalesce({found}, 'null')" if column.form is Form.JSON else found


def _numeric(work: Work, one: Aggregated, column: Column, sql: str) -> tuple[dict[str, str], str]:
    reading = read_number(column)
    if reading is None:
        raise work.wrong_column(f"column {column.name!r} holds values of the type {column.type}, not numbers")
    bad = work.failing(column.name, reading.text, "is no number") if one.on_error == "fail" else "NULL"
    if is_numeric(column) and column.type in FLOATS:
        return _of_floats(one.function, column, bad, sql)
    if one.function == "median":
        return _median(column, reading, bad, sql)
    value = f"CASE WHEN {reading.is_number} OR {null_test(column)} THEN NULL ELSE {bad} END"
    usual, unusual, count = f"{sql}_usual", f"{sql}_unusual", f"{sql}_count"
    parts = {usual: usual_part(column, reading, value), unusual: unusual_part(column, reading)}
    summed = total(usual, unusual)
    if one.function == "sum":
        return parts, f"coalesce({summed}, 'null')"
    over = Number(decimal=exactly(summed), double=f"TRY_CAST({summed} AS DOUBLE)")
    under = Number(decimal=f"CAST({count} AS {DECIMAL})", double=f"CAST({count} AS DOUBLE)")
    return {**parts, count: f"count({reading.number})"}, token(quotient(over, under))


def _median(column: Column, reading: Reading, bad: str, sql: str) -> tuple[dict[str, str], str]:
    """The middle value, or half of the sum of the two in the middle; in doubles where a value has too many digits."""
    exact = decimal_of(column, reading)
    number = f"CASE WHEN {reading.is_number} THEN {reading.double} WHEN {null_test(column)} THEN NULL ELSE {bad} END"
    low, high, near, inexact = (f"{sql}_{part}" for part in ("low", "high", "near", "inexact"))
    parts = {
        low: f"quantile_disc({exact}, 0.5)",
        high: f"-quantile_disc(-({exact}), 0.5)",
        near: f"median({number})",
        inexact: f"count({number}) - count({exact})",
    }
    middle = f"TRY(CAST(({low} + {high}) * 0.5 AS DECIMAL(38, {PLACES + 1})))"
    value = f"CASE WHEN {inexact} = 0 THEN {middle} END"
    return parts, token(Number(decimal=value, double=near))


def _of_floats(function: str, column: Column, bad: str, sql: str) -> tuple[dict[str, str], str]:
    number = (
        f"CASE WHEN {column.sql} IS NULL OR isfinite({column.sql}) THEN CAST({column.sql} AS DOUBLE) ELSE {bad} END"
    )
    name = {"sum": "fsum", "mean": "favg", "median": "median"}[function]
    return {sql: f"{name}({number})"}, token(Number(decimal=f"NULL::{DECIMAL}", double=sql))
