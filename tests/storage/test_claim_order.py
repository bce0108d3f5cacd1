"""Which job a claim takes, while nobody else is claiming."""

from datetime import UTC, datetime, timedelta

import time_machine

from local.cloud import LocalCloud
from tests.storage.conftest import At
from tests.support.api import Bench

SECOND = timedelta(seconds=1)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _claims(bench: Bench, count: int) -> list[str | None]:
    taken = [bench.claim()["job"] for _ in range(count)]
    return [job["jobId"] if job else None for job in taken]


def test_claim_uncontended_takes_the_oldest_first(bench: Bench) -> None:
    created = [bench.create()["jobId"] for _ in range(12)]
    assert _claims(bench, 13) == [*created, None]


def test_claim_of_several_queues_takes_them_in_the_agents_order(bench: Bench) -> None:
    later, sooner = f"{bench.queue}-b", f"{bench.queue}-a"
    old, new = bench.create(queue=later)["jobId"], bench.create(queue=sooner)["jobId"]
    answers = [bench.agent.post("/api/jobs/claim", {"queues": [sooner, later]}).json()["job"] for _ in range(2)]
    assert [job["jobId"] for job in answers] == [new, old]


def test_claim_gives_each_level_of_priority_a_head_start(bench: Bench) -> None:
    now = datetime.now(UTC)
    aged = bench.create()["jobId"]
    with time_machine.travel(now + timedelta(seconds=400)):
        plain = bench.create()["jobId"]
    with time_machine.travel(now + timedelta(seconds=650)):
        one, two = bench.create(priority=1)["jobId"], bench.create(priority=2)["jobId"]
        # Each level is worth 300 seconds: two of them do not overtake what has waited for longer.
        assert _claims(bench, 4) == [aged, two, one, plain]


def test_claim_of_a_released_job_comes_after_those_that_waited(bench: Bench) -> None:
    first, second = bench.create()["jobId"], bench.create()["jobId"]
    assert _claims(bench, 1) == [first]
    bench.agent.post(f"/api/jobs/{first}/release")
    assert _claims(bench, 2) == [second, first]


def test_claim_of_a_delayed_job_waits_for_its_time(bench: Bench, cloud: LocalCloud, at: At) -> None:
    start = _iso(datetime.now(UTC) + timedelta(minutes=10))
    job_id = bench.create(notBefore=start, priority=9)["jobId"]
    with at(start, -SECOND):
        cloud.sweep()
        assert _claims(bench, 1) == [None]
    with at(start, timedelta()):
        cloud.sweep()
        assert _claims(bench, 1) == [job_id]


def test_claim_past_the_deadline_fails_the_job(bench: Bench, at: At) -> None:
    deadline = _iso(datetime.now(UTC) + timedelta(minutes=10))
    job_id = bench.create(deadline=deadline)["jobId"]
    with at(deadline, timedelta()):
        assert _claims(bench, 1) == [None]
    assert bench.job(job_id)["error"]["code"] == "DEADLINE_EXCEEDED"


def test_claim_just_before_the_deadline_leases_until_it(bench: Bench, at: At) -> None:
    deadline = _iso(datetime.now(UTC) + timedelta(minutes=10))
    bench.create(deadline=deadline)
    with at(deadline, -SECOND):
        job = bench.claim()["job"]
        renewed = bench.agent.post(f"/api/jobs/{job['jobId']}/renew").json()
    assert job["claimExpiry"] == renewed["claimExpiry"] == deadline
