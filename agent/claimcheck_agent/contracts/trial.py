"""Tries a contract on a chain of one's own, before it is deployed for good: whether it does what was asked for."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from claimcheck_agent.contracts.abi import Abi
from claimcheck_agent.contracts.anvil import Anvil
from claimcheck_agent.contracts.rpc import Refused

STRANGER = "0x1111111111111111111111111111111111111111"
FRIEND = "0x2222222222222222222222222222222222222222"
# In the place of contracts that are not on this chain: it answers every call with 1 and 0. An access manager says so
# that a call may be made, and at once; a token, that it is block 1. (PUSH 1, store it, return two words.)
STAND_IN = bytes.fromhex("600160005260406000f3")


class TrialFailed(Exception):
    """The contract does not do what was asked for; the message says what is wrong."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A contract that is being tried.

    Attributes:
        anvil: where.
        address: of the contract there.
        abi: its own.
        arguments: of its constructor, by name.
        deployer: who deployed it.
    """

    anvil: Anvil
    address: str
    abi: Abi
    arguments: Mapping[str, Any]
    deployer: str

    def entitled(self, *names: str) -> str:
        """Give who may do something: who was named so to the constructor, an owner, or else the deployer."""
        for name in (*names, "initialOwner"):
            if name in self.arguments:
                return str(self.arguments[name])
        return self.deployer

    def ask(self, function: str, *values: Any) -> Any:  # noqa: ANN401  (any value of the ABI)
        """Call a function that changes nothing.

        Raises:
            TrialFailed: it reverts, or there is none.
        """
        try:
            return self.anvil.chain.call(self.address, self.abi, function, *values)
        except (Refused, ValueError) as error:
            raise TrialFailed(f"{function} does not answer: {error}") from None

    def do(self, sender: str, function: str, *values: Any) -> None:  # noqa: ANN401
        """Call a function that must work.

        Raises:
            TrialFailed: it does not.
        """
        try:
            self.anvil.act_as(sender, self.address, self.abi, function, *values)
        except Refused as error:
            raise TrialFailed(f"{function} does not work: {error}") from None

    def must_not(self, sender: str, why: str, function: str, *values: Any) -> None:  # noqa: ANN401
        """Call a function that must revert.

        Raises:
            TrialFailed: it works.
        """
        try:
            self.anvil.act_as(sender, self.address, self.abi, function, *values)
        except Refused:
            return
        raise TrialFailed(f"{function} works although {why}")

    def expect(self, what: str, found: object, wanted: object) -> None:
        """Compare.

        Raises:
            TrialFailed: they differ.
        """
        if found != wanted:
            raise TrialFailed(f"{what} is {found!r}, and should be {wanted!r}")


Check = Callable[[Tried], None]
Checks = Iterator[tuple[str, Check]]
