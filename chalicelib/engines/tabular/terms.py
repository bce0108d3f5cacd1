"""What the parts of an expression are: numbers, texts, dates, or a column's values, read as any of these."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from .forms import null_test, read_number, text_of
from .frames import Column, Form
from .moments import moment_of
from .numbers import DECIMAL, Number, number_of, shown

_DECIMAL_DIGITS = 28


class BadExpression(ValueError):
    """The expression is none, or has in it what is not supported."""


class Kind(Enum):
    """What a part of an expression is; the value is DuckDB's type, where there is one."""

    NUMBER = "NUMBER"
    TEXT = "VARCHAR"
    BOOLEAN = "BOOLEAN"
    DATE = "DATE"
    TIMESTAMP = "TIMESTAMP"
    RAW = "RAW"
    """A column's values, as they are."""
    NULL = "NULL"


MOMENTS = frozenset({Kind.DATE, Kind.TIMESTAMP})


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """A part of an expression."""

    kind: Kind
    sql: str = "NULL"
    number: Number | None = None
    column: Column | None = None

    @property
    def size(self) -> int:
        """How long its SQL is."""
        return len(self.sql) + (len(self.number.decimal) + len(self.number.double) if self.number else 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """Where columns, bound values, and what is evaluated on a value that does not fit come from."""

    result: str
    """The name of the column that is made."""
    column: Callable[[str], Column]
    bind: Callable[[object], str]
    failing: Callable[[str, str, str], str]
    """Takes a column's name, the value's SQL and what is wrong with it."""
    quiet: bool = False
    """Whether a condition is made, in which nothing fails."""


def literal(value: Decimal | str | bool | None, sources: Sources) -> Term:  # noqa: FBT001  a value among values
    """A constant."""
    if value is None:
        return Term(kind=Kind.NULL)
    if isinstance(value, bool):
        return Term(kind=Kind.BOOLEAN, sql="true" if value else "false")
    if isinstance(value, str):
        return Term(kind=Kind.TEXT, sql=f"CAST({sources.bind(value)} AS VARCHAR)")
    exact = (
        abs(value) < 10**_DECIMAL_DIGITS and value == round(value, 10) if abs(value) < 10**17 else value == int(value)
    )
    fits = exact and abs(value) < 10**_DECIMAL_DIGITS
    decimal = f"CAST({sources.bind(format(value, 'f'))} AS {DECIMAL})" if fits else f"CAST(NULL AS {DECIMAL})"
    return Term(
        kind=Kind.NUMBER, number=Number(decimal=decimal, double=f"CAST({sources.bind(float(value))} AS DOUBLE)")
    )


def of_text(sql: str) -> Column:
    """A computed text in the place of a column."""
    return Column(name="text", sql=f"({sql})", form=Form.VALUE)


def as_number(term: Term, sources: Sources) -> Number:
    """The term read as a number.

    Raises:
        BadExpression: it is none by its kind.
    """
    if term.number is not None:
        return term.number
    if term.kind is Kind.NULL:
        return Number(decimal=f"CAST(NULL AS {DECIMAL})", double="CAST(NULL AS DOUBLE)")
    if term.column is None:
        raise BadExpression(
            f"calculates with a {term.kind.name.lower()}; number() makes a number of a text, & joins texts"
        )
    text = f"({text_of(term.column)})"
    number = number_of(term.column, sources.failing(term.column.name, text, "is no number"))
    if number is None:
        raise BadExpression(
            f"calculates with the column {term.column.name!r}, which holds values of the type {term.column.type}"
        )
    return number


def as_text(term: Term) -> str:
    """The term read as a text; NULL where there is none."""
    if term.column is not None:
        return f"({text_of(term.column)})"
    if term.number is not None:
        return shown(term.number)
    return term.sql if term.kind is Kind.TEXT else f"CAST({term.sql} AS VARCHAR)"


def as_condition(term: Term) -> str:
    """The term as a condition.

    Raises:
        BadExpression: it is none.
    """
    if term.kind is Kind.BOOLEAN:
        return f"coalesce({term.sql}, false)"
    if term.column is not None and term.column.type == "BOOLEAN" and term.column.form is Form.VALUE:
        return f"coalesce({term.column.sql}, false)"
    raise BadExpression('needs a comparison as its condition, such as status == "active" or paid == true')


def as_moment(term: Term, sources: Sources) -> Term:
    """The term read as a date or a time; a column or a text as a time.

    Raises:
        BadExpression: it is none by its kind.
    """
    if term.kind in MOMENTS or term.kind is Kind.NULL:
        return term
    if term.kind not in {Kind.RAW, Kind.TEXT}:
        raise BadExpression(f"takes a {term.kind.name.lower()} for a date")
    column = term.column or of_text(term.sql)
    moment, text = moment_of(column, "TIMESTAMP", None), f"({text_of(column)})"
    stop = sources.failing(column.name, text, "is no date or time as in 2024-01-31 or 2024-01-31T12:30:00")
    if sources.quiet:
        return Term(kind=Kind.TIMESTAMP, sql=moment)
    sql = f"CASE WHEN {null_test(column)} THEN NULL WHEN ({moment}) IS NULL THEN {stop} ELSE {moment} END"
    return Term(kind=Kind.TIMESTAMP, sql=sql)


def compared(operator: str, left: Term, right: Term, sources: Sources) -> str:
    """A comparison: of numbers, dates or texts, by what the two sides are; false where a side is null.

    Raises:
        BadExpression: the two cannot be compared.
    """
    if operator == "<>":
        return f"(NOT {compared('=', left, right, sources)})"
    kinds = {left.kind, right.kind}
    if Kind.NULL in kinds:
        return _null_compared(operator, left if right.kind is Kind.NULL else right)
    if kinds & MOMENTS:
        sides = [as_moment(side, sources).sql for side in (left, right)]
        return f"coalesce(CAST({sides[0]} AS TIMESTAMP) {operator} CAST({sides[1]} AS TIMESTAMP), false)"
    if Kind.BOOLEAN in kinds:
        if operator != "=":
            raise BadExpression("can compare true and false only with == and !=")
        return f"coalesce(lower({as_text(left)}) = lower({as_text(right)}), false)"
    texts = f"coalesce({as_text(left)} {operator} {as_text(right)}, false)"
    if Kind.TEXT in kinds:
        return texts
    return _numbers_compared(operator, left, right, sources, texts if kinds == {Kind.RAW} else "false")


def _null_compared(operator: str, other: Term) -> str:
    if operator != "=":
        raise BadExpression("can compare with null only by == and !=")
    if other.column is not None:
        return null_test(other.column)
    return f"({as_text(other)}) IS NULL"


def _numbers_compared(operator: str, left: Term, right: Term, sources: Sources, otherwise: str) -> str:
    for side in (left, right):
        if side.column is not None and read_number(side.column) is None:
            return otherwise
    first, second = as_number(left, sources), as_number(right, sources)
    exact = f"{first.decimal} {operator} {second.decimal}"
    return f"coalesce({exact}, {first.double} {operator} {second.double}, {otherwise})"


def unify(tests: list[str], values: list[Term], sources: Sources) -> Term:
    """A choice: the value of the first test that holds, or the last one."""

    def cases(sqls: list[str]) -> str:
        whens = " ".join(f"WHEN {test} THEN {sql}" for test, sql in zip(tests, sqls, strict=False))
        return f"CASE {whens} ELSE {sqls[-1]} END"

    kinds = {value.kind for value in values} - {Kind.NULL}
    if not kinds:
        return Term(kind=Kind.NULL)
    if kinds <= {Kind.NUMBER, Kind.RAW} and Kind.NUMBER in kinds:
        numbers = [as_number(value, sources) for value in values]
        decimal, double = cases([each.decimal for each in numbers]), cases([each.double for each in numbers])
        return Term(kind=Kind.NUMBER, number=Number(decimal=decimal, double=double))
    if len(kinds) == 1 and kinds <= {Kind.BOOLEAN, Kind.DATE, Kind.TIMESTAMP}:
        return Term(kind=kinds.pop(), sql=cases([value.sql for value in values]))
    if kinds <= MOMENTS:
        return Term(kind=Kind.TIMESTAMP, sql=cases([f"CAST({value.sql} AS TIMESTAMP)" for value in values]))
    return _raw_or_text(values, cases)


def _raw_or_text(values: list[Term], cases: Callable[[list[str]], str]) -> Term:
    columns = [value.column for value in values if value.column is not None]
    if len(columns) == len([value for value in values if value.kind is not Kind.NULL]):
        first = columns[0]
        if all((column.form, column.type) == (first.form, first.type) for column in columns):
            made = [value.column.sql if value.column is not None else "NULL" for value in values]
            return Term(
                kind=Kind.RAW, column=Column(name="choice", sql=f"({cases(made)})", form=first.form, type=first.type)
            )
    return Term(kind=Kind.TEXT, sql=cases([as_text(value) for value in values]))
