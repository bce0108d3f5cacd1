"""Claim tokens: what may not be redeemed, and that every refusal looks alike. Their races are shown elsewhere."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import time_machine

from tests.contract.harness import AwsSpy, changed_settings
from tests.support.api import Bench, error, ok


@pytest.fixture(autouse=True)
def _secret(bench: Bench) -> None:
    bench.secret("ghp_canary")


def _refused(answer: requests.Response) -> dict[str, Any]:
    """A refusal's body without its time; it is a 401 that has no secret in it."""
    assert error(answer) == (401, "INVALID_TOKEN")
    assert "ghp_canary" not in answer.text
    return {name: value for name, value in answer.json().items() if name != "timestamp"}


def _audits(log: io.StringIO) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.getvalue().splitlines() if line.startswith("{")]
    return [line for line in lines if line["message"] in {"secret.released", "secret.refused"}]


def test_token_redeemed_again_by_the_same_agent_is_refused_and_audited(bench: Bench, log: io.StringIO) -> None:
    """Threat 2."""
    job_id, token = bench.claimed()
    assert bench.redeem(token).json() == {"secret": "ghp_canary"}
    _refused(bench.redeem(token))
    audits = [(each["message"], each["outcome"], each["job_id"], each.get("reason")) for each in _audits(log)]
    assert audits == [
        ("secret.released", "success", job_id, None),
        ("secret.refused", "refused", job_id, "token redeemed"),
    ]


def test_new_token_takes_the_place_of_a_redeemed_one(bench: Bench) -> None:
    """Threat 2: a holder asks for another, and only that one is good then."""
    job_id, token = bench.claimed()
    bench.redeem(token)
    minted = [ok(bench.agent.post(f"/api/jobs/{job_id}/claim-token"))["claimToken"] for _ in range(2)]
    _refused(bench.redeem(minted[0]))
    assert bench.redeem(minted[1]).json() == {"secret": "ghp_canary"}


def test_token_ends_after_five_minutes_whether_or_not_anybody_swept(bench: Bench) -> None:
    """Threat 6, over HTTP."""
    _, token = bench.claimed()
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=301)):
        _refused(bench.redeem(token))
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=290)):
        assert bench.redeem(token).status_code == 200


def test_token_for_another_project_is_as_good_as_unknown_and_stays_good_for_its_own(bench: Bench) -> None:
    """Threat 7."""
    other = Bench(bench.api, bench.user, bench.agent, bench.api.project(), bench.queue)
    other.secret("ghp_of_the_other")
    job_id, token = bench.claimed()
    unknown = f"{job_id}.{'A' * 43}"
    assert _refused(other.redeem(token)) == _refused(other.redeem(unknown)) == _refused(bench.redeem(unknown))
    assert bench.redeem(token).json() == {"secret": "ghp_canary"}


def test_token_used_by_another_agent_is_refused(bench: Bench) -> None:
    """Threat 9: another id, and the same id by another kind of credential."""
    _, token = bench.claimed()
    other = bench.api.agent().headers["X-Colab-Id"]
    _refused(bench.redeem(token, **{"X-Colab-Id": other}))
    _refused(bench.redeem(token, **{"X-Colab-Id": bench.agent.headers["X-Colab-Id"].upper()}))
    assert bench.redeem(token).status_code == 200


def test_token_of_an_agent_that_was_revoked_is_refused(bench: Bench) -> None:
    """Threat 10: revoked between claim and redeem."""
    bench.agent = bench.api.registered_agent()
    _, token = bench.claimed(maxAttempts=2)
    ok(bench.api.admin().post(f"/api/admin/agents/{bench.agent.headers['X-Colab-Id']}/revoke"))
    _refused(bench.redeem(token))


def test_revoked_credential_is_refused_even_before_its_claims_are_ended(bench: Bench) -> None:
    """Threat 10: a claim that slipped in between the two steps of a revocation."""
    from chalicelib.accounts import agents

    bench.agent = bench.api.registered_agent()
    _, token = bench.claimed()
    agents.revoke(bench.agent.headers["X-Colab-Id"])
    _refused(bench.redeem(token))


def test_token_of_an_earlier_attempt_is_refused(bench: Bench) -> None:
    """Threat 11: also for the same agent, which holds the job again."""
    job_id, old = bench.claimed(maxAttempts=3)
    ok(bench.agent.post(f"/api/jobs/{job_id}/release"))
    new = bench.claim()["claimToken"]
    _refused(bench.redeem(old))
    assert bench.redeem(new).status_code == 200


def _end(state: str) -> Callable[[Bench, str], Any]:
    return lambda bench, job_id: (bench.report(job_id, "running"), bench.report(job_id, state))


