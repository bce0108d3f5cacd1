"""The agent's own handler for pipelines, as far as it needs neither Node.js nor a chain."""

import os
import signal
import stat
import threading
from pathlib import Path

import pytest
from claimcheck_agent.contracts.compiler import Compiled, Compiler, Contract
from claimcheck_agent.contracts.handler import PipelineHandler
from claimcheck_agent.contracts.order import Network, Order
from claimcheck_agent.contracts.scripts import Constructed, foundry_project
from claimcheck_agent.contracts.tools import SHIPPED, Toolchain, ToolFailed
from claimcheck_agent.orders import BadOrder
from claimcheck_agent.runner import Ended

from tests.agent.conftest import Refusal, RunAgent, finish
from tests.agent.fake_server import FakeServer

PIPELINES = ("--queue", "pipelines")
NETWORK = {"name": "local", "chain_id": 7, "rpc_url": "http://127.0.0.1:1"}
NPM = """\
#!/bin/sh
mkdir -p node_modules/solc && echo '{"version": "1.2.3"}' > node_modules/solc/package.json
"""


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def test_stage_of_each_line_is_noted(server: FakeServer, run_agent: RunAgent) -> None:
    job = server.add()
    command = "echo early; echo '::stage compile'; echo one; echo ' ::stage no'; echo '::stage test'; echo '::stage'"
    finish(run_agent("--once", "--on", f"build={command}"))
    noted = [(entry["message"], (entry.get("metadata") or {}).get("stage")) for entry in job.entries]
    assert noted == [
        ("early", None),
        ("one", "compile"),
        (" ::stage no", "compile"),
        ("::stage", "test"),
    ]


class TestUsage:
    @pytest.fixture(autouse=True)
    def environment(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name in ("node", "npm"):
            program(tmp_path / "bin", name, NPM)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    def test_missing_node_is_asked_for(self, monkeypatch: pytest.MonkeyPatch, refusal: Refusal, tmp_path: Path) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        assert "contracts need node and npm, of Node.js 20 or later" in refusal(*PIPELINES)

    def test_model_must_be_named(self, refusal: Refusal) -> None:
        assert "give --model" in refusal(*PIPELINES, "--model-url", "http://127.0.0.1:1/v1")


@pytest.mark.parametrize("kind", ["contract-pipeline", "*"])
def test_command_of_the_operator_comes_first(server: FakeServer, run_agent: RunAgent, kind: str) -> None:
    job = server.add("contract-pipeline", {}, queue="pipelines")
    finish(run_agent("--once", *PIPELINES, "--on", f"{kind}=echo mine", PATH="/bin"))
    assert job.lines == ["mine"]


def test_crash_is_explained(tmp_path: Path) -> None:
    handler = PipelineHandler.using(tmp_path, None, None)
    assert "needs more memory" in handler.explain(Ended(code=-signal.SIGKILL, timed_out=False))
    assert "internal error" in handler.explain(Ended(code=3, timed_out=False))


class TestTools:
    @pytest.fixture(autouse=True)
    def npm(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name in ("node", "npm"):
            program(tmp_path / "bin", name, NPM)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
        (tmp_path / "tools").mkdir()

    def test_they_are_installed_once(self, tmp_path: Path) -> None:
        parent, said, found = tmp_path / "tools", list[str](), list[Toolchain]()
        agents = [
            threading.Thread(target=lambda: found.append(Toolchain.installed(parent, said.append))) for _ in range(3)
        ]
        for agent in agents:
            agent.start()
        for agent in agents:
            agent.join()
        assert len(said) == 1
        assert len(set(found)) == 1
        tools = found[0]
        assert tools.version("solc") == "1.2.3"
        assert tools.solc.stat().st_mode & stat.S_IXUSR
        assert {path.name for path in SHIPPED.iterdir()} <= {path.name for path in tools.folder.iterdir()}

    def test_installation_that_broke_off_is_made_anew(self, tmp_path: Path) -> None:
        program(tmp_path / "bin", "npm", "#!/bin/sh\necho no network >&2; exit 1\n")
        with pytest.raises(ToolFailed, match="no network"):
            Toolchain.installed(tmp_path / "tools", print)
        program(tmp_path / "bin", "npm", NPM)
        assert Toolchain.installed(tmp_path / "tools", print).version("solc") == "1.2.3"

    def test_program_that_npm_does_not_have_is_taken_from_the_system(self, tmp_path: Path) -> None:
        tools = Toolchain(tmp_path / "nothing")
        with pytest.raises(ToolFailed, match="anvil is not installed"):
            _ = tools.anvil
        program(tmp_path / "bin", "anvil", "#!/bin/sh\n")
        assert tools.anvil == tmp_path / "bin/anvil"

    def test_script_that_fails_says_why(self, tmp_path: Path) -> None:
        program(tmp_path / "bin", "node", "#!/bin/sh\necho premint: Not a valid number >&2; exit 1\n")
        with pytest.raises(ToolFailed, match="premint: Not a valid number"):
            Toolchain(tmp_path).run_script("wizard.js", {}, seconds=10)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"prompt": ""}, "The prompt must be a text"),
        ({"prompt": "x" * 20_001}, "The prompt must be a text of 1 to 20000 characters"),
        ({"filename": 5}, "The filename must be a text"),
        ({"max_iters": 51}, "max_iters must be 1 to 50"),
        ({"constructor_args": {}}, "constructor_args must be a list"),
        ({"network": None}, "network must be an object"),
        ({"network": NETWORK | {"rpc_url": "file:///etc/passwd"}}, "no http or https URL"),
        ({"network": NETWORK | {"chain_id": "7"}}, "chain_id must be a whole number"),
    ],
)
def test_order_that_makes_no_sense_is_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(BadOrder, match=told):
        Order.parse({"prompt": "an ERC20 token", "network": NETWORK} | changes)


def test_order_has_defaults() -> None:
    order = Order.parse({"prompt": "an ERC20 token \ud800", "network": NETWORK})
    assert order == Order(
        prompt="an ERC20 token ?",
        filename=None,
        max_iters=1,
        strict_args=False,
        constructor_args=(),
        network=Network(
            name="local",
            chain_id=7,
            rpc_url="http://127.0.0.1:1",
            explorer_url=None,
            verifier=None,
            local=False,
        ),
    )


def test_scripts_hold_arguments_as_data() -> None:
    contract = Contract(path="contracts/A.sol", name="A", abi=[], creation=b"\1", runtime=b"\1")
    how = Compiler(version="0.8.37+commit.f401782d", optimizer=True, runs=200, evm_version="cancun")
    compiled = Compiled(standard_input={}, contracts=[contract], warnings=[], compiler=how)
    made = Constructed(described=['string motto = "\\n*/ selfdestruct"'], encoded=bytes(range(70)))
    files = foundry_project(compiled, contract, made, "5.7.0")
    assert sorted(files) == ["README.md", "foundry.toml", "package.json", "script/Deploy.s.sol"]
    assert 'solc_version = "0.8.37"' in files["foundry.toml"]
    script = files["script/Deploy.s.sol"]
    assert f'hex"{bytes(range(64)).hex()}"\n        hex"{bytes(range(64, 70)).hex()}";' in script
    assert '    //   string motto = "\\n*/ selfdestruct"\n' in script
