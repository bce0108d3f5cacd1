"""Contracts on a real chain are told from others that look like them."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from claimcheck_agent.contracts.abi import encode_arguments
from claimcheck_agent.contracts.anvil import CHAIN_ID, Anvil
from claimcheck_agent.contracts.compiler import make_input
from claimcheck_agent.contracts.order import Network
from claimcheck_agent.contracts.recompile import CODE, recompile
from claimcheck_agent.contracts.rpc import Refused
from claimcheck_agent.contracts.tools import Toolchain
from claimcheck_agent.contracts.verify import Claim, Verdict, verify

from tests.agent import contract_samples
from tests.agent.conftest import RunAgent, finish
from tests.agent.explorer_server import explorer
from tests.agent.fake_jobs import FakeJob
from tests.agent.fake_server import FakeServer
from tests.chain.corpus import HEAD, VULNERABLE
from tests.chain.remembering import Remembering

PATH = "contracts/Box.sol"
BOX = (
    HEAD
    + """\
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

contract Box is Ownable {
    uint256 public immutable size;
    uint256 public immutable made = block.timestamp;
    address public immutable maker = msg.sender;
    address public immutable self = address(this);
    uint256 public held;

    constructor(uint256 size_, uint256 held_, address owner) Ownable(owner) {
        require(owner != address(1), "not that one");
        size = size_;
        held = held_;
    }
}
"""
)


@dataclass(frozen=True)
class Deployed:
    tools: Toolchain
    anvil: Anvil
    address: str
    tx_hash: str
    arguments: list[Any]

    def claim(self, **changed: Any) -> Claim:
        network = Network.parse({"name": "local", "chain_id": CHAIN_ID, "rpc_url": self.anvil.url})
        order = {"network": network, "address": self.address, "contract": "Box", "constructor_args": self.arguments}
        return Claim(**{**order, "standard_input": make_input({PATH: BOX}), **changed})

    def judge(self, *, forgetful: bool = False, **changed: Any) -> Verdict:
        def ask(method: str, params: list[Any]) -> Any:
            if forgetful and method == "eth_getCode" and params[1] != "latest":
                message = "missing trie node"
                raise Refused(message)
            return self.anvil.node.ask(method, params)

        return verify(self.claim(**changed), self.tools, ask)


@pytest.fixture(scope="module")
def deployed(tools: Toolchain, anvil: Anvil) -> Deployed:
    tools = Remembering(tools.folder)
    target = recompile(tools, make_input({PATH: BOX}), CODE).find("Box")
    arguments = [5, 9, anvil.stranger.address]
    kinds = [{"type": kind} for kind in ("uint256", "uint256", "address")]
    creation = bytes.fromhex(target.compiled["evm"]["bytecode"]["object"]) + encode_arguments(kinds, arguments)
    receipt = anvil.chain.deploy(anvil.deployer, creation)
    anvil.node.ask("anvil_mine", ["0x40"])
    return Deployed(tools, anvil, str(receipt.contract), receipt.tx_hash, arguments)


def test_recorded_samples_are_what_the_compiler_makes(tools: Toolchain) -> None:
    made = recompile(tools, contract_samples.INPUT, CODE)
    code = made.find("Box").compiled["evm"]["deployedBytecode"]["object"]
    assert code == contract_samples.SAMPLES["box"]["Box"]["evm"]["deployedBytecode"]["object"]
    assert made.version == contract_samples.SAMPLES["compiler"]


def test_contract_is_verified_by_the_transaction_that_created_it(deployed: Deployed) -> None:
    in_full = Verdict(verified=True, match="full")
    assert deployed.judge(tx_hash=deployed.tx_hash) == in_full
    assert deployed.judge() == in_full
    other = deployed.judge(constructor_args=[5, 8, deployed.arguments[2]])
    assert (other.verified, other.match) == (False, None)
    assert other.reason
    assert "created with other arguments: word 1" in other.reason


@pytest.mark.parametrize(
    ("arguments", "verified", "reason"),
    [
        ((5, 9), True, "only those that it fills in"),
        ((6, 9), False, "would fill in 0x" + "00" * 31 + "06 where 0x" + "00" * 31 + "05 is"),
    ],
)
def test_node_without_a_past_runs_the_constructor_again(
    deployed: Deployed,
    arguments: tuple[int, int],
    verified: bool,  # noqa: FBT001
    reason: str,
) -> None:
    verdict = deployed.judge(forgetful=True, constructor_args=[*arguments, deployed.arguments[2]])
    assert verdict.verified is verified
    assert verdict.reason
    assert reason in verdict.reason


def test_constructor_that_fails_cannot_be_checked(deployed: Deployed) -> None:
    verdict = deployed.judge(forgetful=True, constructor_args=[5, 9, "0x" + "00" * 19 + "01"])
    assert (verdict.verified, verdict.reason) == (True, "The arguments of its constructor could not be checked.")


@pytest.mark.parametrize(
    ("changed", "verified", "reason"),
    [
        ({"standard_input": None, "source_code": BOX}, True, None),
        ({"standard_input": None, "source_code": BOX + "// The end.\n"}, True, "The hash of the metadata differs"),
        ({"standard_input": make_input({PATH: BOX}, {})}, False, "other sources, or with other settings"),
        (
            {"standard_input": make_input({PATH: BOX.replace("held = held_", "held = 1")})},
            False,
            "constructor is another",
        ),
        ({"standard_input": make_input({PATH: VULNERABLE}), "contract": "Reentrant"}, False, "it has no balances"),
        ({"address": "0x" + "12" * 20}, False, "There is no contract at this address."),
        ({"standard_input": make_input({PATH: "contract Box {"})}, False, "cannot be compiled"),
        ({"standard_input": make_input({PATH: 'import "/etc/passwd";'})}, False, "cannot be compiled"),
    ],
)
def test_sources_are_verified_if_they_are_the_contracts(
    deployed: Deployed,
    changed: dict[str, Any],
    verified: bool,  # noqa: FBT001
    reason: str | None,
) -> None:
    verdict = deployed.judge(**changed)
    assert verdict.verified is verified
    assert (verdict.reason is None) is (reason is None)
    assert (reason or "") in (verdict.reason or "")
    assert "root:" not in (verdict.reason or "")


def order(deployed: Deployed, **network: Any) -> dict[str, Any]:
    there = {"name": "local", "chain_id": CHAIN_ID, "rpc_url": deployed.anvil.url, **network}
    return {"network": there, "address": deployed.address, "contract": "Box", "constructor_args": deployed.arguments}


def done(server: FakeServer, run_agent: RunAgent, kind: str, payload: Any, given: Any) -> tuple[FakeJob, str]:
    content = json.dumps(given).encode()
    job = server.add(kind, payload, queue="pipelines", marked=content, stored=content)
    return job, finish(run_agent("--once", "--queue", "pipelines"), timeout=120)


def test_verification_is_a_job(server: FakeServer, run_agent: RunAgent, deployed: Deployed) -> None:
    key = "explorer-canary-key"
    server.state.secrets = {"explorer": key}
    with explorer() as scan:
        scan.says(
            {"status": "1", "message": "OK", "result": "guid"},
            {"status": "1", "message": "OK", "result": "Pass - Verified"},
        )
        network = {"explorer_url": "https://scan.example", "verifier": {"kind": "etherscan", "api_url": scan.url}}
        given = {"standard_input": make_input({PATH: BOX})}
        job, output = done(server, run_agent, "contract-verify", order(deployed, **network), given)
    assert job.state == "completed", output
    assert job.result == {
        "verified": True,
        "match": "full",
        "reason": None,
        "explorer_url": f"https://scan.example/address/{deployed.address}",
        "submitted": [{"explorer": "etherscan", "status": "verified", "message": None, "url": None}],
    }
    assert scan.asked[0].query["apikey"] == key
    assert key not in output + str(job)
    assert [shown["percent"] for shown in job.progress] == sorted(shown["percent"] for shown in job.progress)


def test_wrong_chain_is_told(server: FakeServer, run_agent: RunAgent, deployed: Deployed) -> None:
    job, _ = done(server, run_agent, "contract-verify", order(deployed, chain_id=43113), {"source_code": BOX})
    assert job.state == "failed"
    assert job.result
    assert "is of the chain 31337, not 43113" in job.result["error"]


def test_audit_is_a_job(server: FakeServer, run_agent: RunAgent) -> None:
    payload = {"contract": "Mortal", "model": "gpt-4", "policy": {}}
    given = {"job_id": "job_1", "sources": {PATH: VULNERABLE, "imports": {}}, "standard_input": None, **payload}
    job, output = done(server, run_agent, "contract-audit", payload, given)
    assert job.state == "completed", output
    assert job.result
    assert {"score", "findings", "notes", "markdown"} == job.result.keys()
    assert "this agent has no endpoint for models: gpt-4 is not asked" in job.lines


def test_compliance_is_a_job(server: FakeServer, run_agent: RunAgent) -> None:
    payload = {"contract": "Mortal", "model": None, "policy": {"standards": ["ERC165"]}}
    job, output = done(
        server, run_agent, "contract-compliance", payload, {"standard_input": make_input({PATH: VULNERABLE})}
    )
    assert job.state == "completed", output
    assert job.result
    assert [one["id"] for one in job.result["checks"] if not one["passed"]] == [
        *("erc165.functions", "erc165.code", "no-selfdestruct"),
    ]


def test_input_that_is_none_is_told(server: FakeServer, run_agent: RunAgent) -> None:
    content = b"[" * 100_000
    job = server.add("contract-audit", {}, queue="pipelines", marked=content, stored=content)
    finish(run_agent("--once", "--queue", "pipelines"), timeout=60)
    assert job.result
    assert job.result["error"] == "The job's input is no JSON object."
