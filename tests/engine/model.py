"""What the steps mean, in plain Python: written from their documentation, not from the SQL.

A cell is what stands in the file: in a CSV file a text, or None for an empty field; in a JSON document a token, or None
for an absent key.
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from chalicelib.engines.tabular.frames import Form

Cell = str | None
NUMBER = re.compile(r"[ \t\n\v\f\r]*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[ \t\n\v\f\r]*", re.ASCII)


def text(cell: Cell, form: Form) -> Cell:
    """What the cell reads as; None where there is no value."""
    if form is Form.TEXT:
        return cell or None
    if cell is None or cell == "null":
        return None
    if cell.startswith('"'):
        return str(json.loads(cell))
    return cell


def number(value: Cell) -> Decimal | None:
    """The number that a text says."""
    if value is None or not NUMBER.fullmatch(value):
        return None
    if abs(float(value)) == float("inf") and (len(value) <= 300 or "e" in value.lower()):
        return None
    if not re.search("[1-9]", value.lower().partition("e")[0]):
        return Decimal(0)
    return Decimal(value.strip())


def equals(value: Cell, operand: object) -> bool:
    if value is None:
        return False
    if isinstance(operand, bool):
        return value.lower() == str(operand).lower()
    if isinstance(operand, str):
        return value == operand
    return number(value) == Decimal(str(operand))


ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


def ordered(value: Cell, operator: str, operand: object) -> bool:
    if value is None:
        return False
    bound = number(operand) if isinstance(operand, str) else Decimal(str(operand))
    if bound is None:
        return ORDERS[operator](value, operand)
    said = number(value)
    return said is not None and ORDERS[operator](said, bound)


TEXTUAL: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda value, part: part in value,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
}


def meets(value: Cell, operator: str, operand: Any) -> bool:
    if operator in {"is_null", "not_null"}:
        return (value is None) == (operator == "is_null")
    if operator in {"eq", "in"}:
        return any(equals(value, each) for each in (operand if operator == "in" else [operand]))
    if operator in {"ne", "not_in"}:
        return not meets(value, {"ne": "eq", "not_in": "in"}[operator], operand)
    if operator in TEXTUAL:
        return value is not None and TEXTUAL[operator](value, operand)
    if operator == "between":
        return ordered(value, "gte", operand[0]) and ordered(value, "lte", operand[1])
    return ordered(value, operator, operand)


def sort_key(value: Cell) -> tuple[bool, Decimal, str]:
    """Numbers by value, then texts by code points; nulls are not asked for."""
    said = number(value)
    return (said is None, said if said is not None else Decimal(0), "" if said is not None else str(value))


def sort(rows: Sequence[Any], cell: Callable[[Any], Cell], *, descending: bool, nulls_first: bool) -> list[Any]:
    there = [row for row in rows if cell(row) is not None]
    absent = [row for row in rows if cell(row) is None]
    # Python's sort is stable, also in reverse.
    there.sort(key=lambda row: sort_key(cell(row)), reverse=descending)
    return absent + there if nulls_first else there + absent


def deduplicate(rows: Sequence[Any], key: Callable[[Any], object], *, keep: str) -> list[Any]:
    order = list(enumerate(rows))
    kept = {key(row): place for place, row in (order[::-1] if keep == "first" else order)}
    return [rows[place] for place in sorted(kept.values())]


def chance(row_number: int, seed: int) -> int:
    """A number below 2**64 for a row, counted from 1: the last half of an MD5."""
    return int.from_bytes(hashlib.md5(f"{row_number}:{seed}".encode(), usedforsecurity=False).digest()[8:], "little")


def sample(rows: Sequence[Any], *, seed: int, fraction: float | None = None, count: int = 0) -> list[Any]:
    drawn = sorted((chance(place + 1, seed), place) for place in range(len(rows)))
    if fraction is None:
        return [rows[place] for place in sorted(place for _, place in drawn[:count])]
    return [rows[place] for place in sorted(place for drawn_one, place in drawn if drawn_one < int(fraction * 2**64))]


def trim(cell: Cell, side: str) -> Cell:
    if not cell:
        return cell
    made = {"both": cell.strip, "left": cell.lstrip, "right": cell.rstrip}[side]()
    return made or None


def median(numbers: Sequence[Decimal]) -> Decimal:
    there = sorted(numbers)
    half = len(there) // 2
    return there[half] if len(there) % 2 else (there[half - 1] + there[half]) / 2


def plain(value: Decimal) -> str:
    """The number in digits, without zeros that say nothing."""
    digits = format(value, "f")
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return "0" if digits in {"-0", ""} else digits
