"""Idempotency-Key: one key and one body are one thing, however often they are sent."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contract.harness import People
from tests.support.api import Bench, Caller, error, ok

DIGEST = "0" * 64


@dataclass(frozen=True)
class Create:
    """A way to create: whose credentials, where, what, and something else."""

    caller: str
    path: str
    body: dict[str, Any]
    other: dict[str, Any]


CREATES = {
    "job": Create("user", "/api/jobs/create", {"jobType": "build", "payload": {"n": 1}}, {"payload": {"n": 2}}),
    "chat": Create("user", "/api/projects/{project}/chats", {"title": "a", "initialMessage": "x"}, {"title": "b"}),
    "message": Create("user", "{chat}/messages", {"content": "a"}, {"content": "b"}),
    "assistant": Create("agent", "{chat}/messages", {"content": "a", "role": "assistant"}, {"content": "b"}),
    "artifact": Create(
        "agent", "/api/jobs/{job}/artifacts", {"fileName": "a", "size": 1, "sha256": DIGEST}, {"fileName": "b"}
    ),
    "multipart": Create(
        "agent",
        "/api/jobs/{job}/artifacts",
        {"fileName": "a", "size": 7_000_000, "sha256": DIGEST},
        {"size": 8_000_000},
    ),
}


@pytest.fixture(params=CREATES)
def create(request: pytest.FixtureRequest, bench: Bench) -> tuple[Caller, str, dict[str, Any], dict[str, Any]]:
    """The caller, path and body of one way to create, and another body."""
    way = CREATES[request.param]
    body = {"projectId": bench.project_id, **way.body} if request.param == "job" else way.body
    places = {"project": bench.project_id}
    if "{job}" in way.path:
        places["job"] = bench.running()
    if "{chat}" in way.path:
        chats = f"/api/projects/{bench.project_id}/chats"
        places["chat"] = f"{chats}/{ok(bench.user.post(chats, {'title': 'x'}))['chat']['chatId']}"
    caller = bench.user if way.caller == "user" else bench.agent
    return caller, way.path.format(**places), body, {**body, **way.other}


def _id(body: Any) -> Any:
    """What names the things that were made."""
    inner = body.get("chat") or body.get("message") or {}
    return [{**body, **inner}.get(name) for name in ("jobId", "chatId", "messageId", "artifactId")]


def test_same_key_and_body_answer_the_same_thing(create: tuple[Caller, str, dict[str, Any], dict[str, Any]]) -> None:
    caller, path, body, _ = create
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    first = caller.post(path, body, headers=headers)
    again = caller.post(f"{path}/", body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert _id(first.json()) == _id(again.json())


def test_same_key_with_another_body_is_a_conflict(create: tuple[Caller, str, dict[str, Any], dict[str, Any]]) -> None:
    caller, path, body, other = create
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    ok(caller.post(path, body, headers=headers))
    assert error(caller.post(path, other, headers=headers)) == (409, "IDEMPOTENCY_KEY_REUSED")


def test_without_a_key_each_request_makes_another(create: tuple[Caller, str, dict[str, Any], dict[str, Any]]) -> None:
    caller, path, body, _ = create
    assert _id(ok(caller.post(path, body))) != _id(ok(caller.post(path, body)))


def test_another_users_same_key_is_another_key(bench: Bench, people: People) -> None:
    body = {"projectId": bench.project_id, "jobType": "build", "queue": bench.queue}
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    mine = ok(bench.user.post("/api/jobs/create", body, headers=headers))
    theirs = ok(people.stranger.post("/api/jobs/create", {**body, "jobType": "patch"}, headers=headers))
    assert mine["jobId"] != theirs["jobId"]
    assert theirs["type"] == "patch"


def test_same_key_on_another_path_is_another_key(bench: Bench) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    other = bench.api.project()
    made = [
        ok(bench.user.post(f"/api/projects/{project}/chats", {"title": "x"}, headers=headers))["chat"]["chatId"]
        for project in (bench.project_id, other)
    ]
    assert made[0] != made[1]


def test_same_key_at_the_same_moment_makes_one_thing(bench: Bench) -> None:
    body = {"projectId": bench.project_id, "jobType": "build", "queue": bench.queue, "payload": {"n": 1}}
    headers = {"Idempotency-Key": uuid.uuid4().hex}

    def post(_: int) -> str:
        return str(ok(bench.user.post("/api/jobs/create", body, headers=headers))["jobId"])

    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(post, range(16)))
    assert len(made) == 1
    listed = ok(bench.user.get(f"/api/projects/{bench.project_id}/jobs"))["data"]
    assert [job["jobId"] for job in listed] == list(made)


@pytest.mark.parametrize("key", ["k" * 129, "ä", "a\tb", ""])
def test_key_that_cannot_be_one_is_refused(bench: Bench, key: str) -> None:
    body = {"projectId": bench.project_id, "jobType": "build"}
    answer = bench.user.post("/api/jobs/create", body, headers={"Idempotency-Key": key})
    assert error(answer) == (400, "INVALID_REQUEST")
    assert answer.json()["details"]["field"] == "Idempotency-Key"


def test_key_of_the_greatest_length_is_taken(bench: Bench) -> None:
    body = {"projectId": bench.project_id, "jobType": "build", "queue": bench.queue}
    for key in (uuid.uuid4().hex * 4, f"~ !{uuid.uuid4().hex}"):
        assert bench.user.post("/api/jobs/create", body, headers={"Idempotency-Key": key}).status_code == 201
