"""Makes a contract as a job's command: `python -m claimcheck_agent.contracts.main TOOLS [URL MODEL]`.

The prompt becomes a contract, which is compiled, tried on a chain of its own, deployed and verified. With an endpoint,
a model there writes it; without one, rules and OpenZeppelin's wizard do. It runs in a process of its own, finds
`job.json` in its directory, and leaves the artifacts and `result.json`. What it prints is the job's log.
"""

import json
import sys
import traceback
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount

from claimcheck_agent.builds.model.chat import ModelFailed
from claimcheck_agent.builds.model.settings import Budget, Model
from claimcheck_agent.contracts.abi import constructor_inputs, is_contract
from claimcheck_agent.contracts.anvil import DEPLOYER_KEY
from claimcheck_agent.contracts.arguments import BadArguments, as_json, describe
from claimcheck_agent.contracts.chain import Chain, ChainFailed, Receipt, read_key
from claimcheck_agent.contracts.handler import SECRETS
from claimcheck_agent.contracts.naming import BadName
from claimcheck_agent.contracts.order import Network, Order
from claimcheck_agent.contracts.prompt import NotUnderstood
from claimcheck_agent.contracts.rpc import Node, Refused, Unreachable
from claimcheck_agent.contracts.scripts import Constructed, foundry_project
from claimcheck_agent.contracts.tools import LIBRARY, Toolchain, ToolFailed
from claimcheck_agent.contracts.verify import Claim, Verdict, verify
from claimcheck_agent.contracts.writing import StageFailed, Writing, Written
from claimcheck_agent.machine import be_the_first_to_go
from claimcheck_agent.orders import BadOrder
from claimcheck_agent.secrecy import seal_process, take_job_secrets
from claimcheck_agent.task import Task, say

# How far a stage is when it begins, in percent.
STAGES = {"init": 0, "generate": 5, "compile": 20, "test": 35, "deploy": 55, "verify": 80}
EXPECTED = (
    *(BadArguments, BadName, BadOrder, ChainFailed, ModelFailed, NotUnderstood),
    *(Refused, StageFailed, ToolFailed, Unreachable),
)


def main(tools: str, *model: str) -> int:
    """Make the contract; gives the exit code."""
    be_the_first_to_go()
    seal_process()
    # Nothing that is run from here on is to find them, whatever happens here.
    keys = take_job_secrets(*SECRETS)
    pipeline = _Pipeline(Task.from_environment(), Path(tools), keys, model)
    try:
        result = pipeline.run()
    except EXPECTED as error:
        result = pipeline.failure(str(error))
    except Exception as error:  # noqa: BLE001  (the trace is for the log, the person gets a sentence)
        traceback.print_exc()
        result = pipeline.failure(f"The contract could not be made: an internal error ({type(error).__name__}).")
    pipeline.keep(result)
    return 1 if "error" in result else 0


