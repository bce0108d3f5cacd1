"""Prompts that are served, and what is then tried of the contracts, by the deployer (ME) and by a stranger (YOU)."""

from dataclasses import dataclass, field
from typing import Any

from claimcheck_agent.contracts.anvil import DEPLOYER_KEY, STRANGER_KEY
from claimcheck_agent.contracts.chain import read_key
from eth_utils.crypto import keccak

ME, YOU = read_key(DEPLOYER_KEY).address, read_key(STRANGER_KEY).address
NOBODY = "0x0000000000000000000000000000000000000000"
WHOLE = 10**18

Step = tuple[Any, ...]


def reads(function: str, *values: Any, gives: Any) -> Step:
    return "reads", None, function, values, gives


def does(function: str, *values: Any, by: str = ME) -> Step:
    return "does", by, function, values, None


def refuses(function: str, *values: Any, by: str = YOU, because: str) -> Step:
    return "refuses", by, function, values, because


@dataclass(frozen=True, kw_only=True)
class Case:
    """One prompt; `arguments` are those of the constructor that have no default."""

    prompt: str
    steps: list[Step]
    arguments: list[Any] = field(default_factory=list)
    absent: tuple[str, ...] = ()


PAUSED = "EnforcedPause"
MINT, TRANSFER = "mint(address,uint256)", "transfer(address,uint256)"
SAFE_MINT, MOVE = "safeMint(address)", "transferFrom(address,address,uint256)"
MINT_ITEM = "mint(address,uint256,uint256,bytes)"
MOVE_ITEM = "safeTransferFrom(address,address,uint256,uint256,bytes)"

