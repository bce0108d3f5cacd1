"""Contracts are verified if, and only if, what is on the chain was made of the sources, with these arguments."""

import importlib
import sys
from collections.abc import Callable
from typing import Any

import pytest
from claimcheck_agent.contracts.bytecode import compare, compiler_version, metadata, selectors
from claimcheck_agent.contracts.explorers import Patience
from claimcheck_agent.contracts.recompile import BadInput
from claimcheck_agent.contracts.verify import Claim, Verdict, verify
from claimcheck_agent.orders import BadOrder

from tests.agent.contract_samples import (
    ADDRESS,
    MAKER,
    SAMPLES,
    SUMS,
    TX,
    FakeChain,
    RecordedTools,
    claim,
    creation,
    deployed,
    network,
    words,
)
from tests.agent.explorer_server import explorer

PAGE = f"https://scan.example/address/{ADDRESS}"


def judge(chain: FakeChain, sample: str = "box", **changed: Any) -> Verdict:
    return verify(claim(**changed), RecordedTools(sample=sample), chain.ask)


@pytest.mark.parametrize("tx_hash", [TX, None])
def test_contract_is_verified_by_its_code_and_by_the_transaction_that_created_it(tx_hash: str | None) -> None:
    chain = FakeChain()
    assert judge(chain, tx_hash=tx_hash) == Verdict(verified=True, match="full", explorer_url=PAGE)
    # A thousand blocks are searched with ten questions.
    assert chain.asked.count("eth_getCode") == (1 if tx_hash else 11)


@pytest.mark.parametrize("tx_hash", [TX, None])
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([5, 8], f"word 1 is 0x{words(9).hex()}, and not 0x{words(8).hex()}."),
        ([6, 9], f"word 0 is 0x{words(5).hex()}, and not 0x{words(6).hex()}."),
        ([5], "the constructor takes 2 arguments; 1 were given."),
        ([5, None], "the constructor takes 2 arguments; 2 were given."),
        ([5, "many"], "the argument held_: it must be a whole number"),
    ],
)
def test_other_arguments_are_not_verified(tx_hash: str | None, arguments: list[Any], reason: str) -> None:
    verdict = judge(FakeChain(), tx_hash=tx_hash, constructor_args=arguments)
    assert (verdict.verified, verdict.match) == (False, None)
    assert verdict.reason
    assert reason in verdict.reason


def test_arguments_that_are_too_many_are_not_verified() -> None:
    verdict = judge(FakeChain(sent=creation() + words(5, 9, 9)))
    assert verdict.reason == "The contract was created with other arguments: 96 bytes of them, and not 64."


@pytest.mark.parametrize("given", [None, []])
def test_arguments_that_are_not_given_are_those_of_the_creation(given: list[Any] | None) -> None:
    verdict = judge(FakeChain(), constructor_args=given)
    assert verdict.verified
    assert verdict.reason
    assert "taken for right" in verdict.reason


@pytest.mark.parametrize("unknown", [{"remembers": False}, {"by_contract": True}])
def test_where_the_past_is_not_known_the_constructor_is_run_again(unknown: dict[str, Any]) -> None:
    verdict = judge(FakeChain(**unknown))
    assert (verdict.verified, verdict.match) == (True, "full")
    assert verdict.reason
    assert "only those that it fills in" in verdict.reason
    # Who deployed it is not known, and nothing is made of that.
    assert judge(FakeChain(**unknown), constructor_args=[5, 8]).verified
    verdict = judge(FakeChain(**unknown), constructor_args=[6, 9])
    assert not verdict.verified
    assert verdict.reason == (
        f"With these arguments the constructor would fill in 0x{words(6).hex()} where 0x{words(5).hex()} is."
    )


@pytest.mark.parametrize(("given", "said"), [([5, 9], "could not be checked"), ([], "are not known")])
def test_what_cannot_be_checked_is_said(given: list[Any], said: str) -> None:
    verdict = judge(FakeChain(remembers=False, simulates=False), constructor_args=given)
    assert verdict.verified
    assert verdict.reason
    assert said in verdict.reason


def test_transaction_must_be_the_one_that_created_it() -> None:
    assert judge(FakeChain(by_contract=True), tx_hash=TX).reason == (
        "The transaction that is said to have created the contract did not."
    )
    assert judge(FakeChain(), tx_hash="0x" + "00" * 32).reason == (
        "The transaction that is said to have created the contract is not there."
    )


