"""A build by a model as it really is: the program, a scripted endpoint, and the project's own tests."""

import json
import subprocess
import tarfile
from pathlib import Path

import pytest
from claimcheck_agent.builds.handler import BuildHandler
from claimcheck_agent.environment import command_environment
from claimcheck_agent.workspace import Workspace

from local.openai_server import Answer, OpenAIServer, streamed
from tests.agent.model_script import KEY, PLAN, command, file

pytestmark = pytest.mark.projects

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "shop"
version = "0.1.0"

[project.optional-dependencies]
test = ["pytest>=8"]
"""
RIGHT = "def total(prices: list[int]) -> int:\n    return sum(prices)\n"
TESTS = "from shop import total\n\ndef test_total() -> None:\n    assert total([1, 2]) == 3\n"
# It finds the key in whatever form the command can reach; the word itself is not in here.
SPY = """\
import os, pathlib
needle = ("sk-" + "canary").encode()
found = [f"variable {name}" for name, value in os.environb.items() if needle in value]
places = [*pathlib.Path("/proc").glob("*/environ"), *pathlib.Path("/proc").glob("*/cmdline")]
places += [pathlib.Path(folder) / name for folder, _, names in os.walk("JOBS") for name in names]
for place in places:
    try:
        if needle in place.open("rb").read(1 << 20):
            found.append(str(place))
    except OSError:
        pass
print("looked at", len(places), "places:", found)
"""


def program(server: OpenAIServer, folder: Path, *answers: Answer, secret: str = KEY) -> tuple[Workspace, str]:
    """Run the build as the agent does; gives its workspace and what it printed."""
    server.instead.extend(answers)
    payload = {"project_name": "shop", "goal": "Add prices."}
    job = {"jobId": "job-1", "type": "code-build", "projectId": "shop", "payload": payload}
    space = Workspace.create(folder, job, {"llm": secret})
    ended = subprocess.run(  # noqa: S603  (our own command)
        BuildHandler.using(server.url, "gpt-test", rounds=3).argv,
        cwd=space.work,
        env=command_environment(job, space, {"llm": secret}, ("SSL_CERT_FILE",)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return space, ended.stdout


def test_written_tested_repaired_and_nobody_sees_the_key(model_server: OpenAIServer, tmp_path: Path) -> None:
    model_server.key = KEY
    spy = SPY.replace("JOBS", str(tmp_path))
    space, said = program(
        model_server,
        tmp_path,
        PLAN,
        streamed(
            "I begin.",
            file("pyproject.toml", PYPROJECT),
            file("src/shop/__init__.py", RIGHT.replace("sum", "max")),
            file("tests/test_shop.py", TESTS),
        ),
        streamed("", command("python", "-c", spy), command("mypy", "src"), command("ruff", "check", "--fix", ".")),
        streamed("", ("finish", {"summary": "It adds prices."})),
        streamed("", file("src/shop/__init__.py", RIGHT)),
        streamed("", ("finish", {"summary": "Now it does."})),
    )
    result = json.loads(space.result_file.read_text())
    files = ["pyproject.toml", "src/shop/__init__.py", "tests/test_shop.py"]
    assert result == {
        "generated_files": files,
        "tests_passed": 1,
        "tests_failed": 0,
        "test_coverage": 100.0,
        "written_by": "model gpt-test",
        "rounds": 2,
    }, said
    with tarfile.open(space.artifacts / "sources.tar.gz") as packed:
        assert sorted(member.name for member in packed if member.isfile()) == [f"shop/{name}" for name in files]
        written = [packed.extractfile(f"shop/{name}") for name in files[1:]]
        assert all(written)
        assert [file.read().decode() for file in written if file] == [RIGHT, TESTS]  # What ruff repaired was a copy.

    told = [message["content"] for message in model_server.asked[-1].body["messages"] if message["role"] == "tool"]
    assert "exit code 0" in told[3]
    assert "places: []" in told[3]
    assert "Success: no issues found" in told[4]
    assert "1 fixed" in told[5]
    assert "assert 2 == 3" in next(
        message["content"] for message in model_server.asked[4].body["messages"][::-1] if message["role"] == "user"
    )
    assert KEY not in said + json.dumps([asked.body for asked in model_server.asked]) + space.result_file.read_text()
    assert not list(space.secrets.iterdir())
    progress = [json.loads(line.removeprefix("::progress ")) for line in said.splitlines() if line.startswith("::")]
    assert [step["percent"] for step in progress] == sorted(step["percent"] for step in progress)
    assert progress[-1] == {"percent": 100, "step": "Packing", "files_created": 3}
