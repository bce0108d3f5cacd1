"""JSON as the outside may send it: parsed strictly, so that what is refused is refused here and never later."""

import json
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from .errors import InvalidRequest

MAX_DEPTH = 64
# Python refuses to convert longer numbers by default; said here so that the limit is ours.
MAX_DIGITS = 400
MAX_NAME_TOLD = 64


def parse(content: bytes) -> Any:  # noqa: ANN401  any JSON
    """The value of a JSON text in UTF-8.

    Raises:
        InvalidRequest: it is not JSON; or it has a name twice in one object, NaN or Infinity, a number of over 400
            digits, a lone surrogate or a NUL in a string, or values nested more than 64 deep.
    """
    try:
        value = json.loads(
            content.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer
        )
    except UnicodeDecodeError as error:
        raise InvalidRequest("the body is not UTF-8") from error
    except json.JSONDecodeError as error:
        message = f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise InvalidRequest(message) from error
    except RecursionError as error:
        raise InvalidRequest(_TOO_DEEP) from error
    _check(value)
    return value


def inexact(content: bytes) -> frozenset[float]:
    """Those numbers of a JSON text, parsed before, that are not what is written: it has more digits than they keep."""
    found: set[float] = set()

    def keep(written: str) -> float:
        number = float(written)
        try:
            exact = Decimal(written) == Decimal(repr(number))
        except InvalidOperation:  # An exponent beyond all measure.
            exact = False
        if not exact:
            found.add(number)
        return number

    json.loads(content, parse_float=keep)
    return frozenset(found)


def canonical(value: object) -> bytes:
    """The one spelling of a value: sorted names, no blanks, UTF-8."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


_TOO_DEEP = f"the body nests values more than {MAX_DEPTH} deep"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        twice = _first_repeated(name for name, _ in pairs)[:MAX_NAME_TOLD]
        raise InvalidRequest(f"the name {twice!r} stands twice in one object", field=twice)
    return made


def _first_repeated(names: Iterable[str]) -> str:
    seen: set[str] = set()
    return next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]


def _constant(name: str) -> None:
    raise InvalidRequest(f"{name} is not a JSON number")


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise InvalidRequest(f"a number has more than {MAX_DIGITS} digits")
    return int(digits)


def _check(value: object) -> None:
    """Depth and strings, without recursion."""
    level: list[object] = [value]
    for _ in range(MAX_DEPTH + 1):
        below: list[object] = []
        for item in level:
            if isinstance(item, str):
                _check_text(item)
            elif isinstance(item, float):
                _check_float(item)
            elif isinstance(item, dict):
                below += [*item.keys(), *item.values()]
            elif isinstance(item, list):
                below += item
        if not below:
            return
        level = below
    raise InvalidRequest(_TOO_DEEP)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise InvalidRequest("a string holds a NUL character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidRequest("a string holds a lone surrogate") from error


def _check_float(number: float) -> None:
    if number in (float("inf"), float("-inf")):
        raise InvalidRequest("a number is too large")
