"""What a contract was created with: whether its constructor ran, as the sources have it, with these arguments.

The deployed code alone does not show that: most arguments end up in storage, and what a constructor does leaves no
trace in the code. The transaction that created the contract shows it. It is known to whoever deployed, or is found by
asking in which block the code appeared, which takes a node that remembers. Where neither is to be had, the constructor
is run again, in a call that changes nothing, and what it fills in is compared: the immutables.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from claimcheck_agent.contracts.bytecode import Code, agreement
from claimcheck_agent.contracts.rpc import Refused

Ask = Callable[[str, list[Any]], Any]
"""Asks the chain's node: a method of JSON-RPC and its parameters. It raises `Refused` for an error of the method's."""

NOBODY, SOMEBODY = "0x" + "00" * 20, "0x" + "5e" * 20
ANOTHER_TIME = {"time": "0x7fffffff", "number": "0x7fffffff"}
WORD = 32  # Bytes.

UNCHECKED = "The arguments of its constructor could not be checked."
BELIEVED = "The arguments of its constructor were not given: those that it was created with are taken for right."
PARTLY_CHECKED = "Of the arguments of its constructor only those that it fills in to the code could be checked."


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A contract as it is on the chain: its address, its code, the transaction that made it if that is known."""

    address: str
    code: bytes
    tx_hash: str | None = None


@dataclass(frozen=True, kw_only=True)
class Creation:
    """What is known of how a contract was created.

    Attributes:
        agrees: whether it was as it should be; None if that cannot be told.
        reason: why it does not, or cannot be told; a sentence.
        tx_hash: the transaction that created it.
        arguments: of the constructor, ABI-encoded; None if they are not known.
    """

    agrees: bool | None
    reason: str | None = None
    tx_hash: str | None = None
    arguments: bytes | None = None


def check_creation(
    ask: Ask, deployed: Deployed, compiled: Mapping[str, Any], libraries: Mapping[str, str], arguments: bytes | None
) -> Creation:
    """Check how a contract was created whose code is already known to agree.

    `arguments` are those of its constructor, ABI-encoded; None to believe those that it was created with.

    Raises:
        Whatever `ask` raises, but for `Refused`.
    """
    tx_hash = deployed.tx_hash or _find_transaction(ask, deployed.address)
    if tx_hash:
        return _check_transaction(ask, tx_hash, deployed, Code.creation(compiled), arguments)
    if arguments is None:
        return Creation(agrees=None, reason="The arguments of its constructor are not known.")
    if not compiled["evm"]["deployedBytecode"].get("immutableReferences"):
        return Creation(agrees=None, reason=UNCHECKED if arguments else None, arguments=arguments)
    return _run_again(ask, deployed, compiled, Code.creation(compiled).linked(libraries), arguments)


def _check_transaction(ask: Ask, tx_hash: str, deployed: Deployed, ours: Code, arguments: bytes | None) -> Creation:
    transaction, receipt = ask("eth_getTransactionByHash", [tx_hash]), ask("eth_getTransactionReceipt", [tx_hash])
    if not transaction or not receipt:
        return Creation(agrees=False, reason="The transaction that is said to have created the contract is not there.")
    if str(receipt.get("contractAddress") or "").lower() != deployed.address.lower():
        return Creation(agrees=False, reason="The transaction that is said to have created the contract did not.")
    sent = bytes.fromhex(transaction["input"][2:])
    begins, rest = sent[: len(ours.code)], sent[len(ours.code) :]
    if agreement(ours, begins) is None:
        reason = "The code of the constructor is another, though what it has left on the chain is the same."
        return Creation(agrees=False, reason=reason, tx_hash=tx_hash)
    if arguments is not None and rest != arguments:
        return Creation(agrees=False, reason=_other_arguments(rest, arguments), tx_hash=tx_hash)
    believed = BELIEVED if arguments is None and rest else None
    return Creation(agrees=True, reason=believed, tx_hash=tx_hash, arguments=rest)


def _other_arguments(rest: bytes, arguments: bytes) -> str:
    if len(rest) == len(arguments):
        first = next(
            index for index in range(0, len(rest), WORD) if rest[index : index + WORD] != arguments[index:][:WORD]
        )
        was, told = rest[first : first + WORD].hex(), arguments[first : first + WORD].hex()
        return f"The contract was created with other arguments: word {first // WORD} is 0x{was}, and not 0x{told}."
    return f"The contract was created with other arguments: {len(rest)} bytes of them, and not {len(arguments)}."


def _find_transaction(ask: Ask, address: str) -> str | None:
    """Find the transaction that created a contract, if it did so directly and the node knows the past."""
    try:
        found = ask("eth_getBlockByNumber", [hex(_first_block(ask, address)), True])
        for transaction in (found or {}).get("transactions", ()):
            if transaction.get("to") is None:
                receipt = ask("eth_getTransactionReceipt", [transaction["hash"]])
                if str((receipt or {}).get("contractAddress") or "").lower() == address.lower():
                    return str(transaction["hash"])
    except Refused:
        return None  # It remembers only the newest blocks.
    return None


def _first_block(ask: Ask, address: str) -> int:
    """Give the block in which a contract appeared; some thirty questions on the longest chains."""
    without, having = -1, int(ask("eth_blockNumber", []), 16)
    while having - without > 1:
        middle = (without + having) // 2
        if ask("eth_getCode", [address, hex(middle)]) in {"0x", None}:
            without = middle
        else:
            having = middle
    return having


def _run_again(
    ask: Ask, deployed: Deployed, compiled: Mapping[str, Any], creation: bytes, arguments: bytes
) -> Creation:
    """Run the constructor again where the contract is, and compare what it fills in with what is there."""
    made = _simulate(ask, deployed.address, creation + arguments, sender=NOBODY)
    if made is None or len(made) != len(deployed.code):
        return Creation(agrees=None, reason=UNCHECKED if arguments else None, arguments=arguments)
    other = _simulate(ask, deployed.address, creation + arguments, sender=SOMEBODY, block=ANOTHER_TIME)
    other = other or _simulate(ask, deployed.address, creation + arguments, sender=SOMEBODY) or made
    for start, length in Code.runtime(compiled).filled:
        end = start + length
        was, told = deployed.code[start:end], made[start:end]
        # What depends on who deploys, or when, says nothing of the arguments.
        if was != told == other[start:end]:
            reason = f"With these arguments the constructor would fill in 0x{told.hex()} where 0x{was.hex()} is."
            return Creation(agrees=False, reason=reason)
    return Creation(agrees=None, reason=PARTLY_CHECKED if arguments else None, arguments=arguments)


def _simulate(
    ask: Ask, address: str, creation: bytes, *, sender: str, block: Mapping[str, str] | None = None
) -> bytes | None:
    """Give what a constructor would leave at an address; None if it fails, or the node cannot do that.

    The code that creates the contract is put where the contract is, with an empty storage, and called: in that way it
    sees its own address as it was when it ran.
    """
    call = {"from": sender, "to": address, "data": "0x"}
    there = {address: {"code": f"0x{creation.hex()}", "state": {}}}
    try:
        left = ask("eth_call", [call, "latest", there, *([block] if block else [])])
    except Refused:
        return None
    return bytes.fromhex(left[2:]) if isinstance(left, str) and len(left) > len("0x") else None
