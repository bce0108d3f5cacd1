"""Says in words with what a contract reverted."""

from eth_utils.crypto import keccak

from claimcheck_agent.contracts.abi import Abi, Item, decode_inputs, signature
from claimcheck_agent.contracts.rpc import Refused

# What every contract can revert with, as in an ABI.
BUILT_IN: Abi = (
    {"type": "error", "name": "Error", "inputs": [{"name": "reason", "type": "string"}]},
    {"type": "error", "name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]},
)


def explain(error: Refused, abi: Abi) -> str:
    """Give the error's message, with the contract's own error if it is one of its ABI."""
    for item in (*abi, *BUILT_IN):
        if item["type"] == "error" and error.data[:4] == keccak(text=signature(item))[:4]:
            return f"{item['name']}({_values(item, error.data[4:])})"
    return str(error)


def _values(item: Item, data: bytes) -> str:
    try:
        return ", ".join(
            f"0x{value.hex()}" if isinstance(value, bytes) else str(value) for value in decode_inputs(item, data)
        )
    except ValueError:
        return "…"
