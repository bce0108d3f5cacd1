"""Twenty prompts, from words to a contract on a chain that does what they say."""

import pytest

pytest.importorskip("eth_account")

from claimcheck_agent.contracts.abi import find_function
from claimcheck_agent.contracts.anvil import Anvil
from claimcheck_agent.contracts.chain import ChainFailed
from claimcheck_agent.contracts.order import Order
from claimcheck_agent.contracts.tools import Toolchain
from claimcheck_agent.contracts.trial import STAND_IN
from claimcheck_agent.contracts.writing import Writing, Written

from tests.chain.prompts import CASES, ME, Case, Step


def order(anvil: Anvil, case: Case, contract: str) -> Order:
    network = {"name": "local", "chain_id": 31337, "rpc_url": anvil.url}
    arguments = [contract if argument == "contract" else argument for argument in case.arguments]
    return Order.parse({"prompt": case.prompt, "network": network, "constructor_args": arguments, "strict_args": True})


class OnChain:
    """A contract that is deployed."""

    def __init__(self, anvil: Anvil, written: Written) -> None:
        self._chain = anvil.chain
        self._abi = written.contract.abi
        self._accounts = {account.address: account for account in (anvil.deployer, anvil.stranger)}
        creation = written.contract.creation + written.encoded_arguments
        self.address = str(anvil.chain.deploy(anvil.deployer, creation, abi=self._abi).contract)

    def follow(self, step: Step) -> None:
        what, who, function, values, expected = step
        values = tuple(self.address if value == "self" else value for value in values)
        if what == "reads":
            found = self._chain.call(self.address, self._abi, function, *values)
            # The decoder gives addresses in lower case.
            same = str(found).lower() == expected.lower() if isinstance(expected, str) else found == expected
            assert same, (function, found)
        elif what == "does":
            self._chain.transact(self._accounts[who], self.address, self._abi, function, *values)
        else:
            with pytest.raises(ChainFailed, match=expected):
                self._chain.transact(self._accounts[who], self.address, self._abi, function, *values)


@pytest.fixture(scope="module")
def a_contract(anvil: Anvil) -> str:
    """An address at which there is some contract."""
    address = "0x5555555555555555555555555555555555555555"
    anvil.set_code(address, STAND_IN)
    return address


@pytest.mark.parametrize("name", CASES)
def test_prompt_becomes_a_contract(tools: Toolchain, anvil: Anvil, a_contract: str, name: str) -> None:
    case, said = CASES[name], list[str]()
    writing = Writing(order(anvil, case, a_contract), tools, ME, lambda _, __: None, said.append)
    written = writing.by_rules()
    assert any(line == "ok: it can be deployed" for line in said)
    found = OnChain(anvil, written)
    for step in case.steps:
        found.follow(step)
    for function in case.absent:
        assert find_function(written.contract.abi, function) is None
