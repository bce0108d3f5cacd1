"""A claim asked for again under its X-Claim-Request-Id, because its answer was lost or is late, takes one job."""

import uuid
from functools import partial
from typing import Any

from tests.storage.parallel import at_once, paused
from tests.support.api import Bench, error, ok

TOGETHER = 4
SECRET = "ghp_after-all"


def _claim(bench: Bench, request_id: str) -> dict[str, Any]:
    return bench.claim(headers={"X-Claim-Request-Id": request_id})


def _held(bench: Bench) -> list[str]:
    jobs = ok(bench.user.get(f"/api/projects/{bench.project_id}/jobs?state=claimed"))["data"]
    return [job["jobId"] for job in jobs]


def test_claim_repeated_after_a_lost_answer_gives_the_same_job_and_a_fresh_token(bench: Bench) -> None:
    bench.secret(SECRET)
    bench.create(payload={"n": 1}), bench.create()
    first, again = (_claim(bench, "once") for _ in range(2))
    assert again["job"]["jobId"] == first["job"]["jobId"]
    assert (again["job"]["attempt"], again["job"]["payload"]) == (1, {"n": 1})
    assert error(bench.redeem(first["claimToken"])) == (401, "INVALID_TOKEN")
    assert ok(bench.redeem(again["claimToken"])) == {"secret": SECRET}


def test_claim_repeated_by_another_agent_gives_another_job(bench: Bench) -> None:
    bench.create(), bench.create()
    first = _claim(bench, "once")
    other = bench.claim(bench.api.agent(), headers={"X-Claim-Request-Id": "once"})
    assert other["job"]["jobId"] != first["job"]["jobId"]


def test_claim_repeated_after_the_job_has_ended_gives_the_next_job(bench: Bench) -> None:
    bench.create(), bench.create()
    first = _claim(bench, "once")["job"]["jobId"]
    bench.report(first, "running")
    bench.report(first, "completed")
    assert _claim(bench, "once")["job"]["jobId"] != first


def test_claim_repeated_at_once_takes_one_job(bench: Bench) -> None:
    for _ in range(TOGETHER + 2):
        bench.create()
    for held in range(1, 4):
        claims = at_once([partial(_claim, bench, uuid.uuid4().hex)] * TOGETHER)
        assert len({claim["job"]["jobId"] for claim in claims}) == 1
        assert len(_held(bench)) == held


def test_claim_overtaken_by_its_own_repetition_takes_no_other_job(bench: Bench) -> None:
    bench.create(), bench.create()
    claim = partial(_claim, bench, "once")
    with paused(claim, operation="UpdateItem", table="jobs", naming="token_hash") as finish:
        repeated = claim()
        late = finish()
    assert late["job"]["jobId"] == repeated["job"]["jobId"]
    assert _held(bench) == [repeated["job"]["jobId"]]


def test_claim_overtaken_before_its_note_takes_no_other_job(bench: Bench) -> None:
    bench.create(), bench.create()
    claim = partial(_claim, bench, "once")
    with paused(claim, operation="PutItem", table="idempotency") as finish:
        repeated = claim()
        late = finish()
    assert late["job"]["jobId"] == repeated["job"]["jobId"]
    assert _held(bench) == [repeated["job"]["jobId"]]


def test_claim_overtaken_by_its_own_repetition_and_another_agent_takes_no_other_job(bench: Bench) -> None:
    first, second, third = (bench.create()["jobId"] for _ in range(3))
    claim = partial(_claim, bench, "once")
    with paused(claim, operation="PutItem", table="idempotency") as finish:
        bench.claim(bench.api.agent())
        repeated = claim()
        late = finish()
    assert late["job"]["jobId"] == repeated["job"]["jobId"] == second
    assert sorted(_held(bench)) == sorted([first, second])
    assert bench.claim()["job"]["jobId"] == third
