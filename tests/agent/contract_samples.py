"""What solc has made of a contract, recorded; and a chain that has one contract.

The samples are `source` with the usual settings (`box`), with another comment (`commented`), function (`other`) or
constructor (`changed`), without the optimizer (`slow`), and without a hash of the metadata (`bare`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from claimcheck_agent.contracts.compiler import make_input
from claimcheck_agent.contracts.order import Network
from claimcheck_agent.contracts.rpc import Refused
from claimcheck_agent.contracts.tools import Toolchain
from claimcheck_agent.contracts.verify import Claim

SAMPLES: dict[str, Any] = json.loads((Path(__file__).parent / "contracts_samples.json").read_text())
PATH = "contracts/Box.sol"
INPUT = make_input({PATH: SAMPLES["source"]})

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
MAKER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
SUMS = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
TX = "0x" + "ab" * 32
BEFORE, HEIGHT = 23, 1000  # The last block without the contract, and the newest.


def words(*values: int | str) -> bytes:
    numbers = (int(value, 16) if isinstance(value, str) else value for value in values)
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def deployed(sample: str = "box", *, size: int = 5, maker: str = MAKER, library: str = SUMS) -> bytes:
    """The code of a Box as a constructor has left it."""
    runtime = SAMPLES[sample]["Box"]["evm"]["deployedBytecode"]
    filled = bytearray(_linked(runtime, library))
    references = sorted(runtime["immutableReferences"].items(), key=lambda item: int(item[0]))
    for (_, places), value in zip(references, (words(size), words(maker)), strict=True):
        for place in places:
            filled[place["start"] : place["start"] + 32] = value
    return bytes(filled)


def creation(sample: str = "box", *, library: str = SUMS) -> bytes:
    """The code that creates a Box."""
    return _linked(SAMPLES[sample]["Box"]["evm"]["bytecode"], library)


def _linked(code: Mapping[str, Any], library: str) -> bytes:
    text = code["object"]
    for places in (places for libraries in code["linkReferences"].values() for places in libraries.values()):
        for place in places:
            start = place["start"] * 2
            text = text[:start] + library[2:] + text[start + 40 :]
    return bytes.fromhex(text)


@dataclass
class FakeChain:
    """A node of a chain with one contract.

    Attributes:
        code: of the contract.
        sent: the input of the transaction that created it.
        remembers: whether it knows the past.
        simulates: whether it runs calls with changed code; `left` gives what they leave by the data that follows the
            code that creates a Box and who calls.
        by_contract: whether the contract was created by another.
    """

    code: bytes = field(default_factory=deployed)
    sent: bytes = field(default_factory=lambda: creation() + words(5, 9))
    remembers: bool = True
    simulates: bool = True
    by_contract: bool = False
    asked: list[str] = field(default_factory=list)

    def ask(self, method: str, params: Sequence[Any]) -> Any:
        self.asked.append(method)
        return getattr(self, method)(*params)

    def eth_getCode(self, address: str, block: str) -> str:  # noqa: N802
        if block != "latest":
            if not self.remembers:
                message = "missing trie node"
                raise Refused(message)
            if int(block, 16) <= BEFORE:
                return "0x"
        return f"0x{self.code.hex()}" if address.lower() == ADDRESS.lower() else "0x"

    def eth_blockNumber(self) -> str:  # noqa: N802
        return hex(HEIGHT)

    def eth_getBlockByNumber(self, number: str, _: bool) -> Any:  # noqa: FBT001, N802
        transactions = [{"hash": "0x01", "to": SUMS}, {"hash": "0x02", "to": None}, {"hash": TX, "to": None}]
        return {"transactions": transactions if int(number, 16) == BEFORE + 1 else []}

    def eth_getTransactionByHash(self, tx_hash: str) -> Any:  # noqa: N802
        return {"hash": TX, "to": None, "input": f"0x{self.sent.hex()}"} if tx_hash == TX else None

    def eth_getTransactionReceipt(self, tx_hash: str) -> Any:  # noqa: N802
        made = {TX: SUMS if self.by_contract else ADDRESS.lower(), "0x02": SUMS}
        return {"contractAddress": made[tx_hash]} if tx_hash in made else None

    def eth_call(self, call: Any, _: str, overrides: Any, block: Any = None) -> str:
        assert overrides[ADDRESS]["state"] == {}
        if not self.simulates or block:
            message = "overrides are not supported"
            raise Refused(message)
        arguments = bytes.fromhex(overrides[ADDRESS]["code"][2:])[len(creation()) :]
        return f"0x{deployed(size=int.from_bytes(arguments[:32], 'big'), maker=call['from']).hex()}"


@dataclass(frozen=True)
class RecordedTools(Toolchain):
    """Tools whose compiler makes the same of all sources: one of the samples."""

    folder: Path = Path("/nowhere")
    sample: str = "box"
    orders: list[Mapping[str, Any]] = field(default_factory=list)

    def run_script(self, script: str, order: Mapping[str, Any], *, seconds: float) -> str:
        assert (script, seconds > 0) == ("compile.js", True)
        self.orders.append(order)
        output = {"contracts": {PATH: SAMPLES[self.sample]}, "sources": {}}
        return json.dumps({"version": SAMPLES["compiler"], "imported": {}, "output": output})


def network(**changed: Any) -> Network:
    order = {
        "name": "test",
        "chain_id": 43113,
        "rpc_url": "http://127.0.0.1:1",
        "explorer_url": "https://scan.example/",
    }
    return Network.parse(order | changed)


def claim(**changed: Any) -> Claim:
    """That there is a Box of size 5 that holds 9."""
    order = {"network": network(), "address": ADDRESS, "contract": "Box", "constructor_args": [5, 9]}
    return Claim(**{**order, "standard_input": INPUT, **changed})
