"""Steps that change values in their places: cast, fill_null, replace, trim."""

import json
from collections.abc import Callable

from .comparing import equal
from .forms import FLOATS, Reading, is_numeric, is_texts, null_test, number_in, read_number, text_of, token_of
from .frames import TEXT_TYPE, Column, Form, Frame
from .moments import moment_of
from .numbers import rounded, written_out
from .scratch import can_cast, check_re2
from .spaces import SPACES, trimmed
from .value_steps import Cast, FillNull, Replace, Trim
from .work import Work

TRUE = ("true", "t", "yes", "y", "1")
FALSE = ("false", "f", "no", "n", "0")
# What a replacement may make of a text that it makes longer.
MAX_GROWN_BYTES = 262_144
# More than a decimal can have.
_MOST_PLACES = 1_000
Changed = tuple[Column, str]


def cast(work: Work, params: Cast) -> Frame:
    """Make values of a type."""
    made = [_cast(work, work.column(name), params) for name in params.names]
    return work.replacing({column.sql: (column, value) for column, value in made})


def _cast(work: Work, column: Column, params: Cast) -> Changed:
    sql_type, value = CASTS[params.to](work, column, params)
    text = text_of(column)
    if params.on_error == "fail" and params.to != "text":
        stop = work.failing(column.name, f"({text})", f"is no {params.to}")
        value = f"CASE WHEN ({text}) IS NULL THEN NULL WHEN ({value}) IS NULL THEN {stop} ELSE ({value}) END"
    return Column(name=column.name, sql=column.sql, form=Form.VALUE, type=sql_type), f"CAST({value} AS {sql_type})"


def _reading(column: Column) -> Reading:
    # Dates and such are no numbers; their texts say so.
    return read_number(column) or Reading(text=text_of(column), double="NULL::DOUBLE", is_number="false")


def _to_integer(_work: Work, column: Column, _params: Cast) -> tuple[str, str]:
    reading = _reading(column)
    plain = f"regexp_full_match({reading.text}, '\\s*[+-]?[0-9]+\\s*')"
    # Such as 2.0 and 1e3; by the digits, since DuckDB rounds.
    parts = f"string_split({written_out(reading.text)}, '.')"
    whole = "CASE WHEN ltrim(coalesce(parts[2], ''), '0') = '' THEN TRY_CAST(parts[1] || '.0' AS BIGINT) END"
    other = f"list_transform([{parts}], lambda parts: {whole})[1]"
    return "BIGINT", (
        f"CASE WHEN {plain} THEN TRY_CAST({reading.text} AS BIGINT) WHEN {reading.is_number} THEN {other} END"
    )


def _to_decimal(_work: Work, column: Column, params: Cast) -> tuple[str, str]:
    reading, sql_type = _reading(column), f"DECIMAL({params.precision},{params.scale})"
    return sql_type, f"CASE WHEN {reading.is_number} THEN {rounded(reading.text, sql_type)} END"


def _to_float(_work: Work, column: Column, _params: Cast) -> tuple[str, str]:
    reading = _reading(column)
    return "DOUBLE", f"CASE WHEN {reading.is_number} AND isfinite({reading.double}) THEN {reading.double} END"


def _to_boolean(_work: Work, column: Column, _params: Cast) -> tuple[str, str]:
    word = f"trim(lower({text_of(column)}))"
    return "BOOLEAN", f"CASE WHEN {word} IN {TRUE} THEN true WHEN {word} IN {FALSE} THEN false END"


def _to_moment(sql_type: str) -> Callable[[Work, Column, Cast], tuple[str, str]]:
    def to(work: Work, column: Column, params: Cast) -> tuple[str, str]:
        return sql_type, moment_of(column, sql_type, work.bind(params.format) if params.format else None)

    return to


def _to_text(_work: Work, column: Column, _params: Cast) -> tuple[str, str]:
    return TEXT_TYPE, text_of(column)


CASTS: dict[str, Callable[[Work, Column, Cast], tuple[str, str]]] = {
    "integer": _to_integer,
    "decimal": _to_decimal,
    "float": _to_float,
    "boolean": _to_boolean,
    "date": _to_moment("DATE"),
    "timestamp": _to_moment("TIMESTAMP"),
    "text": _to_text,
}


def fill_null(work: Work, params: FillNull) -> Frame:
    """Put values where there are none."""
    changed = {}
    for name, value in params.filling.items():
        column = work.column(name)
        changed[column.sql] = (
            column,
            f"CASE WHEN {null_test(column)} THEN {_given(work, column, value)} ELSE {column.sql} END",
        )
    return work.replacing(changed)