class _Pipeline:
    """One contract, and how far it is."""

    def __init__(self, task: Task, tools: Path, keys: dict[str, str | None], model: tuple[str, ...]) -> None:
        self._task = task
        self._tools = tools
        self._keys = keys
        self._model = _model(model, keys["llm"])
        self._stage = "init"
        self._percent = 0
        self._writing: Writing | None = None

    def run(self) -> dict[str, Any]:
        self._begin("init", "Reading the order")
        order = Order.parse(self._task.payload)
        account = self._account(order.network)
        say(f"the contract is for {order.network.name} (chain {order.network.chain_id})")
        say(f"the deployer is {account.address}")
        tools = Toolchain.installed(self._tools, say)
        self._writing = Writing(order, tools, account.address, self._begin, say)
        written = self._writing.by_model(self._model) if self._model else self._writing.by_rules()
        self._leave_sources(written, tools)
        with Node(order.network.rpc_url) as node:
            receipt = self._deploy(order, account, written, node)
            result = _result(order, written, receipt)
            # Whatever happens from here on, the contract is there.
            self.keep(result)
            verdict = self._verify(order.network, written, receipt, tools, node)
        result |= {"verified": verdict.verified, "explorer_url": verdict.explorer_url or result["explorer_url"]}
        self._leave("deployment.json", result)
        self._show(100, "Done")
        return result

    def failure(self, message: str) -> dict[str, Any]:
        """Say what went wrong, and where."""
        understood = self._writing.understood if self._writing else None
        return {
            "error": message,
            "stage": self._stage,
            "code": f"{self._stage}_error",
            "understood": understood.as_json() if understood else None,
        }

    def keep(self, result: dict[str, Any]) -> None:
        """Leave the result for the agent."""
        self._task.keep_result(result)

    def _account(self, network: Network) -> LocalAccount:
        if key := self._keys["deployer"]:
            return read_key(key)
        if network.local:
            return read_key(DEPLOYER_KEY)
        raise ChainFailed(
            f"Nothing can be deployed on {network.name}: the project has no secret deployer, a private key."
        )

    def _deploy(self, order: Order, account: LocalAccount, written: Written, node: Node) -> Receipt:
        self._begin("deploy", f"Deploying to {order.network.name}")
        chain = Chain(node, order.network.chain_id)
        chain.check()
        _check_contracts(chain, written)
        creation = written.contract.creation + written.encoded_arguments
        receipt = chain.deploy(account, creation, abi=written.contract.abi)
        say(f"deployed at {receipt.contract} in block {receipt.block}, transaction {receipt.tx_hash}")
        say(f"gas used: {receipt.gas_used}")
        return receipt

    def _verify(self, network: Network, written: Written, receipt: Receipt, tools: Toolchain, node: Node) -> Verdict:
        self._begin("verify", "Verifying")
        claim = Claim(
            network=network,
            address=str(receipt.contract),
            contract=written.contract.fq_name,
            constructor_args=as_json(written.arguments),
            standard_input=written.compiled.standard_input,
            tx_hash=receipt.tx_hash,
        )
        try:
            verdict = verify(claim, tools, node.ask, key=self._keys["explorer"], say=say)
        except Exception as error:  # noqa: BLE001  (a contract that is deployed is not to be lost for this)
            say(f"the contract could not be verified: {type(error).__name__}: {error}")
            return Verdict(verified=False, reason=str(error))
        say("verified" if verdict.verified else f"not verified: {verdict.reason}")
        return verdict

    def _leave_sources(self, written: Written, tools: Toolchain) -> None:
        contract = written.contract
        made = Constructed(
            described=describe(constructor_inputs(contract.abi), written.arguments), encoded=written.encoded_arguments
        )
        library = tools.version(LIBRARY)
        self._leave("sources.json", {contract.path: written.source, "imports": {LIBRARY: library}})
        self._leave("abis.json", {contract.name: contract.abi})
        self._leave("scripts.json", foundry_project(written.compiled, contract, made, library))
        self._leave("standard-input.json", written.compiled.standard_input)

    def _leave(self, name: str, content: object) -> None:
        (self._task.artifacts / name).write_text(json.dumps(content, indent=2), encoding="utf-8")

    def _begin(self, stage: str, step: str) -> None:
        """Tell that a stage begins; how far all is never falls back."""
        self._stage = stage
        self._task.stage(stage)
        say(f"{step} …")
        self._show(STAGES[stage], step)

    def _show(self, percent: int, step: str) -> None:
        self._percent = max(self._percent, percent)
        self._task.progress(percent=self._percent, stage=self._stage, step=step)


def _model(settings: tuple[str, ...], key: str | None) -> Model | None:
    if not settings:
        return None
    url, name = settings
    return Model(url=url, name=name, key=key, budget=Budget())


def _check_contracts(chain: Chain, written: Written) -> None:
    """Check that there are contracts where the constructor is told that there are.

    Raises:
        ChainFailed: there is none.
    """
    for parameter, value in zip(constructor_inputs(written.contract.abi), written.arguments, strict=True):
        if is_contract(parameter) and not chain.code(value):
            wanted = f"{parameter['internalType']} {parameter['name']}"
            raise ChainFailed(f"There is no contract at {value}, which is given for {wanted}.")


def _result(order: Order, written: Written, receipt: Receipt) -> dict[str, Any]:
    address = str(receipt.contract)
    return {
        "address": address,
        "network": order.network.name,
        "contract": written.contract.name,
        "fq_name": written.contract.fq_name,
        "tx_hash": receipt.tx_hash,
        "chain_id": order.network.chain_id,
        "constructor_args": as_json(written.arguments),
        "verified": False,
        "explorer_url": order.network.page(address),
        "compiler": written.compiled.compiler.as_json(),
        "understood": written.understood.as_json() if written.understood else {},
        "iterations": written.iterations,
        "written_by": written.written_by,
    }


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
