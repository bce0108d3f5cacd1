"""The functions that expressions may call."""

from collections.abc import Callable
from dataclasses import dataclass

from .forms import null_test
from .moments import moment_in
from .numbers import DECIMAL, Number
from .spaces import SPACES, trimmed
from .terms import Kind, Sources, Term, as_moment, as_number, as_text, of_text, unify

MAX_ARGUMENTS = 50
PARTS = {
    "year": "year", "quarter": "quarter", "month": "month", "week": "week", "day": "day", "weekday": "isodow",
    "hour": "hour", "minute": "minute", "second": "second",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """A function: how many values it takes, and what it makes of them."""

    usage: str
    least: int
    most: int
    make: Callable[[list[Term], Sources], Term]


def _text_function(name: str, usage: str) -> Function:
    def make(given: list[Term], _sources: Sources) -> Term:
        return Term(kind=Kind.TEXT, sql=f"{name}({', '.join(as_text(each) for each in given)})")

    count = usage.count(",") + 1
    return Function(usage=usage, least=count, most=count, make=make)


def _test(name: str, usage: str) -> Function:
    def make(given: list[Term], _sources: Sources) -> Term:
        return Term(kind=Kind.BOOLEAN, sql=f"coalesce({name}({as_text(given[0])}, {as_text(given[1])}), false)")

    return Function(usage=usage, least=2, most=2, make=make)


def _trim(given: list[Term], sources: Sources) -> Term:
    return Term(kind=Kind.TEXT, sql=trimmed("trim", as_text(given[0]), sources.bind(SPACES)))


def _length(given: list[Term], _sources: Sources) -> Term:
    return _whole(f"length({as_text(given[0])})")


def _whole(sql: str) -> Term:
    return Term(kind=Kind.NUMBER, number=Number(decimal=f"CAST({sql} AS {DECIMAL})", double=f"CAST({sql} AS DOUBLE)"))


def _substr(given: list[Term], sources: Sources) -> Term:
    places = [f"CAST(least(greatest({as_number(each, sources).double}, -1e9), 1e9) AS BIGINT)" for each in given[1:]]
    return Term(kind=Kind.TEXT, sql=f"substring({as_text(given[0])}, {', '.join(places)})")


def _concat(given: list[Term], _sources: Sources) -> Term:
    return Term(kind=Kind.TEXT, sql=f"concat({', '.join(as_text(each) for each in given)})")


def _coalesce(given: list[Term], sources: Sources) -> Term:
    return unify([_is_there(each) for each in given[:-1]], given, sources)


def _is_there(term: Term) -> str:
    if term.column is not None:
        return f"NOT {null_test(term.column)}"
    if term.number is not None:
        return f"({term.number.decimal} IS NOT NULL OR {term.number.double} IS NOT NULL)"
    return f"({term.sql}) IS NOT NULL"


def _is_null(given: list[Term], _sources: Sources) -> Term:
    return Term(kind=Kind.BOOLEAN, sql=f"(NOT {_is_there(given[0])})")


def _rounding(function: str) -> Callable[[list[Term], Sources], Term]:
    def make(given: list[Term], sources: Sources) -> Term:
        number = as_number(given[0], sources)
        decimal = f"TRY_CAST({function}({number.decimal}) AS {DECIMAL})"
        return Term(kind=Kind.NUMBER, number=Number(decimal=decimal, double=f"{function}({number.double})"))

    return make


def _round(given: list[Term], sources: Sources) -> Term:
    number = as_number(given[0], sources)
    places = given[1].number.double if len(given) > 1 and given[1].number else "0"
    rounded = [f"round({each}, CAST({places} AS INTEGER))" for each in (number.decimal, number.double)]
    return Term(kind=Kind.NUMBER, number=Number(decimal=f"TRY_CAST({rounded[0]} AS {DECIMAL})", double=rounded[1]))


def _part(part: str) -> Callable[[list[Term], Sources], Term]:
    def make(given: list[Term], sources: Sources) -> Term:
        moment = as_moment(given[0], sources)
        return _whole(f"date_part('{part}', CAST({moment.sql} AS TIMESTAMP))")

    return make


def _moment(kind: Kind) -> Callable[[list[Term], Sources], Term]:
    def make(given: list[Term], sources: Sources) -> Term:
        if len(given) == 1:
            return Term(kind=kind, sql=f"CAST({as_moment(given[0], sources).sql} AS {kind.value})")
        text, form = as_text(given[0]), as_text(given[1])
        stop = sources.failing("a text", text, "does not fit the format of the date")
        moment = moment_in(text, kind.value, form)
        sql = (
            moment
            if sources.quiet
            else f"CASE WHEN {text} IS NULL THEN NULL WHEN {moment} IS NULL THEN {stop} ELSE {moment} END"
        )
        return Term(kind=kind, sql=sql)

    return make


def _number(given: list[Term], sources: Sources) -> Term:
    term = given[0]
    if term.kind is Kind.TEXT:
        term = Term(kind=Kind.RAW, column=of_text(f"nullif({term.sql}, '')"))
    return Term(kind=Kind.NUMBER, number=as_number(term, sources))


def _text(given: list[Term], _sources: Sources) -> Term:
    return Term(kind=Kind.TEXT, sql=as_text(given[0]))


def _one(usage: str, make: Callable[[list[Term], Sources], Term], most: int = 1) -> Function:
    return Function(usage=usage, least=1, most=most, make=make)


FUNCTIONS: dict[str, Function] = {
    "upper": _text_function("upper", "upper(text)"),
    "lower": _text_function("lower", "lower(text)"),
    "replace": _text_function("replace", "replace(text, old, new)"),
    "trim": _one("trim(text)", _trim),
    "length": _one("length(text)", _length),
    "substr": Function(usage="substr(text, start, count)", least=2, most=3, make=_substr),
    "concat": _one("concat(value, …)", _concat, MAX_ARGUMENTS),
    "contains": _test("contains", "contains(text, part)"),
    "starts_with": _test("starts_with", "starts_with(text, part)"),
    "ends_with": _test("ends_with", "ends_with(text, part)"),
    "coalesce": _one("coalesce(value, …)", _coalesce, MAX_ARGUMENTS),
    "is_null": _one("is_null(value)", _is_null),
    "round": _one("round(number, places)", _round, 2),
    "abs": _one("abs(number)", _rounding("abs")),
    "floor": _one("floor(number)", _rounding("floor")),
    "ceil": _one("ceil(number)", _rounding("ceil")),
    "number": _one("number(text)", _number),
    "text": _one("text(value)", _text),
    "date": _one("date(text, format)", _moment(Kind.DATE), 2),
    "timestamp": _one("timestamp(text, format)", _moment(Kind.TIMESTAMP), 2),
    **{name: _one(f"{name}(date)", _part(part)) for name, part in PARTS.items()},
}
