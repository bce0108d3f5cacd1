"""File jobs: what may be created, how lists page, how a job is cancelled, and every refusal of the contract."""

from typing import Any

import pytest

from local.cloud import LocalCloud
from tests.contract.harness import changed_settings
from tests.support.api import Api, ok
from tests.support.files import NEW_YORK, PEOPLE, Files, refusal

FIELDS = {
    "id", "user_id", "file_name", "original_file_size_bytes", "status", "processing_steps", "options", "created_at",
    "updated_at", "input_object_key", "output_object_key", "error_message", "progress",
}  # fmt: skip


def test_created_job_has_the_contracts_fields(files: Files) -> None:
    assert set(files.create()) == FIELDS


@pytest.mark.parametrize(("body", "field"), [
    ({}, "file_name"),
    ({"file_name": ""}, "file_name"),
    ({"file_name": "a\nb.csv"}, "file_name"),
    ({"file_name": "a.csv", "original_file_size_bytes": -1}, "original_file_size_bytes"),
    ({"file_name": "a.csv", "original_file_size_bytes": "10"}, "original_file_size_bytes"),
    ({"file_name": "a.csv", "processing_steps": {}}, "processing_steps"),
    ({"file_name": "a.csv", "processing_steps": [NEW_YORK, {"type": "fly", "params": {}}]}, "processing_steps.1.type"),
    ({"file_name": "a.csv", "processing_steps": [{"type": "filter"}]}, "processing_steps.0.params"),
    (
        {"file_name": "a.csv", "processing_steps": [{"type": "filter", "params": {"column": "a", "operator": "is"}}]},
        "processing_steps.0.params.operator",
    ),
    (
        {"file_name": "a.csv", "processing_steps": [{"type": "derive", "params": {"column": "a", "expression": "1+"}}]},
        "processing_steps.0.params.expression",
    ),
    ({"file_name": "a.csv", "processing_steps": [NEW_YORK] * 101}, "processing_steps"),
    ({"file_name": "a.csv", "options": {"on_bad_row": "maybe"}}, "options.on_bad_row"),
    ({"file_name": "a.csv", "owner": "me"}, "owner"),
    ({"file_name": "a.csv", "status": "COMPLETED"}, "status"),
    ({"file_name": "a.csv", "original_file_size_bytes": 10**12}, "original_file_size_bytes"),
])  # fmt: skip
def test_what_is_wrong_with_a_job_is_said_by_its_field(files: Files, body: dict[str, Any], field: str) -> None:
    status, detail = refusal(files.user.post("/api/v1/jobs", body))
    assert status == 400
    assert detail.startswith(f"{field}: "), detail


def test_same_idempotency_key_makes_one_job(files: Files) -> None:
    told = {"file_name": "a.csv"}
    first, again = (ok(files.user.post("/api/v1/jobs", told, headers={"Idempotency-Key": "k"})) for _ in range(2))
    assert first == again
    other = files.user.post("/api/v1/jobs", {"file_name": "b.csv"}, headers={"Idempotency-Key": "k"})
    assert refusal(other)[0] == 409


def test_list_is_newest_first_and_pages(own_files: Files) -> None:
    files = own_files
    ids = [files.create(name=f"{number}.csv")["id"] for number in range(5)][::-1]

    def listed(query: str) -> list[str]:
        return [job["id"] for job in ok(files.user.get(f"/api/v1/jobs{query}"))]

    assert listed("") == ids
    assert listed("?limit=2") == ids[:2]
    assert listed("?skip=2&limit=2") == ids[2:4]
    assert listed("?skip=4") == ids[4:]
    assert listed("?skip=5") == []


@pytest.mark.parametrize("query", ["skip=-1", "limit=0", "limit=1001", "skip=x"])
def test_page_that_makes_no_sense_is_refused(files: Files, query: str) -> None:
    status, detail = refusal(files.user.get(f"/api/v1/jobs?{query}"))
    assert (status, detail.split(":")[0]) == (400, query.split("=", maxsplit=1)[0])


def test_listed_job_is_the_job(own_files: Files) -> None:
    job, _ = own_files.processed(NEW_YORK)
    (listed,) = ok(own_files.user.get("/api/v1/jobs"))
    assert listed == {name: value for name, value in job.items() if name != "report"}


def test_job_that_waits_for_its_upload_is_cancelled_at_once(files: Files) -> None:
    job = files.create()
    assert ok(files.post(job, "cancel"))["status"] == "CANCELLED"
    assert files.read(job)["status"] == "CANCELLED"


