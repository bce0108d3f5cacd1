"""Jobs as people create, list, cancel and retry them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from chalicelib import times
from local.cloud import LocalCloud
from tests.support.api import Bench, error, ok


def _moment(**ahead: float) -> str:
    return times.iso(datetime.now(UTC) + timedelta(**ahead))


def test_create_keeps_what_the_creator_decided(bench: Bench) -> None:
    terms = {"priority": 7, "maxAttempts": 3, "notBefore": _moment(hours=1), "deadline": _moment(hours=2)}
    job = bench.create(**terms)
    assert {name: job[name] for name in terms} == terms
    assert job["queue"] == bench.queue
    assert job["createdBy"].startswith("user:")
    assert (job["attempt"], job["finishedAt"], job["error"], job["cancelRequested"]) == (0, None, None, False)


def test_create_takes_times_of_any_zone_and_answers_utc(bench: Bench) -> None:
    job = bench.create(deadline="2099-01-02T03:04:05.678+05:30")
    assert job["deadline"] == "2099-01-01T21:34:05.678Z"


@pytest.mark.parametrize("payload", [None, 0, "", [], {}, {"deep": [{"x": [1.5, True, None, "漢 😀"]}]}, 10**300])
def test_create_keeps_any_json_as_payload(bench: Bench, payload: Any) -> None:
    job_id = bench.create(payload=payload)["jobId"]
    assert bench.job(job_id)["payload"] == payload
    assert bench.claim()["job"]["payload"] == payload


@pytest.mark.parametrize(("wrong", "field"), [
    ({"jobType": "Build"}, "jobType"),
    ({"jobType": "9lives"}, "jobType"),
    ({"jobType": "x" * 33}, "jobType"),
    ({"jobType": "build\n"}, "jobType"),
    ({"queue": "not a queue"}, "queue"),
    ({"priority": 10}, "priority"),
    ({"priority": -1}, "priority"),
    ({"priority": "1"}, "priority"),
    ({"priority": True}, "priority"),
    ({"priority": 1.5}, "priority"),
    ({"maxAttempts": 0}, "maxAttempts"),
    ({"maxAttempts": 21}, "maxAttempts"),
    ({"deadline": "2001-01-01T00:00:00Z"}, "deadline"),
    ({"deadline": "2099-01-01T00:00:00"}, "deadline"),
    ({"deadline": 4102444800}, "deadline"),
    ({"notBefore": "tomorrow"}, "notBefore"),
    ({"notBefore": "0001-01-01T00:00:00+14:00"}, "notBefore"),
    ({"notBefore": "9999-12-31T23:59:59-14:00"}, "notBefore"),
    ({"projectId": "../x"}, "projectId"),
    ({"projectId": None}, "projectId"),
    ({"surprise": 1}, "surprise"),
])  # fmt: skip
def test_create_refuses_a_wrong_field_and_names_it(bench: Bench, wrong: dict[str, Any], field: str) -> None:
    told = {"projectId": bench.project_id, "jobType": "build", **wrong}
    answer = bench.user.post("/api/jobs/create", told)
    assert error(answer) == (400, "INVALID_REQUEST")
    assert answer.json()["details"]["field"] == field


def test_create_takes_every_legal_type(bench: Bench) -> None:
    for job_type in ("a", "patch", "x" * 32, "a-b_c9"):
        assert bench.create(jobType=job_type)["type"] == job_type


def test_higher_priority_is_claimed_first_and_equals_in_order(bench: Bench) -> None:
    first, second = bench.create(), bench.create()
    urgent = bench.create(priority=1)
    order = [bench.claim()["job"]["jobId"] for _ in range(3)]
    assert order == [urgent["jobId"], first["jobId"], second["jobId"]]


def test_delayed_job_waits_for_its_time(bench: Bench, cloud: LocalCloud) -> None:
    job = bench.create(notBefore=_moment(minutes=10), priority=9)
    cloud.sweep()
    assert bench.claim() == {"job": None}
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=11)):
        cloud.sweep()
        assert bench.claim()["job"]["jobId"] == job["jobId"]


def test_job_past_its_deadline_fails(bench: Bench, cloud: LocalCloud) -> None:
    job = bench.create(deadline=_moment(minutes=10), maxAttempts=5)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=11)):
        cloud.sweep()
        assert bench.claim() == {"job": None}
        late = bench.job(job["jobId"])
    assert (late["state"], late["error"]["code"]) == ("failed", "DEADLINE_EXCEEDED")


def test_lease_that_runs_out_fails_the_job_by_default(bench: Bench, cloud: LocalCloud) -> None:
    job_id = bench.running()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=31)):
        cloud.sweep()
        job = bench.job(job_id)
    assert (job["state"], job["error"]["code"], job["claimedBy"]) == ("failed", "CLAIM_EXPIRED", None)


def test_lease_that_runs_out_makes_a_job_with_attempts_left_ready_again(bench: Bench, cloud: LocalCloud) -> None:
    job_id = bench.running(maxAttempts=2)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=31)):
        cloud.sweep()
        again = bench.claim()["job"]
        assert (again["jobId"], again["attempt"]) == (job_id, 2)
        attempts = ok(bench.user.get(f"/api/jobs/{job_id}/attempts"))["data"]
    assert [(each["attempt"], each["outcome"], each["endedAt"] is None) for each in attempts] == [
        (1, "expired", False),
        (2, "claimed", True),
    ]


def test_list_pages_newest_first_and_leaves_documents_out(bench: Bench) -> None:
    made = [bench.create(payload={"n": number})["jobId"] for number in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = ok(bench.user.get(f"/api/projects/{bench.project_id}/jobs?limit=2{cursor}"))
        assert set(page) == {"data", "cursor", "hasMore"}
        assert all(not {"payload", "result"} & set(job) for job in page["data"])
        seen += [job["jobId"] for job in page["data"]]
        if not page["hasMore"]:
            break
        cursor = f"&cursor={page['cursor']}"
    assert seen == made[::-1]


def test_list_filters_by_state_and_type(bench: Bench) -> None:
    running = bench.running(jobType="patch")
    waiting = bench.create()["jobId"]

    def listed(query: str) -> list[str]:
        return [job["jobId"] for job in ok(bench.user.get(f"/api/projects/{bench.project_id}/jobs?{query}"))["data"]]

    assert listed("state=pending") == [waiting]
    assert listed("state=running") == [running]
    assert listed("type=patch") == [running]
    assert listed("type=patch&state=pending") == []


@pytest.mark.parametrize("query", ["state=ready", "limit=0", "limit=101", "limit=x", "cursor=x", "type=X"])
def test_list_refuses_a_wrong_query(bench: Bench, query: str) -> None:
    answer = bench.user.get(f"/api/projects/{bench.project_id}/jobs?{query}")
    assert error(answer) == (400, "INVALID_REQUEST")
    assert answer.json()["details"]["field"] == query.partition("=")[0]


def test_cancel_of_a_waiting_job_is_at_once_and_again_the_same(bench: Bench) -> None:
    job_id = bench.create()["jobId"]
    for _ in range(2):
        cancelled = ok(bench.user.delete(f"/api/jobs/{job_id}"))
        assert (cancelled["state"], cancelled["cancelRequested"]) == ("cancelled", True)
        assert cancelled["finishedAt"]
    assert bench.claim() == {"job": None}


@pytest.mark.parametrize("running", [False, True])
def test_cancel_of_a_held_job_asks_its_agent_to_stop(bench: Bench, *, running: bool) -> None:
    job_id = bench.running() if running else bench.claimed()[0]
    assert ok(bench.user.delete(f"/api/jobs/{job_id}"))["state"] == "cancelling"
    assert bench.report(job_id, "running", {"done": 1})["cancelRequested"] is True
    assert ok(bench.agent.post(f"/api/jobs/{job_id}/renew"))["cancelRequested"] is True
    assert ok(bench.agent.post(f"/api/jobs/{job_id}/logs", {"message": "stopping"}))["cancelRequested"] is True
    assert error(bench.agent.patch(f"/api/jobs/{job_id}", {"state": "completed"})) == (400, "INVALID_STATE_TRANSITION")
    assert bench.report(job_id, "cancelled")["state"] == "cancelled"
    assert bench.job(job_id)["state"] == "cancelled"


@pytest.mark.parametrize("state", ["completed", "failed"])
def test_cancel_of_a_finished_job_is_refused(bench: Bench, state: str) -> None:
    job_id = bench.running()
    bench.report(job_id, state)
    answer = bench.user.delete(f"/api/jobs/{job_id}")
    assert error(answer) == (400, "INVALID_STATE_TRANSITION")
    assert answer.json()["details"]["state"] == state


def test_retry_of_a_failed_job_makes_it_pending_and_claimable(bench: Bench) -> None:
    job_id = bench.running(payload={"n": 1})
    bench.report(job_id, "failed", {"error": "no disk"})
    failed = bench.job(job_id)
    assert (failed["error"], failed["result"]) == ({"code": "JOB_FAILED", "message": "no disk"}, {"error": "no disk"})
    again = ok(bench.user.post(f"/api/jobs/{job_id}/retry"))
    expected = {"state": "pending", "error": None, "result": None, "finishedAt": None, "claimedBy": None}
    assert {name: again[name] for name in expected} == expected
    claim = bench.claim()["job"]
    assert (claim["jobId"], claim["attempt"], claim["payload"]) == (job_id, 2, {"n": 1})


@pytest.mark.parametrize("state", ["pending", "claimed", "running", "completed", "cancelled", "cancelling"])
def test_retry_of_a_job_that_has_not_failed_is_refused(bench: Bench, state: str) -> None:
    job_id = _job_in(bench, state)
    answer = bench.user.post(f"/api/jobs/{job_id}/retry")
    assert error(answer) == (400, "INVALID_STATE_TRANSITION")
    details = answer.json()["details"]
    assert (details["jobId"], details["state"], details["requested"]) == (job_id, state, "pending")


def _job_in(bench: Bench, state: str) -> str:
    if state == "pending":
        return str(bench.create()["jobId"])
    if state == "claimed":
        return bench.claimed()[0]
    job_id = bench.running()
    if state in {"cancelling", "cancelled"}:
        ok(bench.user.delete(f"/api/jobs/{job_id}"))
    if state in {"completed", "cancelled"}:
        bench.report(job_id, state)
    return job_id
