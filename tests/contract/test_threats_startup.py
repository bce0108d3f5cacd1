"""Threat 28: a short signing key. The process refuses to start, and says which key without saying the key."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "CLAIMCHECK_SESSION_SECRET": "s" * 32,
    "CLAIMCHECK_ADMIN_API_KEY": "a" * 32,
    "CLAIMCHECK_AGENT_SECRET": "g" * 32,
}


def _start(**changed: str | None) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CLAIMCHECK_"))}
    given = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    environment = {**kept, **given, "AWS_DEFAULT_REGION": "us-east-1"}
    command = [sys.executable, "-c", "import app; print('started')"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603


def test_process_with_keys_of_32_bytes_starts() -> None:
    """Threat 28: the control; the shared agent secret may be left out."""
    started = _start(CLAIMCHECK_AGENT_SECRET=None)
    assert (started.returncode, started.stdout.strip()) == (0, "started"), started.stderr


@pytest.mark.parametrize("name", list(GOOD))
@pytest.mark.parametrize("value", ["canary-short-key", "k" * 31])
def test_process_with_a_short_key_refuses_to_start(name: str, value: str) -> None:
    """Threat 28."""
    refused = _start(**{name: value})
    assert refused.returncode != 0
    assert "started" not in refused.stdout
    assert name.removeprefix("CLAIMCHECK_").lower() in refused.stderr.lower()
    assert "32" in refused.stderr


def test_process_that_refuses_to_start_prints_no_key() -> None:
    """Threats 21 and 28: on Lambda its last words are in the log."""
    refused = _start(CLAIMCHECK_SESSION_SECRET="canary-short-key")
    for value in ("canary-short-key", GOOD["CLAIMCHECK_ADMIN_API_KEY"], GOOD["CLAIMCHECK_AGENT_SECRET"]):
        assert value not in refused.stderr + refused.stdout


@pytest.mark.parametrize("name", ["CLAIMCHECK_SESSION_SECRET", "CLAIMCHECK_ADMIN_API_KEY"])
def test_process_without_a_key_refuses_to_start(name: str) -> None:
    """Threat 28: an empty one is a missing one."""
    for value in (None, ""):
        refused = _start(**{name: value})
        assert refused.returncode != 0
        assert name.removeprefix("CLAIMCHECK_").lower() in refused.stderr.lower()
