"""What is tried of a contract, by what was understood of its prompt: each check says what it shows."""

from collections.abc import Iterator
from decimal import Decimal
from functools import partial

from claimcheck_agent.contracts.abi import find_function, functions
from claimcheck_agent.contracts.amounts import scaled
from claimcheck_agent.contracts.trial import FRIEND, STAND_IN, STRANGER, Check, TrialFailed, Tried
from claimcheck_agent.contracts.understood import Kind, Understood

INTERFACES = {Kind.ERC721: "80ac58cd", Kind.ERC1155: "d9b67a26"}  # https://eips.ethereum.org/EIPS/eip-165
CALLBACK_INTERFACE = "b0202a11"
ID, AMOUNT = 7, 10  # Of what is minted here.
SOURCE = "trial"


def checks_of(understood: Understood) -> Iterator[tuple[str, Check]]:
    """Give the checks in the order in which they are to be made, each with what it shows."""
    tokens = {
        Kind.ERC20: _erc20_checks,
        Kind.ERC721: _erc721_checks,
        Kind.ERC1155: _erc1155_checks,
        Kind.GOVERNOR: _governor_checks,
    }
    yield from tokens[understood.kind](understood)


def _erc20_checks(understood: Understood) -> Iterator[tuple[str, Check]]:
    yield "name, symbol, decimals and supply", partial(_erc20_figures, understood)
    if "mintable" in understood.features:
        yield "minting, by those who are entitled", partial(_erc20_mint, understood)
    yield "transfers", partial(_erc20_transfer, understood)
    if "pausable" in understood.features:
        pause = _pausing(understood, "transfer(address,uint256)", FRIEND, 0)
        yield "pausing, by those who are entitled", pause
    if "burnable" in understood.features:
        yield "burning", partial(_erc20_burn, understood)
    if "permit" in understood.features:
        yield "permits", _permit
    if "votes" in understood.features:
        yield "votes", partial(_erc20_votes, understood)
    if "flashmint" in understood.features:
        yield "flash minting", _flash_mint
    if "callback" in understood.features:
        yield "transfers with a call", partial(_interface, CALLBACK_INTERFACE)


def _erc20_figures(understood: Understood, tried: Tried) -> None:
    tried.expect("name", tried.ask("name"), understood.name)
    tried.expect("symbol", tried.ask("symbol"), understood.symbol)
    tried.expect("decimals", tried.ask("decimals"), understood.decimals)
    tried.expect("totalSupply", tried.ask("totalSupply"), units(understood, understood.supply))
    if understood.cap:
        tried.expect("cap", tried.ask("cap"), units(understood, understood.cap))


def _erc20_mint(understood: Understood, tried: Tried) -> None:
    minter = _entitle(understood, tried, "minter", "mint(address,uint256)", STRANGER, AMOUNT)
    if _is_full(understood):
        tried.must_not(minter, "there are as many tokens as there may be", "mint(address,uint256)", STRANGER, AMOUNT)
        return
    before = tried.ask("balanceOf", STRANGER)
    tried.do(minter, "mint(address,uint256)", STRANGER, AMOUNT)
    tried.expect("the balance after minting", tried.ask("balanceOf", STRANGER), before + AMOUNT)
    if understood.cap:
        beyond = units(understood, understood.cap)
        tried.must_not(minter, "there would be more than there may be", "mint(address,uint256)", STRANGER, beyond)


def _erc20_transfer(understood: Understood, tried: Tried) -> None:
    holder, amount = _holder(understood, tried)
    before = tried.ask("balanceOf", FRIEND)
    tried.do(holder, "transfer(address,uint256)", FRIEND, amount)
    tried.expect("the balance after a transfer", tried.ask("balanceOf", FRIEND), before + amount)
    tried.must_not(holder, "the sender has not got so much", "transfer(address,uint256)", FRIEND, 2**255)


def _erc20_burn(_: Understood, tried: Tried) -> None:
    before = tried.ask("totalSupply")
    amount = min(AMOUNT, tried.ask("balanceOf", FRIEND))
    tried.do(FRIEND, "burn(uint256)", amount)
    tried.expect("totalSupply after burning", tried.ask("totalSupply"), before - amount)


def _erc20_votes(_: Understood, tried: Tried) -> None:
    tried.do(FRIEND, "delegate(address)", FRIEND)
    tried.expect("getVotes after delegating", tried.ask("getVotes", FRIEND), tried.ask("balanceOf", FRIEND))


def _permit(tried: Tried) -> None:
    tried.expect("nonces", tried.ask("nonces", STRANGER), 0)
    tried.ask("DOMAIN_SEPARATOR")
    if find_function(tried.abi, "permit") is None:
        raise TrialFailed("there is no function permit")


