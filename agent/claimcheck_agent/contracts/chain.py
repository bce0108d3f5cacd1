"""Deploys contracts on a chain, and calls them."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from claimcheck_agent.contracts.abi import Abi, decode_result, encode_call, find_function
from claimcheck_agent.contracts.revert import explain
from claimcheck_agent.contracts.rpc import Node, Refused

# What signs brings a library that lets Python recurse until the stack overflows: deep JSON would end the process.
sys.setrecursionlimit(1000)

RECEIPT_SECONDS = 180.0
POLL_SECONDS = 1.0
GAS_MARGIN = 1.2  # Times what the node estimates.
FEE_BLOCKS, FEE_PERCENTILE = 10, 50.0  # What tips were paid of late.
LEAST_TIP = 1  # Wei.
KNOWN = ("already known", "already imported", "known transaction")  # Of a transaction that is sent again.


class ChainFailed(Exception):
    """What was to be done on the chain was not done; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """A transaction that is in a block."""

    tx_hash: str
    block: int
    gas_used: int
    contract: str | None


def read_key(text: str) -> LocalAccount:
    """Make an account of a private key in hexadecimal.

    Raises:
        ChainFailed: it is none. The key is not shown.
    """
    try:
        account: LocalAccount = Account.from_key(text.strip())
    except Exception:  # noqa: BLE001  (whatever it raises may show the key)
        raise ChainFailed("The secret deployer is no private key: 0x and 64 hexadecimal digits are wanted.") from None
    return account


