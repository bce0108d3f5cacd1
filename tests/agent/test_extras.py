"""The agent without its extras: it does everything but that for which they are, and says which of them is missing."""

import sys
from pathlib import Path

import pytest
from claimcheck_agent import file_jobs, semantic_jobs
from claimcheck_agent.analysis import handler as analysis
from claimcheck_agent.builds import handler as builds
from claimcheck_agent.contracts import handler as contracts

from tests.agent.conftest import Refusal, RunAgent, finish
from tests.agent.fake_server import FakeServer

# The extra, the queue and a type of job that has a command of its own, what is served, and the modules that this needs.
EXTRAS = [
    ("files", "files-large", "build", "file jobs", file_jobs.NEEDED),
    ("semantic", "evaluations-semantic", "build", "semantic scores", semantic_jobs.NEEDED),
    ("builds", "builds", "code-analysis", "builds", builds.NEEDED),
    ("analysis", "builds", "code-build", "analyses of code", analysis.NEEDED),
    ("pipelines", "pipelines", "build", "contracts", contracts.NEEDED),
]


@pytest.mark.parametrize(
    ("extra", "queue", "other", "purpose", "name"),
    [(*facts, name) for *facts, needed in EXTRAS for name in needed],
)
def test_missing_extra_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, refusal: Refusal, extra: str, queue: str, other: str, purpose: str, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    told = refusal("--queue", queue, "--on", f"{other}=true")
    assert f'{purpose} need {name}: pip install "claimcheck-agent[{extra}]"' in told


def test_agent_without_extras_runs_commands(server: FakeServer, run_agent: RunAgent, tmp_path: Path) -> None:
    job = server.add()
    barred = tmp_path / "barred"
    barred.mkdir()
    for name in {name for *_, needed in EXTRAS for name in needed}:
        (barred / f"{name}.py").write_text("raise ImportError('not installed')\n")
    finish(run_agent("--once", "--on", "build=true", PYTHONPATH=str(barred)))
    assert job.state == "completed"
