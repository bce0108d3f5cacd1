"""SQL that reads a column's values whatever their form: is it null, what is its text, is it a number and which.

A number is what people write as one: digits with an optional sign, point and exponent, and white space around it; not
``NaN``, ``inf``, ``1_000`` or ``0x1F``. It is read as a double, which settles most comparisons by itself: if the
nearest doubles of two numbers differ, the numbers differ the same way. Only where the doubles are equal are the digits
looked at, by a key of text that is ordered as the numbers are, so that numbers of any length compare exactly.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from .frames import TEXT_TYPE, Column, Form
from .selecting import select

INTEGERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"})
WIDE = frozenset({"HUGEINT", "UHUGEINT", "BIGNUM"})
FLOATS = frozenset({"FLOAT", "DOUBLE"})
MOMENTS = frozenset({
    "DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE",
})  # fmt: skip

WHITE = r"E' \t\n\x0b\x0c\r'"
_WHITE = r"[ \t\n\v\f\r]*"
_SIGNED = r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)"
NUMBER = rf"{_WHITE}{_SIGNED}([eE][+-]?[0-9]+)?{_WHITE}"
_DIGITS = rf"{_WHITE}{_SIGNED}{_WHITE}"
_NUMBER = re.compile(NUMBER)
# Doubles end near 1.8e308; a shorter text that overflows has an exponent that no one means.
_OVERFLOWING = 300
_EXPONENT_OFFSET = 5_000_000_000
# Exponents beyond are taken for these: no text is so long that it could make up for them.
_MOST_EXPONENT = 4_000_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A column, or an expression, read as numbers; each is SQL."""

    text: str
    double: str
    """The nearest double; NULL for most of what is no number."""
    is_number: str
    """Whether it is one, where the double is not NULL."""

    @property
    def number(self) -> str:
        """The nearest double; NULL for all that is no number."""
        return f"CASE WHEN {self.is_number} THEN {self.double} END"


def is_numeric(column: Column) -> bool:
    """Whether all values are numbers by their type."""
    return column.form is Form.VALUE and (column.type in INTEGERS | WIDE | FLOATS or column.type.startswith("DECIMAL"))


def is_moment(column: Column) -> bool:
    """Whether all values are dates or times by their type."""
    return column.form is Form.VALUE and column.type in MOMENTS


def is_texts(column: Column) -> bool:
    """Whether the values are whatever a text can say."""
    return column.form is not Form.VALUE or column.type == TEXT_TYPE


def null_test(column: Column) -> str:
    """Whether there is no value: an empty field of a CSV file, quoted or not; JSON's null, or no such key."""
    if column.form is Form.VALUE:
        return f"({column.sql} IS NULL)"
    return f"({column.sql} IS NULL OR {column.sql} = '{_nothing(column.form)}')"


def present(column: Column) -> str:
    """The value as it lies in the frame, NULL where there is none."""
    if column.form is Form.VALUE:
        return column.sql
    return f"nullif({column.sql}, '{_nothing(column.form)}')"


def _nothing(form: Form) -> str:
    return "" if form is Form.TEXT else "null"


def text_of(column: Column) -> str:
    """What the value reads as: JSON's strings without quotes, numbers as written; NULL where there is none."""
    if column.form is Form.JSON:
        return f"CASE WHEN starts_with({column.sql}, '\"') THEN {_unquoted(column.sql)} ELSE {present(column)} END"
    if column.form is Form.VALUE and column.type != TEXT_TYPE:
        return f"CAST({column.sql} AS VARCHAR)"
    return present(column)


def with_texts(source: str, columns: Iterable[Column]) -> tuple[str, dict[str, Column]]:
    """A SELECT that adds the texts of JSON columns, so that they are decoded once.

    Args:
        source: the SELECT that gives the columns.
        columns: those that are to be read.

    Returns:
        the SELECT, and for each column's identifier the column to read instead: of texts, NULL where there is no value.
    """
    readable = {column.sql: column for column in columns}
    added = []
    for column in readable.values():
        if column.form is Form.JSON:
            text = Column(name=column.name, sql=f"{column.sql}_text", form=Form.VALUE)
            readable[column.sql] = text
            added.append(f"{text_of(column)} AS {text.sql}")
    return (select(", ".join(["*", *added]), source) if added else source), readable


def _unquoted(token: str) -> str:
    inner = f"substring({token}, 2, length({token}) - 2)"
    # Half of a surrogate pair is valid JSON and no text: it stays as it was written.
    decoded = f"coalesce(TRY(json_extract_string({token}, '$')), {inner})"
    return f"CASE WHEN contains({token}, '\\') THEN {decoded} ELSE {inner} END"