class Chain:
    """A chain, by one of its nodes."""

    def __init__(self, node: Node, chain_id: int, *, poll: float = POLL_SECONDS) -> None:
        self.node = node
        self._chain_id = chain_id
        self._poll = poll

    def check(self) -> None:
        """Check that the node is of this chain.

        Raises:
            ChainFailed: it is of another.
        """
        found = int(self.node.ask("eth_chainId", []), 16)
        if found != self._chain_id:
            raise ChainFailed(f"The node at {self.node.host} is of the chain {found}, not {self._chain_id}.")

    def code(self, address: str) -> bytes:
        """Give the code at an address; none if there is no contract."""
        return bytes.fromhex(self.node.ask("eth_getCode", [address, "latest"])[2:])

    def balance(self, address: str) -> int:
        """Give what an account has, in wei."""
        return int(self.node.ask("eth_getBalance", [address, "latest"]), 16)

    def call(self, address: str, abi: Abi, function: str, *values: Any, sender: str | None = None) -> Any:  # noqa: ANN401
        """Call a function without changing anything; gives what it returns, several values as a tuple.

        Raises:
            Refused: it reverts; the message says with what.
            ValueError: it returns what it should not.
        """
        item = find_function(abi, function)
        if item is None:
            raise Refused(f"there is no function {function}")
        request = {"to": address, "data": _hex(encode_call(item, values))} | ({"from": sender} if sender else {})
        try:
            data = bytes.fromhex(self.node.ask("eth_call", [request, "latest"])[2:])
        except Refused as error:
            raise Refused(explain(error, abi), error.data) from None
        result = decode_result(item, data)
        return result[0] if len(result) == 1 else result

    def deploy(self, account: LocalAccount, creation: bytes, *, abi: Abi = (), value: int = 0) -> Receipt:
        """Deploy a contract: its creation code with the constructor's arguments; waits until it is in a block.

        Raises:
            ChainFailed: it is not deployed.
            Unreachable: the node gives no usable answer.
        """
        receipt = self._send(account, {"data": _hex(creation), "value": value}, abi)
        if not receipt.contract:
            raise ChainFailed(f"The transaction {receipt.tx_hash} has deployed nothing.")
        return receipt

    def transact(self, account: LocalAccount, address: str, abi: Abi, function: str, *values: Any) -> Receipt:  # noqa: ANN401
        """Call a function by a transaction; waits until it is in a block.

        Raises:
            ChainFailed: it reverts, or is not taken.
            Unreachable: the node gives no usable answer.
        """
        item = find_function(abi, function)
        if item is None:
            raise ChainFailed(f"There is no function {function}.")
        return self._send(account, {"to": address, "data": _hex(encode_call(item, values)), "value": 0}, abi)

    def wait(self, tx_hash: str) -> Receipt:
        """Wait until a transaction is in a block.

        Raises:
            ChainFailed: it is not, after a time, or it failed there.
        """
        deadline = time.monotonic() + RECEIPT_SECONDS
        while (found := self.node.ask("eth_getTransactionReceipt", [tx_hash])) is None:
            if time.monotonic() >= deadline:
                raise ChainFailed(
                    f"The transaction {tx_hash} is in no block after {RECEIPT_SECONDS:.0f} s; it may still be taken."
                )
            time.sleep(self._poll)
        if int(found["status"], 16) != 1:
            raise ChainFailed(f"The transaction {tx_hash} failed in block {int(found['blockNumber'], 16)}.")
        made = found.get("contractAddress")
        return Receipt(
            tx_hash=tx_hash,
            block=int(found["blockNumber"], 16),
            gas_used=int(found["gasUsed"], 16),
            contract=to_checksum_address(made) if made else None,
        )

    def _send(self, account: LocalAccount, request: Mapping[str, Any], abi: Abi) -> Receipt:
        try:
            sent = self._signed(account, request)
        except Refused as error:
            raise ChainFailed(f"The chain refuses the transaction: {explain(error, abi)}.") from None
        return self.wait(sent)

    def _signed(self, account: LocalAccount, request: Mapping[str, Any]) -> str:
        """Sign a transaction and send it; gives its hash."""
        gas = self._gas(account.address, request)
        fees = self._fees()
        self._afford(account.address, gas * fees["maxFeePerGas"] + request["value"])
        signed = account.sign_transaction(
            {
                **request,
                **fees,
                "type": 2,
                "gas": gas,
                "chainId": self._chain_id,
                "nonce": int(self.node.ask("eth_getTransactionCount", [account.address, "pending"]), 16),
            }
        )
        try:
            self.node.ask("eth_sendRawTransaction", [_hex(signed.raw_transaction)])
        except Refused as error:
            # The answer to an earlier try was lost, and the transaction was not.
            if not any(words in str(error).lower() for words in KNOWN):
                raise
        return _hex(signed.hash)

    def _gas(self, sender: str, request: Mapping[str, Any]) -> int:
        estimated = self.node.ask("eth_estimateGas", [{**request, "from": sender, "value": hex(request["value"])}])
        return int(int(estimated, 16) * GAS_MARGIN)

    def _fees(self) -> dict[str, int]:
        """Give what is paid: twice the base fee, which lasts for some full blocks, and a usual tip (EIP-1559)."""
        history = self.node.ask("eth_feeHistory", [hex(FEE_BLOCKS), "latest", [FEE_PERCENTILE]])
        tips = sorted(int(rewards[0], 16) for rewards in history.get("reward") or [])
        tip = max(LEAST_TIP, tips[len(tips) // 2] if tips else 0)
        return {"maxFeePerGas": 2 * int(history["baseFeePerGas"][-1], 16) + tip, "maxPriorityFeePerGas": tip}

    def _afford(self, address: str, cost: int) -> None:
        balance = self.balance(address)
        if balance < cost:
            raise ChainFailed(
                f"The deployer {address} has {_coins(balance)} on this chain, and up to {_coins(cost)} may be needed."
            )


def _hex(data: bytes | Sequence[int]) -> str:
    return f"0x{bytes(data).hex()}"


def _coins(wei: int) -> str:
    """Give an amount in the chain's coin, as people count it."""
    return f"{wei / 10**18:.6g} coins ({wei} wei)"
