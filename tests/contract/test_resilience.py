"""What must hold when things come in an awkward order, in masses, or half: each of these has gone wrong once."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from local.cloud import LocalCloud
from tests.contract.harness import changed_settings, spied
from tests.support.api import Api, Bench, error, ok


def test_claim_whose_payload_cannot_be_read_leaves_the_job_to_the_next(bench: Bench) -> None:
    job_id = bench.create(payload={"n": 1})["jobId"]
    with spied() as spy:
        spy.fail("GetItem", "InternalServerError", table="documents")
        answer = bench.agent.post("/api/jobs/claim", {"queues": [bench.queue]})
    assert error(answer) == (500, "KV_WRITE_FAILED")
    assert bench.job(job_id)["state"] == "pending"
    assert bench.claim()["job"]["jobId"] == job_id


def test_job_whose_payload_has_aged_out_fails_and_the_next_is_claimed(bench: Bench) -> None:
    from chalicelib.jobs.tables import DocumentRow

    gone, whole = (bench.create(payload={"n": number})["jobId"] for number in range(2))
    for row in DocumentRow.query(gone):
        row.delete()
    assert bench.claim()["job"]["jobId"] == whole
    failed = bench.job(gone)
    assert (failed["state"], failed["error"]["code"]) == ("failed", "PAYLOAD_MISSING")


def test_sweep_goes_on_until_nothing_is_due(bench: Bench, cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.jobs import sweeper

    monkeypatch.setattr(sweeper, "AT_ONCE", 2)
    at = datetime.now(UTC) + timedelta(minutes=5)
    made = {bench.create(notBefore=at.isoformat())["jobId"] for _ in range(5)}
    assert bench.claim()["job"] is None
    with time_machine.travel(at + timedelta(seconds=1)):
        cloud.sweep()
        assert {bench.claim()["job"]["jobId"] for _ in range(5)} == made


def test_reply_comes_after_what_was_read_before_it(bench: Bench, cloud: LocalCloud) -> None:
    path = f"/api/projects/{bench.project_id}/chats"
    chat = ok(bench.user.post(path, {"title": "t", "initialMessage": "hi"}))
    messages = f"{path}/{chat['chat']['chatId']}/messages"
    agent = bench.api.agent()
    while (claim := ok(agent.post("/api/jobs/claim")))["job"]["jobId"] != chat["jobId"]:
        pass
    bench.report(claim["job"]["jobId"], "running", agent=agent)
    bench.report(claim["job"]["jobId"], "completed", {"reply": "the answer"}, agent=agent)
    ok(bench.user.post(messages, {"content": "are you there?", "role": "assistant"}))
    cursor = ok(bench.user.get(messages))["cursor"]
    cloud.drain()
    news = ok(bench.user.get(f"{messages}?cursor={cursor}"))["data"]
    everything = ok(bench.user.get(messages))["data"]
    assert [each["content"] for each in everything].count("the answer") == 1
    # The stream may have been faster than the first look; then the look has seen it.
    assert news == [] or [each["content"] for each in news] == ["the answer"]
    assert sorted(each["content"] for each in everything) == ["are you there?", "hi", "the answer"]


def test_messages_are_paged_by_size_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.projects import chats

    monkeypatch.setattr(chats, "PAGE_BYTES", 1000)
    path = f"/api/projects/{bench.project_id}/chats"
    messages = f"{path}/{ok(bench.user.post(path, {'title': 't'}))['chat']['chatId']}/messages"
    for number in range(5):
        ok(bench.user.post(messages, {"content": f"{number}" + "x" * 600, "role": "assistant"}))
    seen, cursor, more = [], "", True
    while more:
        page = ok(bench.user.get(f"{messages}{cursor}"))
        assert len(page["data"]) == 1
        seen += [each["content"][0] for each in page["data"]]
        cursor, more = f"?cursor={page['cursor']}", page["hasMore"]
    assert seen == ["0", "1", "2", "3", "4"]


def test_append_of_other_lines_under_a_number_that_is_taken_is_refused(bench: Bench) -> None:
    job_id = bench.running()
    path = f"/api/jobs/{job_id}/logs"
    first = {"segment": 0, "entries": [{"level": "info", "message": "A"}]}
    assert ok(bench.agent.post(path, first))["nextSegment"] == 1
    assert ok(bench.agent.post(path, first))["nextSegment"] == 1
    other = {"segment": 0, "entries": [{"level": "info", "message": "B"}]}
    assert error(bench.agent.post(path, other)) == (416, "LOG_SEGMENT_MISMATCH")
    assert [each["message"] for each in ok(bench.user.get(path))["data"]] == ["A"]


def test_renewing_does_not_keep_a_cancelled_job(bench: Bench, cloud: LocalCloud) -> None:
    job_id = bench.running()
    ok(bench.user.delete(f"/api/jobs/{job_id}"))
    ends = bench.job(job_id)["claimExpiry"]
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=20)):
        renewed = ok(bench.agent.post(f"/api/jobs/{job_id}/renew"))
        assert (renewed["claimExpiry"], renewed["cancelRequested"]) == (ends, True)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=31)):
        cloud.sweep()
        assert bench.job(job_id)["state"] == "cancelled"


def test_artifact_of_a_job_that_was_lost_while_it_was_checked_stays_unseen(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    import requests

    from chalicelib.jobs import claims
    from chalicelib.objects import presign

    agent = bench.agent = bench.api.registered_agent()
    job_id, content = bench.running(maxAttempts=2), b"wheel"
    told = {"fileName": "a.whl", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    announced = ok(agent.post(f"/api/jobs/{job_id}/artifacts", told))
    upload = announced["upload"]
    assert requests.put(upload["url"], data=content, headers=upload["headers"], timeout=10).ok
    look = presign.look

    def look_and_lose(key: str) -> presign.Stored:
        claims.end_claims_of(f"agent:{agent.headers['X-Colab-Id']}")
        return look(key)

    monkeypatch.setattr(presign, "look", look_and_lose)
    answer = agent.post(f"/api/jobs/{job_id}/artifacts/{announced['artifactId']}/complete")
    assert error(answer) == (409, "CLAIM_LOST")
    assert ok(bench.user.get(f"/api/projects/{bench.project_id}/artifacts")) == []


def test_retried_job_keeps_its_payload_as_long_as_itself(bench: Bench) -> None:
    from chalicelib.jobs.tables import DocumentRow

    job_id = bench.running(payload={"n": 1})
    bench.report(job_id, "failed")
    [before] = [row.expires for row in DocumentRow.query(job_id)]
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=30)):
        ok(bench.user.post(f"/api/jobs/{job_id}/retry"))
    [after] = [row.expires for row in DocumentRow.query(job_id)]
    assert after - before >= timedelta(minutes=29)


@pytest.mark.parametrize(
    "terms",
    [
        {"notBefore": "9999-12-31T00:00:00Z"},
        {"deadline": "2020-01-01T00:00:00Z"},
        {"notBefore": "{day}T02:00:00Z", "deadline": "{day}T01:00:00Z"},
    ],
)
def test_job_that_could_never_run_is_refused(bench: Bench, terms: dict[str, str]) -> None:
    day = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    told = {"projectId": bench.project_id, "jobType": "build", **{k: v.format(day=day) for k, v in terms.items()}}
    assert error(bench.user.post("/api/jobs/create", told)) == (400, "INVALID_REQUEST")


def test_closed_registration_leaves_it_to_administrators(api: Api) -> None:
    told = {"email": f"{time.time_ns()}@example.com", "password": "correct horse"}
    with changed_settings(registration_open="false"):
        assert api.anyone().post("/api/v1/auth/register", told).status_code == 403
        made = ok(api.admin().post("/api/admin/users", {**told, "role": "viewer"}))
        assert (made["email"], made["role"]) == (told["email"], "viewer")
        assert error(api.admin().post("/api/admin/users", told)) == (409, "ALREADY_EXISTS")
    form = {"username": told["email"], "password": told["password"]}
    assert api.anyone().request("POST", "/api/v1/auth/login", data=form).status_code == 200


def test_one_address_cannot_lock_a_user_out(api: Api) -> None:
    from chalicelib.accounts import users
    from chalicelib.errors import InvalidCredentials, TooManyRequests

    email = f"{time.time_ns()}@example.com"
    api.user(email)
    with changed_settings(login_attempts_per_minute="2"):
        for refused in (InvalidCredentials, InvalidCredentials, TooManyRequests, TooManyRequests):
            with pytest.raises(refused):
                users.log_in(email, "wrong", source_ip="192.0.2.1")
        assert users.log_in(email, "correct horse", source_ip="192.0.2.2").email == email


def test_body_with_a_name_twice_among_very_many_is_refused_at_once(api: Api) -> None:
    names = ",".join(f'"{number:x}":1' for number in range(60_000))
    body = "{" + names + ',"dup' + "x" * 1000 + '":1,"dup' + "x" * 1000 + '":2}'
    answer = api.anyone().request("POST", "/auth/login", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert len(answer.content) < 1000
