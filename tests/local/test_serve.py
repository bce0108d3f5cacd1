import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

ROOT = Path(__file__).resolve().parent.parent.parent


@contextmanager
def serve(tmp_path: Path, **variables: str) -> Iterator[subprocess.Popen[str]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CLAIMCHECK_"))}
    settings = {"PORT": "0", "CLAIMCHECK_LOG_FILE": str(tmp_path / "app.log"), "CLAIMCHECK_LOCAL_AGENT": "0"}
    with subprocess.Popen(
        [sys.executable, "-m", "local.serve"],
        cwd=ROOT, env={**kept, **settings, **variables}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def wait_until_logged(tmp_path: Path, text: str) -> None:
    until = time.monotonic() + 30
    while text not in (tmp_path / "app.log").read_text():
        assert time.monotonic() < until, f"{text} is not in the log"
        time.sleep(0.05)


def wait_until_ready(process: subprocess.Popen[str]) -> tuple[str, list[str]]:
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if line.startswith("Requests:"):
            break
    ready = next(line for line in lines if line.startswith("Ready at "))
    return ready.split()[2], lines


def test_serve_shows_a_newcomer_what_there_is_and_ends_cleanly(tmp_path: Path) -> None:
    started = {"CLAIMCHECK_LOCAL_AGENT": "1", "PATH": str(tmp_path)}  # Where there is no node, and so no chain.
    with serve(tmp_path, CLAIMCHECK_ADMIN_API_KEY="k" * 40, **started) as process:
        url, lines = wait_until_ready(process)
        shown = "\n".join(lines)
        assert "export CLAIMCHECK_AGENT_SECRET=" in shown
        assert "CLAIMCHECK_ADMIN_API_KEY" not in shown
        assert f"curl {url}/api/health" in shown
        assert "Agent local-builds, which does the jobs of the queue builds" in shown
        assert "No agent local-pipelines: contracts cannot be made here: not installed: node, npm" in shown
        assert "Queue claimcheck-files\n" in shown
        assert "Queue claimcheck-uploads, whose messages wait 60 s" in shown
        assert requests.get(f"{url}/api/health?token=private", timeout=10).status_code == 200
        with pytest.raises(InvalidStatus):
            connect(f"{url.replace('http', 'ws')}/api/ws/build/x?token=private", proxy=None)
        wait_until_logged(tmp_path, "agent local-builds serves")
        wait_until_logged(tmp_path, '"route":"/api/jobs/claim"')
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=15)
    assert process.returncode == 0
    assert err == ""
    assert "GET    /api/health 200" in out
    assert "GET    /api/ws/build/x 4" in out
    # That it asks for jobs is nothing to see, nor is there a word about how it ended.
    assert "claim" not in out
    assert "local-" not in out
    logged = (tmp_path / "app.log").read_text()
    assert '"level":"INFO"' in logged
    assert "private" not in out + logged


def test_second_signal_does_not_wait(tmp_path: Path) -> None:
    with serve(tmp_path) as process:
        url, _ = wait_until_ready(process)
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as wire:
            # A request that never ends is what a clean end waits for.
            wire.sendall(b"POST /api/jobs/claim HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
            process.send_signal(signal.SIGTERM)
            assert process.stdout
            assert "Stopping." in process.stdout.readline() + process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=2)
    assert process.returncode == 0
    assert err == ""


def test_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with serve(tmp_path, PORT=str(port)) as process:
            out, err = process.communicate(timeout=15)
    assert process.returncode == 1
    assert out.splitlines()[-1].startswith(f"Port {port} on 127.0.0.1 is in use.")
    assert "Traceback" not in out + err


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"PORT": "http"}, "PORT must be a number"),
        ({"HOST": "192.0.2.1"}, "Cannot listen on 192.0.2.1"),
        ({"CLAIMCHECK_SESSION_SECRET": "tooshortakey"}, "CLAIMCHECK_SESSION_SECRET must be at least 32 bytes"),
    ],
)
def test_wrong_setting_is_named_and_not_quoted(tmp_path: Path, variables: dict[str, str], told: str) -> None:
    with serve(tmp_path, **variables) as process:
        out, err = process.communicate(timeout=15)
    assert process.returncode == 1
    assert told in out
    assert "tooshortakey" not in out
    assert "Traceback" not in out + err