def test_other_comments_are_a_partial_match() -> None:
    verdict = judge(FakeChain(), "commented")
    assert (verdict.verified, verdict.match) == (True, "partial")
    assert (
        verdict.reason == "The hash of the metadata differs: names, comments or paths of the sources are not the same."
    )


def test_constructor_that_does_something_else_is_found() -> None:
    verdict = judge(FakeChain(), "changed")
    assert (verdict.verified, verdict.match) == (False, None)
    assert verdict.reason == "The code of the constructor is another, though what it has left on the chain is the same."


def tampered(code: bytes) -> bytes:
    return code[:60] + bytes([code[60] ^ 1]) + code[61:]


def of_solc(version: bytes) -> Callable[[bytes], bytes]:
    return lambda code: code[:-5] + version + code[-2:]


@pytest.mark.parametrize(
    ("sample", "on_chain", "reason"),
    [
        ("other", deployed(), "The deployed bytecode is that of another contract: it has no stuff(uint256)."),
        (
            "slow",
            deployed(),
            "The deployed bytecode was made of other sources, or with other settings of the compiler.",
        ),
        (
            "bare",
            deployed(),
            "The deployed bytecode was made with other settings for the metadata, or by another compiler.",
        ),
        ("box", tampered(deployed()), "The deployed bytecode is not what its own metadata says it is made of."),
        (
            "slow",
            of_solc(b"\0\x08\x14")(deployed()),
            "The deployed bytecode was made by solc 0.8.20, and not by 0.8.37.",
        ),
        ("box", b"", "There is no contract at this address."),
        (
            "box",
            b"\x60\x80",
            "The deployed bytecode is that of another contract: it has no fill(uint256), held(), item() and others.",
        ),
        (
            "box",
            bytes.fromhex("363d3d373d3d3d363d73" + SUMS[2:] + "5af43d82803e903d91602b57fd5bf3"),
            f"At this address is a minimal proxy for {SUMS.lower()}, and not the contract itself.",
        ),
    ],
)
def test_other_code_is_not_verified(sample: str, on_chain: bytes, reason: str) -> None:
    assert judge(FakeChain(code=on_chain), sample) == Verdict(verified=False, reason=reason, explorer_url=PAGE)


def test_libraries_are_those_that_the_chain_has() -> None:
    on_chain = deployed(library=MAKER)
    comparison = compare(SAMPLES["box"]["Box"], on_chain)
    assert (comparison.match, comparison.libraries) == ("full", {"contracts/Box.sol:Sums": MAKER.lower()})
    assert judge(FakeChain(code=on_chain, sent=creation(library=MAKER) + words(5, 9))).verified


@pytest.mark.parametrize(("second", "match"), [(SUMS, "full"), (MAKER, None)])
def test_library_is_the_same_wherever_it_is_called(second: str, match: str | None) -> None:
    gap = "__$" + "ab" * 17 + "$__"
    links = {"Sums.sol": {"Sums": [{"start": 1, "length": 20}, {"start": 22, "length": 20}]}}
    runtime = {"object": f"73{gap}73{gap}", "linkReferences": links, "immutableReferences": {}}
    compiled = {"abi": [], "evm": {"deployedBytecode": runtime, "methodIdentifiers": {}}}
    on_chain = bytes.fromhex(f"73{SUMS[2:]}73{second[2:]}")
    assert compare(compiled, on_chain).match == match


def test_library_knows_its_own_address() -> None:
    sums = SAMPLES["box"]["Sums"]
    code = bytes.fromhex(sums["evm"]["deployedBytecode"]["object"])
    there = code[:1] + bytes.fromhex(SUMS[2:]) + code[21:]
    assert compare(sums, there).match == "full"
    assert compare(sums, tampered(there)).match is None


def test_source_without_settings_is_compiled_with_the_usual_ones() -> None:
    tools = RecordedTools(sample="slow")
    verdict = verify(claim(standard_input=None, source_code="contract Box {}"), tools, FakeChain().ask)
    assert not verdict.verified
    tried = [order["settings"] for order in tools.orders]
    assert [(one.get("optimizer"), one.get("evmVersion")) for one in tried] == [
        ({"enabled": True, "runs": 200}, "cancun"),
        (None, None),
        ({"enabled": True, "runs": 200}, None),
        (None, "cancun"),
    ]
    assert verify(claim(standard_input=None, source_code="…"), RecordedTools(), FakeChain().ask).match == "full"


