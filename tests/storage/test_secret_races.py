"""A secret's newest value survives whatever races it."""

import threading
from functools import partial
from typing import Any

import pytest
import requests

from tests.storage.parallel import paused
from tests.support.api import Bench, ok


@pytest.fixture
def job_id(bench: Bench) -> str:
    """A job that is held, whose holder can look at the secret."""
    bench.secret("old")
    return bench.claimed()[0]


def _value(bench: Bench, job_id: str) -> str:
    token = ok(bench.agent.post(f"/api/jobs/{job_id}/claim-token"))["claimToken"]
    return str(ok(bench.redeem(token))["secret"])


def _rotate(bench: Bench) -> requests.Response:
    return bench.api.admin().post(f"/api/admin/secrets/{bench.project_id}/github/rotate")


def _rewrap(bench: Bench) -> requests.Response:
    return bench.api.admin().post("/api/admin/rewrap")


def _version(bench: Bench) -> int:
    (told,) = ok(bench.api.admin().get(f"/api/admin/secrets?projectId={bench.project_id}"))["data"]
    return int(told["version"])


@pytest.mark.parametrize("change", [_rotate, _rewrap], ids=["rotate", "rewrap"])
def test_change_overtaken_by_a_new_value_keeps_the_new_value(bench: Bench, job_id: str, change: Any) -> None:
    with paused(partial(change, bench), operation="PutItem", table="secrets") as finish:
        bench.secret("new")
        ok(finish())
    assert _value(bench, job_id) == "new"


def test_store_overtaken_by_a_rotation_keeps_the_new_value(bench: Bench, job_id: str) -> None:
    with paused(partial(bench.secret, "new"), operation="PutItem", table="secrets") as finish:
        ok(_rotate(bench))
        finish()
    assert _value(bench, job_id) == "new"
    assert _version(bench) == 3


def test_store_overtaken_by_another_is_the_last_and_stands(bench: Bench, job_id: str) -> None:
    with paused(partial(bench.secret, "last"), operation="PutItem", table="secrets") as finish:
        bench.secret("first")
        finish()
    assert _value(bench, job_id) == "last"


def test_rotation_overtaken_by_a_deletion_does_not_bring_the_secret_back(bench: Bench, job_id: str) -> None:  # noqa: ARG001
    with paused(partial(_rotate, bench), operation="PutItem", table="secrets") as finish:
        ok(bench.api.admin().delete(f"/api/admin/secrets/{bench.project_id}/github"))
        assert finish().status_code == 404
    assert ok(bench.api.admin().get(f"/api/admin/secrets?projectId={bench.project_id}"))["data"] == []


def test_store_amid_rotations_and_rewraps_keeps_every_new_value(bench: Bench, job_id: str) -> None:
    ended = threading.Event()

    def keep(change: Any) -> None:
        while not ended.is_set():
            change(bench)

    workers = [threading.Thread(target=keep, args=(change,)) for change in (_rotate, _rewrap)]
    for worker in workers:
        worker.start()
    try:
        for number in range(10):
            bench.secret(f"value {number}")
            assert _value(bench, job_id) == f"value {number}"
    finally:
        ended.set()
        for worker in workers:
            worker.join()
    assert _value(bench, job_id) == "value 9"