def token_of(text: str) -> str:
    """The JSON string of a text."""
    return f"CAST(to_json({text}) AS VARCHAR)"


def read_number(column: Column) -> Reading | None:
    """The column read as numbers; None where its type has none."""
    if is_texts(column):
        return read_number_text(column.sql if column.form is Form.TEXT else f"({text_of(column)})")
    if not is_numeric(column):
        return None
    text = f"CAST({column.sql} AS VARCHAR)"
    # The others by their text, whose double is the nearest; a FLOAT's 0.1 is 0.1.
    direct = column.type in INTEGERS | {"DOUBLE"}
    double = f"CAST({column.sql} AS DOUBLE)" if direct else f"TRY_CAST({text} AS DOUBLE)"
    return Reading(text=text, double=double, is_number=f"isfinite({double})" if column.type in FLOATS else "true")


def read_number_text(text: str) -> Reading:
    """A text read as numbers."""
    double = f"TRY_CAST({text} AS DOUBLE)"
    # By its digits alone: an exponent beyond the doubles makes no number.
    long = f"strlen({text}) > {_OVERFLOWING} THEN regexp_full_match({text}, '{_DIGITS}')"
    # CASE, since outside a WHERE all sides of AND and OR are evaluated.
    is_number = f"(CASE WHEN isfinite({double}) THEN NOT contains({text}, '_') WHEN {long} ELSE false END)"
    return Reading(text=text, double=double, is_number=is_number)


def exponent_of(trimmed: str) -> str:
    """The exponent of a number, given in lower case and without white space around it; 0 where it has none."""
    written = f"split_part({trimmed}, 'e', 2)"
    beyond = f"CASE WHEN {written} = '' THEN 0 WHEN {written}[1] = '-' THEN -{_MOST_EXPONENT} ELSE {_MOST_EXPONENT} END"
    exponent = f"coalesce(TRY_CAST({written} AS BIGINT), {beyond})"
    return f"greatest(-{_MOST_EXPONENT}, least({_MOST_EXPONENT}, {exponent}))"


def order_key(text: str) -> str:
    """A text that is ordered as the numbers are which ``text``, known to be a number, says."""
    trimmed = f"trim(lower({text}), {WHITE})"
    mantissa = f"ltrim(split_part({trimmed}, 'e', 1), '+-')"
    digits = f"replace({mantissa}, '.', '')"
    leading = f"strlen({digits}) - strlen(ltrim({digits}, '0'))"
    place = f"strlen(split_part({mantissa}, '.', 1)) - ({leading}) + {exponent_of(trimmed)}"
    exponent = f"greatest({place}, -{_MOST_EXPONENT}) + {_EXPONENT_OFFSET}"
    body = f"(lpad(CAST({exponent} AS VARCHAR), 10, '0') || trim({digits}, '0'))"
    below = f"'0' || translate({body}, '0123456789', '9876543210') || '~'"
    zero = f"ltrim({digits}, '0') = ''"
    return f"CASE WHEN {zero} THEN '1' WHEN starts_with({trimmed}, '-') THEN {below} ELSE '2' || {body} END"


def order_key_of(number: Decimal) -> str:
    """The same key for a number that is known here."""
    sign, digits, exponent = number.as_tuple()
    significant = "".join(map(str, digits)).lstrip("0")
    if not significant:
        return "1"
    place = max(len(significant) + int(exponent), -_MOST_EXPONENT)
    body = f"{place + _EXPONENT_OFFSET:010d}{significant.rstrip('0')}"
    if not sign:
        return f"2{body}"
    return f"0{body.translate(str.maketrans('0123456789', '9876543210'))}~"


def number_in(value: object) -> Decimal | None:
    """The number that a parameter is or that its text says; None if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(repr(value))
    text = str(value)
    said = _NUMBER.fullmatch(text)
    if not said:
        return None
    # As in a column: an exponent beyond the doubles makes no number, many digits do.
    if abs(float(text)) == float("inf"):
        return Decimal(text.strip()) if said[2] is None and len(text) > _OVERFLOWING else None
    return _with_exponent(text.strip(), said[1])


def _with_exponent(text: str, mantissa: str) -> Decimal:
    """The number, whose exponent may be smaller than decimals go."""
    if not mantissa.strip("0."):
        return Decimal(0)
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal(0)
    if number:
        return number
    return Decimal(f"{'-' if text.startswith('-') else ''}1e-{_MOST_EXPONENT}")