def test_job_that_has_ended_cannot_be_cancelled(files: Files) -> None:
    done, _ = files.processed()
    cancelled = files.create()
    ok(files.post(cancelled, "cancel"))
    for job in (done, cancelled):
        assert refusal(files.post(job, "cancel"))[0] == 400


@pytest.mark.parametrize("action", ["upload-url", "mark-uploaded", "download-url", "multipart-upload"])
def test_cancelled_job_takes_and_gives_nothing(files: Files, action: str) -> None:
    job = files.create()
    ok(files.post(job, "cancel"))
    body = {"object_key": f"input/{job['id']}/people.csv"} if action == "mark-uploaded" else {}
    assert refusal(files.post(job, action, body))[0] == 400


def test_job_that_is_not_completed_has_no_download(files: Files) -> None:
    status, detail = refusal(files.post(files.create(), "download-url"))
    assert status == 400
    assert "awaiting_upload" in detail


def test_output_that_has_aged_out_is_said_to_be_gone(files: Files) -> None:
    from chalicelib.objects import leftovers

    job, _ = files.processed()
    leftovers.delete(job["output_object_key"])
    status, detail = refusal(files.post(job, "download-url"))
    assert status == 400
    assert "30 days" in detail


@pytest.mark.parametrize("path", ["", "/upload-url", "/mark-uploaded", "/download-url", "/cancel", "/multipart-upload"])
def test_unknown_job_is_not_found(files: Files, path: str) -> None:
    method, body = ("POST", {"object_key": "x"} if path == "/mark-uploaded" else {}) if path else ("GET", None)
    answer = files.user.request(method, f"/api/v1/jobs/file_00000000000000000000000000{path}", json=body)
    assert refusal(answer)[0] == 404


def test_task_job_is_no_file_job(api: Api, files: Files) -> None:
    task = ok(files.user.post("/api/jobs/create", {"projectId": api.project(), "jobType": "build"}))
    assert refusal(files.user.get(f"/api/v1/jobs/{task['jobId']}"))[0] == 404
    file_job = files.create()
    assert files.user.get(f"/api/jobs/{file_job['id']}").status_code == 404
    assert files.user.post(f"/api/jobs/{file_job['id']}/retry").status_code == 404


def test_upload_that_never_comes_expires(cloud: LocalCloud, files: Files) -> None:
    with changed_settings(upload_wait_seconds="60"):
        job = files.create()
    from chalicelib.jobs.tables import JobRow
    from chalicelib.times import from_epoch_ms

    cloud.sweep()
    assert files.read(job)["status"] == "PENDING"
    JobRow(job["id"]).update(actions=[JobRow.due.set(from_epoch_ms(1))])
    cloud.sweep()
    job = files.read(job)
    assert (job["status"], job["error_message"]) == ("FAILED", "The input file was not uploaded in time.")
    assert refusal(files.post(job, "upload-url"))[0] == 400


def test_large_file_waits_for_a_bigger_machine_and_its_client_sees_no_difference(
    cloud: LocalCloud, files: Files
) -> None:
    with changed_settings(file_large_bytes="10"):
        job = files.started()
        cloud.drain()
    assert job["status"] == "QUEUED"
    assert files.read(job)["status"] == "QUEUED"
    claimed = ok(_agent(files).post("/api/jobs/claim", {"queues": ["files-large"]}))["job"]
    assert (claimed["jobId"], claimed["type"], claimed["projectId"]) == (job["id"], "file", None)
    assert files.read(job)["status"] == "RUNNING"


def test_file_over_the_maximum_is_refused_when_it_is_marked(files: Files) -> None:
    job = files.create(original_file_size_bytes=5)
    key = files.upload(job, PEOPLE)
    with changed_settings(file_max_bytes="10"):
        status, detail = refusal(files.mark(job, key))
    assert (status, files.read(job)["status"]) == (400, "PENDING")
    assert str(len(PEOPLE)) in detail


def test_stage_that_a_lost_message_left_asleep_is_woken_by_the_clock(cloud: LocalCloud, files: Files) -> None:
    from chalicelib import aws
    from chalicelib.jobs.tables import JobRow
    from chalicelib.times import from_epoch_ms

    with changed_settings(file_large_bytes="10"):
        job = files.started()
    # In the stage's queue, and no message says so.
    row = JobRow(job["id"])
    row.update(actions=[JobRow.queue.set("files"), JobRow.slot.set("ready#files#0"), JobRow.due.set(from_epoch_ms(1))])
    assert aws.sqs()
    cloud.sweep()
    assert files.ended(job)["status"] == "COMPLETED"


def _agent(files: Files) -> Any:
    from tests.conftest import KEYS

    return Api(files.user.url, "", KEYS["CLAIMCHECK_AGENT_SECRET"]).agent()
