"""Semantic scores by the agent's own command, with a model of a few words: what its owner's client sees of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.cloud import LocalCloud
from tests.conftest import KEYS
from tests.contract.harness import changed_settings
from tests.support.api import Api, ok
from tests.support.evaluations import Evaluations, lines_of

SEMANTIC = {"use_semantic_scoring": True, "similarity_threshold": 0.7}
ROWS = lines_of(
    {"expected": "red", "actual": "dark"},
    {"actual": "no expected answer"},
    {"expected": "red", "actual": "never"},
    {"expected": "żółć", "actual": "赤"},
    {"expected": "green", "actual": "green"},
)


def _run_agent(api: Api, folder: Path, jobs: int) -> None:
    command = [str(Path(sys.executable).with_name("claimcheck-agent")), "run", "--url", api.url, "--id", "meaning-1"]
    command += ["--queue", "evaluations-semantic", "--semantic-model", str(folder / "model"), "--threads", "1"]
    command += ["--max-jobs", str(jobs), "--plain", "--workdir", str(folder / "jobs")]
    environment = {**os.environ, "CLAIMCHECK_AGENT_SECRET": KEYS["CLAIMCHECK_AGENT_SECRET"]}
    ended = subprocess.run(  # noqa: S603  our own agent
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture
def folder(api: Api, tmp_path: Path) -> Path:
    """The agent's folder with its model; what other tests have left in the queue is somebody else's."""
    from tests.agent.tiny_model import make_folder

    agent = api.agent()
    while ok(agent.post("/api/jobs/claim", {"queues": ["evaluations-semantic"]}))["job"]:
        pass
    make_folder(tmp_path / "model")
    return tmp_path


@pytest.mark.parametrize(("size", "batches"), [("25", 1), ("2", 3)])
def test_agent_scores_the_rows_by_their_meaning(
    api: Api, cloud: LocalCloud, evaluations: Evaluations, folder: Path, size: str, batches: int
) -> None:
    with changed_settings(evaluation_semantic_agents="true", evaluation_batch_rows=size):
        job = evaluations.submitted(ROWS, name="rows.jsonl", evaluation_criteria=SEMANTIC)
        cloud.drain()
        _run_agent(api, folder, batches)
        job = evaluations.ended(job)
    assert job["status"] == "completed", job["error"]
    results = ok(evaluations.results(job))["results"]
    assert [row["semantic"] for row in results] == [0.707107, None, 0.0, 0.6, 1.0]
    assert [row["passed"] for row in results] == [True, False, False, False, True]


def test_agent_that_cannot_score_fails_the_evaluation_with_its_reason(
    api: Api, cloud: LocalCloud, evaluations: Evaluations, folder: Path
) -> None:
    row = lines_of({"expected": "red", "actual": "broken"})
    with changed_settings(evaluation_semantic_agents="true"):
        job = evaluations.submitted(row, name="rows.jsonl", evaluation_criteria=SEMANTIC)
        cloud.drain()
        _run_agent(api, folder, 1)
        job = evaluations.ended(job)
    assert job["status"] == "failed"
    assert "The agent's model could not score the texts" in job["error"]["message"]
