"""Fixtures: a fake server, an agent of it in this process, and the command in one of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from claimcheck_agent import Agent
from claimcheck_agent.cli import main
from claimcheck_agent.transport import Transport

from local.openai_server import OpenAIServer, serving
from tests.agent.fake_server import FakeServer

if TYPE_CHECKING:
    from tests.agent.model_script import Script

SECRET = "agent-secret-value"
RunAgent = Callable[..., subprocess.Popen[str]]
Refusal = Callable[..., str]


def finish(process: subprocess.Popen[str], code: int = 0, *, timeout: float = 20) -> str:
    """Wait for the agent to end by itself; gives what it printed."""
    output, _ = process.communicate(timeout=timeout)
    assert process.returncode == code, output
    return output


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


@pytest.fixture
def agent(server: FakeServer) -> Iterator[Agent]:
    """Give an agent that retries quickly."""
    transport = Transport(server.url, timeout=(2.0, 5.0), retries=3, backoff=0.01)
    with Agent(server.url, "agent-1", SECRET, transport=transport, log_interval=0.05) as made:
        yield made


@pytest.fixture
def run_agent(server: FakeServer, tmp_path: Path) -> Iterator[RunAgent]:
    """Give a function that starts `claimcheck-agent run` with further arguments."""
    started: list[subprocess.Popen[str]] = []

    def start(*args: str, secret: str = SECRET, **env: str) -> subprocess.Popen[str]:
        basic = ["run", "--url", server.url, "--id", "agent-1", "--workdir", str(tmp_path / "jobs")]
        process = subprocess.Popen(  # noqa: S603  (our own command)
            [sys.executable, "-m", "claimcheck_agent.cli", *basic, *args],
            env=os.environ | {"CLAIMCHECK_AGENT_SECRET": secret, "AGENT_ONLY": "not for the command"} | env,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def refusal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Refusal:
    """Give a function that has `claimcheck-agent run` refuse further arguments; gives what it says."""
    monkeypatch.setenv("CLAIMCHECK_AGENT_SECRET", SECRET)
    for name in ("CLAIMCHECK_MODEL_URL", "CLAIMCHECK_MODEL", "CLAIMCHECK_SEMANTIC_MODEL"):
        monkeypatch.delenv(name, raising=False)

    def told(*args: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["run", "--url", "http://127.0.0.1:1", "--id", "a", "--workdir", str(tmp_path / "jobs"), *args])
        assert ended.value.code == 2
        return " ".join(capsys.readouterr().err.split())

    return told


@pytest.fixture(scope="module")
def model_server() -> Iterator[OpenAIServer]:
    with serving() as running:
        yield running


@pytest.fixture
def build(model_server: OpenAIServer, tmp_path: Path) -> "Script":
    """Give a build by a model that says what the test has it say."""
    from tests.agent.model_script import KEY, Script

    model_server.instead.clear()
    model_server.asked.clear()
    model_server.key = KEY
    folder = tmp_path / "shop"
    folder.mkdir()
    return Script(model_server, folder)
