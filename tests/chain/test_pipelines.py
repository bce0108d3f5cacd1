"""Pipelines as jobs: the agent's own handler, from the claim to a contract that is deployed and verified."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("eth_account")

from claimcheck_agent.contracts.anvil import DEPLOYER_KEY, STRANGER_KEY, Anvil
from claimcheck_agent.contracts.chain import read_key
from claimcheck_agent.contracts.tools import Toolchain

from local.openai_server import OpenAIServer, serving, streamed
from tests.agent.conftest import RunAgent, finish
from tests.agent.fake_jobs import FakeJob
from tests.agent.fake_server import FakeServer

PIPELINES = ("--once", "--queue", "pipelines")
PATIENCE = 120.0  # Seconds.
# Of the chains' own accounts, so that contracts of these tests do not get in the way of others.
KEY = "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"
MODEL_KEY = "sk-canary-0123456789abcdef"
PROMPT = "Create an ERC20 token named 'MyToken' with symbol 'MTK' and 1 million total supply. Include mint and burn."
SOUND = """\
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.27;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

contract Sound is ERC20 {
    constructor(address recipient, string memory motto) ERC20("Sound", "SND") {
        require(bytes(motto).length > 0, "a motto is wanted");
        _mint(recipient, 5 * 10 ** decimals());
    }
}
"""


def add(server: FakeServer, anvil: Anvil, prompt: str = PROMPT, **fields: Any) -> FakeJob:
    network = {
        "name": "avalanche-fuji",
        "chain_id": 31337,
        "rpc_url": anvil.url,
        "explorer_url": "https://explorer.example",
        "verifier": None,
        **fields.pop("network", {}),
    }
    payload: dict[str, Any] = {"prompt": prompt, "max_iters": 10, "strict_args": True, "constructor_args": []}
    return server.add("contract-pipeline", {**payload, "network": network, **fields}, queue="pipelines")


def delivered(server: FakeServer, job: FakeJob) -> dict[str, Any]:
    return {name: json.loads(content) for name, content in server.state.delivered(job).items()}


def said(job: FakeJob, stage: str) -> str:
    return "\n".join(entry["message"] for entry in job.entries if (entry.get("metadata") or {}).get("stage") == stage)


@pytest.fixture
def endpoint() -> Iterator[OpenAIServer]:
    with serving() as running:
        running.key = MODEL_KEY
        yield running


def test_prompt_becomes_a_verified_contract(
    server: FakeServer, run_agent: RunAgent, anvil: Anvil, tools: Toolchain, tmp_path: Path
) -> None:
    server.state.secrets["deployer"] = KEY
    deployer = read_key(KEY).address
    job = add(server, anvil, filename="Token.sol")
    finish(run_agent(*PIPELINES), timeout=PATIENCE)
    result = job.result
    assert result
    assert job.states == ["claimed", "running", "completed"], job.lines
    address = result["address"]
    assert {
        name: result[name] for name in ("network", "contract", "fq_name", "chain_id", "verified", "written_by")
    } == {
        "network": "avalanche-fuji",
        "contract": "MyToken",
        "fq_name": "contracts/Token.sol:MyToken",
        "chain_id": 31337,
        "verified": True,
        "written_by": "wizard",
    }
    assert (result["constructor_args"], result["iterations"]) == ([deployer, deployer], 1)
    assert result["explorer_url"] == f"https://explorer.example/address/{address}"
    assert result["compiler"]["version"].startswith(f"{tools.version('solc')}+commit.")
    assert result["understood"]["features"] == ["burnable", "mintable"]
    assert job.progress[-1] == {"percent": 100, "stage": "verify", "step": "Done"}
    assert [
        stage for stage in ("init", "generate", "compile", "test", "deploy", "verify") if not said(job, stage)
    ] == []
    assert f"deployed at {address}" in said(job, "deploy")
    files = delivered(server, job)
    assert sorted(files) == ["abis.json", "deployment.json", "scripts.json", "sources.json", "standard-input.json"]
    assert files["deployment.json"] == result
    assert files["sources.json"]["imports"] == {"@openzeppelin/contracts": tools.version("@openzeppelin/contracts")}
    assert anvil.chain.call(address, files["abis.json"]["MyToken"], "owner").lower() == deployer.lower()
    assert KEY.removeprefix("0x") not in json.dumps([job.result, job.lines, files])
    again = deploy_with_forge(tools, anvil, tmp_path / "foundry", files)
    # All but the digest of the metadata, which has the settings of imports in it.
    assert anvil.chain.code(again)[:-53] == anvil.chain.code(address)[:-53]
    assert anvil.chain.call(again, files["abis.json"]["MyToken"], "owner").lower() == deployer.lower()


def deploy_with_forge(tools: Toolchain, anvil: Anvil, folder: Path, files: dict[str, Any]) -> str:
    """Do what the README of the scripts says, but for fetching what is here already."""
    texts = files["scripts.json"] | {name: text for name, text in files["sources.json"].items() if name != "imports"}
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "node_modules").symlink_to(tools.modules)
    env = {"FOUNDRY_OFFLINE": "true", "FOUNDRY_SOLC_VERSION": str(tools.solc), "HOME": str(folder)}
    script = (
        "script",
        "script/Deploy.s.sol:Deploy",
        "--rpc-url",
        anvil.url,
        "--private-key",
        STRANGER_KEY,
        "--broadcast",
    )
    subprocess.run(  # noqa: S603  (one of our own tools)
        [str(tools.forge), *script], cwd=folder, env={"PATH": os.environ["PATH"], **env}, check=True, timeout=PATIENCE
    )
    (log,) = folder.glob("broadcast/*/31337/run-latest.json")
    return str(json.loads(log.read_text())["transactions"][0]["contractAddress"])


def test_what_cannot_be_done_is_explained(server: FakeServer, run_agent: RunAgent, anvil: Anvil) -> None:
    server.state.secrets["deployer"] = STRANGER_KEY
    without = add(server, anvil)
    without.project_id = ""
    jobs = {
        ("generate", "rules cannot write lending"): add(server, anvil, "a lending protocol with flash loans"),
        ("init", "max_iters must be 1 to 50"): add(server, anvil, max_iters=0.5),
        ("compile", "the constructor takes 2 arguments (address recipient, address initialOwner)"): add(
            server, anvil, constructor_args=["0x1", "0x2", "0x3"]
        ),
        ("deploy", "is of the chain 31337, not 43113"): add(server, anvil, network={"chain_id": 43113}),
        ("init", "the project has no secret deployer"): without,
    }
    finish(run_agent(*PIPELINES[1:], "--max-jobs", str(len(jobs))), timeout=PATIENCE)
    for (stage, told), job in jobs.items():
        assert job.state == "failed"
        assert job.result
        assert told in job.result["error"]
        assert (job.result["stage"], job.result["code"]) == (stage, f"{stage}_error")
        assert "Traceback" not in "".join(job.lines)


def test_chain_for_development_needs_no_secret(server: FakeServer, run_agent: RunAgent, anvil: Anvil) -> None:
    job = add(server, anvil, "ERC20 'Loc' (LOC), supply 5", network={"local": True, "explorer_url": None})
    finish(run_agent(*PIPELINES), timeout=PATIENCE)
    assert job.state == "completed", job.lines
    assert job.result
    assert job.result["constructor_args"] == [read_key(DEPLOYER_KEY).address]
    assert job.result["explorer_url"] is None


def test_model_is_told_what_is_wrong(
    server: FakeServer, run_agent: RunAgent, anvil: Anvil, endpoint: OpenAIServer
) -> None:
    server.state.secrets |= {"deployer": KEY, "llm": MODEL_KEY}
    broken = SOUND.replace("_mint(recipient", "_mint(nobody")
    unwanted = SOUND.replace('"SND"', '"OTHER"')
    answers = ("I would rather not.", *(f"Here it is:\n```solidity\n{text}```\n" for text in (broken, unwanted, SOUND)))
    endpoint.instead.extend(map(streamed, answers))
    prompt = "An ERC20 token called Sound, symbol SND, with a supply of 5 tokens"
    arguments = [read_key(STRANGER_KEY).address, "Loud"]
    job = add(server, anvil, prompt, constructor_args=arguments)
    finish(run_agent(*PIPELINES, "--model-url", endpoint.url, "--model", "gpt-test"), timeout=PATIENCE)
    assert job.state == "completed", job.lines
    assert job.result
    assert (job.result["written_by"], job.result["iterations"]) == ("model gpt-test", 4)
    assert (job.result["verified"], job.result["constructor_args"]) == (True, arguments)
    complaints = [asked.body["messages"][-1]["content"] for asked in endpoint.asked]
    assert "no file in it" in complaints[1]
    assert "Undeclared identifier" in complaints[2]
    assert "symbol is 'OTHER', and should be 'SND'" in complaints[3]
    assert delivered(server, job)["sources.json"]["contracts/Sound.sol"] == SOUND
    assert MODEL_KEY not in json.dumps([job.result, job.lines])
