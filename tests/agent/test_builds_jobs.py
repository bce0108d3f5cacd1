"""Builds as jobs: the agent's own handler, from the claim to the archive that is delivered."""

import io
import json
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from claimcheck_agent.builds.handler import BuildHandler
from claimcheck_agent.runner import Ended

from local.openai_server import Answer, OpenAIServer, serving, streamed
from tests.agent.conftest import Refusal, RunAgent, finish
from tests.agent.fake_jobs import FakeJob
from tests.agent.fake_server import FakeServer

BUILDS = ("--queue", "builds")
KEY = "sk-canary-0123456789abcdef"
PLAN = streamed("1. src/shop/__init__.py")
INSTALLING = 180.0  # Seconds in which a project and its tests are certainly installed, also if nothing is cached.
FINISH = ("finish", {"summary": "A shop."})


def add(server: FakeServer, *, name: str = "shop", project: str = "", **parameters: Any) -> FakeJob:
    order = {"project_name": name, "goal": "Sell things.", "parameters": parameters, "created_by": "me@example.org"}
    return server.add("code-build", order, project_id=project, queue="builds")


def sources(server: FakeServer, job: FakeJob) -> dict[str, bytes]:
    (archive,) = server.state.delivered(job).values()
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        files = {member.name: opened.extractfile(member) for member in opened}
        return {name: file.read() for name, file in files.items() if file}


@pytest.fixture
def endpoint() -> Iterator[OpenAIServer]:
    with serving() as running:
        yield running


@pytest.fixture
def asking(endpoint: OpenAIServer) -> tuple[str, ...]:
    """The arguments of an agent whose builds ask a model."""
    return (*BUILDS, "--model-url", endpoint.url, "--model", "gpt-test", "--model-rounds", "1")


class TestTemplates:
    def test_project_is_delivered(self, server: FakeServer, run_agent: RunAgent) -> None:
        server.state.secrets["llm"] = KEY
        job = add(server, framework="Library", include_tests=False, colour="red", project="weather-app")
        finish(run_agent("--once", *BUILDS))
        assert job.states == ["claimed", "running", "completed"]
        files = [
            ".gitignore",
            "README.md",
            "pyproject.toml",
            "src/shop/__init__.py",
            "src/shop/catalogue.py",
            "src/shop/errors.py",
            "src/shop/py.typed",
        ]
        assert job.result == {
            "generated_files": files,
            "tests_passed": None,
            "tests_failed": None,
            "test_coverage": None,
            "written_by": "template library",
            "rounds": 1,
        }
        assert sorted(sources(server, job)) == [f"shop/{name}" for name in files]
        (announced,) = server.requests("POST", "/artifacts$")
        assert (announced.json()["fileName"], announced.json()["contentType"]) == ("sources.tar.gz", "application/gzip")
        assert any("'colour'" in line for line in job.lines)
        percents = [shown["percent"] for shown in job.progress]
        assert percents == sorted(percents)
        assert job.progress[-1] == {"percent": 100, "step": "Packing", "files_created": len(files)}
        # A key that nobody uses stays where it is.
        assert not server.requests("GET", "/secrets/")

    def test_order_that_cannot_be_carried_out_is_explained(self, server: FakeServer, run_agent: RunAgent) -> None:
        jobs = {
            "There is no template for the framework 'Django'; there are: fastapi,": add(server, framework="Django"),
            "The template cli does not know the database 'oracle'; it": add(server, framework="cli", database="oracle"),
            "project_name must be 1 to 64 letters": add(server, name="../../etc"),
        }
        finish(run_agent("--max-jobs", "3", *BUILDS))
        for told, job in jobs.items():
            assert job.state == "failed"
            assert job.result
            assert told in job.result["error"]
            assert "Traceback" not in "".join(job.lines)
            assert not job.artifacts

    def test_project_whose_needs_cannot_be_installed_is_delivered_too(
        self, server: FakeServer, run_agent: RunAgent, tmp_path: Path
    ) -> None:
        job = add(server, framework="library")
        settings = {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path / "cache")}
        passed = [argument for name in settings for argument in ("--pass-env", name)]
        finish(run_agent("--once", *BUILDS, *passed, **settings))
        assert job.state == "failed"
        assert job.result
        assert job.result["error"] == "The project was written, but what it needs could not be installed."
        assert job.result["tests_passed"] is None
        assert "shop/tests/test_catalogue.py" in sources(server, job)


