"""What rules understand of prompts, and what they say of those that they do not."""

import contextlib
from typing import Any

import pytest
from claimcheck_agent.contracts.amounts import UnclearAmount, parse_amount, plain
from claimcheck_agent.contracts.naming import BadName, default_symbol, identifier, source_path
from claimcheck_agent.contracts.prompt import NotUnderstood, understand
from claimcheck_agent.contracts.understood import Kind
from claimcheck_agent.contracts.vocabulary import FEATURES, UNSERVED
from hypothesis import given
from hypothesis import strategies as st

MANY_DIGITS = 40

SERVED: dict[str, dict[str, Any]] = {
    "Create an ERC20 token named 'MyToken' with symbol 'MTK' and 1 million total supply. Include mint and burn.": {
        "kind": "ERC20",
        "name": "MyToken",
        "symbol": "MTK",
        "supply": "1000000",
        "features": {"mintable", "burnable"},
        "access": "ownable",
    },
    "ERC20 token Foo (FOO), supply 10, 0 decimals": {"name": "Foo", "symbol": "FOO", "supply": "10", "decimals": 0},
    "A fungible token called Gold of the North, ticker: GON. Supply: 5k. Pausable.": {
        "name": "Gold of the North",
        "symbol": "GON",
        "supply": "5000",
        "features": {"pausable"},
    },
    "name: My Coin, symbol: MC. ERC20, 1,000,000 premint. Burnable + mintable + pausable": {
        "name": "My Coin",
        "features": {"burnable", "mintable", "pausable"},
        "supply": "1000000",
    },
    "ERC20 named X1 symbol XX, mint 500 tokens to me on deployment, max supply of 1000 tokens, minters and pausers": {
        "supply": "500",
        "cap": "1000",
        "features": {"mintable", "pausable"},
        "access": "roles",
    },
    "ERC20 'A B' (AB) supply 3, neither mintable nor pausable": {"features": set(), "access": None},
    "ERC20 'A B' (AB) supply 3, without minting, burning and pausing but with permit": {"features": {"permit"}},
    "ERC20 'A B' (AB) supply 3, no minting, burnable": {"features": {"burnable"}},
    "ERC20 'A B' (AB) supply 3. It should not be mintable or pausable, and it can be burned": {
        "features": {"burnable"}
    },
    "ERC20 'A B' (AB) with supply 3 and no taxes, not upgradeable, no owner": {"features": set(), "access": None},
    "an erc-721 'Cats' (CAT) for our club, 10,000 NFTs": {
        "kind": "ERC721",
        "cap": "10000",
        "features": {"mintable", "incremental"},
        "set_aside": ("club",),
    },
    "NFT named Art, metadata at https://art.example/meta/, owner can mint": {"uri": "https://art.example/meta/"},
    "ERC1155 called Items": {"kind": "ERC1155", "symbol": None, "features": {"mintable"}},
    "A governor named Gov, quorum 7 percent, 2 day voting delay, voting period of three weeks, ERC721 votes": {
        "kind": "Governor",
        "voting": {"token": "erc721votes", "delay": "2 days", "period": "3 weeks", "quorum": 7, "threshold": "0"},
    },
    "ERC20: name=Beta, symbol=BET, supply=1000, mintable=true, burnable=false, pausable: no": {
        "name": "Beta",
        "supply": "1000",
        "features": {"mintable"},
    },
    "BEP20 'A B' (AB), 500,000 initial supply minted to the deployer, and nobody can mint afterwards": {
        "kind": "ERC20",
        "supply": "500000",
        "features": set(),
    },
    "ERC20 'A B' (AB), supply 3, with a mint function restricted to MINTER_ROLE": {
        "features": {"mintable"},
        "access": "roles",
    },
    "NFTs named Art. Each token has its own metadata URI.": {"features": {"mintable", "uriStorage"}},
    "a DAO called Foo": {"kind": "Governor", "name": "Foo"},
    "Create a token": {"name": "MyToken", "features": {"mintable"}, "access": "ownable"},
}

