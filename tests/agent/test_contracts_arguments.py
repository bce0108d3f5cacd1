"""Constructor arguments: what is taken strictly, what loosely, and what is said of the rest."""

from typing import Any

import pytest

pytest.importorskip("eth_account")

from claimcheck_agent.contracts.abi import constructor_inputs, encode_arguments
from claimcheck_agent.contracts.arguments import BadArguments, as_json, check_arguments, describe

ME = "0x5B38Da6a701c568545dCfcB03FcB875f56beddC4"
LOWER = ME.lower()


def parameter(kind: str, name: str = "value", **fields: Any) -> dict[str, Any]:
    return {"type": kind, "name": name, **fields}


POINT = parameter("tuple", components=[parameter("uint8", "x"), parameter("uint8", "y")])
OWNER = parameter("address", "initialOwner", internalType="address")
VOTES = parameter("address", "_token", internalType="contract IVotes")
MANAGER = parameter("address", "initialAuthority", internalType="address")


def check(kind: str | dict[str, Any], value: Any, *, strict: bool) -> Any:
    given = parameter(kind) if isinstance(kind, str) else kind
    (found,) = check_arguments([given], [value], strict=strict, deployer=ME)
    assert encode_arguments([given], [found])
    return found


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("uint256", 2**256 - 1, 2**256 - 1),
        ("uint256", "115792089237316195423570985008687907853269984665640564039457584007913129639935", 2**256 - 1),
        ("int8", -128, -128),
        ("bool", True, True),
        ("address", ME, ME),
        ("string", "ünï", "ünï"),
        ("bytes4", "0x01020304", b"\1\2\3\4"),
        ("bytes", "0x", b""),
        ("uint8[]", [1, 2], [1, 2]),
        ("uint8[2][]", [[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        (POINT, {"x": 1, "y": 2}, (1, 2)),
        (POINT, [1, 2], (1, 2)),
        (POINT | {"type": "tuple[]"}, [[1, 2]], [(1, 2)]),
    ],
)
def test_right_values_are_taken(kind: str | dict[str, Any], value: Any, expected: Any) -> None:
    assert check(kind, value, strict=True) == expected
    assert check(kind, value, strict=False) == expected


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("uint256", "1e18", 10**18),
        ("uint256", "0x10", 16),
        ("uint256", "1_000,000", 1_000_000),
        ("uint256", 5.0, 5),
        ("bool", "true", True),
        ("bool", 0, False),
        ("address", LOWER, ME),
        ("address", f" {ME} ", ME),
        ("string", 5, "5"),
        ("bytes32", "hello", b"hello".ljust(32, b"\0")),
        ("bytes4", "0x01", b"\1\0\0\0"),
    ],
)
def test_other_spellings_are_taken_only_loosely(kind: str, value: Any, expected: Any) -> None:
    assert check(kind, value, strict=False) == expected
    with pytest.raises(BadArguments, match="the argument value: "):
        check(kind, value, strict=True)


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        ("uint8", 256, "256 does not fit uint8"),
        ("uint8", -1, "-1 does not fit uint8"),
        ("int8", 128, "128 does not fit int8"),
        ("uint256", 1.5, "must be a whole number"),
        ("uint256", True, "must be a whole number"),
        ("uint256", "1e999999999", "must be a whole number"),
        ("uint256", "nan", "must be a whole number"),
        ("uint256", None, "must be given"),
        ("bool", "yes", "must be true or false"),
        ("address", "0x12", "must be an address"),
        ("address", ME[:-1] + "D", "has a wrong checksum; with the right one it is"),
        ("string", [], "must be a text"),
        ("string", "\ud800", "half a character"),
        ("bytes2", "0x010203", "has 3 bytes, and bytes2 has 2"),
        ("bytes", 5, "must be bytes in hexadecimal"),
        ("uint8[2]", [1], "a list of 2; it has 1"),
        ("uint8[]", "1", "must be a list"),
        ("uint8[]", [0] * 10_001, "more than 10000 items"),
        (POINT, {"x": 1}, "an object with x, y"),
        (POINT, [1], "an object, or a list of 2"),
        ("function", "0x", "arguments of type function cannot be given"),
    ],
)
def test_wrong_values_are_refused(kind: str | dict[str, Any], value: Any, told: str) -> None:
    with pytest.raises(BadArguments, match=told):
        check(kind, value, strict=False)


def test_persons_are_the_deployer_where_nothing_is_given() -> None:
    assert check_arguments([OWNER, OWNER], [], strict=True, deployer=ME) == [ME, ME]
    assert check_arguments([OWNER, OWNER], [None], strict=False, deployer=ME) == [ME, ME]


@pytest.mark.parametrize("missing", [VOTES, MANAGER, parameter("uint8", "_token")])
def test_contracts_and_numbers_have_no_default(missing: dict[str, Any]) -> None:
    with pytest.raises(BadArguments, match=f"{missing['name']} must be given"):
        check_arguments([missing], [], strict=False, deployer=ME)


@pytest.mark.parametrize(
    ("given", "strict", "told"),
    [
        ([ME], True, r"takes 2 arguments \(address initialOwner, address initialOwner\); only 1 were given"),
        ([ME] * 3, False, r"takes 2 arguments \(.*\); 3 arguments were given"),
    ],
)
def test_number_of_arguments_is_checked(given: list[str], *, strict: bool, told: str) -> None:
    with pytest.raises(BadArguments, match=told):
        check_arguments([OWNER, OWNER], given, strict=strict, deployer=ME)


def test_constructor_without_arguments_takes_none() -> None:
    assert check_arguments(constructor_inputs([]), [], strict=True, deployer=ME) == []
    with pytest.raises(BadArguments, match="takes no arguments; 1 arguments were given"):
        check_arguments([], [1], strict=False, deployer=ME)


def test_values_are_told_as_json_without_loss() -> None:
    assert as_json([1, 2**53, b"\1", (True, "x")]) == [1, str(2**53), "0x01", [True, "x"]]
    line = describe([parameter("string", "motto")], ["a\n// selfdestruct()\u2028"])
    assert line == ['string motto = "a\\n// selfdestruct()\\u2028"']
