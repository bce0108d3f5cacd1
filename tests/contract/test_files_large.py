"""Files that are too large for a function: the agent's own command does them, and the owner sees no difference."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.cloud import LocalCloud
from tests.conftest import KEYS
from tests.contract.harness import changed_settings
from tests.support.api import Api, ok
from tests.support.files import NEW_YORK, Files

JSON_LINES = {"type": "convert_format", "params": {"to_format": "jsonl"}}
NOBODY = {"type": "filter", "params": {"column": "city", "operator": "eq", "value": "Atlantis"}}


def _run_agent(api: Api, folder: Path) -> None:
    command = [str(Path(sys.executable).with_name("claimcheck-agent")), "run", "--url", api.url, "--id", "big-1"]
    command += ["--queue", "files-large", "--once", "--plain", "--workdir", str(folder)]
    environment = {**os.environ, "CLAIMCHECK_AGENT_SECRET": KEYS["CLAIMCHECK_AGENT_SECRET"]}
    ended = subprocess.run(  # noqa: S603  our own agent
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture(autouse=True)
def _no_others(api: Api) -> None:
    """What other tests have left in the queue is somebody else's."""
    agent = api.agent()
    while ok(agent.post("/api/jobs/claim", {"queues": ["files-large"]}))["job"]:
        pass


@pytest.mark.parametrize(("step", "expected"), [
    (NEW_YORK, b"name,city,age\nAlice,New York,30\nCharlie,New York,35\n"),
    (NOBODY, b"name,city,age\n"),
])  # fmt: skip
def test_agent_does_what_is_too_large_for_a_function(
    api: Api, files: Files, tmp_path: Path, step: dict[str, object], expected: bytes
) -> None:
    with changed_settings(file_large_bytes="10"):
        job = files.started(step)
    assert files.read(job)["status"] == "QUEUED"
    _run_agent(api, tmp_path)
    done = files.read(job)
    assert done["status"] == "COMPLETED", done["error_message"]
    assert done["output_object_key"].startswith(f"output/{job['id']}/1/")
    assert (done["report"]["rows_in"], done["report"]["bytes_out"]) == (3, len(expected))
    assert files.download(done) == expected


def test_agent_delivers_an_output_of_no_bytes(api: Api, files: Files, tmp_path: Path) -> None:
    with changed_settings(file_large_bytes="10"):
        job = files.started(NOBODY, JSON_LINES)
    _run_agent(api, tmp_path)
    done = files.read(job)
    assert done["status"] == "COMPLETED", done["error_message"]
    assert files.download(done) == b""


def test_bad_file_fails_at_the_agent_with_the_same_words(api: Api, files: Files, tmp_path: Path) -> None:
    bad = b"a,b\n1,2\n1,2,3\n"
    here = files.ended(files.started(content=bad))
    with changed_settings(file_large_bytes="10"):
        there = files.started(content=bad)
    _run_agent(api, tmp_path)
    assert files.read(there)["error_message"] == here["error_message"]


def test_function_whose_time_is_up_hands_over(
    cloud: LocalCloud, api: Api, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.jobs import staging

    with cloud.queues_paused():
        job = files.started(NEW_YORK)
    monkeypatch.setattr(staging, "RESERVED_SECONDS", 10_000)
    cloud.drain()
    assert files.read(job)["status"] == "QUEUED"
    monkeypatch.undo()
    cloud.hurry()
    assert files.read(job)["status"] == "QUEUED", "no function takes it again"
    _run_agent(api, tmp_path)
    assert files.read(job)["status"] == "COMPLETED"


def test_without_agents_what_takes_too_long_fails_with_the_reason(
    cloud: LocalCloud, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.jobs import staging

    monkeypatch.setattr(staging, "RESERVED_SECONDS", 10_000)
    with cloud.queues_paused():
        job = files.started(NEW_YORK)
    with changed_settings(file_max_bytes="1000", file_large_bytes="1000"):
        cloud.drain()
    done = files.read(job)
    assert done["status"] == "FAILED"
    assert done["error_message"] == "The file could not be processed within the time that there is for it."