REFUSED = {
    "write me a poem": "does not say what kind of contract is wanted",
    "a lending protocol with flash loans": "rules cannot write lending ('lending')",
    "Create an ERC20 token with 2% tax on each transfer": "rules cannot write taxes and fees ('tax')",
    "ERC20 and ERC721 in one": "asks for ERC20 and ERC721",
    "an upgradeable ERC20 token": "rules cannot write upgrading",
    "ERC20 named A B, a mintable token that is not mintable": "says of mintable both",
    "ERC20 with a fixed supply of 100 that is mintable": "its supply is said to be fixed, and more can be minted",
    "ERC20 with no supply and no minting": "there would never be any tokens",
    "ERC20, supply 1000, max supply 500": "the supply 1000 is more than the 500",
    "ERC20, supply 10, supply 20": "the supply is said to be 10 and 20",
    "ERC20 named One, called Two, supply 10": "it has two names, 'One' and 'Two'",
    "ERC20 with 1.000 tokens": "may mean 1000 or 1",
    "ERC20 with 1.5 tokens and 0 decimals": "need more than 0 decimals",
    "ERC20 with 99 decimals, supply 1": "a token has 0 to 30 decimals",
    "ERC20, supply 10^70": "more than a token can count",
    "ERC20, supply 5, mints 3 every week": "no rule knows what is meant by 'every'",
    "ERC20, supply 5, then 7 and 9": "it is not clear what the numbers are for: '7', '9'",
    "ERC20, supply 5, to 0x5B38Da6a701c568545dCfcB03FcB875f56beddC4": "addresses are given as arguments",
    "ERC20 enumerable, supply 5": "ERC20 contracts cannot have enumerable",
    "NFT collection, premint 10": "minted after the deployment",
    "ERC1155 with a supply of 5": "ERC1155 contracts have no supply of 5",
    "NFT with 6 decimals": "ERC721 contracts have no decimals",
    "ERC20 mintable, no owner": "nobody is to be entitled, and somebody must be for mintable",
    "ERC20 mintable, Ownable with role-based access control": "it is not clear who may do what",
    "NFT where anyone can mint": "rules cannot write minting by anybody",
    "NFT that users can mint": "rules cannot write minting by anybody",
    "ERC20, supply 5, name 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'": "at most 64",
    "ERC20, supply 5, symbol 'way too long for one'": "a symbol has 1 to 11 letters and digits",
    "a governor with a quorum of 0%": "a quorum is 1 to 100 percent",
    "a governor with an owner who is ownable": "governors govern themselves",
    "Crea un token ERC20 llamado Oro con simbolo ORO y suministro ilimitado": "too much of it means nothing",
}


@pytest.mark.parametrize("prompt", SERVED)
def test_prompt_is_understood(prompt: str) -> None:
    understood = understand(prompt)
    expected = SERVED[prompt]
    found = {name: getattr(understood, name) for name in expected}
    if "voting" in found:
        found["voting"] = vars(found["voting"])
    assert found == expected


@pytest.mark.parametrize("prompt", REFUSED)
def test_prompt_is_refused_with_what_was_understood(prompt: str) -> None:
    with pytest.raises(NotUnderstood) as refused:
        understand(prompt)
    assert REFUSED[prompt] in str(refused.value)
    said = str(refused.value)
    assert "Understood: " in said or "Nothing of it was understood." in said


def test_what_was_not_said_is_told() -> None:
    understood = understand("an ERC20 token, mintable", "Silver.sol")
    assert (understood.name, understood.contract, understood.symbol) == ("Silver", "Silver", "SILV")
    assert understood.assumed == ("the name Silver", "the symbol SILV", "one owner, the deployer, is entitled")


@pytest.mark.parametrize("unserved", UNSERVED)
def test_every_feature_that_cannot_be_written_is_refused_unless_negated(unserved: str) -> None:
    words = {
        "lending": "borrowing",
        "exchanging": "swaps",
        "staking": "staking",
        "vesting": "vesting",
        "taxes and fees": "fees",
        "sharing out": "airdrops",
        "a supply that changes by itself": "rebasing",
        "selling": "auctions",
        "royalties": "royalties",
        "lists of accounts": "whitelisting",
        "limits for holders": "cooldowns",
        "tokens that cannot be transferred": "soulbound",
        "minting by anybody": "public mint",
        "burning by the owner": "forced burning",
        "prices and randomness from outside": "oracles",
        "several signers": "multisig",
        "bridging": "bridging",
        "revealing": "reveals",
        "renting": "renting",
        "snapshots": "snapshots",
    }[unserved]
    with pytest.raises(NotUnderstood, match=unserved):
        understand(f"ERC20 'A B' (AB), supply 3, with {words}")
    assert understand(f"ERC20 'A B' (AB), supply 3, without {words}").features == frozenset()


def test_names_are_data() -> None:
    understood = understand('ERC20 called "A\\"); revert(); //{" with symbol EVL, supply 1')
    assert understood.contract.isalnum()
    assert understood.contract[0].isupper()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("My Token", "MyToken"),
        ("ERC20", "ERC20Contract"),
        ("Ownable", "OwnableContract"),
        ("7 of 9", "Of9"),
        ("東京", "Contract"),
        ("Zürich's best", "ZurichsBest"),
        ("address", "Address" + "Contract"),
    ],
)
def test_contract_has_a_name_that_solidity_takes(name: str, expected: str) -> None:
    assert identifier(name) == expected


def test_symbols_are_made_of_names() -> None:
    assert [default_symbol(name) for name in ("Gold Coin", "Silver", "MyBigToken", "東京")] == [
        "GC",
        "SILV",
        "MBT",
        "TKN",
    ]


@pytest.mark.parametrize("filename", ["../../etc/passwd", "a/b.sol", "x.js", ".sol", "a\0.sol", "x" * 80 + ".sol"])
def test_file_cannot_be_called_anything(filename: str) -> None:
    with pytest.raises(BadName, match="the file cannot be called"):
        source_path(filename, "MyToken")


