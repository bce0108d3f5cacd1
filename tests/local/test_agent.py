import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from local import agent, companion
from local.agent import LocalAgent

ROOT = Path(__file__).resolve().parent.parent.parent
SECRET = "s" * 40
PATIENCE = 10

TELL = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]), flush=True); sys.stdin.read()"
# Says that it is there, and then the other end sees when it is there no more.
HOLD = (
    "import signal, socket, sys; signal.signal(signal.SIGTERM, {on_terminate}); wire = socket.create_connection"
    "(('127.0.0.1', {port})); wire.sendall(b'here'); signal.pause()"
)
OBEY = "lambda *_: sys.exit(print('given back', flush=True))"
IGNORE = "signal.SIG_IGN"
PARENT = """
import sys, time
from local.agent import LocalAgent
told = {"keep": print, "say": print}
LocalAgent("http://127.0.0.1:1", "s", "builds", **told, command=[sys.executable, "-c", sys.argv[1]]).start()
time.sleep(60)
"""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(PATIENCE)
        yield listening


def here(listener: socket.socket) -> socket.socket:
    wire = listener.accept()[0]
    wire.settimeout(PATIENCE)
    assert wire.recv(4) == b"here"
    return wire


def hold(listener: socket.socket, on_terminate: str) -> str:
    return HOLD.format(port=listener.getsockname()[1], on_terminate=on_terminate)


def running(command: str, lines: SimpleQueue[str], said: SimpleQueue[str]) -> LocalAgent:
    url = "http://127.0.0.1:1"
    return LocalAgent(url, SECRET, "builds", keep=lines.put, say=said.put, command=[sys.executable, "-c", command])


def test_agent_has_its_own_key_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAIMCHECK_ADMIN_API_KEY", "private")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "private")
    monkeypatch.setenv("CLAIMCHECK_MODEL_URL", "http://127.0.0.1:11434/v1")
    monkeypatch.delenv("CLAIMCHECK_MODEL", raising=False)
    lines: SimpleQueue[str] = SimpleQueue()
    said: SimpleQueue[str] = SimpleQueue()
    with running(TELL, lines, said):
        told: tuple[list[str], dict[str, Any]] = json.loads(lines.get(timeout=PATIENCE))
        ended = said.get(timeout=PATIENCE)
    arguments, environment = told
    assert arguments[:7] == ["run", "--url", "http://127.0.0.1:1", "--id", "local-builds", "--queue", "builds"]
    assert environment["CLAIMCHECK_AGENT_SECRET"] == SECRET
    ours = {name for name in environment if name.startswith(("CLAIMCHECK_", "AWS_"))}
    assert ours == {"CLAIMCHECK_AGENT_SECRET", "CLAIMCHECK_MODEL_URL"}
    assert environment["PATH"] == os.environ["PATH"]
    assert ended.startswith("The agent local-builds has ended with 0")


def test_agent_that_cannot_work_says_why() -> None:
    lines: SimpleQueue[str] = SimpleQueue()
    said: SimpleQueue[str] = SimpleQueue()
    with running("print('usage: …'); raise SystemExit('this needs more')", lines, said):
        told = said.get(timeout=PATIENCE)
    assert told == "The agent local-builds has ended with 1, and builds wait for another: this needs more"
    assert [lines.get(timeout=PATIENCE) for _ in range(2)] == ["usage: …", "this needs more"]


@pytest.mark.parametrize("on_terminate", [OBEY, IGNORE], ids=["obedient", "stubborn"])
def test_agent_ends_when_it_is_stopped(
    listener: socket.socket, on_terminate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(companion, "STOP_SECONDS", 0.5 if on_terminate == IGNORE else PATIENCE)
    lines: SimpleQueue[str] = SimpleQueue()
    said: SimpleQueue[str] = SimpleQueue()
    with running(hold(listener, on_terminate), lines, said):
        wire = here(listener)
    with wire:
        assert wire.recv(1) == b""
    assert said.empty()
    assert lines.empty() == (on_terminate == IGNORE)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_agent_dies_with_a_server_that_is_killed(listener: socket.socket) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, hold(listener, IGNORE)], cwd=ROOT) as parent:  # noqa: S603
        wire = here(listener)
        with wire:
            parent.send_signal(signal.SIGKILL)
            assert wire.recv(1) == b""


@pytest.mark.parametrize(("value", "wanted"), [(None, True), ("", True), ("1", True), ("0", False), ("False", False)])
def test_agents_can_be_left_out(monkeypatch: pytest.MonkeyPatch, value: str | None, wanted: bool) -> None:  # noqa: FBT001
    monkeypatch.delenv(agent.SWITCH, raising=False)
    if value is not None:
        monkeypatch.setenv(agent.SWITCH, value)
    assert agent.are_wanted() is wanted
