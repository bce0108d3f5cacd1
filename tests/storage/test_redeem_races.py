"""One claim token, several redemptions at the same instant: one wins."""

from functools import partial

import pytest
import requests

from tests.storage.parallel import at_once, paused
from tests.support.api import Bench, error, ok

SECRET = "ghp_only-one-may-have-this"
ROUNDS = 15
REFUSALS = {(409, "CLAIM_TOKEN_REDEEMED"), (401, "INVALID_TOKEN")}


@pytest.fixture
def job_and_token(bench: Bench) -> tuple[str, str]:
    bench.secret(SECRET)
    return bench.claimed()


def _mint(bench: Bench, job_id: str) -> str:
    return str(ok(bench.agent.post(f"/api/jobs/{job_id}/claim-token"))["claimToken"])


def _won(answers: list[requests.Response]) -> int:
    """How many got the secret; all others got a refusal with no byte of it."""
    winners = [answer for answer in answers if answer.ok]
    for answer in answers:
        if answer in winners:
            assert answer.json() == {"secret": SECRET}
        else:
            assert error(answer) in REFUSALS
            assert SECRET not in answer.text
    return len(winners)


@pytest.mark.parametrize("redeemers", [2, 6])
def test_redeem_at_the_same_instant_is_won_once(bench: Bench, job_and_token: tuple[str, str], redeemers: int) -> None:
    job_id, token = job_and_token
    for _ in range(ROUNDS):
        assert _won(at_once([partial(bench.redeem, token)] * redeemers)) == 1
        token = _mint(bench, job_id)


def test_redeem_overtaken_right_before_its_write_is_refused(bench: Bench, job_and_token: tuple[str, str]) -> None:
    redeem = partial(bench.redeem, job_and_token[1])
    with paused(redeem, operation="UpdateItem", table="jobs", naming="redemption_id") as finish:
        assert redeem().json() == {"secret": SECRET}
        late = finish()
    assert error(late) == (409, "CLAIM_TOKEN_REDEEMED")
    assert SECRET not in late.text


def test_redeem_overtaken_by_a_new_token_is_refused(bench: Bench, job_and_token: tuple[str, str]) -> None:
    job_id, old = job_and_token
    redeem = partial(bench.redeem, old)
    with paused(redeem, operation="UpdateItem", table="jobs", naming="redemption_id") as finish:
        token = _mint(bench, job_id)
        assert _won([finish()]) == 0
    assert _won([bench.redeem(token)]) == 1


def test_redeem_overtaken_by_a_revocation_is_refused(bench: Bench) -> None:
    bench.secret(SECRET)
    bench.agent = bench.api.registered_agent()
    _, token = bench.claimed()
    revoke = f"/api/admin/agents/{bench.agent.headers['X-Colab-Id']}/revoke"
    redeem = partial(bench.redeem, token)
    with paused(redeem, operation="UpdateItem", table="jobs", naming="redemption_id") as finish:
        assert ok(bench.api.admin().post(revoke))["claimsEnded"] == 1
        assert _won([finish()]) == 0


def test_redeem_overtaken_by_the_end_of_the_job_is_refused(bench: Bench, job_and_token: tuple[str, str]) -> None:
    job_id, token = job_and_token
    redeem = partial(bench.redeem, token)
    with paused(redeem, operation="UpdateItem", table="jobs", naming="redemption_id") as finish:
        bench.report(job_id, "running")
        bench.report(job_id, "completed")
        assert _won([finish()]) == 0