def test_sources_that_are_verified_are_handed_to_the_networks_explorer() -> None:
    with explorer() as server:
        server.says({"status": "0", "message": "NOTOK", "result": "Already Verified"})
        verifier = {"kind": "etherscan", "api_url": server.url}
        there = network(explorer_url=None, verifier=verifier)
        patience = Patience(pause=0.001)
        wrong = claim(network=there, constructor_args=[1, 2])
        verify(wrong, RecordedTools(), FakeChain().ask, key="k", patience=patience)
        assert server.asked == []
        verdict = verify(claim(network=there), RecordedTools(), FakeChain().ask, key="k", patience=patience)
        assert verdict.as_json() == {
            "verified": True,
            "match": "full",
            "reason": None,
            "explorer_url": None,
            "submitted": [{"explorer": "etherscan", "status": "already_verified", "message": None, "url": None}],
        }
        (sent,) = server.asked
    assert sent.fields["constructorArguments"] == words(5, 9).hex()
    assert sent.fields["contractname"] == "contracts/Box.sol:Box"


ORDER = {
    "network": {"chain_id": 1, "rpc_url": "http://127.0.0.1"},
    "address": ADDRESS,
    "contract": "contracts/Box.sol:Box",
    "constructor_args": [],
}


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("network", None),
        ("network", {"chain_id": 1}),
        ("address", "0x12"),
        ("address", ADDRESS + "\n"),
        ("contract", "Box; rm"),
        ("contract", None),
        ("constructor_args", {"size": 5}),
    ],
)
def test_orders_that_make_no_sense_are_refused(field: str, wrong: object) -> None:
    assert Claim.parse(ORDER, {"source_code": ""}).contract == "contracts/Box.sol:Box"
    with pytest.raises((BadInput, BadOrder)):
        Claim.parse(ORDER | {field: wrong}, {"source_code": ""})
    with pytest.raises(BadInput):
        Claim.parse(ORDER, {"source_code": None})


@pytest.mark.parametrize(
    "given",
    [
        None,
        {},
        {"language": "Yul", "sources": {"a.yul": {"content": ""}}},
        {"language": "Solidity", "sources": {}},
        {"language": "Solidity", "sources": {"a.sol": {"urls": ["file:///etc/passwd"]}}},
        {"language": "Solidity", "sources": {"a.sol": {"content": 1}}},
        {"language": "Solidity", "sources": {"a.sol": {"content": "x" * 5_000_000}}},
        {"language": "Solidity", "sources": {f"{n}.sol": {"content": ""} for n in range(501)}},
        {"language": "Solidity", "sources": {"a.sol": {"content": ""}}, "settings": []},
    ],
)
def test_inputs_that_are_none_are_refused(given: Any) -> None:
    with pytest.raises(BadInput):
        judge(FakeChain(), standard_input=given or {})


@pytest.mark.parametrize("contract", ["Bag", "contracts/Bag.sol:Box"])
def test_contract_must_be_among_the_sources(contract: str) -> None:
    with pytest.raises(BadInput, match="The sources have no contract"):
        judge(FakeChain(), contract=contract)


@pytest.mark.parametrize("code", [b"", b"\xff\xff", b"\x00\x00", b"\xa1\x00\x01", b"\x9f" * 50 + b"\x00\x32"])
def test_code_without_metadata_has_none(code: bytes) -> None:
    assert (metadata(code), compiler_version(code)) == ({}, None)


def test_what_is_pushed_is_no_instruction() -> None:
    # PUSH5 hides a PUSH4; a PUSH3 is a selector that begins with 0; the last PUSH4 is cut off.
    code = bytes.fromhex("64" + "63aabbccdd" + "62" + "112233" + "63" + "01020304" + "63" + "05")
    assert selectors(code) == {"00112233", "01020304", "00000005"}


def test_deep_json_does_not_end_the_process() -> None:
    # A library that is imported with it allows for 100,000 levels, which no stack has room for.
    importlib.import_module("claimcheck_agent.contracts.chain")
    assert sys.getrecursionlimit() <= 1000
