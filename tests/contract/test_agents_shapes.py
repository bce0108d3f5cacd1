"""Every answer of the agents contract has the fields of its example, and beyond them only those that are declared."""

import re
from typing import Any

import pytest

from local.cloud import LocalCloud
from tests.contract.harness import ISO
from tests.support.api import Bench, Caller, ok

JOB = {
    "jobId", "projectId", "type", "state", "payload", "claimedBy", "claimExpiry", "createdAt", "updatedAt",
    "queue", "priority", "attempt", "maxAttempts", "progress", "result", "error", "cancelRequested", "notBefore",
    "deadline", "finishedAt", "createdBy", "chatId", "logTruncated",
}  # fmt: skip
PROJECT = {"projectId", "name", "repo", "defaultBranch", "createdAt", "updatedAt"}
CHAT = {"chatId", "projectId", "title", "llmMode", "createdAt", "updatedAt"}
MESSAGE = {"messageId", "chatId", "role", "content", "timestamp"}


def test_project_listed_and_read_has_the_examples_fields(bench: Bench) -> None:
    listed = {project["projectId"]: project for project in ok(bench.user.get("/api/projects"))}
    project = ok(bench.user.get(f"/api/projects/{bench.project_id}"))
    assert listed[bench.project_id] == project
    assert set(project) == PROJECT
    assert project["defaultBranch"] == "main"
    assert _times(project, "createdAt", "updatedAt")


def test_project_with_a_drive_folder_shows_it(bench: Bench) -> None:
    project_id = bench.api.project(driveFolderId="1ABC", defaultBranch="trunk")
    project = ok(bench.user.get(f"/api/projects/{project_id}"))
    assert set(project) == PROJECT | {"driveFolderId"}
    assert (project["driveFolderId"], project["defaultBranch"]) == ("1ABC", "trunk")


def test_chat_created_with_a_message_has_the_examples_fields(bench: Bench) -> None:
    path = f"/api/projects/{bench.project_id}/chats"
    told = {"title": "Add weather widget", "llmMode": "custom", "initialMessage": "Create a weather widget"}
    created = bench.user.post(path, told)
    assert created.status_code == 201
    body = created.json()
    assert set(body) == {"chat", "jobId"}
    assert set(body["chat"]) == CHAT
    assert body["jobId"].startswith("job_")
    assert body["chat"]["chatId"].startswith("chat_")
    listed = ok(bench.user.get(path))
    assert [(set(chat), chat["title"]) for chat in listed] == [(CHAT, "Add weather widget")]


def test_chat_without_a_message_makes_no_job(bench: Bench) -> None:
    body = ok(bench.user.post(f"/api/projects/{bench.project_id}/chats", {"title": "Quiet"}))
    assert body["jobId"] is None
    assert body["chat"]["llmMode"] == "custom"


def test_message_posted_and_listed_has_the_examples_fields(bench: Bench) -> None:
    chat_id = ok(bench.user.post(f"/api/projects/{bench.project_id}/chats", {"title": "x"}))["chat"]["chatId"]
    path = f"/api/projects/{bench.project_id}/chats/{chat_id}/messages"
    posted = bench.user.post(path, {"content": "Can you add a forecast?", "role": "user"})
    assert posted.status_code == 201
    body = posted.json()
    assert set(body) == {"message", "jobId"}
    assert set(body["message"]) == MESSAGE | {"jobId"}
    page = ok(bench.user.get(path))
    assert set(page) == {"data", "cursor", "hasMore"}
    assert page["data"] == [body["message"]]
    assert page["hasMore"] is False
    assert isinstance(page["cursor"], str)


def test_job_created_is_pending_with_the_examples_fields(bench: Bench) -> None:
    payload = {"branch": "main", "buildVariant": "release"}
    created = bench.user.post(
        "/api/jobs/create", {"projectId": bench.project_id, "jobType": "build", "payload": payload}
    )
    assert created.status_code == 201
    job = created.json()
    assert set(job) == JOB
    expected = {"state": "pending", "type": "build", "payload": payload, "claimedBy": None, "claimExpiry": None}
    assert {name: job[name] for name in expected} == expected
    assert _times(job, "createdAt", "updatedAt")
    assert ok(bench.user.get(f"/api/jobs/{job['jobId']}")) == job


def test_claim_answers_the_job_and_a_token(bench: Bench) -> None:
    made = bench.create(payload={"branch": "main"})
    claim = bench.claim()
    assert set(claim) == {"job", "claimToken"}
    job = claim["job"]
    assert set(job) == JOB - {"result"}
    assert (job["jobId"], job["state"], job["payload"]) == (made["jobId"], "claimed", {"branch": "main"})
    assert job["claimedBy"] == bench.agent.headers["X-Colab-Id"]
    assert job["attempt"] == 1
    assert _times(job, "claimExpiry", "updatedAt")
    assert len(claim["claimToken"]) > 43


def test_claim_without_a_job_says_when_to_ask_again(bench: Bench) -> None:
    answer = bench.agent.post("/api/jobs/claim", {"queues": [bench.queue]})
    assert (answer.status_code, answer.json()) == (200, {"job": None})
    assert 1 <= int(answer.headers["Retry-After"]) <= 10


