"""The COPY that writes a frame in each format."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import BadColumn
from .formats import Target
from .forms import text_of, token_of
from .frames import TEXT_TYPE, Column, Form, Frame
from .inference import Inferred, token_sql, value_sql
from .json_text import json_of, text_of_value, type_of
from .quoting import identifier, literal
from .running import Runner

_FORMULA_STARTS = r"'=', '+', '-', '@', E'\t', E'\r'"
_PLAIN_NUMBER = "[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?"


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """What is written, and how.

    Attributes:
        sql: of the rows.
        options: of the COPY.
        parameters: that are bound in both.
        columns: of the file: names, and types where the format has them.
    """

    sql: str
    options: str
    parameters: dict[str, object]
    columns: tuple[tuple[str, str | None], ...]

    def run(self, runner: Runner, path: Path) -> int:
        """Write the file; the number of rows."""
        [(rows,)] = runner.run(
            f"COPY ({self.sql}) TO $target ({self.options})", {**self.parameters, "target": str(path)}
        )
        return int(rows)


def csv_copy(runner: Runner, frame: Frame, target: Target, *, escape_formulas: bool) -> Copy:
    """The frame's rows as CSV, with a header.

    The header goes before the rows as a prefix: DuckDB's own columns cannot have names that differ only in case.
    """
    cells = [(column, _cell(runner, column)) for column in frame.columns]
    if escape_formulas:
        cells = [(column, _escaped(column, cell)) for column, cell in cells]
    names = [_escaped_name(column.name) if escape_formulas else column.name for column in frame.columns]
    given = ", ".join(f"{cell} AS {column.sql}" for column, cell in cells)
    return Copy(
        sql=f"SELECT {given} FROM ({frame.sql})",  # noqa: S608  Made of identifiers that are ours.
        options=(
            f"FORMAT csv, HEADER false, DELIMITER {literal(target.delimiter)}, QUOTE '\"', ESCAPE '\"', NULLSTR '',"
            f" NEW_LINE {literal(target.newline)}, PREFIX $prefix, SUFFIX {literal(target.newline)}, {_around(target)}"
        ),
        parameters={**frame.parameters, "prefix": header_line(names, target)},
        columns=_untyped(frame),
    )


def header_line(names: Sequence[str], target: Target) -> str:
    """The names as a line of CSV."""
    line = io.StringIO()
    # With both in it, names that hold either are quoted.
    csv.writer(line, delimiter=target.delimiter, lineterminator="\r\n").writerow(names)
    return line.getvalue().removesuffix("\r\n") + target.newline


def json_copy(runner: Runner, frame: Frame, target: Target, inferred: Mapping[str, Inferred]) -> Copy:
    """The frame's rows as JSON objects, one on each line; ``inferred`` tells the types of texts, by their identifiers.

    An object has no key where its token is NULL, as it had none when it was read.
    """
    pairs = ", ".join(
        f"{token_of(literal(column.name))} || ':' || {_token(runner, column, inferred)}" for column in frame.columns
    )
    around = r"NEW_LINE E',\n', PREFIX E'[\n', SUFFIX E'\n]\n'" if target.format == "json" else r"NEW_LINE E'\n'"
    return Copy(
        sql=f"SELECT '{{' || concat_ws(',', {pairs}) || '}}' AS line FROM ({frame.sql})",  # noqa: S608
        # A line is a single field, and nothing in it is quoted: JSON text holds no line break and no such delimiter.
        options=f"FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER E'\\x01', {around}, {_around(target)}",
        parameters=dict(frame.parameters),
        columns=_untyped(frame),
    )


def parquet_copy(frame: Frame, target: Target, inferred: Mapping[str, Inferred]) -> Copy:
    """The frame's rows as Parquet; ``inferred`` tells the types of columns that have none, by their identifiers.

    Raises:
        BadColumn: a column has no name, or its name differs from another's only in case.
    """
    _check_names([column.name for column in frame.columns])
    given, columns = [], []
    for column in frame.columns:
        found = inferred.get(column.sql)
        value = value_sql(column, found) if found else column.sql
        given.append(f"{value} AS {identifier(column.name)}")
        columns.append((column.name, (found.type or TEXT_TYPE) if found else column.type))
    codec = {"none": "uncompressed", None: "snappy"}.get(target.compression, target.compression)
    return Copy(
        sql=f"SELECT {', '.join(given)} FROM ({frame.sql})",  # noqa: S608  Identifiers are quoted.
        # Longer dictionaries take a fifth of the time to make, and are thrown away where values differ as much.
        options=f"FORMAT parquet, COMPRESSION {literal(str(codec))}, DICTIONARY_SIZE_LIMIT 5000",
        parameters=dict(frame.parameters),
        columns=tuple(columns),
    )


def _check_names(names: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        if not name:
            raise BadColumn("a column has no name, which Parquet does not allow; use the step rename")
        other = seen.setdefault(name.casefold(), name)
        if other is not name:
            raise BadColumn(
                f"the columns {other!r} and {name!r} differ only in case, which cannot be written as Parquet;"
                " use the step rename"
            )


def _untyped(frame: Frame) -> tuple[tuple[str, None], ...]:
    return tuple((column.name, None) for column in frame.columns)


def _around(target: Target) -> str:
    return f"COMPRESSION {literal(target.compression or 'none')}"


def _token(runner: Runner, column: Column, inferred: Mapping[str, Inferred]) -> str:
    """SQL of a column's values as JSON."""
    match column.form:
        case Form.JSON:
            return column.sql
        case Form.TEXT:
            string = f"coalesce({token_of(column.sql)}, 'null')"
            return token_sql(column, inferred[column.sql], string)
        case Form.VALUE:
            return json_of(type_of(runner.connection, column.type), column.sql)


def _cell(runner: Runner, column: Column) -> str:
    match column.form:
        case Form.TEXT:
            return column.sql
        case Form.JSON:
            return f"({text_of(column)})"
        case Form.VALUE:
            return text_of_value(type_of(runner.connection, column.type), column.sql)


def _escaped(column: Column, cell: str) -> str:
    """The cell with an apostrophe before what a spreadsheet would take for a formula; numbers stay."""
    if column.form is Form.VALUE and column.type != "VARCHAR":
        return cell
    number = f"regexp_full_match({cell}, '{_PLAIN_NUMBER}')"
    return f"CASE WHEN left({cell}, 1) IN ({_FORMULA_STARTS}) AND NOT {number} THEN '''' || {cell} ELSE {cell} END"


def _escaped_name(name: str) -> str:
    return f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name