class TestModel:
    def test_project_whose_tests_fail_is_delivered_too(
        self, server: FakeServer, run_agent: RunAgent, endpoint: OpenAIServer, asking: tuple[str, ...]
    ) -> None:
        endpoint.key = server.state.secrets["llm"] = KEY
        nosy = "import os\n\ndef test_key():\n    print('environment:', dict(os.environ))\n    assert not 1\n"
        write = ("write_file", {"path": "test_shop.py", "content": nosy})
        endpoint.instead.extend([PLAN, streamed("", write, FINISH)])
        job = add(server, project="weather-app")
        finish(run_agent("--once", *asking), timeout=INSTALLING)
        assert job.state == "failed"
        assert job.result
        assert {name: job.result[name] for name in ("generated_files", "tests_passed", "tests_failed", "rounds")} == {
            "generated_files": ["test_shop.py"],
            "tests_passed": 0,
            "tests_failed": 1,
            "rounds": 1,
        }
        assert job.result["written_by"] == "model gpt-test"
        assert "The model did not get it right in 1 rounds" in job.result["error"]
        assert sources(server, job) == {"shop/test_shop.py": nosy.encode()}
        assert {asked.headers["authorization"] for asked in endpoint.asked} == {f"Bearer {KEY}"}
        (seen,) = [line for line in job.lines if "environment: {" in line]
        assert "'PATH'" in seen
        assert "CLAIMCHECK" not in seen
        assert KEY not in json.dumps([job.result, job.progress, job.lines])

    @pytest.mark.parametrize("project", ["", "weather-app"])
    def test_model_without_a_key_is_asked_without(
        self,
        server: FakeServer,
        run_agent: RunAgent,
        endpoint: OpenAIServer,
        asking: tuple[str, ...],
        project: str,
    ) -> None:
        write = ("write_file", {"path": "shop.py", "content": "price = 1\n"})
        endpoint.instead.extend([PLAN, streamed("", write, FINISH)])
        job = add(server, framework="Zope", include_tests=False, project=project)
        finish(run_agent("--once", *asking))
        assert job.state == "completed"
        assert job.result
        assert (job.result["generated_files"], job.result["written_by"]) == (["shop.py"], "model gpt-test")
        assert not [asked for asked in endpoint.asked if "canary" in asked.headers.get("authorization", "")]

    def test_cancel_is_learnt_of_while_the_model_thinks(
        self, server: FakeServer, run_agent: RunAgent, endpoint: OpenAIServer, asking: tuple[str, ...], tmp_path: Path
    ) -> None:
        # The lease would be renewed after ten minutes only.
        endpoint.instead.append(Answer(silent=True))
        job = add(server)
        process = run_agent("--once", *asking)
        server.wait_for(lambda: any(shown["percent"] for shown in job.progress))
        server.cancel(job)
        finish(process)
        assert job.states == ["claimed", "running", "cancelling", "cancelled"]
        assert not job.artifacts
        assert not server.requests("POST", "/renew$")
        assert list((tmp_path / "jobs").iterdir()) == []

    @pytest.mark.parametrize(
        ("code", "told"),
        [
            (-signal.SIGKILL, "needs more memory than this agent has"),
            (-signal.SIGSEGV, "internal error: the command was ended by SIGSEGV"),
        ],
    )
    def test_crash_is_explained(self, code: int, told: str) -> None:
        assert told in BuildHandler.using(None, None).explain(Ended(code=code, timed_out=False))


class TestUsage:
    @pytest.mark.parametrize(
        ("args", "told"),
        [
            (["--model-url", "http://127.0.0.1:1/v1"], "give --model or set CLAIMCHECK_MODEL"),
            (["--model-url", "ftp://127.0.0.1/v1", "--model", "m"], "must be an http or https URL"),
            (["--model-url", "localhost:11434", "--model", "m"], "must be an http or https URL"),
            (["--model-rounds", "0"], "--model-rounds"),
        ],
    )
    def test_wrong_settings_are_told(self, refusal: Refusal, args: list[str], told: str) -> None:
        assert told in refusal(*BUILDS, *args)

    @pytest.mark.parametrize("kind", ["code-build", "*"])
    def test_command_of_the_operator_comes_first(self, server: FakeServer, run_agent: RunAgent, kind: str) -> None:
        job = add(server)
        finish(run_agent("--once", *BUILDS, "--on", f"{kind}=echo mine"))
        assert job.lines == ["mine"]
