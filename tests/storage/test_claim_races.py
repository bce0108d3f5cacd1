"""Many agents claim at once: each job goes to one of them, and none is lost."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.storage.parallel import at_once, paused
from tests.support.api import Bench, Caller, error, ok

AGENTS = 16


@pytest.fixture
def shards(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The bench's queue is spread over three slots."""
    from chalicelib.settings import settings

    monkeypatch.setenv("CLAIMCHECK_QUEUE_SHARDS", f"{bench.queue}=3")
    settings.cache_clear()
    yield 3
    monkeypatch.undo()
    settings.cache_clear()


class Fleet:
    """Agents that claim until every job is claimed, or until nothing has come for a while."""

    def __init__(self, bench: Bench, jobs: int, queues: list[str] | None = None) -> None:
        self.bench = bench
        self.jobs = jobs
        self.queues = queues or [bench.queue]
        self.claims: list[dict[str, Any]] = []

    def create(self, **more: Any) -> set[str]:
        def some(number: int) -> list[str]:
            numbers = range(number, self.jobs, 8)
            return [self.bench.create(queue=self.queues[each % len(self.queues)], **more)["jobId"] for each in numbers]

        return {job_id for made in at_once([partial(some, number) for number in range(8)]) for job_id in made}

    def run(self) -> None:
        agents = [self.bench.api.agent() for _ in range(AGENTS)]
        at_once([partial(self._claim_all, agent) for agent in agents])

    def _claim_all(self, agent: Caller) -> None:
        until = time.monotonic() + 30
        while len(self.claims) < self.jobs and time.monotonic() < until:
            claim = ok(agent.post("/api/jobs/claim", {"queues": self.queues}))
            if claim["job"]:
                assert claim["job"]["claimedBy"] == agent.headers["X-Colab-Id"]
                self.claims.append(claim)


def assert_each_once(fleet: Fleet, created: set[str]) -> None:
    times = Counter(claim["job"]["jobId"] for claim in fleet.claims)
    assert [job_id for job_id, count in times.items() if count > 1] == []
    assert set(times) == created
    assert {claim["job"]["attempt"] for claim in fleet.claims} == {1}
    assert len({claim["claimToken"] for claim in fleet.claims}) == len(created)
    for claim in fleet.claims[:: max(1, len(fleet.claims) // 10)]:
        assert fleet.bench.job(claim["job"]["jobId"])["claimedBy"] == claim["job"]["claimedBy"]


def test_claim_by_16_agents_gives_each_of_200_jobs_once(bench: Bench) -> None:
    fleet = Fleet(bench, 200)
    created = fleet.create()
    fleet.run()
    assert_each_once(fleet, created)


def test_claim_while_jobs_are_being_created_gives_each_once(bench: Bench) -> None:
    fleet = Fleet(bench, 64)
    created: set[str] = set()
    creating = threading.Thread(target=lambda: created.update(fleet.create()))
    creating.start()
    fleet.run()
    creating.join()
    assert_each_once(fleet, created)


def test_claim_from_several_queues_gives_each_once(bench: Bench) -> None:
    fleet = Fleet(bench, 60, [f"q-{uuid.uuid4().hex[:12]}" for _ in range(3)])
    created = fleet.create()
    fleet.run()
    assert_each_once(fleet, created)


def test_claim_from_a_sharded_queue_gives_each_once(bench: Bench, shards: int) -> None:
    fleet = Fleet(bench, 60)
    created = fleet.create()
    assert len({_slot(job_id) for job_id in created}) == shards
    fleet.run()
    assert_each_once(fleet, created)


def test_claim_by_more_agents_than_jobs_gives_the_rest_nothing(bench: Bench) -> None:
    job_ids = {bench.create()["jobId"] for _ in range(3)}
    agents = [bench.api.agent() for _ in range(AGENTS)]
    answers = at_once([partial(bench.claim, agent) for agent in agents])
    assert sorted(answer["job"]["jobId"] for answer in answers if answer["job"]) == sorted(job_ids)


def test_claim_overtaken_by_another_agent_takes_the_next_job(bench: Bench) -> None:
    first, second = bench.create()["jobId"], bench.create()["jobId"]
    slow, fast = bench.api.agent(), bench.api.agent()
    with paused(partial(bench.claim, slow), operation="UpdateItem", table="jobs", naming="token_hash") as finish:
        assert bench.claim(fast)["job"]["jobId"] == first
        assert finish()["job"]["jobId"] == second


def test_claim_overtaken_by_a_cancel_takes_nothing(bench: Bench) -> None:
    job_id = bench.create()["jobId"]
    with paused(bench.claim, operation="UpdateItem", table="jobs", naming="token_hash") as finish:
        ok(bench.user.delete(f"/api/jobs/{job_id}"))
        assert finish()["job"] is None
    assert bench.job(job_id)["state"] == "cancelled"


def test_cancel_overtaken_by_a_claim_asks_the_holder_to_stop(bench: Bench) -> None:
    job_id = bench.create()["jobId"]
    cancel = partial(bench.user.delete, f"/api/jobs/{job_id}")
    with paused(cancel, operation="UpdateItem", table="jobs") as finish:
        bench.claim()
        assert ok(finish())["state"] == "cancelling"
    assert ok(bench.agent.post(f"/api/jobs/{job_id}/renew"))["cancelRequested"] is True


def test_complete_overtaken_by_a_cancel_is_refused(bench: Bench) -> None:
    job_id = bench.running()
    complete = partial(bench.agent.patch, f"/api/jobs/{job_id}", {"state": "completed"})
    with paused(complete, operation="UpdateItem", table="jobs") as finish:
        ok(bench.user.delete(f"/api/jobs/{job_id}"))
        assert error(finish()) == (400, "INVALID_STATE_TRANSITION")
    assert bench.job(job_id)["state"] == "cancelling"


def _slot(job_id: str) -> str | None:
    from chalicelib.jobs.tables import JobRow

    row = JobRow.read(job_id)
    assert row is not None
    return row.slot
