"""Deploying by JSON-RPC: what is signed, what is tried again, and what is said when it cannot be done."""

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("eth_account")

from claimcheck_agent.contracts import chain as chains
from claimcheck_agent.contracts import rpc
from claimcheck_agent.contracts.anvil import DEPLOYER_KEY
from claimcheck_agent.contracts.chain import Chain, ChainFailed, read_key
from claimcheck_agent.contracts.rpc import TRIES, Node, Refused, Unreachable
from eth_abi.abi import encode
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from tests.agent.json_rpc import GWEI, FakeNode, Trouble, receipt, serving

ACCOUNT = read_key(DEPLOYER_KEY)
CODE = bytes.fromhex("600160005260206000f3")
ABI: list[dict[str, Any]] = [
    {"type": "error", "name": "TooPoor", "inputs": [{"name": "owned", "type": "uint256"}]},
    {"type": "function", "name": "name", "inputs": [], "outputs": [{"type": "string"}]},
]


@pytest.fixture
def fake() -> Iterator[FakeNode]:
    with serving() as running:
        yield running


@pytest.fixture
def chain(fake: FakeNode) -> Iterator[Chain]:
    with Node(fake.url, pause=0.001) as node:
        yield Chain(node, 7, poll=0.001)


def sent(fake: FakeNode) -> dict[str, Any]:
    """Give the fields of the transaction that was sent."""
    (raw,) = [params[0] for method, params in fake.asked if method == "eth_sendRawTransaction"]
    return dict(TypedTransaction.from_bytes(HexBytes(raw)).as_dict())


def test_contract_is_deployed(fake: FakeNode, chain: Chain) -> None:
    chain.check()
    deployed = chain.deploy(ACCOUNT, CODE)
    assert (deployed.contract, deployed.block, deployed.gas_used) == (
        "0x5B38Da6a701c568545dCfcB03FcB875f56beddC4",
        16,
        21_000,
    )
    fields = sent(fake)
    assert {name: fields[name] for name in ("chainId", "nonce", "gas", "value", "type")} == {
        "chainId": 7,
        "nonce": 3,
        "gas": 120_000,
        "value": 0,
        "type": 2,
    }
    assert (fields["maxFeePerGas"], fields["maxPriorityFeePerGas"], fields["data"]) == (3 * GWEI, GWEI, CODE)
    assert fake.methods().count("eth_getTransactionReceipt") == 2


def test_node_of_another_chain_is_refused(fake: FakeNode, chain: Chain) -> None:
    fake.will("eth_chainId", hex(1))
    with pytest.raises(ChainFailed, match=r"The node at 127\.0\.0\.1 is of the chain 1, not 7\."):
        chain.check()


def test_deployer_without_coins_is_told_how_many(fake: FakeNode, chain: Chain) -> None:
    fake.will("eth_getBalance", hex(5))
    with pytest.raises(
        ChainFailed, match=rf"deployer {ACCOUNT.address} has .*\(5 wei\).* up to .*\(360000000000000 wei\)"
    ):
        chain.deploy(ACCOUNT, CODE)
    assert "eth_sendRawTransaction" not in fake.methods()


def test_constructor_that_reverts_is_explained(fake: FakeNode, chain: Chain) -> None:
    data = keccak(text="TooPoor(uint256)")[:4] + encode(["uint256"], [9])
    fake.will("eth_estimateGas", {"code": 3, "message": "execution reverted", "data": f"0x{data.hex()}"})
    with pytest.raises(ChainFailed, match=r"refuses the transaction: TooPoor\(9\)"):
        chain.deploy(ACCOUNT, CODE, abi=ABI)


BROKEN_OFF = Trouble(200, b'{"jsonrpc": "2.0", ', {"Content-Length": "60"})
NOT_COMPRESSED = Trouble(200, b'{"result": "0x7"}', {"Content-Encoding": "gzip"})


@pytest.mark.parametrize(
    "trouble",
    [Trouble(503), Trouble(429), Trouble(200, b"<html>"), Trouble(200, b"[]"), BROKEN_OFF, NOT_COMPRESSED],
)
def test_node_is_asked_again_after_trouble(fake: FakeNode, chain: Chain, trouble: Trouble) -> None:
    fake.will("eth_chainId", trouble, {"code": -32005, "message": "limit exceeded"}, hex(7))
    chain.check()
    assert fake.methods() == ["eth_chainId"] * 3


def test_node_that_gives_no_answers_is_named_without_its_key(fake: FakeNode, chain: Chain) -> None:
    fake.will("eth_chainId", Trouble(502, b"key-canary"))
    with pytest.raises(Unreachable, match=r"the node at 127\.0\.0\.1 gives no usable answer") as failed:
        chain.check()
    assert "canary" not in str(failed.value)
    assert len(fake.asked) == TRIES


def test_answer_to_a_transaction_that_was_lost_does_no_harm(fake: FakeNode, chain: Chain) -> None:
    fake.will("eth_sendRawTransaction", Trouble(504), {"code": -32000, "message": "already known"})
    assert chain.deploy(ACCOUNT, CODE).contract
    first, second = (params for method, params in fake.asked if method == "eth_sendRawTransaction")
    assert first == second


def test_answer_that_breaks_off_does_not_lose_a_deployed_contract(fake: FakeNode, chain: Chain) -> None:
    fake.will("eth_sendRawTransaction", BROKEN_OFF, {"code": -32000, "message": "already known"})
    fake.will("eth_getTransactionReceipt", BROKEN_OFF, receipt())
    assert chain.deploy(ACCOUNT, CODE).block == 16


def test_answer_longer_than_any_is_not_read_to_its_end(
    fake: FakeNode, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rpc, "LARGEST_ANSWER", 1000)
    fake.will("eth_chainId", Trouble(200, b'{"result": "0x7"}' + b" " * 1000))
    with pytest.raises(Unreachable, match="TooLong"):
        chain.check()


def test_transaction_that_is_refused_is_told(fake: FakeNode, chain: Chain) -> None:
    fake.will("eth_sendRawTransaction", {"code": -32000, "message": "replacement transaction underpriced"})
    with pytest.raises(ChainFailed, match="underpriced"):
        chain.deploy(ACCOUNT, CODE)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (receipt(status="0x0"), "failed in block 16"),
        (receipt(contractAddress=None), "has deployed nothing"),
        (None, "is in no block after 0 s; it may still be taken"),
    ],
)
def test_transaction_that_comes_to_nothing_is_told(
    fake: FakeNode, chain: Chain, monkeypatch: pytest.MonkeyPatch, found: Any, told: str
) -> None:
    monkeypatch.setattr(chains, "RECEIPT_SECONDS", 0.05)
    fake.will("eth_getTransactionReceipt", found)
    with pytest.raises(ChainFailed, match=told):
        chain.deploy(ACCOUNT, CODE)


@pytest.mark.parametrize("key", ["", "0x12", "no key at all", f"0x{'0' * 64}", f"0x{'zz' * 32}"])
def test_key_that_is_none_is_not_shown(key: str) -> None:
    with pytest.raises(ChainFailed, match="The secret deployer is no private key") as failed:
        read_key(key)
    assert not key or key not in str(failed.value)


def test_answer_that_the_abi_does_not_know_is_refused(fake: FakeNode, chain: Chain) -> None:
    fake.will("eth_call", "0x1234")
    with pytest.raises(ValueError, match="not what the ABI says"):
        chain.call(ACCOUNT.address, ABI, "name")
    with pytest.raises(Refused, match="no function symbol"):
        chain.call(ACCOUNT.address, ABI, "symbol")
