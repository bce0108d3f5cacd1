"""Asking for the same thing twice at once, or again after a lost answer, makes it once."""

import uuid
from functools import partial
from typing import Any

import requests

from tests.storage.parallel import at_once, paused
from tests.support.api import Api, Bench, error, ok

TOGETHER = 6


def _register(api: Api, email: str) -> requests.Response:
    return api.anyone().post("/api/v1/auth/register", {"email": email, "password": "correct horse"})


def _log_in(api: Api, email: str) -> str:
    token = ok(api.anyone().post("/auth/login", {"username": email, "password": "correct horse"}))["access_token"]
    return str(ok(api.anyone().get("/api/v1/users/me", headers={"Authorization": f"Bearer {token}"}))["id"])


def test_register_one_address_in_several_spellings_at_once_makes_one_user(api: Api) -> None:
    name = f"stra{uuid.uuid4().hex[:8]}"
    spellings = [
        f"{name}@example.com",
        f"{name.upper()}@EXAMPLE.COM",
        f"{name.capitalize()}@Example.Com",
        f"\uff53{name[1:]}@example.com",  # A full-width letter, the same in NFKC.
        f"{name}@\uff45xample.com",
        f"\u017f{name[1:]}@example.com",  # The long s.
    ]
    answers = at_once([partial(_register, api, email) for email in spellings])
    assert sorted(answer.status_code for answer in answers) == [201] + [400] * (len(spellings) - 1)
    (user_id,) = (answer.json()["id"] for answer in answers if answer.ok)
    assert {_log_in(api, email) for email in (spellings[0], spellings[3])} == {user_id}


def _create(bench: Bench, key: str, **more: Any) -> requests.Response:
    told = {"projectId": bench.project_id, "jobType": "build", "queue": bench.queue, "payload": {"n": 1}, **more}
    return bench.user.post("/api/jobs/create", told, headers={"Idempotency-Key": key})


def test_create_with_one_key_at_once_makes_one_job(bench: Bench) -> None:
    answers = at_once([partial(_create, bench, uuid.uuid4().hex)] * TOGETHER)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["jobId"] for answer in answers}) == 1
    listed = ok(bench.user.get(f"/api/projects/{bench.project_id}/jobs"))["data"]
    assert [job["jobId"] for job in listed] == [answers[0].json()["jobId"]]
    assert [bench.claim()["job"] is None for _ in range(2)] == [False, True]


def test_create_overtaken_by_its_own_repetition_answers_the_same_job(bench: Bench) -> None:
    create = partial(_create, bench, uuid.uuid4().hex)
    with paused(create, operation="PutItem", table="jobs") as finish:
        repeated = ok(create())["jobId"]
        bench.claim()
        late = ok(finish())
    assert late["jobId"] == repeated
    assert late["state"] == "claimed"


def test_create_of_different_jobs_with_one_key_at_once_makes_one_of_them(bench: Bench) -> None:
    key = uuid.uuid4().hex
    answers = at_once([partial(_create, bench, key, payload={"n": number}) for number in range(TOGETHER)])
    made = [answer.json()["jobId"] for answer in answers if answer.ok]
    refused = [error(answer) for answer in answers if not answer.ok]
    assert len(made) == 1
    assert refused == [(409, "IDEMPOTENCY_KEY_REUSED")] * (TOGETHER - 1)
