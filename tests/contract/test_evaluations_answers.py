"""Evaluations that ask others: an agent under test for its answers, an endpoint for semantic scores."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.cloud import LocalCloud
from local.openai_server import OpenAIServer, refusal, serving
from tests.contract.harness import changed_settings
from tests.support.api import Api, ok
from tests.support.evaluations import Evaluations, lines_of

KEY = "sk-under-test-0123456789"
ROWS = lines_of(
    {"prompt": "Capital of France?", "expected": "Paris"},
    {"prompt": "Capital of Italy?", "expected": "Rome"},
    {"prompt": "Capital of Peru?", "expected": "Lima"},
)
ANSWERS = {"Capital of France?": "Paris", "Capital of Italy?": "Rome", "Capital of Peru?": "Quito"}


@pytest.fixture
def model() -> Iterator[OpenAIServer]:
    """An endpoint that wants a key, and knows two capitals."""
    with serving() as server:
        server.says, server.key = (lambda messages: ANSWERS.get(messages[-1]["content"], "?")), KEY
        yield server


@pytest.fixture
def agent(api: Api, model: OpenAIServer) -> str:
    """The endpoint as a registered agent."""
    return registered(api, model, "support-bot")


def registered(api: Api, model: OpenAIServer, agent_id: str, **more: Any) -> str:
    """Register the endpoint as an agent."""
    told = {"name": "Support bot", "url": model.url, "model": "tiny", "api_key": KEY, **more}
    ok(api.admin().put(f"/api/admin/evaluation-agents/{agent_id}", told))
    return agent_id


def asking(agent: str, **more: Any) -> dict[str, Any]:
    """A configuration with that agent."""
    return {"agent_configuration": {"selected_agent_id": agent, **more}}


def test_agent_under_test_answers(evaluations: Evaluations, model: OpenAIServer, agent: str) -> None:
    told = evaluations.evaluated(
        ROWS, name="rows.jsonl", **asking(agent, additional_instructions="Be brief.", knowledge_source="atlas")
    )
    assert [row["actual"] for row in told["results"]] == ["Paris", "Rome", "Quito"]
    assert [row["passed"] for row in told["results"]] == [True, True, False]
    for asked in model.asked:
        assert asked.headers["authorization"] == f"Bearer {KEY}"
        assert asked.body["model"] == "tiny"
        assert asked.body["messages"][0] == {"role": "system", "content": "Be brief."}
        assert asked.body["metadata"] == {"knowledge_source": "atlas"}


def test_one_answer_that_is_refused_is_the_error_of_its_row(
    evaluations: Evaluations, model: OpenAIServer, agent: str
) -> None:
    model.instead.append(refusal(400, "content filtered"))
    told = evaluations.evaluated(ROWS, name="rows.jsonl", **asking(agent))
    (errored,) = [row for row in told["results"] if row["error"]]
    assert "content filtered" in errored["error"]
    assert told["summary"]["errored"] == 1


def test_budget_ends_the_asking(evaluations: Evaluations, api: Api, model: OpenAIServer) -> None:
    agent = registered(api, model, "poor-bot", token_budget=1, concurrency=1)
    told = evaluations.evaluated(ROWS, name="rows.jsonl", **asking(agent))
    assert [row["error"] is None for row in told["results"]] == [True, False, False]
    assert "budget" in told["results"][1]["error"]


def test_default_agent_answers_what_brings_no_answer(evaluations: Evaluations, agent: str) -> None:
    rows = lines_of(
        {"prompt": "Capital of France?", "expected": "Paris", "actual": "London"},
        {"prompt": "Capital of Italy?", "expected": "Rome", "actual": None},
    )
    with changed_settings(evaluation_default_agent=agent):
        told = evaluations.evaluated(rows, name="rows.jsonl")
    assert [row["actual"] for row in told["results"]] == ["London", "Rome"]


def test_agents_are_registered_changed_listed_and_removed(evaluations: Evaluations, api: Api, agent: str) -> None:
    path = f"/api/admin/evaluation-agents/{agent}"
    made = ok(api.admin().put(path, {"name": "New", "url": "http://127.0.0.1:1/v1", "model": "other"}))
    assert (made["name"], made["model"], made["has_key"], made["concurrency"]) == ("New", "other", True, 8)
    assert KEY not in str(made)
    assert {"id": agent, "name": "New", "model": "other"} in ok(evaluations.user.get("/api/evaluation-agents"))[
        "agents"
    ]
    assert agent in [one["id"] for one in ok(api.admin().get("/api/admin/evaluation-agents"))["agents"]]
    ok(api.admin().delete(path))
    assert api.admin().delete(path).status_code == 404
    assert evaluations.submit(evaluations.upload(), **asking(agent)).status_code == 400


@pytest.mark.parametrize("change", [
    {"url": "ftp://example.com"}, {"url": "https://user:pass@example.com"}, {"model": ""}, {"concurrency": 0}, {"x": 1},
    {"url": "https://example.com?a"}, {"url": "https://example.com/\x08"}, {"url": "https://é.example.com"},
])  # fmt: skip
def test_bad_agents_are_refused(api: Api, change: dict[str, Any]) -> None:
    told = {"name": "Bot", "url": "https://example.com/v1", "model": "m", **change}
    assert api.admin().put("/api/admin/evaluation-agents/bad", told).status_code == 400


def test_semantic_scores_come_from_the_endpoint(evaluations: Evaluations, api: Api, model: OpenAIServer) -> None:
    ok(api.admin().post("/api/admin/secrets", {"projectId": "claimcheck", "type": "embeddings", "value": KEY}))
    rows = lines_of(
        {"expected": "the cat sat", "actual": "sat the cat"},
        {"expected": "the cat sat", "actual": "dogs bark"},
        {"expected": "", "actual": "dogs bark"},
    )
    with changed_settings(embeddings_url=model.url, embeddings_model="tiny"):
        told = evaluations.evaluated(rows, name="rows.jsonl", evaluation_criteria={"use_semantic_scoring": True})
    # The endpoint's vectors are made of the words, whatever their order.
    assert [row["semantic"] for row in told["results"]] == [1.0, 0.0, 0.0]
    assert [row["score"] for row in told["results"]] == [1.0, 0.0, 0.0]
    assert told["results"][0]["similarity"] < 1
    assert {asked.path for asked in model.asked} == {"/v1/embeddings"}


def test_semantic_scores_that_cannot_be_had_fail_the_evaluation(
    evaluations: Evaluations, api: Api, model: OpenAIServer
) -> None:
    ok(
        api.admin().post(
            "/api/admin/secrets", {"projectId": "claimcheck", "type": "embeddings", "value": "sk-wrong-key"}
        )
    )
    rows = lines_of({"expected": "a", "actual": "b"})
    with changed_settings(embeddings_url=model.url, embeddings_model="tiny"):
        job = evaluations.submitted(rows, name="rows.jsonl", evaluation_criteria={"use_semantic_scoring": True})
        job = evaluations.ended(job)
    assert job["status"] == "failed"
    assert "There are no semantic scores" in job["error"]["message"]
    assert "sk-wrong-key" not in job["error"]["message"]


def test_agents_can_give_the_semantic_scores(evaluations: Evaluations, api: Api, cloud: LocalCloud) -> None:
    agent = api.agent()
    rows = lines_of(
        {"expected": "a", "actual": "b"}, {"actual": "no expected answer"}, {"expected": "c", "actual": "c"}
    )
    with changed_settings(evaluation_semantic_agents="true"):
        job = evaluations.submitted(rows, name="rows.jsonl", evaluation_criteria={"use_semantic_scoring": True})
        cloud.drain()
        claimed = ok(agent.post("/api/jobs/claim", {"queues": ["evaluations-semantic"]}))["job"]
        assert claimed["type"] == "evaluation-batch"
        ok(agent.patch(f"/api/jobs/{claimed['jobId']}", {"state": "running"}))
        told = {"similarities": [0.9, 0.5, 1.0]}
        ok(agent.patch(f"/api/jobs/{claimed['jobId']}", {"state": "completed", "payload": told}))
        results = ok(evaluations.results(evaluations.ended(job)))["results"]
    assert [row["semantic"] for row in results] == [0.9, None, 1.0]
    assert [row["passed"] for row in results] == [True, False, True]


@pytest.mark.parametrize(
    "told",
    [
        None,
        {},
        {"similarities": [1.0]},
        {"similarities": ["a", "b"]},
        {"similarities": [2, 0]},
        {"similarities": [10**399, 0]},
    ],
)
def test_agent_that_gives_no_scores_fails_the_evaluation(
    evaluations: Evaluations, api: Api, cloud: LocalCloud, told: Any
) -> None:
    agent = api.agent()
    rows = lines_of({"expected": "a", "actual": "b"}, {"expected": "c", "actual": "c"})
    with changed_settings(evaluation_semantic_agents="true"):
        job = evaluations.submitted(rows, name="rows.jsonl", evaluation_criteria={"use_semantic_scoring": True})
        cloud.drain()
        claimed = ok(agent.post("/api/jobs/claim", {"queues": ["evaluations-semantic"]}))["job"]
        ok(agent.patch(f"/api/jobs/{claimed['jobId']}", {"state": "running"}))
        ok(agent.patch(f"/api/jobs/{claimed['jobId']}", {"state": "completed", "payload": told}))
        job = evaluations.ended(job)
    assert job["status"] == "failed"
    assert "semantic score" in job["error"]["message"]


def test_results_that_cannot_be_put_together_fail_the_evaluation(
    evaluations: Evaluations, cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.evaluations import gathering

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(gathering, "_delivered", broken)
    job = evaluations.ended(evaluations.submitted())
    assert job["status"] == "failed"
    assert job["error"]["message"] == "The results could not be put together because of an internal error."
    cloud.drain()
    cloud.failures.clear()
