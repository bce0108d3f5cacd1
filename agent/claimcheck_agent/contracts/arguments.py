"""The arguments of a constructor, as JSON, checked against its ABI.

Strictly, every value has its type's one spelling. Otherwise others that can mean only one thing are accepted too:
numbers as text or in hexadecimal, addresses without a checksum, text for bytes.
"""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from eth_utils.address import is_checksum_address, to_checksum_address

from claimcheck_agent.contracts.abi import Item
from claimcheck_agent.orders import shown

LONGEST_SHOWN = 80  # Characters of a wrong value in a message.
MOST_ITEMS = 10_000  # Of an array.
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_INTEGER = re.compile(r"(?P<sign>u?)int(?P<bits>\d+)")
_BYTES = re.compile(r"bytes(?P<size>\d+)?")
_ARRAY = re.compile(r"(?P<element>.+)\[(?P<size>\d*)\]")


class BadArguments(ValueError):
    """The arguments are not what the constructor takes; the message says which, and what it wants."""


def check_arguments(inputs: Sequence[Item], given: Sequence[Any], *, strict: bool, deployer: str) -> list[Any]:
    """Give the arguments as the encoder wants them.

    Where none are given, addresses of persons are the deployer's. Without `strict`, the last ones may be left out too,
    or be null.

    Raises:
        BadArguments: there are too many or too few, or one is not of its type.
    """
    if len(given) > len(inputs):
        raise BadArguments(f"the constructor takes {_taken(inputs)}; {len(given)} arguments were given")
    left_out = len(inputs) - len(given)
    if strict and given and left_out:
        raise BadArguments(f"the constructor takes {_taken(inputs)}; only {len(given)} were given")
    filled = [*given, *[None] * left_out]
    may_be_filled = not strict or not given
    return [
        _default(parameter, deployer)
        if value is None and may_be_filled
        else _Checking(strict=strict).value(parameter, value)
        for parameter, value in zip(inputs, filled, strict=True)
    ]


def as_json(value: Any) -> Any:  # noqa: ANN401  (any value of the ABI)
    """Give a checked value as JSON: whole numbers as they are where no reader loses digits, otherwise as text."""
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 53:
        return str(value)
    return value


def describe(inputs: Sequence[Item], values: Sequence[Any]) -> list[str]:
    """Say what each argument is, on lines such as `address recipient = 0x…`, in ASCII."""
    return [
        f"{_type(parameter)} {parameter['name']} = {json.dumps(as_json(value))}"
        for parameter, value in zip(inputs, values, strict=True)
    ]


def _taken(inputs: Sequence[Item]) -> str:
    if not inputs:
        return "no arguments"
    many = "1 argument" if len(inputs) == 1 else f"{len(inputs)} arguments"
    named = (f"{_type(parameter)} {parameter['name']}".strip() for parameter in inputs)
    return f"{many} ({', '.join(named)})"


def _type(parameter: Item) -> str:
    return str(parameter.get("internalType") or parameter["type"])


def _default(parameter: Item, deployer: str) -> str:
    """Give what is taken for an argument that was not given: the deployer, where a person is meant."""
    if parameter.get("internalType", parameter["type"]) == "address" and parameter["name"] != "initialAuthority":
        return deployer
    raise BadArguments(f"the constructor's argument {_type(parameter)} {parameter['name']} must be given")


