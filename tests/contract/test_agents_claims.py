"""Claims as agents take, hold and end them: the legal transitions, and who may make them."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.support.api import Bench, error, ok


def test_claim_needs_no_body_and_takes_queues_in_the_order_given(bench: Bench) -> None:
    other = f"{bench.queue}-b"
    first, second = bench.create(queue=other)["jobId"], bench.create()["jobId"]
    ask = {"queues": [bench.queue, other]}
    assert ok(bench.agent.post("/api/jobs/claim", ask))["job"]["jobId"] == second
    assert ok(bench.agent.post("/api/jobs/claim", ask))["job"]["jobId"] == first
    assert "job" in ok(bench.agent.request("POST", "/api/jobs/claim"))


@pytest.mark.parametrize("body", [{"queues": []}, {"queues": ["X"]}, {"queues": "q"}, {"queues": ["q"] * 11}, {"x": 1}])
def test_claim_refuses_a_wrong_body(bench: Bench, body: object) -> None:
    assert error(bench.agent.post("/api/jobs/claim", body)) == (400, "INVALID_REQUEST")


def test_claim_repeated_with_its_request_id_answers_the_same_job_and_a_fresh_token(bench: Bench) -> None:
    bench.create()
    bench.create()
    bench.secret("ghp_1")
    first = bench.claim(headers={"X-Claim-Request-Id": "r1"})
    again = bench.claim(headers={"X-Claim-Request-Id": "r1"})
    other = bench.claim(headers={"X-Claim-Request-Id": "r2"})
    assert again["job"]["jobId"] == first["job"]["jobId"] != other["job"]["jobId"]
    assert again["claimToken"] != first["claimToken"]
    assert bench.redeem(first["claimToken"]).status_code == 401
    assert bench.redeem(again["claimToken"]).status_code == 200


def test_claim_request_id_of_another_agent_is_another_request(bench: Bench) -> None:
    bench.create()
    bench.create()
    mine = bench.claim(headers={"X-Claim-Request-Id": "r1"})
    theirs = bench.claim(bench.api.agent(), headers={"X-Claim-Request-Id": "r1"})
    assert mine["job"]["jobId"] != theirs["job"]["jobId"]


def test_claim_request_id_too_long_is_refused(bench: Bench) -> None:
    answer = bench.agent.post("/api/jobs/claim", headers={"X-Claim-Request-Id": "r" * 129})
    assert error(answer) == (400, "INVALID_REQUEST")
    assert bench.agent.post("/api/jobs/claim", headers={"X-Claim-Request-Id": "r" * 128}).status_code == 200


@pytest.mark.parametrize("state", ["completed", "failed", "cancelled"])
def test_report_of_an_end_before_running_is_refused(bench: Bench, state: str) -> None:
    job_id, _ = bench.claimed()
    answer = bench.agent.patch(f"/api/jobs/{job_id}", {"state": state})
    assert error(answer) == (400, "INVALID_STATE_TRANSITION")
    details = answer.json()["details"]
    assert (details["jobId"], details["state"], details["requested"]) == (job_id, "claimed", state)
    assert "running" in details["legal"]


@pytest.mark.parametrize("state", ["pending", "claimed", "ready", "cancelling", "", None, 1])
def test_report_of_a_state_that_is_no_agents_word_is_refused(bench: Bench, state: object) -> None:
    job_id = bench.running()
    assert error(bench.agent.patch(f"/api/jobs/{job_id}", {"state": state})) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize(("end", "payload"), [("completed", {"reply": "x"}), ("failed", {"error": "x"})])
def test_report_of_the_same_end_again_succeeds_and_of_another_is_refused(
    bench: Bench, end: str, payload: object
) -> None:
    job_id = bench.running()
    first = bench.report(job_id, end, payload)
    assert bench.report(job_id, end, payload)["updatedAt"] == first["updatedAt"]
    other = {"completed": "failed", "failed": "completed"}[end]
    for body in ({"state": end, "payload": {"another": 1}}, {"state": other}, {"state": "running"}):
        assert error(bench.agent.patch(f"/api/jobs/{job_id}", body)) == (400, "INVALID_STATE_TRANSITION")
    job = bench.job(job_id)
    assert (job["state"], job["result"]) == (end, payload)


def test_report_on_a_job_that_nobody_claimed_is_an_illegal_transition(bench: Bench) -> None:
    job_id = bench.create()["jobId"]
    assert error(bench.agent.patch(f"/api/jobs/{job_id}", {"state": "running"})) == (400, "INVALID_STATE_TRANSITION")


def test_other_agents_words_are_refused(bench: Bench) -> None:
    job_id, other = bench.running(), bench.api.agent()
    path = f"/api/jobs/{job_id}"
    announced = {"fileName": "x", "size": 1, "sha256": "0" * 64}
    tried = [
        other.patch(path, {"state": "completed"}),
        other.post(f"{path}/renew"),
        other.post(f"{path}/release"),
        other.post(f"{path}/claim-token"),
        other.post(f"{path}/logs", {"message": "x"}),
        other.post(f"{path}/artifacts", announced),
    ]
    assert {error(answer) for answer in tried} == {(409, "JOB_ALREADY_CLAIMED")}
    assert bench.job(job_id)["state"] == "running"


def test_unknown_job_is_not_found_for_agents(bench: Bench) -> None:
    for path, body in (("", {"state": "running"}), ("/renew", None), ("/logs", {"message": "x"}), ("/release", None)):
        method = "POST" if path else "PATCH"
        answer = bench.agent.request(method, f"/api/jobs/job_00000000000000000000000000{path}", json=body)
        assert error(answer) == (404, "JOB_NOT_FOUND")


def test_attempt_header_fences_an_older_claim_of_the_same_agent(bench: Bench) -> None:
    job_id = bench.claimed(maxAttempts=2)[0]
    ok(bench.agent.post(f"/api/jobs/{job_id}/release"))
    assert bench.claim()["job"]["attempt"] == 2
    path, old = f"/api/jobs/{job_id}", {"X-Claim-Attempt": "1"}
    tried = [
        bench.agent.patch(path, {"state": "running"}, headers=old),
        bench.agent.post(f"{path}/renew", headers=old),
        bench.agent.post(f"{path}/logs", {"message": "x"}, headers=old),
        bench.agent.post(f"{path}/claim-token", headers=old),
        bench.agent.post(f"{path}/release", headers=old),
    ]
    assert {error(answer) for answer in tried} == {(409, "JOB_ALREADY_CLAIMED")}
    assert bench.agent.patch(path, {"state": "running"}, headers={"X-Claim-Attempt": "2"}).status_code == 200


@pytest.mark.parametrize("attempt", ["x", "-1", "1.0", "٣", "9" * 10, "9" * 5000, "+1"])
def test_attempt_header_that_is_no_number_is_refused(bench: Bench, attempt: str) -> None:
    job_id, _ = bench.claimed()
    answer = bench.agent.post(f"/api/jobs/{job_id}/renew", headers={"X-Claim-Attempt": attempt.encode()})
    assert error(answer) == (400, "INVALID_REQUEST")
    assert answer.json()["details"]["field"] == "X-Claim-Attempt"


def test_renewing_moves_the_end_of_the_lease_and_not_past_the_deadline(bench: Bench) -> None:
    deadline = datetime.now(UTC) + timedelta(minutes=40)
    job_id, _ = bench.claimed(deadline=deadline.isoformat())
    before = bench.job(job_id)["claimExpiry"]
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=5)):
        middle = ok(bench.agent.post(f"/api/jobs/{job_id}/renew"))["claimExpiry"]
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=20)):
        last = ok(bench.agent.post(f"/api/jobs/{job_id}/renew"))["claimExpiry"]
    assert before < middle < last
    assert datetime.fromisoformat(last) == deadline.replace(microsecond=deadline.microsecond // 1000 * 1000)


def test_released_job_goes_to_the_next_agent_and_the_first_has_lost_it(bench: Bench) -> None:
    job_id = bench.running()
    ok(bench.agent.post(f"/api/jobs/{job_id}/release"))
    assert error(bench.agent.post(f"/api/jobs/{job_id}/renew")) == (409, "CLAIM_LOST")
    other = bench.api.agent()
    assert bench.claim(other)["job"]["jobId"] == job_id
    assert error(bench.agent.patch(f"/api/jobs/{job_id}", {"state": "running"})) == (409, "JOB_ALREADY_CLAIMED")


def test_word_after_the_lease_ran_out_is_refused_without_any_sweep(bench: Bench) -> None:
    job_id = bench.running()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=31)):
        answer = bench.agent.patch(f"/api/jobs/{job_id}", {"state": "completed"})
        assert error(answer) == (409, "CLAIM_LOST")
        assert bench.job(job_id)["state"] == "running"
