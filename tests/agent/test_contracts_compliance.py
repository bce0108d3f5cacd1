"""Standards as they are written, found in an ABI and in code."""

from typing import Any

import pytest
from claimcheck_agent.contracts.standards import (
    FUNCTION,
    STANDARDS,
    find_standard,
    missing_events,
    missing_functions,
    missing_selectors,
)

ERC20 = STANDARDS["ERC20"]


def parameters(text: str) -> list[dict[str, Any]]:
    parts = (part.split(" ") for part in text.split(",") if part)
    return [{"type": kind, "indexed": bool(more), "name": ""} for kind, *more in parts]


def abi_of(name: str) -> list[dict[str, Any]]:
    """The ABI of a contract that has what a standard asks for, and nothing else."""
    abi: list[dict[str, Any]] = [{"type": "constructor", "inputs": []}]
    for asked in STANDARDS[name].functions:
        told = FUNCTION.fullmatch(asked)
        assert told
        abi.append(
            {
                "type": "function",
                "name": told["name"],
                "inputs": parameters(told["inputs"]),
                "outputs": parameters(told["outputs"] or ""),
                "stateMutability": told["mutability"] or "nonpayable",
            }
        )
    for asked in STANDARDS[name].events:
        event, _, inputs = asked.removesuffix(")").partition("(")
        abi.append({"type": "event", "name": event, "inputs": parameters(inputs), "anonymous": False})
    return abi


@pytest.mark.parametrize("name", STANDARDS)
def test_contract_with_all_of_it_has_it(name: str) -> None:
    assert missing_functions(STANDARDS[name], abi_of(name)) == []
    assert missing_events(STANDARDS[name], abi_of(name)) == []
    assert missing_functions(STANDARDS[name], []) == list(STANDARDS[name].functions)
    assert missing_events(STANDARDS[name], []) == list(STANDARDS[name].events)


@pytest.mark.parametrize(
    ("entry", "changed", "missing"),
    [
        ("transfer", {"outputs": []}, "transfer(address,uint256) -> bool"),
        ("transfer", {"inputs": parameters("address,uint128")}, "transfer(address,uint256) -> bool"),
        ("transfer", {"stateMutability": "view"}, "transfer(address,uint256) -> bool"),
        ("transfer", {"stateMutability": "payable"}, None),
        ("balanceOf", {"stateMutability": "nonpayable"}, "balanceOf(address) view -> uint256"),
        ("totalSupply", {"stateMutability": "pure"}, None),
        ("totalSupply", {"name": "supply"}, "totalSupply() view -> uint256"),
    ],
)
def test_function_must_be_as_it_should(entry: str, changed: dict[str, Any], missing: str | None) -> None:
    abi = [one | changed if one.get("name") == entry else one for one in abi_of("ERC20")]
    assert missing_functions(ERC20, abi) == ([missing] if missing else [])


@pytest.mark.parametrize(
    "changed", [{"inputs": parameters("address indexed,address,uint256")}, {"anonymous": True}, {"name": "Moved"}]
)
def test_event_must_be_as_it_should(changed: dict[str, Any]) -> None:
    abi = [one | changed if one.get("name") == "Transfer" else one for one in abi_of("ERC20")]
    assert missing_events(ERC20, abi) == ["Transfer(address indexed,address indexed,uint256)"]


def test_code_must_know_the_selectors_and_the_interfaces() -> None:
    erc165 = STANDARDS["ERC165"]
    identifiers = {"supportsInterface(bytes4)": "01ffc9a7"}
    assert missing_selectors(erc165, identifiers, frozenset({"01ffc9a7"})) == []
    assert missing_selectors(erc165, {}, frozenset({"01ffc9a7"})) == ["supportsInterface(bytes4)"]
    assert missing_selectors(erc165, identifiers, frozenset()) == ["supportsInterface(bytes4)", "0x01ffc9a7"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("ERC20", "ERC20"), ("erc-721", "ERC721"), ("ERC 1155", "ERC1155"), ("ownable", "Ownable"), ("ERC-7777", None)],
)
def test_standards_are_found_as_people_write_them(written: str, meant: str | None) -> None:
    found = find_standard(written)
    assert (found[0] if found else None) == meant
