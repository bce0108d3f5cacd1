"""Redeeming a token, broken off at every seam: the secret comes out at most once, and a lost token can be replaced."""

import pkgutil
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud import LocalCloud
from tests.faults.faults import Injector, Killed, Proceed, die_after, die_before, fail_before, lose_once
from tests.support.api import Api, Bench, Caller, error, ok

SEAMS = ("read_together", "_why_not", "store.open_row", "_consume", "audit")
CALLS = range(3)


@pytest.fixture
def bench(quiet: LocalCloud, api: Api, user: Caller) -> Bench:  # noqa: ARG001  quiet: no other thread calls AWS
    made = Bench(api, user, api.agent(), api.project(), f"q-{uuid.uuid4().hex[:12]}")
    made.secret("canary")
    return made


def _released(bench: Bench, *tokens: str) -> int:
    """How often these tokens, presented once more each, give the secret out."""
    return sum(bench.redeem(token).ok for token in tokens)


def _still_works(bench: Bench, job_id: str) -> None:
    """Whatever became of the token, the holder gets another, and that one works once."""
    fresh = ok(bench.agent.post(f"/api/jobs/{job_id}/claim-token"))["claimToken"]
    assert ok(bench.redeem(fresh)) == {"secret": "canary"}
    assert error(bench.redeem(fresh)) == (401, "INVALID_TOKEN")


@pytest.mark.parametrize("behaviour", [die_before, die_after], ids=["before", "after"])
@pytest.mark.parametrize("number", CALLS)
def test_redeem_killed_at_a_call_releases_at_most_once(
    bench: Bench, injector: Injector, number: int, behaviour: Callable[[Proceed], Any]
) -> None:
    job_id, token = bench.claimed()
    with injector.at(number, behaviour) as calls:
        response = bench.redeem(token)
    assert error(response) == (500, "INTERNAL_ERROR")
    assert "canary" not in response.text
    consumed = number == len(CALLS) - 1 and behaviour is die_after
    assert len(calls) == number + 1
    assert _released(bench, token, token) == (0 if consumed else 1)
    _still_works(bench, job_id)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("seam", SEAMS)
def test_redeem_killed_at_a_seam_releases_at_most_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, seam: str, *, after: bool
) -> None:
    job_id, token = bench.claimed()
    with monkeypatch.context() as broken:
        _break(broken, f"chalicelib.secrets.release.{seam}", after=after)
        response = bench.redeem(token)
    assert error(response) == (500, "INTERNAL_ERROR")
    assert "canary" not in response.text
    consumed = seam == "audit" or (seam == "_consume" and after)
    assert _released(bench, token, token) == (0 if consumed else 1)
    _still_works(bench, job_id)


def _break(patch: pytest.MonkeyPatch, name: str, *, after: bool) -> None:
    real = pkgutil.resolve_name(name)

    def killed(*arguments: Any, **named: Any) -> Any:
        if after:
            real(*arguments, **named)
        raise Killed

    patch.setattr(name, killed)


def _disabled(proceed: Proceed) -> Any:  # noqa: ARG001  a Behaviour
    raise ClientError({"Error": {"Code": "DisabledException", "Message": "the key is disabled"}}, "Decrypt")


@pytest.mark.parametrize("behaviour", [fail_before, _disabled], ids=["outage", "key-disabled"])
def test_redeem_without_kms_burns_nothing(
    bench: Bench, injector: Injector, behaviour: Callable[[Proceed], Any]
) -> None:
    _, token = bench.claimed()
    with injector.always("kms", behaviour) as calls:
        response = bench.redeem(token)
    assert error(response) == (503, "ENCRYPTION_UNAVAILABLE")
    assert [call.operation for call in calls] == ["BatchGetItem", "Decrypt"]
    assert ok(bench.redeem(token)) == {"secret": "canary"}
    assert error(bench.redeem(token)) == (401, "INVALID_TOKEN")


def test_redeem_whose_success_the_sdk_lost_is_answered_once(bench: Bench, injector: Injector) -> None:
    job_id, token = bench.claimed()
    with injector.at(len(CALLS) - 1, lose_once) as calls:
        assert ok(bench.redeem(token)) == {"secret": "canary"}
    assert calls[-1].operation == "UpdateItem"
    assert error(bench.redeem(token)) == (401, "INVALID_TOKEN")
    _still_works(bench, job_id)


def test_two_redemptions_at_once_release_once(bench: Bench, injector: Injector) -> None:
    """The first is held up just before its write, and the second passes it."""
    _, token = bench.claimed()
    second: list[Any] = []

    def overtaken(proceed: Proceed) -> Any:
        second.append(bench.redeem(token))
        return proceed()

    with injector.at(len(CALLS) - 1, overtaken):
        first = bench.redeem(token)
    assert ok(second[0]) == {"secret": "canary"}
    assert error(first) == (409, "CLAIM_TOKEN_REDEEMED")
    assert "canary" not in first.text


def test_redemptions_in_parallel_release_once(bench: Bench) -> None:
    _, token = bench.claimed()
    with ThreadPoolExecutor(8) as threads:
        responses = list(threads.map(lambda _: bench.redeem(token), range(8)))
    assert sum(response.ok for response in responses) == 1
    assert all(error(response)[0] in {401, 409} for response in responses if not response.ok)


def test_redeem_reads_the_table_and_strongly(bench: Bench, injector: Injector) -> None:
    _, token = bench.claimed()
    with injector.watching() as calls:
        ok(bench.redeem(token))
    reads = [call.parameters for call in calls if call.operation == "BatchGetItem"]
    assert len(reads) == 1
    assert all(asked["ConsistentRead"] is True for asked in reads[0]["RequestItems"].values())
    assert not any("IndexName" in call.parameters for call in calls)
