"""A lease or a token ends at its instant, whether or not anybody has swept."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests

from local.cloud import LocalCloud
from tests.storage.conftest import At
from tests.storage.holder import WORDS, attempts_of
from tests.support.api import Bench, error, ok

SECOND, MILLISECOND, NOW = timedelta(seconds=1), timedelta(milliseconds=1), timedelta()

before = pytest.mark.parametrize("offset", [-SECOND, -MILLISECOND], ids=["second-before", "millisecond-before"])
after = pytest.mark.parametrize("offset", [NOW, MILLISECOND, SECOND], ids=["at", "millisecond-after", "second-after"])


@pytest.fixture
def held(bench: Bench, no_leases: None) -> dict[str, Any]:  # noqa: ARG001
    """A job that is held, as its claim answered it."""
    bench.create()
    return dict(bench.claim()["job"])


@pytest.fixture
def held_twice(bench: Bench, no_leases: None) -> dict[str, Any]:  # noqa: ARG001
    """The same of a job that may be claimed twice."""
    bench.create(maxAttempts=2)
    return dict(bench.claim()["job"])


@before
@pytest.mark.parametrize("say", WORDS.values(), ids=WORDS)
def test_lease_before_its_end_lets_its_holder_write(
    bench: Bench, held: dict[str, Any], at: At, offset: timedelta, say: Callable[..., requests.Response]
) -> None:
    with at(held["claimExpiry"], offset):
        ok(say(bench.agent, held["jobId"]))


@after
def test_lease_from_its_end_on_refuses_every_write(
    bench: Bench, held: dict[str, Any], at: At, offset: timedelta
) -> None:
    with at(held["claimExpiry"], offset):
        said = {name: error(say(bench.agent, held["jobId"])) for name, say in WORDS.items()}
    assert said == dict.fromkeys(WORDS, (409, "CLAIM_LOST"))
    assert bench.job(held["jobId"])["state"] == "claimed", "nobody swept"


def test_lease_renewed_ends_half_an_hour_after_the_renewal(bench: Bench, held: dict[str, Any], at: At) -> None:
    with at(held["claimExpiry"], -SECOND):
        renewed = ok(bench.agent.post(f"/api/jobs/{held['jobId']}/renew"))["claimExpiry"]
    with at(held["claimExpiry"], timedelta(minutes=30) - SECOND - MILLISECOND):
        bench.report(held["jobId"], "running")
    with at(renewed, NOW):
        late = bench.agent.patch(f"/api/jobs/{held['jobId']}", {"state": "running"})
    assert error(late) == (409, "CLAIM_LOST")


@before
def test_token_before_its_end_is_redeemed(bench: Bench, held: dict[str, Any], at: At, offset: timedelta) -> None:
    bench.secret("ghp_timely")
    minted = ok(bench.agent.post(f"/api/jobs/{held['jobId']}/claim-token"))
    with at(minted["expiresAt"], offset):
        assert ok(bench.redeem(minted["claimToken"])) == {"secret": "ghp_timely"}


@after
def test_token_from_its_end_on_is_refused(bench: Bench, held: dict[str, Any], at: At, offset: timedelta) -> None:
    bench.secret("ghp_late")
    minted = ok(bench.agent.post(f"/api/jobs/{held['jobId']}/claim-token"))
    with at(minted["expiresAt"], offset):
        assert error(bench.redeem(minted["claimToken"])) == (401, "INVALID_TOKEN")


@after
def test_token_that_outlives_the_lease_is_refused(
    bench: Bench, held: dict[str, Any], at: At, offset: timedelta
) -> None:
    bench.secret("ghp_late")
    with at(held["claimExpiry"], -SECOND):
        token = ok(bench.agent.post(f"/api/jobs/{held['jobId']}/claim-token"))["claimToken"]
    with at(held["claimExpiry"], offset):
        assert error(bench.redeem(token)) == (401, "INVALID_TOKEN")


def test_sweep_at_the_end_of_a_lease_fails_the_job(
    bench: Bench, held: dict[str, Any], cloud: LocalCloud, at: At
) -> None:
    with at(held["claimExpiry"], -MILLISECOND):
        cloud.sweep()
        assert bench.job(held["jobId"])["state"] == "claimed"
    with at(held["claimExpiry"], NOW):
        cloud.sweep()
    job = bench.job(held["jobId"])
    assert (job["state"], job["error"]["code"], job["claimedBy"]) == ("failed", "CLAIM_EXPIRED", None)
    assert attempts_of(bench, held["jobId"]) == [(1, "failed", "CLAIM_EXPIRED")]


def test_sweep_with_an_attempt_left_makes_the_job_ready_again(
    bench: Bench, held_twice: dict[str, Any], cloud: LocalCloud, at: At
) -> None:
    job_id = held_twice["jobId"]
    with at(held_twice["claimExpiry"], NOW):
        cloud.sweep()
        assert bench.job(job_id)["state"] == "pending"
        again = bench.claim(bench.api.agent())["job"]
    assert (again["jobId"], again["attempt"]) == (job_id, 2)
    with at(again["claimExpiry"], NOW):
        cloud.sweep()
        assert bench.job(job_id)["error"]["code"] == "CLAIM_EXPIRED"
    assert attempts_of(bench, job_id) == [(1, "expired", "CLAIM_EXPIRED"), (2, "failed", "CLAIM_EXPIRED")]


def test_sweep_of_a_job_being_cancelled_cancels_it(
    bench: Bench, held: dict[str, Any], cloud: LocalCloud, at: At
) -> None:
    ok(bench.user.delete(f"/api/jobs/{held['jobId']}"))
    with at(held["claimExpiry"], NOW):
        cloud.sweep()
    assert bench.job(held["jobId"])["state"] == "cancelled"


def test_claim_at_the_end_of_a_lease_takes_the_job_without_a_sweep(
    bench: Bench, held_twice: dict[str, Any], at: At
) -> None:
    other = bench.api.agent()
    with at(held_twice["claimExpiry"], -MILLISECOND):
        assert bench.claim(other)["job"] is None
    with at(held_twice["claimExpiry"], NOW):
        job = bench.claim(other)["job"]
    assert (job["jobId"], job["attempt"]) == (held_twice["jobId"], 2)


def test_claim_at_the_end_of_the_last_lease_fails_the_job_without_a_sweep(
    bench: Bench, held: dict[str, Any], at: At
) -> None:
    with at(held["claimExpiry"], NOW):
        assert bench.claim(bench.api.agent())["job"] is None
    assert bench.job(held["jobId"])["error"]["code"] == "CLAIM_EXPIRED"
