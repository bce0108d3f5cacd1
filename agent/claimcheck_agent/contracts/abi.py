"""Encodes and decodes by a contract's ABI.

https://docs.soliditylang.org/en/latest/abi-spec.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

Item = Mapping[str, Any]
Abi = Sequence[Item]


def canonical_type(parameter: Item) -> str:
    """Give a parameter's type as selectors are made of it: a struct is the types of its members in brackets."""
    kind: str = parameter["type"]
    if not kind.startswith("tuple"):
        return kind
    members = ",".join(map(canonical_type, parameter["components"]))
    return f"({members}){kind.removeprefix('tuple')}"


def signature(item: Item) -> str:
    """Give a function's signature, such as `transfer(address,uint256)`."""
    return f"{item['name']}({','.join(map(canonical_type, item['inputs']))})"


def functions(abi: Abi) -> dict[str, Item]:
    """Give the functions by signature."""
    return {signature(item): item for item in abi if item["type"] == "function"}


def find_function(abi: Abi, name: str) -> Item | None:
    """Find a function by its signature, or by its name if there is but one of that name."""
    known = functions(abi)
    if name in known:
        return known[name]
    named = [item for item in known.values() if item["name"] == name]
    return named[0] if len(named) == 1 else None


def constructor_inputs(abi: Abi) -> list[Item]:
    """Give what the constructor takes."""
    return next((list(item["inputs"]) for item in abi if item["type"] == "constructor"), [])


def is_contract(parameter: Item) -> bool:
    """Say whether a parameter is the address of a contract, by what the source calls its type."""
    return parameter["type"] == "address" and str(parameter.get("internalType", "")).startswith("contract ")


def encode_arguments(inputs: Sequence[Item], values: Sequence[Any]) -> bytes:
    """Encode values that have been checked: numbers as int, bytes as bytes, structs as tuples."""
    return encode([canonical_type(parameter) for parameter in inputs], list(values))


def encode_call(item: Item, values: Sequence[Any]) -> bytes:
    """Encode the call of a function."""
    return keccak(text=signature(item))[:4] + encode_arguments(item["inputs"], values)


def decode_result(item: Item, data: bytes) -> tuple[Any, ...]:
    """Decode what a function has returned.

    Raises:
        ValueError: it is not what the ABI says.
    """
    return _decoded(item["outputs"], data)


def decode_inputs(item: Item, data: bytes) -> tuple[Any, ...]:
    """Decode what an error, or a call, was given.

    Raises:
        ValueError: it is not what the ABI says.
    """
    return _decoded(item["inputs"], data)


def _decoded(parameters: Abi, data: bytes) -> tuple[Any, ...]:
    try:
        return decode([canonical_type(parameter) for parameter in parameters], data)
    except Exception as error:
        raise ValueError(f"not what the ABI says: {error}") from error