def _flash_mint(tried: Tried) -> None:
    if not tried.ask("maxFlashLoan", tried.address):
        raise TrialFailed("maxFlashLoan is 0")


def _erc721_checks(understood: Understood) -> Iterator[tuple[str, Check]]:
    yield "name, symbol and interface", partial(_erc721_figures, understood)
    if "mintable" not in understood.features:
        return
    yield "minting, by those who are entitled", partial(_erc721_mint, understood)
    yield "transfers", partial(_erc721_transfer, understood)
    if "pausable" in understood.features:
        transfer = ("transferFrom(address,address,uint256)", FRIEND, FRIEND, _first_id(understood))
        yield "pausing, by those who are entitled", _pausing(understood, *transfer, actor=FRIEND)
    if "enumerable" in understood.features:
        yield "enumeration", partial(_enumerable, understood)
    if "votes" in understood.features:
        yield "votes", partial(_erc20_votes, understood)
    if "burnable" in understood.features:
        yield "burning", partial(_erc721_burn, understood)


def _erc721_figures(understood: Understood, tried: Tried) -> None:
    tried.expect("name", tried.ask("name"), understood.name)
    tried.expect("symbol", tried.ask("symbol"), understood.symbol)
    _interface(INTERFACES[Kind.ERC721], tried)
    if understood.cap:
        tried.expect("MAX_SUPPLY", tried.ask("MAX_SUPPLY"), int(understood.cap))


def _erc721_mint(understood: Understood, tried: Tried) -> None:
    function, values = _safe_mint(understood, tried)
    minter = _entitle(understood, tried, "minter", function, *values)
    tried.do(minter, function, *values)
    token = _first_id(understood)
    tried.expect("the owner after minting", tried.ask("ownerOf", token).lower(), STRANGER)
    if understood.uri:
        wanted = understood.uri + (SOURCE if "uriStorage" in understood.features else str(token))
        tried.expect("tokenURI", tried.ask("tokenURI", token), wanted)
    if understood.cap == "1":
        tried.must_not(minter, "there are as many tokens as there may be", function, *values)


def _safe_mint(understood: Understood, tried: Tried) -> tuple[str, list[object]]:
    """Give how a token is minted: an id and a URI are given where the contract does not know them."""
    values: list[object] = [STRANGER]
    types = ["address"]
    if "incremental" not in understood.features:
        values.append(ID)
        types.append("uint256")
    if "uriStorage" in understood.features:
        values.append(SOURCE)
        types.append("string")
    function = f"safeMint({','.join(types)})"
    if function not in functions(tried.abi):
        raise TrialFailed(f"there is no function {function}")
    return function, values


def _erc721_transfer(understood: Understood, tried: Tried) -> None:
    token = _first_id(understood)
    tried.must_not(
        FRIEND, "the token is somebody else's", "transferFrom(address,address,uint256)", STRANGER, FRIEND, token
    )
    tried.do(STRANGER, "transferFrom(address,address,uint256)", STRANGER, FRIEND, token)
    tried.expect("the owner after a transfer", tried.ask("ownerOf", token).lower(), FRIEND)


def _enumerable(understood: Understood, tried: Tried) -> None:
    tried.expect("totalSupply", tried.ask("totalSupply"), 1)
    tried.expect("tokenByIndex", tried.ask("tokenByIndex", 0), _first_id(understood))


def _erc721_burn(understood: Understood, tried: Tried) -> None:
    token = _first_id(understood)
    tried.must_not(STRANGER, "the token is somebody else's", "burn(uint256)", token)
    tried.do(FRIEND, "burn(uint256)", token)
    tried.expect("the balance after burning", tried.ask("balanceOf", FRIEND), 0)


def _erc1155_checks(understood: Understood) -> Iterator[tuple[str, Check]]:
    yield "URI and interface", partial(_erc1155_figures, understood)
    if "updatableUri" in understood.features:
        yield "a new URI, by those who are entitled", partial(_new_uri, understood)
    if "mintable" not in understood.features:
        return
    yield "minting, by those who are entitled", partial(_erc1155_mint, understood)
    yield "transfers", _erc1155_transfer
    if "pausable" in understood.features:
        transfer = ("safeTransferFrom(address,address,uint256,uint256,bytes)", FRIEND, STRANGER, ID, 0, b"")
        yield "pausing, by those who are entitled", _pausing(understood, *transfer, actor=FRIEND)
    if "burnable" in understood.features:
        yield "burning", _erc1155_burn
    if "supply" in understood.features:
        left = AMOUNT - 1 if "burnable" in understood.features else AMOUNT
        yield (
            "the supply of each id",
            lambda tried: tried.expect("totalSupply", tried.ask("totalSupply(uint256)", ID), left),
        )