CASES = {
    "the contract's own example": Case(
        prompt="Create an ERC20 token named 'MyToken' with symbol 'MTK' and 1 million total supply. "
        "Include mint and burn functions.",
        steps=[
            reads("name", gives="MyToken"),
            reads("symbol", gives="MTK"),
            reads("decimals", gives=18),
            reads("owner", gives=ME),
            reads("balanceOf", ME, gives=1_000_000 * WHOLE),
            does(TRANSFER, YOU, 5),
            reads("balanceOf", YOU, gives=5),
            refuses(MINT, YOU, 1, because="OwnableUnauthorizedAccount"),
            does(MINT, YOU, 2),
            does("burn(uint256)", 7, by=YOU),
            reads("totalSupply", gives=1_000_000 * WHOLE - 5),
        ],
        absent=("pause()", "permit", "delegate(address)"),
    ),
    "nothing but a supply": Case(
        prompt="ERC20 token without mint, burn or pause. Name: Plain Token. Symbol: PLN. Supply: 21 million.",
        steps=[
            reads("name", gives="Plain Token"),
            reads("totalSupply", gives=21_000_000 * WHOLE),
            does(TRANSFER, YOU, 1),
            refuses(TRANSFER, ME, 2, because="ERC20InsufficientBalance"),
        ],
        absent=(MINT, "burn(uint256)", "pause()", "owner()"),
    ),
    "decimals": Case(
        prompt='Create a simple ERC-20 token called "Gold Coin" (GLD) with an initial supply of 10,000,000 '
        "and 6 decimals.",
        steps=[
            reads("decimals", gives=6),
            reads("totalSupply", gives=10_000_000 * 10**6),
            reads("symbol", gives="GLD"),
        ],
    ),
    "whole tokens in words": Case(
        prompt="Make me a meme coin called DogeMoon with ticker DOGM, no decimals and half a billion tokens, burnable.",
        steps=[
            reads("totalSupply", gives=500_000_000),
            does("burn(uint256)", 1),
            reads("totalSupply", gives=499_999_999),
        ],
        absent=(MINT,),
    ),
    "a cap": Case(
        prompt="ERC20 named Rare with symbol RARE, initial supply of 90 and a max supply of 100. Mintable by the "
        "owner.",
        steps=[
            reads("cap", gives=100 * WHOLE),
            does(MINT, YOU, 10 * WHOLE),
            refuses(MINT, YOU, 1, by=ME, because="ERC20ExceededCap"),
        ],
    ),
    "roles": Case(
        prompt="I want a pausable, mintable ERC20 named 'Stable', symbol STB, with role-based access control.",
        steps=[
            reads("hasRole", b"\0" * 32, ME, gives=True),
            refuses(MINT, YOU, 1, because="AccessControlUnauthorizedAccount"),
            does(MINT, YOU, 3),
            refuses("pause()", because="AccessControlUnauthorizedAccount"),
            does("pause()"),
            refuses(TRANSFER, ME, 1, because=PAUSED),
            does("unpause()"),
            does(TRANSFER, ME, 1, by=YOU),
        ],
        absent=("owner()",),
    ),
    "votes and permits": Case(
        prompt="Governance token MyDAO (MDAO): ERC20 with voting and permit, 100M supply, fixed supply, no minting.",
        steps=[
            does("delegate(address)", YOU),
            reads("getVotes", YOU, gives=100_000_000 * WHOLE),
            reads("nonces", YOU, gives=0),
        ],
        absent=(MINT,),
    ),
    "flash mints": Case(
        prompt="erc20 with name Flash and symbol FLS, flash minting, initial supply 5k",
        steps=[reads("totalSupply", gives=5000 * WHOLE), reads("flashFee", "self", 10, gives=0)],
    ),
    "ERC1363": Case(
        prompt="ERC-20 named Caller, symbol CALL, with transferAndCall (ERC1363), supply of 1e3",
        steps=[reads("supportsInterface", bytes.fromhex("b0202a11"), gives=True)],
    ),
    "an access manager": Case(
        prompt="ERC20 'Managed' (MAN) with access manager, mintable",
        arguments=[YOU],
        steps=[reads("authority", gives=YOU), refuses(MINT, YOU, 1, by=ME, because="AccessManagedUnauthorized")],
    ),
    "names that could be code": Case(
        prompt='ERC20 token named "A\\"); revert(); //" with symbol EVIL and supply 7',
        steps=[reads("symbol", gives="EVIL"), reads("totalSupply", gives=7 * WHOLE)],
    ),
    "letters of all kinds": Case(
        prompt="ERC20 token called “Zürich ₿ 東京” with symbol ZRH, supply 1",
        steps=[reads("name", gives="Zürich ₿ 東京")],
    ),
    "a collection with a cap": Case(
        prompt="An ERC721 NFT collection named Space Cats with symbol SCAT, base URI ipfs://QmX/ and a max supply of "
        "2. "
        "Auto-increment ids, burnable.",
        steps=[
            refuses(SAFE_MINT, YOU, because="OwnableUnauthorizedAccount"),
            does(SAFE_MINT, YOU),
            reads("ownerOf", 0, gives=YOU),
            reads("tokenURI", 0, gives="ipfs://QmX/0"),
            does(MOVE, YOU, ME, 0, by=YOU),
            does("burn(uint256)", 0),
            does(SAFE_MINT, YOU),
            refuses(SAFE_MINT, YOU, by=ME, because="the maximum supply has been minted"),
        ],
    ),
    "a pausable collection with URIs": Case(
        prompt="NFT called MyNFT symbol MNF, enumerable, with URI storage, pausable; only the owner can mint",
        steps=[
            does("safeMint(address,uint256,string)", YOU, 9, "ar://x"),
            reads("tokenURI", 9, gives="ar://x"),
            reads("tokenOfOwnerByIndex", YOU, 0, gives=9),
            refuses("pause()", because="OwnableUnauthorizedAccount"),
            does("pause()"),
            refuses(MOVE, YOU, ME, 9, because=PAUSED),
        ],
    ),
    "a collection that votes": Case(
        prompt='Please write a smart contract for an ERC-721 called "Members" (MEM) with voting power, '
        "roles for minter and pauser.",
        steps=[
            does("safeMint(address,uint256)", YOU, 1),
            does("delegate(address)", YOU, by=YOU),
            reads("getVotes", YOU, gives=1),
            refuses("pause()", because="AccessControlUnauthorizedAccount"),
        ],
    ),
    "a collection of which little was said": Case(
        prompt="Create an NFT collection",
        steps=[reads("name", gives="MyNFT"), does("safeMint(address,uint256)", YOU, 1), reads("ownerOf", 1, gives=YOU)],
    ),
    "items": Case(
        prompt='ERC1155 multi-token called "Game Items" with uri https://game.example/{id}.json, mintable, burnable, '
        "pausable, supply tracking",
        steps=[
            reads("uri", 5, gives="https://game.example/{id}.json"),
            refuses(MINT_ITEM, YOU, 5, 10, b"", because="OwnableUnauthorizedAccount"),
            does(MINT_ITEM, YOU, 5, 10, b""),
            reads("totalSupply(uint256)", 5, gives=10),
            does("burn(address,uint256,uint256)", YOU, 5, 4, by=YOU),
            does("pause()"),
            refuses(MOVE_ITEM, YOU, ME, 5, 1, b"", because=PAUSED),
            does("unpause()"),
            does(MOVE_ITEM, YOU, ME, 5, 1, b"", by=YOU),
            reads("balanceOf", YOU, 5, gives=5),
        ],
    ),
    "items whose URI changes": Case(
        prompt="Semi-fungible tokens named Badges with an updatable URI, roles, and mint",
        steps=[
            refuses("setURI(string)", "x", because="AccessControlUnauthorizedAccount"),
            does("grantRole(bytes32,address)", keccak(text="URI_SETTER_ROLE"), ME),
            does("setURI(string)", "ipfs://new"),
            reads("uri", 1, gives="ipfs://new"),
        ],
        absent=("burn(address,uint256,uint256)",),
    ),
    "a governor": Case(
        prompt="Create a governor contract called MyGovernor for an ERC20Votes token with a voting delay of 1 day, "
        "voting period of 1 week and 10% quorum, with timelock. Proposal threshold of 5.",
        arguments=["contract", "contract"],
        steps=[
            reads("name", gives="MyGovernor"),
            reads("votingDelay", gives=7200),
            reads("votingPeriod", gives=50400),
            reads("quorumNumerator()", gives=10),
            reads("proposalThreshold", gives=5 * WHOLE),
        ],
    ),
    "what is not wanted is left out": Case(
        prompt="ERC-20 with Solidity ^0.8.20 and OpenZeppelin 5.x on Avalanche Fuji called Snow, symbol SNW, total "
        "supply "
        "of 1 000 000. Not upgradeable, no owner, no taxes and no fees. Nothing else.",
        steps=[reads("totalSupply", gives=1_000_000 * WHOLE)],
        absent=("owner()", MINT),
    ),
}
