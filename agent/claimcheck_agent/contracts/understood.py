"""What a prompt asks for, as far as rules can tell: the standard of the contract, its figures and its features."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """A standard that contracts can be written for."""

    ERC20 = "ERC20"
    ERC721 = "ERC721"
    ERC1155 = "ERC1155"
    GOVERNOR = "Governor"


# The features of each kind, as the wizard calls them.
FEATURES = {
    Kind.ERC20: frozenset({"mintable", "burnable", "pausable", "permit", "votes", "flashmint", "callback"}),
    Kind.ERC721: frozenset({"mintable", "burnable", "pausable", "votes", "enumerable", "uriStorage", "incremental"}),
    Kind.ERC1155: frozenset({"mintable", "burnable", "pausable", "supply", "updatableUri"}),
    Kind.GOVERNOR: frozenset({"timelock", "settings", "storage"}),
}


@dataclass(frozen=True, kw_only=True)
class Voting:
    """How a governor votes.

    Attributes:
        token: `erc20votes` or `erc721votes`: what votes are counted of.
        delay: from a proposal to its vote, such as `1 day`.
        period: how long a vote lasts, such as `1 week`.
        quorum: percent of all votes that must have been cast.
        threshold: how many votes one must have to propose something.
    """

    token: str
    delay: str
    period: str
    quorum: int
    threshold: str


@dataclass(frozen=True, kw_only=True)
class Understood:
    """A contract as it was asked for.

    Attributes:
        kind: its standard.
        name: what it calls itself; any printable text.
        contract: the contract's name in Solidity, an identifier.
        symbol: None for kinds that have none.
        features: of those in FEATURES.
        access: `ownable`, `roles` or `managed`: who may do what others may not; None if there is no such thing.
        supply: how many tokens are minted at the beginning, in whole tokens; None for none.
        decimals: of a token.
        cap: how many there may ever be; None for no end.
        uri: where metadata is, or begins; None if nothing was said.
        voting: of a governor.
        assumed: what was not said, and taken to be so.
        set_aside: words that mean nothing to the rules.
    """

    kind: Kind
    name: str
    contract: str
    symbol: str | None = None
    features: frozenset[str] = frozenset()
    access: str | None = None
    supply: str | None = None
    decimals: int = 18
    cap: str | None = None
    uri: str | None = None
    voting: Voting | None = None
    assumed: tuple[str, ...] = ()
    set_aside: tuple[str, ...] = ()

    def describe(self) -> str:
        """Say it in words, on one line."""
        said = [f"{self.kind} {self.name!r}" + (f" ({self.symbol})" if self.symbol else "")]
        if self.supply:
            said.append(f"supply {self.supply}")
        if self.decimals != Understood.decimals:
            said.append(f"{self.decimals} decimals")
        if self.cap:
            said.append(f"at most {self.cap}")
        said.extend(sorted(self.features))
        if self.access:
            said.append(f"access: {self.access}")
        if self.uri:
            said.append(f"URI {self.uri}")
        if self.voting:
            voting = self.voting
            said.append(f"votes of {voting.token}, delay {voting.delay}, period {voting.period}")
            said.append(f"quorum {voting.quorum} %, threshold {voting.threshold}")
        return ", ".join(said)

    def as_json(self) -> dict[str, Any]:
        """Give it as results hold it; what there is nothing to say of is left out."""
        voting = self.voting
        told: dict[str, Any] = {
            "standard": self.kind.value,
            "name": self.name,
            "symbol": self.symbol,
            "supply": self.supply,
            "decimals": self.decimals if self.kind is Kind.ERC20 else None,
            "cap": self.cap,
            "features": sorted(self.features),
            "access": self.access,
            "uri": self.uri,
            "voting": voting and vars(voting).copy(),
            "assumed": list(self.assumed),
            "set_aside": list(self.set_aside),
        }
        return {name: value for name, value in told.items() if value is not None}
