"""Steps as SQL: each puts one more SELECT around the frame that it is given."""

import dataclasses
from collections.abc import Callable
from typing import Any

from .aggregating import aggregate
from .changing import cast, fill_null, replace, trim
from .deriving import derive
from .frames import Frame
from .ordering import deduplicate, filtered, limit, sample, sort
from .steps import (
    Aggregate,
    AnyStep,
    Cast,
    ConvertFormat,
    Deduplicate,
    Derive,
    Drop,
    FillNull,
    Limit,
    Rename,
    Replace,
    Sample,
    Select,
    Sort,
    Trim,
)  # fmt: skip
from .work import Work


def compile_step(step: AnyStep, frame: Frame, *, index: int) -> Frame:
    """The frame that the step makes of this one.

    No value is pasted into the SQL: it is bound to a named parameter, and columns go by the frame's own identifiers.
    ``convert_format`` changes no rows: it gives the frame back.

    Args:
        step: what is to be done.
        frame: the rows before the step.
        index: the step's place among the job's steps, from 0, for messages.

    Raises:
        BadColumn: the step names a column that is not there, or would make two of the same name.
        BadValue: a parameter does not fit the column's type, or a pattern is none.
    """
    work = Work(frame, index, step.type)
    return _COMPILERS.get(type(step.params), filtered)(work, step.params)


def _select(work: Work, params: Select) -> Frame:
    columns = [work.column(name) for name in params.columns]
    return work.project([(column, column.sql) for column in columns])


def _drop(work: Work, params: Drop) -> Frame:
    dropped = {work.column(name).sql for name in params.columns}
    kept = [column for column in work.frame.columns if column.sql not in dropped]
    if not kept:
        raise work.wrong_column("no column would be left")
    return work.project([(column, column.sql) for column in kept])


def _rename(work: Work, params: Rename) -> Frame:
    names = {work.column(name).sql: new for name, new in params.columns.items()}
    columns = [dataclasses.replace(column, name=names.get(column.sql, column.name)) for column in work.frame.columns]
    return work.frame_of(work.frame.sql, columns)


def _unchanged(work: Work, _params: ConvertFormat) -> Frame:
    return work.frame


_COMPILERS: dict[type, Callable[[Work, Any], Frame]] = {
    Select: _select,
    Drop: _drop,
    Rename: _rename,
    Cast: cast,
    Derive: derive,
    FillNull: fill_null,
    Replace: replace,
    Trim: trim,
    Sort: sort,
    Deduplicate: deduplicate,
    Aggregate: aggregate,
    Limit: limit,
    Sample: sample,
    ConvertFormat: _unchanged,
}
