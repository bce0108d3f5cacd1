"""What standards ask of a contract's interface, and whether its ABI and its code have it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Reading only may be done more strictly than asked for, and Ether may be taken.
ALSO = {"view": {"view", "pure"}, "nonpayable": {"nonpayable", "payable"}}
FUNCTION = re.compile(r"(?P<name>\w+)\((?P<inputs>[^)]*)\)(?: (?P<mutability>view))?(?: -> (?P<outputs>.+))?")


@dataclass(frozen=True, kw_only=True)
class Standard:
    """A standard's functions, such as `balanceOf(address) view -> uint256`, and its events.

    `interfaces` are those that `supportsInterface` must know (ERC-165), as 8 hexadecimal digits.
    """

    functions: Sequence[str]
    events: Sequence[str] = ()
    interfaces: Sequence[str] = ()


ERC165 = ("supportsInterface(bytes4) view -> bool",)

STANDARDS: Mapping[str, Standard] = {
    "ERC20": Standard(
        functions=(
            "totalSupply() view -> uint256",
            "balanceOf(address) view -> uint256",
            "transfer(address,uint256) -> bool",
            "allowance(address,address) view -> uint256",
            "approve(address,uint256) -> bool",
            "transferFrom(address,address,uint256) -> bool",
        ),
        events=(
            "Transfer(address indexed,address indexed,uint256)",
            "Approval(address indexed,address indexed,uint256)",
        ),
    ),
    "ERC721": Standard(
        functions=(
            *ERC165,
            "balanceOf(address) view -> uint256",
            "ownerOf(uint256) view -> address",
            "safeTransferFrom(address,address,uint256,bytes)",
            "safeTransferFrom(address,address,uint256)",
            "transferFrom(address,address,uint256)",
            "approve(address,uint256)",
            "setApprovalForAll(address,bool)",
            "getApproved(uint256) view -> address",
            "isApprovedForAll(address,address) view -> bool",
        ),
        events=(
            "Transfer(address indexed,address indexed,uint256 indexed)",
            "Approval(address indexed,address indexed,uint256 indexed)",
            "ApprovalForAll(address indexed,address indexed,bool)",
        ),
        interfaces=("01ffc9a7", "80ac58cd"),
    ),
    "ERC1155": Standard(
        functions=(
            *ERC165,
            "safeTransferFrom(address,address,uint256,uint256,bytes)",
            "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)",
            "balanceOf(address,uint256) view -> uint256",
            "balanceOfBatch(address[],uint256[]) view -> uint256[]",
            "setApprovalForAll(address,bool)",
            "isApprovedForAll(address,address) view -> bool",
        ),
        events=(
            "TransferSingle(address indexed,address indexed,address indexed,uint256,uint256)",
            "TransferBatch(address indexed,address indexed,address indexed,uint256[],uint256[])",
            "ApprovalForAll(address indexed,address indexed,bool)",
            "URI(string,uint256 indexed)",
        ),
        interfaces=("01ffc9a7", "d9b67a26"),
    ),
    "ERC165": Standard(functions=ERC165, interfaces=("01ffc9a7",)),
    "ERC2612": Standard(
        functions=(
            "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
            "nonces(address) view -> uint256",
            "DOMAIN_SEPARATOR() view -> bytes32",
        ),
    ),
    "Ownable": Standard(
        functions=("owner() view -> address", "transferOwnership(address)", "renounceOwnership()"),
        events=("OwnershipTransferred(address indexed,address indexed)",),
    ),
    "AccessControl": Standard(
        functions=(
            "hasRole(bytes32,address) view -> bool",
            "getRoleAdmin(bytes32) view -> bytes32",
            "grantRole(bytes32,address)",
            "revokeRole(bytes32,address)",
            "renounceRole(bytes32,address)",
        ),
        events=(
            "RoleAdminChanged(bytes32 indexed,bytes32 indexed,bytes32 indexed)",
            "RoleGranted(bytes32 indexed,address indexed,address indexed)",
            "RoleRevoked(bytes32 indexed,address indexed,address indexed)",
        ),
    ),
    "Pausable": Standard(functions=("paused() view -> bool",), events=("Paused(address)", "Unpaused(address)")),
}


def find_standard(name: str) -> tuple[str, Standard] | None:
    """Give a standard by its name as people write it: `ERC20`, `erc-20`, `ERC 20`."""
    wanted = re.sub(r"[^a-z0-9]", "", name.lower())
    return next(((known, standard) for known, standard in STANDARDS.items() if known.lower() == wanted), None)


def missing_functions(standard: Standard, abi: Sequence[Mapping[str, Any]]) -> list[str]:
    """Give the functions of a standard that an ABI does not have as they should be."""
    return [asked for asked in standard.functions if not any(_is(asked, entry) for entry in abi)]


def missing_events(standard: Standard, abi: Sequence[Mapping[str, Any]]) -> list[str]:
    """Give the events of a standard that an ABI does not have as they should be."""
    had = {_event(entry) for entry in abi if entry.get("type") == "event" and not entry.get("anonymous")}
    return [asked for asked in standard.events if asked not in had]


def missing_selectors(standard: Standard, identifiers: Mapping[str, str], held: frozenset[str]) -> list[str]:
    """Give what of a standard is not to be found in code that holds these constants.

    `identifiers` are a contract's functions' selectors, by signature.
    """
    signatures = (asked.partition(")")[0] + ")" for asked in standard.functions)
    missing = [signature for signature in signatures if identifiers.get(signature, "-") not in held]
    # The optimizer writes the constant as a smaller one that is shifted, if it ends in zeros.
    known = {_odd(constant) for constant in held}
    return missing + [f"0x{interface}" for interface in standard.interfaces if _odd(interface) not in known]


def _odd(constant: str) -> int:
    """Give a number without the zeros that its binary digits end in."""
    number = int(constant, 16)
    return number // (number & -number) if number else 0


def _is(asked: str, entry: Mapping[str, Any]) -> bool:
    """Say whether an entry of an ABI is this function."""
    wanted = FUNCTION.fullmatch(asked)
    return bool(
        wanted
        and entry.get("type") == "function"
        and entry["name"] == wanted["name"]
        and _types(entry["inputs"]) == wanted["inputs"]
        and _types(entry["outputs"]) == (wanted["outputs"] or "")
        and entry["stateMutability"] in ALSO[wanted["mutability"] or "nonpayable"]
    )


def _types(parameters: Sequence[Mapping[str, Any]]) -> str:
    return ",".join(parameter["type"] for parameter in parameters)


def _event(entry: Mapping[str, Any]) -> str:
    parameters = (f"{one['type']} indexed" if one.get("indexed") else one["type"] for one in entry["inputs"])
    return f"{entry['name']}({','.join(parameters)})"
