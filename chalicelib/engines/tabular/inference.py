"""Types of columns of texts, from all their values, such that nothing is lost.

A column is of a type if every text in it is just what DuckDB writes for the value that it reads from it: ``00123`` is
no BIGINT, ``1.50`` and ``1.5`` are not of one DECIMAL. The first rows rule most types out; what is left is then proven
in the same pass that writes the values, by an expression that stops where a text is not its value's. Only then is the
whole column looked at first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .forms import text_of
from .frames import TEXT_TYPE, Column, Form, Frame
from .problems import NOT_AS_INFERRED
from .quoting import literal
from .running import Runner

_WIDE = frozenset({"HUGEINT", "UHUGEINT", "BIGNUM"})
_DECIMAL = "-?(0|[1-9][0-9]*)[.][0-9]+"
_INTEGER = "-?(0|[1-9][0-9]*)"
_MAX_DIGITS = 38
_LONG_DIGITS = 18
_FAILURE = f"error({literal(NOT_AS_INFERRED)})"
# Types that are told by writing the value again, in the order of the aggregates.
_SAME = ("BIGINT", "DOUBLE", "DATE", "TIMESTAMP")
_NO_TOKENS = frozenset({TEXT_TYPE, "DATE", "TIMESTAMP"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Inferred:
    """What is known of a column of texts.

    Attributes:
        type: that all its values have; None where it has none.
        quoted_blanks: its missing values are ``""`` and never nothing at all, so that one null stands for both.
    """

    type: str | None
    quoted_blanks: bool = False


def is_inferable(column: Column) -> bool:
    """Whether the column's values have no type yet that a file could hold."""
    return column.form is not Form.VALUE or column.type in _WIDE


def infer(runner: Runner, frame: Frame, columns: Sequence[Column], parameters: Mapping[str, object]) -> list[Inferred]:
    """What is known of some of the frame's columns after looking at all its rows.

    Args:
        runner: runs the query.
        frame: the rows.
        columns: of it, which are inferable.
        parameters: of the frame, with which another source may be read.
    """
    if not columns:
        return []
    texts = ", ".join(_plain(column) for column in columns)
    # One row for each value: many aggregates over each of many columns would take long to plan.
    values = f"SELECT unnest(range({len(columns)})) AS place, unnest([{texts}]) AS plain FROM ({frame.sql})"  # noqa: S608
    rows = runner.run(f"SELECT place, {_FINDINGS} FROM ({values}) GROUP BY place", parameters)  # noqa: S608
    found = {place: _concluded(*findings) for place, *findings in rows}
    return [found.get(place, Inferred(type=None)) for place in range(len(columns))]


def value_sql(column: Column, inferred: Inferred) -> str:
    """SQL of the column's values, which fails where one is not as inferred."""
    as_text = text_of(column) if column.form is Form.JSON else _plain(column)
    match inferred.type:
        case "VARCHAR":
            return as_text
        case None:
            return f"CASE WHEN {_present(column)} IS NOT NULL THEN {_FAILURE} ELSE {as_text} END"
        case "BOOLEAN":
            return _proven(column, inferred, f"{_chosen(column, inferred)} = 'true'")
        case kind:
            return _proven(column, inferred, f"TRY_CAST({_chosen(column, inferred)} AS {kind})")


def token_sql(column: Column, inferred: Inferred, string: str) -> str:
    """SQL of the JSON tokens of a CSV file's column, which fails where a value is not as inferred.

    Args:
        column: of texts.
        inferred: what is known of it.
        string: SQL of its values as JSON strings, for the types that JSON does not have.
    """
    if inferred.type in _NO_TOKENS:
        return string
    if inferred.type is None:
        return f"CASE WHEN {_present(column)} IS NOT NULL THEN {_FAILURE} ELSE {string} END"
    return _proven(column, inferred, f"coalesce({_chosen(column, inferred)}, 'null')")


def _proven(column: Column, inferred: Inferred, value: str) -> str:
    """The value, unless the column's text is not the one that its type would be written as."""
    text = _chosen(column, inferred)
    if inferred.type == "BOOLEAN":
        wrong = f"{text} <> 'true' AND {text} <> 'false'"
    else:
        wrong = f"CAST({_finite(text, inferred.type)} AS VARCHAR) IS DISTINCT FROM {text}"
    if inferred.quoted_blanks:
        wrong = f"{column.sql} IS NULL OR {wrong}"
    return f"CASE WHEN {wrong} THEN {_FAILURE} ELSE {value} END"


def _finite(text: str, kind: str | None) -> str:
    cast = f"TRY_CAST({text} AS {kind})"
    # ``nan`` and ``inf`` are words, and the second of each year 292,277 is a time that many readers refuse.
    return f"CASE WHEN isfinite({cast}) THEN {cast} END" if kind in {"DOUBLE", "DATE", "TIMESTAMP"} else cast


def _plain(column: Column) -> str:
    """The column's text; of JSON, the token, and NULL where that is null."""
    match column.form:
        case Form.TEXT:
            return column.sql
        case Form.JSON:
            return f"nullif({column.sql}, 'null')"
        case Form.VALUE:
            return f"CAST({column.sql} AS VARCHAR)"


def _present(column: Column) -> str:
    """The column's text, NULL where it has no value."""
    return f"nullif({_plain(column)}, '')" if column.form is Form.TEXT else _plain(column)


def _chosen(column: Column, inferred: Inferred) -> str:
    """The column's text where a value is expected."""
    return _present(column) if inferred.quoted_blanks else _plain(column)


def _findings() -> str:
    """Aggregates over ``plain``: numbers of values, and of those that are of each kind."""
    text = "nullif(plain, '')"
    integer, decimal = f"regexp_full_match({text}, '{_INTEGER}')", f"regexp_full_match({text}, '{_DECIMAL}')"
    whole, part = f"split_part(ltrim({text}, '-'), '.', 1)", f"split_part({text}, '.', 2)"
    return ", ".join(
        [
            f"count({text})",
            "count_if(plain IS NULL)",
            "count_if(plain = '')",
            f"count_if({text} IN ('true', 'false'))",
            *(f"count_if(CAST({_finite(text, kind)} AS VARCHAR) = {text})" for kind in _SAME),
            # Zeros with a sign are numbers that would lose it.
            f"count_if(({integer} OR {decimal}) AND NOT regexp_full_match({text}, '-[0.]*'))",
            f"coalesce(min(strlen({part})), 0)",
            f"coalesce(max(strlen({part})), 0)",
            f"coalesce(max(strlen({whole})), 0)",
        ]
    )


_FINDINGS = _findings()


def _concluded(
    count: int, nulls: int, blanks: int, booleans: int, integers: int, doubles: int, dates: int, timestamps: int,
    decimals: int, least_scale: int, scale: int, digits: int,
) -> Inferred:  # fmt: skip
    if not count:
        return Inferred(type=None)
    if blanks and nulls:
        return Inferred(type=TEXT_TYPE)
    exact = decimals == count and least_scale == scale and digits + scale <= _MAX_DIGITS
    width = _LONG_DIGITS if digits + scale <= _LONG_DIGITS else _MAX_DIGITS
    found = {
        "BOOLEAN": booleans,
        "BIGINT": integers,
        f"DECIMAL({width},{scale})": count if exact else 0,
        "DOUBLE": doubles,
        "DATE": dates,
        "TIMESTAMP": timestamps,
    }
    kind = next((kind for kind, fitting in found.items() if fitting == count), TEXT_TYPE)
    return Inferred(type=kind, quoted_blanks=bool(blanks) and kind != TEXT_TYPE)
