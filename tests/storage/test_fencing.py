"""An agent that lost its job changes nothing more of it: not by its id, and not by an attempt that is over."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import pytest

from tests.storage.conftest import At
from tests.storage.holder import WORDS, log_of, say_all
from tests.storage.parallel import paused
from tests.support.api import Bench, Caller, error, ok

LOST = (409, "JOB_ALREADY_CLAIMED")
SECRET = "ghp_for-the-holder"


@dataclass
class Reassigned:
    """A job whose first claim ran out and whose second, by ``holder``, is good."""

    job_id: str
    holder: Caller
    old_token: str
    new_token: str


@pytest.fixture
def reassign(bench: Bench, no_leases: None, at: At) -> "Reassigning":  # noqa: ARG001
    return Reassigning(bench, at)


@dataclass
class Reassigning:
    bench: Bench
    at: At

    def __call__(self, holder: Caller) -> Reassigned:
        """A job of the bench's agent that ``holder`` has taken over, without a sweep."""
        self.bench.secret(SECRET)
        self.bench.create(maxAttempts=2)
        first = self.bench.claim()
        with self.at(first["job"]["claimExpiry"], timedelta()):
            second = self.bench.claim(holder)
        assert (second["job"]["jobId"], second["job"]["attempt"]) == (first["job"]["jobId"], 2)
        return Reassigned(first["job"]["jobId"], holder, first["claimToken"], second["claimToken"])


def _refusals(agent: Caller, job_id: str, **more: dict[str, str]) -> dict[str, tuple[int, str]]:
    return {name: error(answer) for name, answer in say_all(agent, job_id, **more).items()}


@pytest.mark.parametrize("headers", [{}, {"X-Claim-Attempt": "1"}, {"X-Claim-Attempt": "2"}], ids=str)
def test_write_of_an_agent_whose_job_was_reassigned_is_refused(
    bench: Bench, reassign: Reassigning, headers: dict[str, str]
) -> None:
    job = reassign(bench.api.agent())
    assert _refusals(bench.agent, job.job_id, headers=headers) == dict.fromkeys(WORDS, LOST)
    final = bench.agent.patch(f"/api/jobs/{job.job_id}", {"state": "failed"}, headers=headers)
    assert error(final) == LOST
    assert bench.job(job.job_id)["claimedBy"] == job.holder.headers["X-Colab-Id"]
    assert log_of(bench, job.job_id) == []


def test_write_of_an_earlier_attempt_by_the_same_agent_is_refused(bench: Bench, reassign: Reassigning) -> None:
    job = reassign(bench.agent)
    stale, present = {"X-Claim-Attempt": "1"}, {"X-Claim-Attempt": "2"}
    assert _refusals(bench.agent, job.job_id, headers=stale) == dict.fromkeys(WORDS, LOST)
    assert all(answer.ok for answer in say_all(bench.agent, job.job_id, headers=present).values())


def test_token_of_an_earlier_attempt_is_refused(bench: Bench, reassign: Reassigning) -> None:
    job = reassign(bench.agent)
    assert error(bench.redeem(job.old_token)) == (401, "INVALID_TOKEN")
    assert ok(bench.redeem(job.new_token)) == {"secret": SECRET}


def test_token_of_an_agent_whose_job_was_reassigned_is_refused(bench: Bench, reassign: Reassigning) -> None:
    job = reassign(bench.api.agent())
    assert error(bench.redeem(job.old_token)) == (401, "INVALID_TOKEN")
    # The present token is of no use to the agent before.
    assert error(bench.redeem(job.new_token)) == (401, "INVALID_TOKEN")
    holder = {"X-Colab-Id": job.holder.headers["X-Colab-Id"]}
    assert ok(bench.redeem(job.new_token, **holder)) == {"secret": SECRET}


@pytest.mark.usefixtures("no_leases")
def test_completion_overtaken_by_a_reassignment_is_refused(bench: Bench, at: At) -> None:
    bench.create(maxAttempts=2)
    job = bench.claim()["job"]
    bench.report(job["jobId"], "running")
    other = bench.api.agent()
    complete = partial(bench.agent.patch, f"/api/jobs/{job['jobId']}", {"state": "completed", "payload": {"by": 1}})
    with paused(complete, operation="UpdateItem", table="jobs") as finish:
        with at(job["claimExpiry"], timedelta()):
            assert bench.claim(other)["job"]["attempt"] == 2
        assert error(finish()) == LOST
    now = bench.job(job["jobId"])
    assert (now["state"], now["claimedBy"], now["result"]) == ("claimed", other.headers["X-Colab-Id"], None)


@pytest.mark.usefixtures("no_leases")
def test_release_overtaken_by_a_reassignment_to_the_same_agent_is_refused(bench: Bench, at: At) -> None:
    bench.create(maxAttempts=2)
    job = bench.claim()["job"]
    release = partial(bench.agent.post, f"/api/jobs/{job['jobId']}/release")
    with paused(release, operation="UpdateItem", table="jobs") as finish:
        with at(job["claimExpiry"], timedelta()):
            bench.claim()
        assert error(finish()) == LOST
    assert bench.job(job["jobId"])["attempt"] == 2
