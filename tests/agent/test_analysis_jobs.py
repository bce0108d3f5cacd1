"""Analyses as jobs: the agent's own handler, from the claim to the result."""

import base64
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from claimcheck_agent.analysis.handler import AnalysisHandler, add_analysis_handler, default_hosts
from claimcheck_agent.handlers import Handlers
from claimcheck_agent.runner import Ended

from tests.agent.analysis_corpus import CLEAN, FLAWED, tar_of
from tests.agent.conftest import RunAgent, finish
from tests.agent.fake_jobs import FakeJob
from tests.agent.fake_server import FakeServer
from tests.agent.git_server import GitServer, git_served

BUILDS = ("--queue", "builds")


def add(server: FakeServer, source: dict[str, Any], content: bytes = b"") -> FakeJob:
    payload = {"project_name": "shop", "analysis_types": ["quality"], "source": source}
    return server.add("code-analysis", payload, queue="builds", marked=content, stored=content)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with git_served(tmp_path_factory.mktemp("git")) as running:
        running.add("shop", CLEAN)
        yield running


def test_archive_is_analysed(server: FakeServer, run_agent: RunAgent) -> None:
    job = add(server, {"kind": "archive"}, tar_of(FLAWED))
    finish(run_agent("--once", *BUILDS))
    assert job.states == ["claimed", "running", "completed"]
    assert job.result
    assert job.result["code_smells"] == 2
    assert job.result["security_issues"] is None
    assert not job.artifacts
    told = [(shown["percent"], shown["step"]) for shown in job.progress]
    assert told == sorted(told, key=lambda shown: shown[0])
    assert "Looking for code smells" in job.lines


def test_what_is_wrong_with_the_source_is_told_to_its_owner(server: FakeServer, run_agent: RunAgent) -> None:
    job = add(server, {"kind": "archive"}, b"no archive")
    finish(run_agent("--once", *BUILDS))
    assert job.state == "failed"
    assert job.result
    assert job.result["error"] == "The source is neither a tar nor a zip archive."


@pytest.mark.parametrize("token", ["ghp_hidden-from-all", None])
def test_repository_is_fetched_with_the_projects_secret_if_it_has_one(
    server: FakeServer, run_agent: RunAgent, served: GitServer, token: str | None
) -> None:
    server.state.secrets = {"github": token} if token else {}
    served.authorizations.clear()
    job = add(server, {"kind": "repository", "url": served.url("shop"), "ref": "main", "secret": "github"})
    trust = ("--repository-host", served.address, "--pass-env", "GIT_SSL_CAINFO")
    output = finish(run_agent("--once", *BUILDS, *trust, GIT_SSL_CAINFO=str(served.certificate)))
    assert job.state == "completed"
    assert job.result
    assert job.result["quality_score"] == 10.0
    sent = f"Basic {base64.b64encode(f'x-access-token:{token}'.encode()).decode()}" if token else None
    assert set(served.authorizations) == {sent}
    if token:
        assert token not in output + str(job)
    assert not server.requests("GET", "/input$")


def test_repository_of_another_host_is_not_fetched(server: FakeServer, run_agent: RunAgent, served: GitServer) -> None:
    served.authorizations.clear()
    job = add(server, {"kind": "repository", "url": served.url("shop")})
    finish(run_agent("--once", *BUILDS, "--repository-host", "git.example.org"))
    assert job.result == {"error": "Repositories are fetched from git.example.org only."}
    assert served.authorizations == []


def test_cancel_is_learnt_of_within_seconds(server: FakeServer, run_agent: RunAgent) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        job = add(server, {"kind": "repository", "url": f"https://{address}/shop"})
        process = run_agent("--once", *BUILDS, "--repository-host", address)
        server.wait_for(lambda: {"percent": 5, "step": "Fetching the source"} in job.progress)
        server.cancel(job)
        finish(process)
    assert job.states == ["claimed", "running", "cancelling", "cancelled"]


def test_program_that_is_killed_is_explained() -> None:
    handler = AnalysisHandler.fetching_from(["github.com"])
    assert "more memory than this agent has" in handler.explain(Ended(code=-9, timed_out=False))
    assert "exit code 3" in handler.explain(Ended(code=3, timed_out=False))


@pytest.mark.parametrize("kind", ["code-analysis", "*"])
def test_command_of_the_operator_comes_first(kind: str) -> None:
    handlers = add_analysis_handler(Handlers.parse([f"{kind}=echo mine"]), ["builds"], [])
    found = handlers.find("code-analysis")
    assert found
    assert found.argv == ("/bin/sh", "-c", "echo mine")


def test_hosts_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLAIMCHECK_REPOSITORY_HOSTS", raising=False)
    assert default_hosts() == ["github.com", "gitlab.com", "bitbucket.org"]
    monkeypatch.setenv("CLAIMCHECK_REPOSITORY_HOSTS", "git.example.org:8443, github.com,")
    assert default_hosts() == ["git.example.org:8443", "github.com"]