def _given(work: Work, column: Column, value: object) -> str:
    """A value from the parameters, as one of the column's."""
    if column.form is Form.JSON:
        return work.bind(json.dumps(value, ensure_ascii=False))
    if value is None:
        return "NULL"
    text = value if isinstance(value, str) else json.dumps(value)
    if is_texts(column):
        return work.bind(text)
    number = number_in(value) if is_numeric(column) and column.type not in FLOATS else None
    if number is not None and number.adjusted() > -_MOST_PLACES:
        text = format(number, "f")  # DuckDB rounds a number with an exponent wrongly.
    if not can_cast(text, column.type) or (number is not None and _is_rounded(text, column)):
        raise work.wrong_value(f"column {column.name!r} holds values of the type {column.type}, and {value!r} is none")
    return f"CAST({work.bind(text)} AS {column.type})"


def _is_rounded(text: str, column: Column) -> bool:
    """Whether a number would become another one in a column of whole numbers or decimals."""
    scale = int(column.type.rstrip(")").rpartition(",")[2]) if column.type.startswith("DECIMAL") else 0
    return "e" in text.lower() or len(text.partition(".")[2].rstrip("0")) > scale


def replace(work: Work, params: Replace) -> Frame:
    """Replace whole values, parts of texts, or what a pattern matches."""
    columns = [work.column(name) for name in params.names]
    if params.match == "whole":
        return work.replacing({column.sql: (column, _replace_whole(work, column, params)) for column in columns})
    if params.match == "pattern":
        check_re2(work, str(params.old))
    return _change_texts(work, columns, lambda text: _replace_parts(work, params, text))


def _replace_parts(work: Work, params: Replace, text: str) -> str:
    """SQL that replaces parts of a text; it fails rather than make a long one, for which DuckDB counts no memory."""
    old, new = work.bind(params.old), work.bind(params.new)
    found, put = len(str(params.old).encode()), len(str(params.new).encode())
    if params.match == "pattern":
        made = f"regexp_replace({text}, {old}, {new}, 'g')"
        # Each group that it names may be as long as what is matched.
        groups, matches = (
            f"strlen({text}) * {str(params.new).count(chr(92))}",
            f"len(regexp_extract_all({text}, {old}))",
        )
        most = f"(strlen({text}) + 1) * {put} + {groups}"
        exact = f"{matches} * {put} + CASE WHEN {matches} > 0 THEN {groups} ELSE 0 END"
    else:
        made = f"replace({text}, {old}, {new})"
        if put <= found:
            return made
        grown = put / found
        most = f"strlen({text}) * {grown}"
        exact = f"(strlen({text}) - strlen(replace({text}, {old}, ''))) * {grown}"
    limit = f"greatest({MAX_GROWN_BYTES}, strlen({text}))"
    told = work.failing(", ".join(params.names), text, f"would become longer than {MAX_GROWN_BYTES} bytes")
    kept = f"strlen({text})"
    fits = f"{kept} + {most} <= {limit} OR {kept} + {exact} <= {limit}"
    return f"CASE WHEN {text} IS NULL OR {fits} THEN {made} ELSE {told} END"


def _replace_whole(work: Work, column: Column, params: Replace) -> str:
    cases = [f"WHEN {equal(work, column, (old,))} THEN {_given(work, column, new)}" for old, new in params.replacements]
    return f"CASE {' '.join(cases)} ELSE {column.sql} END"


def trim(work: Work, params: Trim) -> Frame:
    """Take white space, or other characters, off the ends of texts."""
    if params.names is None:
        columns = [column for column in work.frame.columns if is_texts(column)]
    else:
        columns = [work.column(name) for name in params.names]
    function = {"both": "trim", "left": "ltrim", "right": "rtrim"}[params.side]
    if params.characters is not None:
        given = work.bind(params.characters)
        return _change_texts(work, columns, lambda text: f"{function}({text}, {given})")
    return _change_texts(work, columns, lambda text: trimmed(function, text, work.bind(SPACES)))


def _change_texts(work: Work, columns: list[Column], change: Callable[[str], str]) -> Frame:
    for column in columns:
        if not is_texts(column):
            raise work.wrong_column(f"column {column.name!r} holds values of the type {column.type}, not texts")
    return work.replacing({column.sql: (column, _change_text(column, change)) for column in columns})


def _change_text(column: Column, change: Callable[[str], str]) -> str:
    if column.form is Form.VALUE:
        return change(column.sql)
    if column.form is Form.TEXT:  # What becomes empty is null; what was written as "" stays so.
        return f"CASE WHEN {column.sql} = '' THEN '' ELSE nullif({change(column.sql)}, '') END"
    text = f"({text_of(column)})"
    # An unchanged string keeps its escapes.
    differs = f"starts_with({column.sql}, '\"') AND {change(text)} <> {text}"
    return f"CASE WHEN {differs} THEN {token_of(change(text))} ELSE {column.sql} END"