def _erc1155_figures(understood: Understood, tried: Tried) -> None:
    tried.expect("uri", tried.ask("uri", ID), understood.uri or "")
    _interface(INTERFACES[Kind.ERC1155], tried)


def _new_uri(understood: Understood, tried: Tried) -> None:
    setter = _entitle(understood, tried, "uriSetter", "setURI(string)", SOURCE)
    if understood.access == "roles":
        # Nobody has this role from the beginning; the administrator gives it.
        admin = tried.entitled("defaultAdmin")
        tried.do(admin, "grantRole(bytes32,address)", tried.ask("URI_SETTER_ROLE"), setter)
    tried.do(setter, "setURI(string)", SOURCE)
    tried.expect("uri", tried.ask("uri", ID), SOURCE)


def _erc1155_mint(understood: Understood, tried: Tried) -> None:
    mint = ("mint(address,uint256,uint256,bytes)", STRANGER, ID, AMOUNT, b"")
    minter = _entitle(understood, tried, "minter", *mint)
    tried.do(minter, *mint)
    tried.expect("the balance after minting", tried.ask("balanceOf", STRANGER, ID), AMOUNT)


def _erc1155_transfer(tried: Tried) -> None:
    transfer = ("safeTransferFrom(address,address,uint256,uint256,bytes)", STRANGER, FRIEND, ID, AMOUNT, b"")
    tried.must_not(FRIEND, "the tokens are somebody else's", *transfer)
    tried.do(STRANGER, *transfer)
    tried.expect("the balance after a transfer", tried.ask("balanceOf", FRIEND, ID), AMOUNT)


def _erc1155_burn(tried: Tried) -> None:
    tried.do(FRIEND, "burn(address,uint256,uint256)", FRIEND, ID, 1)
    tried.expect("the balance after burning", tried.ask("balanceOf", FRIEND, ID), AMOUNT - 1)


def _governor_checks(understood: Understood) -> Iterator[tuple[str, Check]]:
    yield "name, delay, period and threshold", partial(_governor_figures, understood)


def _governor_figures(understood: Understood, tried: Tried) -> None:
    tried.expect("name", tried.ask("name"), understood.name)
    for function in ("votingDelay", "proposalThreshold"):
        tried.ask(function)
    if not tried.ask("votingPeriod"):
        raise TrialFailed("votingPeriod is 0")
    if understood.voting:
        tried.expect("quorumNumerator", tried.ask("quorumNumerator()"), understood.voting.quorum)


def _entitle(understood: Understood, tried: Tried, name: str, function: str, *values: object) -> str:
    """Show that a stranger may not do something; gives who may."""
    entitled = tried.entitled(name)
    if understood.access == "managed":
        authority = str(tried.arguments.get("initialAuthority", entitled))
        tried.anvil.set_code(authority, b"")
        tried.must_not(FRIEND, "nobody has been entitled", function, *values)
        tried.anvil.set_code(authority, STAND_IN)
        return FRIEND
    tried.must_not(FRIEND, "the sender is not entitled", function, *values)
    return entitled


def _pausing(understood: Understood, transfer: str, *values: object, actor: str = FRIEND) -> Check:
    def check(tried: Tried) -> None:
        pauser = _entitle(understood, tried, "pauser", "pause()")
        tried.do(pauser, "pause()")
        tried.must_not(actor, "the contract is paused", transfer, *values)
        tried.do(pauser, "unpause()")
        tried.do(actor, transfer, *values)

    return check


def _holder(understood: Understood, tried: Tried) -> tuple[str, int]:
    """Give somebody who has tokens, and how many of them to transfer."""
    minted = tried.ask("balanceOf", STRANGER)
    if minted:
        return STRANGER, minted
    holder = tried.entitled("recipient")
    return holder, min(AMOUNT, units(understood, understood.supply))


def _first_id(understood: Understood) -> int:
    return 0 if "incremental" in understood.features else ID


def _is_full(understood: Understood) -> bool:
    return bool(understood.cap) and units(understood, understood.cap) < units(understood, understood.supply) + AMOUNT


def _interface(interface: str, tried: Tried) -> None:
    if not tried.ask("supportsInterface", bytes.fromhex(interface)):
        raise TrialFailed(f"supportsInterface does not know 0x{interface}")


def units(understood: Understood, amount: str | None) -> int:
    """Give an amount of whole tokens in the smallest units."""
    return int(scaled(Decimal(amount or 0), understood.decimals))