def test_report_answers_the_examples_fields(bench: Bench) -> None:
    job_id, _ = bench.claimed()
    told = bench.report(job_id, "running", {"progress": "Cloning repository..."})
    assert set(told) == {"jobId", "state", "payload", "updatedAt", "claimExpiry", "cancelRequested"}
    assert (told["jobId"], told["state"]) == (job_id, "running")
    assert told["payload"] == {"progress": "Cloning repository..."}
    assert bench.job(job_id)["progress"] == {"progress": "Cloning repository..."}


def test_log_appended_and_read_has_the_examples_fields(bench: Bench) -> None:
    job_id = bench.running()
    line = {
        "timestamp": "2025-11-22T10:03:45Z", "level": "info", "message": "Building APK...",
        "metadata": {"step": "gradle-build"},
    }  # fmt: skip
    appended = ok(bench.agent.post(f"/api/jobs/{job_id}/logs", line))
    assert set(appended) == {"success", "nextSegment", "claimExpiry", "cancelRequested"}
    assert (appended["success"], appended["nextSegment"]) == (True, 1)
    page = ok(bench.user.get(f"/api/jobs/{job_id}/logs"))
    assert page == {
        "data": [{"segment": 0, **line, "timestamp": "2025-11-22T10:03:45.000Z"}],
        "cursor": "1",
        "hasMore": True,
    }


def test_attempts_have_their_agent_times_and_outcome(bench: Bench, cloud: LocalCloud) -> None:
    job_id = bench.running()
    bench.report(job_id, "failed", {"error": "no disk"})
    cloud.drain()
    attempts = ok(bench.user.get(f"/api/jobs/{job_id}/attempts"))
    assert set(attempts) == {"data"}
    assert len(attempts["data"]) == 1
    attempt = attempts["data"][0]
    assert set(attempt) == {"attempt", "agentId", "claimedAt", "endedAt", "outcome", "error"}
    assert (attempt["attempt"], attempt["outcome"]) == (1, "failed")
    assert attempt["error"] == {"code": "JOB_FAILED", "message": "no disk"}
    assert attempt["agentId"] == bench.agent.headers["X-Colab-Id"]


def test_renew_release_and_claim_token_answer_what_a_holder_needs(bench: Bench) -> None:
    job_id, _ = bench.claimed()
    renewed = ok(bench.agent.post(f"/api/jobs/{job_id}/renew"))
    assert (renewed["jobId"], renewed["state"], renewed["cancelRequested"]) == (job_id, "claimed", False)
    assert _times(renewed, "claimExpiry")
    minted = bench.agent.post(f"/api/jobs/{job_id}/claim-token")
    assert minted.status_code == 201
    assert set(minted.json()) == {"claimToken", "expiresAt"}
    released = ok(bench.agent.post(f"/api/jobs/{job_id}/release"))
    assert (released["jobId"], released["state"], released["claimExpiry"]) == (job_id, "pending", None)


@pytest.mark.parametrize(("types", "expected"), [
    ("github", {"secret": "ghp_1"}),
    ("github,llm", {"secrets": {"github": "ghp_1", "llm": "sk_2"}}),
    ("llm,github,llm", {"secrets": {"github": "ghp_1", "llm": "sk_2"}}),
])  # fmt: skip
def test_secret_answers_one_or_several(bench: Bench, types: str, expected: Any) -> None:
    bench.secret("ghp_1")
    bench.secret("sk_2", "llm")
    _, token = bench.claimed()
    answer = bench.redeem(token, types=types)
    assert answer.json() == expected
    assert answer.headers["Cache-Control"] == "no-store"


def test_secret_stored_and_described_without_its_value(bench: Bench) -> None:
    told = {"type": "github", "projectId": bench.project_id, "value": "ghp_abc123"}
    stored = bench.api.admin().post("/api/admin/secrets", told)
    assert (stored.status_code, stored.json()) == (200, {"success": True})
    described = ok(bench.api.admin().get(f"/api/admin/secrets?projectId={bench.project_id}"))
    assert [set(entry) for entry in described["data"]] == [{"type", "projectId", "version", "createdAt", "updatedAt"}]
    assert described["data"][0]["version"] == 1


def test_agent_registered_and_listed(bench: Bench) -> None:
    admin = bench.api.admin()
    made = admin.post("/api/admin/agents", {"agentId": f"shape-{bench.queue}"})
    assert made.status_code == 201
    assert set(made.json()) == {"agentId", "secret"}
    agent = Caller(bench.api.url, {"X-Colab-Id": made.json()["agentId"], "X-Colab-Secret": made.json()["secret"]})
    job_id = bench.create()["jobId"]
    bench.claim(agent)
    listed = {each["agentId"]: each for each in ok(admin.get("/api/admin/agents"))["data"] if each["registered"]}
    entry = listed[made.json()["agentId"]]
    assert set(entry) == {
        "agentId", "registered", "draining", "revokedAt", "createdAt", "lastSeen", "currentJob", "jobIds",
    }  # fmt: skip
    assert (entry["currentJob"], entry["jobIds"], entry["draining"]) == (job_id, [job_id], False)
    assert _times(entry, "lastSeen", "createdAt")


def _times(body: dict[str, Any], *names: str) -> bool:
    return all(re.fullmatch(ISO, body[name]) for name in names)
