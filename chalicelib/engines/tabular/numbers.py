"""Exact arithmetic in SQL, as far as decimals reach, and in doubles beyond.

A number is carried twice: as a decimal with ten places, where it is exactly that, and as a double, which is looked at
only where there is no decimal. What comes out is a JSON number: the shortest one that says the value.
"""

from dataclasses import dataclass

from .forms import INTEGERS, WHITE, Reading, exponent_of, is_numeric, read_number
from .frames import Column

PLACES = 10
DECIMAL = f"DECIMAL(38, {PLACES})"
# Whole digits of a summand, so that a hundred billion of them cannot overflow the sum.
_SUMMAND_DIGITS = 17
_BIG_PLACES = 40
# More than a decimal can have, before the point or after it.
_MOST_DIGITS = 40
# Reading a text as a decimal of 38 digits takes DuckDB twenty times as long as one of 18, which most numbers fit.
_USUAL_PLACES = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Number:
    """A number as SQL: exact, where it is not NULL, and nearly."""

    decimal: str
    double: str


def exactly(text: str, digits: int = 38 - PLACES) -> str:
    """The decimal that a text says; NULL where it has more digits than fit, or an exponent, or is no number."""
    usual = f"CAST(TRY_CAST({text} AS DECIMAL(18, {_USUAL_PLACES})) AS {DECIMAL})"
    matches = f"regexp_full_match({text}, '{_plain(18 - _USUAL_PLACES, _USUAL_PLACES)}')"
    long = f"regexp_full_match({text}, '{_plain(digits, PLACES)}')"
    return f"CASE WHEN {matches} THEN {usual} WHEN {long} THEN TRY_CAST({text} AS {DECIMAL}) END"


def rounded(text: str, sql_type: str) -> str:
    """A number as a type of decimals, rounded half away from zero; NULL where it has too many digits before the point.

    Args:
        text: what is known to be a number.
        sql_type: the type.
    """
    matches = f"regexp_full_match({text}, '{_plain(18 - _USUAL_PLACES, _USUAL_PLACES)}')"
    usual = f"TRY_CAST(CAST({text} AS DECIMAL(18, {_USUAL_PLACES})) AS {sql_type})"
    # Without its exponent, since DuckDB rounds what that makes small away from zero, however small it is.
    return f"CASE WHEN {matches} THEN {usual} ELSE TRY_CAST({written_out(text)} AS {sql_type}) END"


def _plain(digits: int, places: int) -> str:
    white = r"[ \t\n\v\f\r]*"
    return rf"{white}[+-]?([0-9]{{1,{digits}}}([.][0-9]{{0,{places}}})?|[.][0-9]{{1,{places}}}){white}"


def decimal_of(column: Column, reading: Reading, digits: int = 38 - PLACES) -> str:
    """The column's exact decimal, where it has one."""
    if is_numeric(column) and column.type in INTEGERS:
        return f"CAST({column.sql} AS {DECIMAL})"
    return exactly(reading.text, digits)


def number_of(column: Column, failing: str) -> Number | None:
    """The column as a number; ``failing`` is what is evaluated for a text that is none. None if its type has none."""
    reading = read_number(column)
    if reading is None:
        return None
    absent = f"({reading.text}) IS NULL"
    empty = f" OR {reading.text} = ''" if column.form == "text" else ""
    finite = f"{reading.is_number} AND isfinite({reading.double})"
    double = f"CASE WHEN {finite} THEN {reading.double} WHEN {absent}{empty} THEN NULL ELSE {failing} END"
    return Number(decimal=decimal_of(column, reading), double=double)


def token(number: Number, failing: str = "NULL") -> str:
    """The number as JSON; ``failing`` is evaluated for what is not finite."""
    return f"coalesce({shown(number, failing)}, 'null')"


def shown(number: Number, failing: str = "NULL") -> str:
    """The number as a text, as short as it can be said; NULL where there is none."""
    return f"coalesce({_decimal_text(number.decimal)}, {_double_text(number.double, failing)})"


def _decimal_text(decimal: str) -> str:
    return f"rtrim(rtrim(CAST({decimal} AS VARCHAR), '0'), '.')"


def _double_text(double: str, failing: str) -> str:
    # Adding zero takes the sign off a negative zero.
    text = f"regexp_replace(CAST({double} + 0.0::DOUBLE AS VARCHAR), '\\.0$', '')"
    return f"CASE WHEN {double} IS NULL THEN NULL WHEN isfinite({double}) THEN {text} ELSE {failing} END"


def quotient(over: Number, under: Number) -> Number:
    """A division, exact where the result has few enough places; by zero, it is not finite."""
    # A lambda, so that the operands stand in it once: what nests would grow beyond measure otherwise.
    near = f"TRY_CAST(pair.a / nullif(pair.b, 0) AS {DECIMAL})"
    # DuckDB's quotient of decimals is a double: what is left over is divided again, which gives the digits after it.
    nearer = f"TRY(near + TRY_CAST((pair.a - near * pair.b) / pair.b AS {DECIMAL}))"
    first = "CASE WHEN TRY(near * pair.b = pair.a) THEN near END"
    exact = first
    for _ in range(2):
        exact = f"coalesce({first}, list_transform([{nearer}], lambda near: {exact})[1])"
    divided = f"list_transform([{near}], lambda near: {exact})[1]"
    decimal = f"list_transform([struct_pack(a := {over.decimal}, b := {under.decimal})], lambda pair: {divided})[1]"
    return Number(decimal=decimal, double=f"({over.double} / {under.double})")


