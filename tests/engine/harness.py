"""Small tables through the steps, on DuckDB alone."""

import functools
from collections.abc import Sequence
from typing import Any

import duckdb
from pydantic import TypeAdapter

from chalicelib.engines.tabular.compiling import compile_step
from chalicelib.engines.tabular.errors import BadValue
from chalicelib.engines.tabular.frames import Column, Form, Frame
from chalicelib.engines.tabular.steps import AnyStep, Step
from chalicelib.engines.tabular.work import bad_value_in

Row = tuple[Any, ...]

ADAPTER: TypeAdapter[AnyStep] = TypeAdapter(Step)


def step(kind: str, **params: Any) -> dict[str, Any]:
    return {"type": kind, "params": params}


def validated(document: dict[str, Any]) -> AnyStep:
    return ADAPTER.validate_python(document)


@functools.cache
def connection() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect(config={"threads": 2})
    made.execute("SET disabled_optimizers = 'filter_pushdown'")
    return made


def frame_of(names: Sequence[str], rows: Sequence[Row], form: Form = Form.TEXT, sql_type: str = "VARCHAR") -> Frame:
    """A frame of these rows; values are bound, as everywhere."""
    identifiers = [f"c{number}" for number in range(len(names))]
    columns = tuple(
        Column(name=name, sql=sql, form=form, type=sql_type) for name, sql in zip(names, identifiers, strict=True)
    )
    placed = [value for row in rows for value in row]
    places = iter(range(len(placed)))
    lines = [f"({', '.join(f'CAST($p{next(places)} AS {sql_type})' for _ in names)})" for _ in rows]
    nothing = f"SELECT {', '.join(f'CAST(NULL AS {sql_type}) AS {sql}' for sql in identifiers)} LIMIT 0"
    table = f"FROM (VALUES {', '.join(lines)}) AS given({', '.join(identifiers)})" if rows else nothing
    return Frame(sql=table, columns=columns, parameters={f"p{n}": value for n, value in enumerate(placed)})


def compiled(frame: Frame, *steps: dict[str, Any]) -> Frame:
    for index, document in enumerate(steps):
        frame = compile_step(validated(document), frame, index=index)
    return frame


def rows_of(frame: Frame) -> list[Row]:
    """The frame's rows.

    Raises:
        BadValue: a step refused a value.
    """
    try:
        return connection().execute(frame.sql, dict(frame.parameters)).fetchall()
    except duckdb.Error as error:
        refused = bad_value_in(error)
        if refused is None:
            raise
        raise refused from error


def run(names: Sequence[str], rows: Sequence[Row], *steps: dict[str, Any], form: Form = Form.TEXT) -> list[Row]:
    return rows_of(compiled(frame_of(names, rows, form), *steps))


def column(values: Sequence[object], *steps: dict[str, Any], form: Form = Form.TEXT) -> list[Any]:
    """One column ``x`` through the steps; what is last in each row that comes out."""
    return [row[-1] for row in run(["x"], [(value,) for value in values], *steps, form=form)]


__all__ = ["BadValue", "Form", "column", "compiled", "frame_of", "rows_of", "run", "step", "validated"]