class _Checking:
    """Reads values by their types."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict

    def value(self, parameter: Item, value: Any) -> Any:  # noqa: ANN401
        """Read one argument.

        Raises:
            BadArguments: it is not of its type.
        """
        try:
            return self._read(parameter["type"], parameter, value)
        except BadArguments as error:
            raise BadArguments(f"the argument {parameter['name'] or '(without a name)'}: {error}") from None

    def _read(self, kind: str, parameter: Item, value: Any) -> Any:  # noqa: ANN401
        if array := _ARRAY.fullmatch(kind):
            return self._array(array["element"], array["size"], parameter, value)
        if kind == "tuple":
            return self._struct(parameter["components"], value)
        plain = {"address": self._address, "bool": self._truth, "string": self._string}
        if kind in plain:
            return plain[kind](value)
        if integer := _INTEGER.fullmatch(kind):
            return self._integer(kind, int(integer["bits"]), value, signed=not integer["sign"])
        if sized := _BYTES.fullmatch(kind):
            return self._bytes(kind, int(sized["size"]) if sized["size"] else None, value)
        raise BadArguments(f"arguments of type {kind} cannot be given")

    def _array(self, element: str, size: str, parameter: Item, value: Any) -> list[Any]:  # noqa: ANN401
        if not isinstance(value, list):
            raise _wanted("a list", value)
        if size and len(value) != int(size):
            raise BadArguments(f"it must be a list of {size}; it has {len(value)}")
        if len(value) > MOST_ITEMS:
            raise BadArguments(f"it has more than {MOST_ITEMS} items")
        return [self._read(element, parameter, item) for item in value]

    def _struct(self, members: Sequence[Item], value: Any) -> tuple[Any, ...]:  # noqa: ANN401
        names = [member["name"] for member in members]
        if isinstance(value, dict):
            if set(value) != set(names):
                raise _wanted(f"an object with {', '.join(names)}", value)
            value = [value[name] for name in names]
        if not isinstance(value, list) or len(value) != len(members):
            raise _wanted(f"an object, or a list of {len(members)}", value)
        return tuple(self._read(member["type"], member, item) for member, item in zip(members, value, strict=True))

    def _address(self, value: Any) -> str:  # noqa: ANN401
        if not isinstance(value, str) or not _ADDRESS.fullmatch(value if self._strict else value.strip()):
            raise _wanted("an address: 0x and 40 hexadecimal digits", value)
        value = value.strip()
        plain = value[2:].islower() or value[2:].isupper() or value[2:].isdigit()
        if not is_checksum_address(value) and (self._strict or not plain):
            raise BadArguments(
                f"the address {value} has a wrong checksum; with the right one it is {to_checksum_address(value)}"
            )
        return to_checksum_address(value)

    def _integer(self, kind: str, bits: int, value: Any, *, signed: bool) -> int:  # noqa: ANN401
        number = self._number(kind, value)
        lowest, highest = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        if not lowest <= number <= highest:
            raise BadArguments(f"{shown(value, LONGEST_SHOWN)} does not fit {kind}")
        return number

    def _number(self, kind: str, value: Any) -> int:  # noqa: ANN401
        wanted = _wanted(f"a whole number ({kind}), as a number or as text in digits", value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and re.fullmatch(r"-?\d{1,78}", value):
            return int(value)
        if self._strict or not isinstance(value, str | float) or len(str(value)) > LONGEST_SHOWN:
            raise wanted
        text = str(value).strip().replace("_", "").replace(",", "")
        if re.fullmatch(r"0x[0-9a-fA-F]+", text):
            return int(text, 16)
        try:
            number = Decimal(text)
        except InvalidOperation:
            raise wanted from None
        if not number.is_finite() or number.adjusted() > LONGEST_SHOWN or number != number.to_integral_value():
            raise wanted
        return int(number)

    def _truth(self, value: Any) -> bool:  # noqa: ANN401
        if isinstance(value, bool):
            return value
        spelt = {"true": True, "false": False, "1": True, "0": False}
        if not self._strict and isinstance(value, str | int) and str(value).strip().lower() in spelt:
            return spelt[str(value).strip().lower()]
        raise _wanted("true or false", value)

    def _string(self, value: Any) -> str:  # noqa: ANN401
        if isinstance(value, int | float) and not isinstance(value, bool) and not self._strict:
            value = str(value)
        if not isinstance(value, str):
            raise _wanted("a text", value)
        try:
            value.encode()
        except UnicodeEncodeError:
            raise BadArguments("it holds half a character") from None
        return value

    def _bytes(self, kind: str, size: int | None, value: Any) -> bytes:  # noqa: ANN401
        exactly = f"{size} bytes" if size else "bytes"
        wanted = _wanted(f"{exactly} in hexadecimal, beginning with 0x", value)
        if not isinstance(value, str):
            raise wanted
        if _HEX.fullmatch(value):
            data = bytes.fromhex(value[2:])
        elif self._strict:
            raise wanted
        else:
            data = value.encode(errors="replace")
        if size and (len(data) > size or (self._strict and len(data) != size)):
            raise BadArguments(f"{shown(value, LONGEST_SHOWN)} has {len(data)} bytes, and {kind} has {size}")
        return data.ljust(size, b"\0") if size else data


def _wanted(what: str, value: object) -> BadArguments:
    return BadArguments(f"it must be {what}; it is {shown(value, LONGEST_SHOWN)}")


def named(inputs: Sequence[Item], values: Sequence[Any]) -> Mapping[str, Any]:
    """Give checked arguments by their names."""
    return {parameter["name"]: value for parameter, value in zip(inputs, values, strict=True)}