def _cancel(bench: Bench, job_id: str) -> None:
    ok(bench.user.delete(f"/api/jobs/{job_id}"))


def _cancel_and_confirm(bench: Bench, job_id: str) -> None:
    _cancel(bench, job_id)
    bench.report(job_id, "cancelled")


def _release(bench: Bench, job_id: str) -> None:
    ok(bench.agent.post(f"/api/jobs/{job_id}/release"))


@pytest.mark.parametrize("end", [_end("completed"), _end("failed"), _cancel, _cancel_and_confirm, _release],
                         ids=["completed", "failed", "cancelling", "cancelled", "pending"])  # fmt: skip
def test_token_of_a_job_that_is_no_longer_worked_on_is_refused(bench: Bench, end: Callable[[Bench, str], Any]) -> None:
    """Threat 12: each state."""
    job_id, token = bench.claimed()
    end(bench, job_id)
    _refused(bench.redeem(token))
    if end is not _release:
        assert bench.agent.post(f"/api/jobs/{job_id}/claim-token").status_code in {400, 409}


def test_token_is_good_while_the_job_is_claimed_or_running(bench: Bench) -> None:
    """Threat 12: the states in which it is good."""
    _, token = bench.claimed()
    assert bench.redeem(token).status_code == 200
    job_id, token = bench.claimed()
    bench.report(job_id, "running")
    assert bench.redeem(token).status_code == 200


def test_every_refusal_is_the_same(bench: Bench) -> None:
    """Threat 15: nothing tells a guess that is near from one that is not."""
    job_id, redeemed = bench.claimed()
    bench.redeem(redeemed)
    _, mine = bench.claimed()
    finished, ended = bench.claimed()
    _end("completed")(bench, finished)
    guesses = [
        redeemed,
        ended,
        f"{job_id}.{'A' * 43}",
        f"job_{'0' * 26}.{'A' * 43}",
        "x",
        "." * 70,
        f"{mine}x",
        mine[:-1],
        mine.swapcase(),
        "ä" * 70,
        "A" * 4096,
    ]
    answers = [_refused(bench.redeem(guess)) for guess in guesses]
    answers.append(_refused(bench.redeem(mine, **{"X-Colab-Id": "somebody-else"})))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["details"] == {}


def test_guessing_is_limited_and_a_good_token_is_not(bench: Bench) -> None:
    """Threat 15."""
    # One window of the limit, from its first second on, so that no minute ends in between.
    with time_machine.travel(datetime.now(UTC).replace(second=1) + timedelta(minutes=3)):
        _, token = bench.claimed()
        with changed_settings(token_failures_per_minute="3"):
            assert [bench.redeem("x").status_code for _ in range(5)] == [401, 401, 401, 429, 429]
            assert 1 <= int(bench.redeem("x").headers["Retry-After"]) <= 60
            assert bench.redeem(token).status_code == 200


def test_missing_secret_and_unavailable_key_service_burn_nothing(bench: Bench, aws: AwsSpy) -> None:
    """Threats 5 and 20: KMS refuses (a disabled key) or is out; afterwards the same token still works."""
    _, token = bench.claimed()
    assert error(bench.redeem(token, types="github,none")) == (404, "SECRET_NOT_FOUND")
    for code in ("DisabledException", "KMSInternalException", "ThrottlingException", "KMSInvalidStateException"):
        aws.fail("Decrypt", code)
        assert error(bench.redeem(token)) == (503, "ENCRYPTION_UNAVAILABLE")
    aws.failing = lambda *_: None
    assert bench.redeem(token).json() == {"secret": "ghp_canary"}


def test_storing_with_a_disabled_key_fails_closed(bench: Bench, aws: AwsSpy) -> None:
    """Threat 20: nothing is stored in the clear, and what was there stays."""
    aws.fail("GenerateDataKey", "DisabledException")
    told = {"projectId": bench.project_id, "type": "github", "value": "ghp_next"}
    assert error(bench.api.admin().post("/api/admin/secrets", told)) == (503, "ENCRYPTION_UNAVAILABLE")
    rotate = bench.api.admin().post(f"/api/admin/secrets/{bench.project_id}/github/rotate")
    assert error(rotate) == (503, "ENCRYPTION_UNAVAILABLE")
    aws.fail("ReEncrypt", "DisabledException")
    assert error(bench.api.admin().post("/api/admin/rewrap")) == (503, "ENCRYPTION_UNAVAILABLE")
    assert bench.redeem(bench.claimed()[1]).json() == {"secret": "ghp_canary"}
