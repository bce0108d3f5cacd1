"""Each error of the agents contract's table, with its status, its code and its envelope."""

import re
from typing import Any

import pytest

from tests.contract.harness import ISO, AwsSpy, People
from tests.support.api import Bench, Caller, error


def _envelope(answer: Any, **details: Any) -> tuple[int, str]:
    body = answer.json()
    assert isinstance(body["message"], str)
    assert body["message"]
    assert re.fullmatch(ISO, body["timestamp"])
    assert {name: body["details"].get(name) for name in details} == details
    return error(answer)


def test_missing_credentials_are_unauthorized(bench: Bench) -> None:
    anyone = bench.api.anyone()
    for answer in (
        anyone.get("/api/projects"),
        anyone.post("/api/jobs/claim"),
        anyone.get("/api/admin/secrets?projectId=x"),
        anyone.get("/api/admin/secrets/x?type=github"),
        Caller(anyone.url, {"X-Colab-Id": "a"}).post("/api/jobs/claim"),
    ):
        assert _envelope(answer) == (401, "UNAUTHORIZED")


def test_wrong_credentials_are_unauthorized(bench: Bench) -> None:
    url = bench.api.url
    assert error(bench.api.agent("a", "wrong").post("/api/jobs/claim")) == (401, "UNAUTHORIZED")
    assert error(Caller(url, {"X-Admin-Api-Key": "wrong"}).get("/api/admin/agents")) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("header", ["Bearer x", "Bearer", "Bearer ", "Basic eDp5", "x", "bearer a.b.c"])
def test_token_that_is_none_of_ours_is_invalid(bench: Bench, header: str) -> None:
    assert _envelope(Caller(bench.api.url, {"Authorization": header}).get("/api/projects")) == (401, "INVALID_TOKEN")


def test_viewer_who_writes_is_forbidden(bench: Bench, people: People) -> None:
    answer = people.viewer.post("/api/jobs/create", {"projectId": bench.project_id, "jobType": "build"})
    assert _envelope(answer, required="job:create") == (403, "FORBIDDEN")


def test_unknown_project_chat_and_job_are_not_found_by_name(bench: Bench) -> None:
    get = bench.user.get
    assert _envelope(get("/api/projects/none"), projectId="none") == (404, "PROJECT_NOT_FOUND")
    told = {"projectId": "none", "jobType": "build"}
    assert _envelope(bench.user.post("/api/jobs/create", told), projectId="none") == (404, "PROJECT_NOT_FOUND")
    chat = f"/api/projects/{bench.project_id}/chats/chat_1/messages"
    assert _envelope(get(chat), chatId="chat_1") == (404, "CHAT_NOT_FOUND")
    assert _envelope(get("/api/jobs/job_123"), jobId="job_123") == (404, "JOB_NOT_FOUND")


def test_invalid_request_names_every_field(bench: Bench) -> None:
    answer = bench.user.post("/api/jobs/create", {"jobType": 1, "extra": 2})
    assert _envelope(answer) == (400, "INVALID_REQUEST")
    fields = {problem["field"] for problem in answer.json()["details"]["problems"]}
    assert fields == {"projectId", "jobType", "extra"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"null", b"1", b"{'a': 1}", b"\xff"])
def test_body_that_is_no_json_object_is_an_invalid_request(bench: Bench, body: bytes) -> None:
    answer = bench.user.request("POST", "/api/jobs/create", data=body, headers={"Content-Type": "application/json"})
    assert _envelope(answer) == (400, "INVALID_REQUEST")


def test_illegal_transition_and_foreign_claim(bench: Bench) -> None:
    job_id, _ = bench.claimed()
    answer = bench.agent.patch(f"/api/jobs/{job_id}", {"state": "completed"})
    assert _envelope(answer, jobId=job_id, state="claimed") == (400, "INVALID_STATE_TRANSITION")
    other = bench.api.agent().patch(f"/api/jobs/{job_id}", {"state": "running"})
    assert _envelope(other, jobId=job_id) == (409, "JOB_ALREADY_CLAIMED")


@pytest.mark.parametrize(
    ("operation", "table"), [("PutItem", "jobs"), ("GetItem", "projects"), ("PutItem", "documents")]
)
def test_failing_database_is_a_failed_write(bench: Bench, aws: AwsSpy, operation: str, table: str) -> None:
    aws.fail(operation, "ValidationException", table=table)
    answer = bench.user.post("/api/jobs/create", {"projectId": bench.project_id, "jobType": "build", "payload": 1})
    assert _envelope(answer) == (500, "KV_WRITE_FAILED")
    assert "made up" not in answer.text


def test_secret_that_was_altered_is_an_encryption_failure_and_burns_nothing(bench: Bench) -> None:
    from chalicelib.secrets.table import SecretRow

    bench.secret("ghp_1")
    _, token = bench.claimed()
    row = SecretRow.get(bench.project_id, "github")
    right = row.ciphertext
    row.ciphertext = right[:-1] + bytes([right[-1] ^ 1])
    row.save()
    assert _envelope(bench.redeem(token)) == (500, "ENCRYPTION_FAILED")
    row.ciphertext = right
    row.save()
    assert bench.redeem(token).json() == {"secret": "ghp_1"}


def test_what_nobody_expected_is_an_internal_error_without_its_reason(bench: Bench) -> None:
    from chalicelib.jobs.tables import DocumentRow

    job_id = bench.create(payload={"n": 1})["jobId"]
    (document,) = list(DocumentRow.query(job_id))
    document.data = b"this is not zlib"
    document.save()
    answer = bench.user.get(f"/api/jobs/{job_id}")
    assert _envelope(answer) == (500, "INTERNAL_ERROR")
    assert "zlib" not in answer.text
    assert answer.json()["details"] == {}