def test_file_may_be_named_with_its_folder() -> None:
    assert source_path("contracts/Other.sol", "MyToken") == "contracts/Other.sol"
    assert source_path(None, "MyToken") == "contracts/MyToken.sol"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10,000,000", "10000000"),
        ("1 000 000", "1000000"),
        ("1.000.000", "1000000"),
        ("1_000", "1000"),
        ("1e6", "1000000"),
        ("10^9", "1000000000"),
        ("10**9", "1000000000"),
        ("1.5 million", "1500000"),
        ("2 billion", "2000000000"),
        ("21M", "21000000"),
        ("5k", "5000"),
        ("a million", "1000000"),
        ("half a billion", "500000000"),
        ("half a hundred thousand", "50000"),
        ("half-a-million", "500000"),
        ("a half million", "500000"),
        ("two and a half million", "2500000"),
        ("2 and a half million", "2500000"),
        ("five millions", "5000000"),
        ("5 thousands", "5000"),
        ("a hundred thousands", "100000"),
        ("two hundred thousand", "200000"),
        ("one hundred and five", "105"),
        ("twenty-one million", "21000000"),
        ("one hundred thousand million", "100000000000"),
        ("zero", "0"),
        ("1,000,000.50", "1000000.5"),
    ],
)
def test_amounts(text: str, expected: str) -> None:
    assert plain(parse_amount(text)) == expected
    supply = None if expected == "0" else expected
    assert understand(f"ERC20 'A B', mintable, supply {text}").supply == supply
    assert understand(f"ERC20 'A B', mintable, {text} tokens").supply == supply


def test_amount_with_two_meanings_is_refused() -> None:
    with pytest.raises(UnclearAmount, match=r"1\.000 may mean 1000 or 1"):
        parse_amount("1.000")


@pytest.mark.parametrize(
    "amount",
    [
        "tens",
        "dozens",
        "hundreds",
        "Thousands",
        "millions",
        "tens of thousands",
        "hundreds of thousands",
        "few thousand",
        "couple of million",
        "several hundred thousand",
    ],
)
@pytest.mark.parametrize("said", ["supply of {}", "{} of tokens", "{} tokens", "premint {}", "at most {}"])
def test_amount_that_says_only_about_how_many_is_refused(said: str, amount: str) -> None:
    with pytest.raises(NotUnderstood, match=rf"{amount.lower()} may be any number of them; write how many\."):
        understand(f"ERC20 'A B', mintable, {said.format(amount)}")


@pytest.mark.parametrize("amount", ["half a million and five", "half a million and a half million"])
def test_half_of_something_unclear_is_refused(amount: str) -> None:
    with pytest.raises(NotUnderstood, match=f"{amount} may be half of one thing or of another"):
        understand(f"ERC20 'A B', mintable, supply of {amount}")


@pytest.mark.parametrize(
    ("amount", "left"), [("a dozen", "dozen"), ("a quarter million", "quarter"), ("a million and a half", "half")]
)
def test_amount_of_which_a_part_is_not_understood_is_refused(amount: str, left: str) -> None:
    for said in (f"supply of {amount}", f"{amount} tokens"):
        with pytest.raises(NotUnderstood, match=f"it is not clear what the numbers are for: .*'{left}'"):
            understand(f"ERC20 'A B', mintable, {said}")


@given(st.integers(min_value=1, max_value=10**MANY_DIGITS))
def test_whole_numbers_are_exact(number: int) -> None:
    assert plain(parse_amount(str(number))) == str(number)
    assert plain(parse_amount(f"{number:,}")) == str(number)


WORDS = st.sampled_from(
    [
        *FEATURES,
        "erc20",
        "nft",
        "token",
        "no",
        "not",
        "or",
        "and",
        "without",
        ",",
        ".",
        "supply",
        "5",
        "half",
        "a",
        "tens",
        "hundred",
        "thousands",
        "of",
        "1e9",
        "owner",
        "%",
    ]
)


@given(st.lists(WORDS | st.text(max_size=8), max_size=12).map(" ".join))
def test_any_prompt_is_understood_or_refused(prompt: str) -> None:
    try:
        understood = understand(prompt)
    except NotUnderstood:
        return
    assert understood.kind in Kind
    assert understood.contract.isidentifier()
    assert understood.describe().isprintable()


def test_long_prompts_are_read_quickly() -> None:
    # A pattern that goes back and forth over these would take minutes.
    pieces = (
        "the owner ",
        "ten ",
        "half a ",
        "thousands of ",
        "a few ",
        "one and a half million ",
        "no or and ",
        "a a ",
    )
    for piece in (*pieces, "token named ", "'\"", "not ", "base uri ", "Aa "):
        with contextlib.suppress(NotUnderstood):
            understand((piece * 20_000)[:20_000] + "!")
