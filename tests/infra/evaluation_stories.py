"""What happens to evaluations, each thing once, as ``stories`` has it for everything else."""

import secrets
from collections.abc import Callable
from typing import Any

import pytest
import requests

from local.cloud import LocalCloud
from local.openai_server import serving
from tests.contract.harness import changed_settings
from tests.infra import file_stories
from tests.support.api import TIMEOUT, Api, Caller, ok
from tests.support.evaluations import Evaluations, csv_of
from tests.support.files import Files

SEMANTIC = "evaluations-semantic"
BY_MEANING: dict[str, Any] = {"evaluation_criteria": {"use_semantic_scoring": True}}
QUESTIONS = b"prompt,expected\nCapital of France?,Paris\n"
KEY = "sk-under-test-0123456789"
# More than compression gets into a row, as an order.
NOISE = [{"name": "contains", "values": [secrets.token_hex(50) for _ in range(100)]} for _ in range(18)]


def evaluated(evaluations: Evaluations, api: Api, cloud: LocalCloud) -> None:  # noqa: ARG001  a story's form
    job = evaluations.submitted(csv_of(60), evaluation_criteria={"custom_evaluators": NOISE})
    cloud.drain()
    assert evaluations.read(job)["status"] == "completed"
    assert ok(evaluations.results(job))["summary"]["total"] == 60
    with changed_settings(evaluation_inline_bytes="10"):
        url = evaluations.results(job, format="csv").headers["Location"]
    assert requests.get(url, timeout=TIMEOUT).ok
    ok(evaluations.user.get("/api/jobs"))


def evaluated_what_a_job_has_put_out(evaluations: Evaluations, api: Api, cloud: LocalCloud) -> None:  # noqa: ARG001  a story's form
    files = Files(evaluations.user)
    made = files.started(content=csv_of(2))
    cloud.drain()
    url = ok(files.post(made, "download-url"))["download_url"]
    told = {"name": "n", "type": "t", "configuration": {"data_source_blob_ref": url}}
    job = ok(evaluations.user.post("/api/jobs", told))
    cloud.drain()
    assert evaluations.read(job)["status"] == "completed"


def answered_and_scored_by_models(evaluations: Evaluations, api: Api, cloud: LocalCloud) -> None:
    ok(api.admin().post("/api/admin/secrets", {"projectId": "claimcheck", "type": "embeddings", "value": KEY}))
    with serving() as model, changed_settings(embeddings_url=model.url, embeddings_model="tiny"):
        model.key = KEY
        agent = {"name": "Bot", "url": model.url, "model": "tiny", "api_key": KEY}
        ok(api.admin().put("/api/admin/evaluation-agents/bot", agent))
        ok(api.admin().get("/api/admin/evaluation-agents"))
        ok(evaluations.user.get("/api/evaluation-agents"))
        asking: dict[str, Any] = {"agent_configuration": {"selected_agent_id": "bot"}}
        job = evaluations.submitted(QUESTIONS, **BY_MEANING, **asking)
        cloud.drain()
    assert evaluations.read(job)["status"] == "completed"
    ok(api.admin().delete("/api/admin/evaluation-agents/bot"))


def scored_by_an_agent(evaluations: Evaluations, api: Api, cloud: LocalCloud) -> None:
    job = _left_to_agents(evaluations, cloud)
    agent = api.agent()
    batch = _taken(agent)
    told = ok(agent.get(f"/api/jobs/{batch}/input"))["download"]
    lines = requests.get(told["url"], headers=told["headers"], timeout=TIMEOUT).content.splitlines()
    ok(agent.patch(f"/api/jobs/{batch}", {"state": "completed", "payload": {"similarities": [1.0 for _ in lines]}}))
    cloud.drain()
    assert evaluations.read(job)["status"] == "completed"


def cancelled_while_its_batches_wait(evaluations: Evaluations, api: Api, cloud: LocalCloud) -> None:  # noqa: ARG001  a story's form
    job = _left_to_agents(evaluations, cloud)
    ok(evaluations.user.delete(f"/api/jobs/{job['id']}"))
    cloud.drain()
    assert evaluations.read(job)["status"] == "cancelled"


def failed_with_one_of_its_batches(evaluations: Evaluations, api: Api, cloud: LocalCloud) -> None:
    job = _left_to_agents(evaluations, cloud, rows=30)
    agent = api.agent()
    ok(agent.patch(f"/api/jobs/{_taken(agent)}", {"state": "failed", "payload": {"error": "no"}}))
    cloud.drain()
    assert evaluations.read(job)["status"] == "failed"


def stage_was_not_woken(evaluations: Evaluations, api: Api, cloud: LocalCloud) -> None:  # noqa: ARG001  a story's form
    with cloud.queues_paused():
        job = evaluations.submitted()
        file_stories.is_past(job["id"])
        cloud.sweep()
    cloud.drain()
    assert evaluations.read(job)["status"] == "completed"


def stage_lost_the_job(evaluations: Evaluations, api: Api, cloud: LocalCloud) -> None:  # noqa: ARG001  a story's form
    """Its lease ends before anything is said of the batches, which the next attempt finds there."""
    from chalicelib.evaluations import planning

    made = planning._made

    def late(work: Any) -> Any:
        split = made(work)
        file_stories.is_past(work.job.job_id)
        return split

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "_made", late)
        job = evaluations.submitted()
        cloud.drain()
    assert evaluations.read(job)["status"] == "running"
    cloud.sweep()
    assert evaluations.read(job)["status"] == "completed"


def results_could_not_be_uploaded(evaluations: Evaluations, api: Api, cloud: LocalCloud) -> None:  # noqa: ARG001  a story's form
    with file_stories.no_part_is_taken(cloud):
        job = evaluations.submitted()
        cloud.drain()
    cloud.hurry()
    assert evaluations.read(job)["status"] == "completed"


def _left_to_agents(evaluations: Evaluations, cloud: LocalCloud, rows: int = 2) -> dict[str, Any]:
    with changed_settings(evaluation_semantic_agents="true"):
        job = evaluations.submitted(csv_of(rows), **BY_MEANING)
        cloud.drain()
    return job


def _taken(agent: Caller) -> str:
    batch = str(ok(agent.post("/api/jobs/claim", {"queues": [SEMANTIC]}))["job"]["jobId"])
    ok(agent.patch(f"/api/jobs/{batch}", {"state": "running"}))
    return batch


Story = Callable[[Evaluations, Api, LocalCloud], None]
ALL: tuple[Story, ...] = (
    evaluated,
    evaluated_what_a_job_has_put_out,
    answered_and_scored_by_models,
    scored_by_an_agent,
    cancelled_while_its_batches_wait,
    failed_with_one_of_its_batches,
    stage_was_not_woken,
    stage_lost_the_job,
    results_could_not_be_uploaded,
)