def product(left: Number, right: Number) -> Number:
    """A multiplication."""
    exact = f"CASE WHEN made = round(made, {PLACES}) THEN TRY_CAST(made AS {DECIMAL}) END"
    decimal = f"list_transform([TRY({left.decimal} * {right.decimal})], lambda made: {exact})[1]"
    return Number(decimal=decimal, double=f"({left.double} * {right.double})")


def simple(operator: str, left: Number, right: Number) -> Number:
    """An addition, a subtraction or a remainder."""
    decimal = f"TRY({left.decimal} {operator} {right.decimal})"
    return Number(decimal=decimal, double=f"({left.double} {operator} {right.double})")


def usual_part(column: Column, reading: Reading, value: str) -> str:
    """The sum of a column's usual decimals, as an aggregate.

    Args:
        column: whose values are added.
        reading: the column read as numbers.
        value: evaluated for each value that is not a usual decimal; NULL, unless it stops the job.
    """
    small = decimal_of(column, reading, _SUMMAND_DIGITS)
    return f"sum(CASE WHEN {small} IS NOT NULL THEN {small} ELSE CAST({value} AS {DECIMAL}) END)"


def unusual_part(column: Column, reading: Reading) -> str:
    """The sum of all its other numbers, times ten to the fortieth, as an aggregate; NULL where there are none."""
    small = decimal_of(column, reading, _SUMMAND_DIGITS)
    return f"sum(CASE WHEN {small} IS NULL AND {reading.is_number} THEN {_scaled(reading.text)} END)"


def total(usual: str, unusual: str) -> str:
    """Both sums added: the text of a number, exact to forty places; NULL where there was nothing to add."""
    digits = f"replace(CAST(coalesce({usual}, 0) AS VARCHAR), '.', '')"
    lifted = f"CAST({digits} || repeat('0', {_BIG_PLACES - PLACES}) AS BIGNUM)"
    both = _unscaled(f"CAST({unusual} + {lifted} AS VARCHAR)")
    return f"CASE WHEN {unusual} IS NULL THEN {_decimal_text(usual)} ELSE {both} END"


def _scaled(text: str) -> str:
    """The whole number that is the text's number times ten to the fortieth; smaller digits are cut off."""
    trimmed = f"trim(lower({text}), {WHITE})"
    mantissa = f"ltrim(split_part({trimmed}, 'e', 1), '+-')"
    places = f"(strlen(split_part({mantissa}, '.', 2)) - {exponent_of(trimmed)})"
    digits = f"('0' || replace({mantissa}, '.', ''))"
    lengthened = f"{digits} || repeat('0', {_BIG_PLACES} - {places})"
    shortened = f"'0' || left({digits}, greatest(0, strlen({digits}) + {_BIG_PLACES} - {places}))"
    sign = f"CASE WHEN starts_with({trimmed}, '-') THEN '-' ELSE '' END"
    zero = f"ltrim({digits}, '0') = '' THEN '0'"  # Whatever its exponent is.
    whole = f"CASE WHEN {zero} WHEN {places} <= {_BIG_PLACES} THEN {lengthened} ELSE {shortened} END"
    return f"CAST(({sign}) || {whole} AS BIGNUM)"


def written_out(text: str) -> str:
    """The number that a text says, known to be one, without an exponent.

    NULL where it has more digits before the point than a decimal may have; what is smaller than a decimal can be comes
    out as something that is that small.
    """
    trimmed = f"trim(lower({text}), {WHITE})"
    mantissa = f"ltrim(split_part({trimmed}, 'e', 1), '+-')"
    sign = f"CASE WHEN starts_with({trimmed}, '-') THEN '-' ELSE '' END"
    given = f"struct_pack(sign := {sign}, mantissa := {mantissa}, shift := {exponent_of(trimmed)})"
    digits = "ltrim(replace(given.mantissa, '.', ''), '0')"
    leading = f"strlen(given.mantissa) - strlen(replace(given.mantissa, '.', '')) + strlen({digits})"
    point = f"strlen(split_part(given.mantissa, '.', 1)) - (strlen(given.mantissa) - ({leading})) + given.shift"
    parts = f"struct_pack(sign := given.sign, digits := {digits}, point := {point})"
    plain = (
        "CASE WHEN parts.digits = '' THEN '0'"
        f" WHEN parts.point > {_MOST_DIGITS} THEN NULL"
        f" WHEN parts.point <= 0 THEN '0.' || repeat('0', least(-parts.point, {_MOST_DIGITS})) || parts.digits"
        " WHEN parts.point >= strlen(parts.digits) THEN rpad(parts.digits, parts.point::INTEGER, '0')"
        " ELSE left(parts.digits, parts.point) || '.' || substring(parts.digits, parts.point + 1) END"
    )
    placed = (
        f"list_transform([{given}], lambda given: list_transform([{parts}], lambda parts: parts.sign || {plain})[1])[1]"
    )
    return f"CASE WHEN contains({trimmed}, 'e') THEN {placed} ELSE {trimmed} END"


def _unscaled(whole: str) -> str:
    digits = f"ltrim({whole}, '-')"
    padded = f"lpad({digits}, greatest(strlen({digits}), {_BIG_PLACES + 1})::INTEGER, '0')"
    pointed = f"left({padded}, -{_BIG_PLACES}) || '.' || right({padded}, {_BIG_PLACES})"
    return f"CASE WHEN starts_with({whole}, '-') THEN '-' ELSE '' END || rtrim(rtrim({pointed}, '0'), '.')"
