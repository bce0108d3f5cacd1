"""Has OpenZeppelin's wizard write what was understood of a prompt."""

from typing import Any

from claimcheck_agent.contracts.tools import Toolchain
from claimcheck_agent.contracts.understood import FEATURES, Kind, Understood

WRITE_SECONDS = 60.0


def write_contract(tools: Toolchain, understood: Understood) -> str:
    """Give the Solidity source of the contract.

    Raises:
        ToolFailed: the wizard refuses the options.
    """
    order = {
        "kind": understood.kind.value,
        "contract": understood.contract,
        "options": _options(understood),
        "cap": understood.cap,
    }
    return tools.run_script("wizard.js", order, seconds=WRITE_SECONDS)


def _options(understood: Understood) -> dict[str, Any]:
    """Give the wizard's options; every feature is said, for the wizard has defaults of its own."""
    options: dict[str, Any] = {feature: feature in understood.features for feature in FEATURES[understood.kind]}
    options |= {"name": understood.name, "access": understood.access or False, "upgradeable": False}
    match understood.kind:
        case Kind.ERC20:
            options |= {
                "symbol": understood.symbol,
                "premint": understood.supply or "0",
                "decimals": str(understood.decimals),
            }
        case Kind.ERC721:
            options |= {"symbol": understood.symbol, "baseUri": understood.uri or ""}
        case Kind.ERC1155:
            options |= {"uri": understood.uri or ""}
        case Kind.GOVERNOR:
            options |= _governor(understood)
    return options


def _governor(understood: Understood) -> dict[str, Any]:
    voting = understood.voting
    assert voting is not None  # noqa: S101  (every governor has it)
    return {
        "votes": voting.token,
        "delay": voting.delay,
        "period": voting.period,
        "quorumMode": "percent",
        "quorumPercent": voting.quorum,
        "proposalThreshold": voting.threshold,
        "timelock": "openzeppelin" if "timelock" in understood.features else False,
    }
