"""What the admin key may do: secrets, projects, agents and users' roles."""

import uuid
from typing import Any
from urllib.parse import quote

import pytest

from tests.contract.harness import People
from tests.support.api import Api, Bench, Caller, error, ok


def _name(prefix: str = "a") -> str:
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def _secrets(bench: Bench) -> dict[str, int]:
    listed = ok(bench.api.admin().get(f"/api/admin/secrets?projectId={bench.project_id}"))["data"]
    return {entry["type"]: entry["version"] for entry in listed}


def test_storing_again_makes_the_next_version_and_the_last_value_stands(bench: Bench) -> None:
    bench.secret("one")
    bench.secret("two")
    assert _secrets(bench) == {"github": 2}
    assert bench.redeem(bench.claimed()[1]).json() == {"secret": "two"}


def test_rotating_and_rewrapping_keep_the_value(bench: Bench) -> None:
    bench.secret("one")
    path = f"/api/admin/secrets/{bench.project_id}/github/rotate"
    assert ok(bench.api.admin().post(path))["version"] == 2
    cursor: str | None = None
    while True:
        page = ok(bench.api.admin().post("/api/admin/rewrap", {"cursor": cursor} if cursor else None))
        cursor = page["cursor"]
        if cursor is None:
            break
    assert _secrets(bench) == {"github": 2}
    assert bench.redeem(bench.claimed()[1]).json() == {"secret": "one"}


def test_deleted_secret_is_gone_and_its_token_stays_good_for_another(bench: Bench) -> None:
    bench.secret("one")
    bench.secret("two", "llm")
    path = f"/api/admin/secrets/{bench.project_id}/github"
    assert ok(bench.api.admin().delete(path)) == {"success": True}
    assert error(bench.api.admin().delete(path)) == (404, "SECRET_NOT_FOUND")
    assert error(bench.api.admin().post(f"{path}/rotate")) == (404, "SECRET_NOT_FOUND")
    _, token = bench.claimed()
    assert error(bench.redeem(token, types="github,llm")) == (404, "SECRET_NOT_FOUND")
    assert bench.redeem(token, types="llm").json() == {"secret": "two"}


@pytest.mark.parametrize("types", ["", "Git", "a,,b", "a,", ",".join("abcdefghijk"), "a b"])
def test_redeeming_wrong_types_is_refused(bench: Bench, types: str) -> None:
    _, token = bench.claimed()
    answer = bench.redeem(token, types=types)
    assert error(answer) == (400, "INVALID_REQUEST")
    assert answer.json()["details"]["field"] == "type"


@pytest.mark.parametrize(("wrong", "field"), [
    ({"type": "Git Hub"}, "type"), ({"value": ""}, "value"), ({"value": 1}, "value"),
    ({"value": "x" * 65_537}, "value"), ({"projectId": "a/b"}, "projectId"), ({"version": 3}, "version"),
])  # fmt: skip
def test_secret_with_a_wrong_field_is_refused_without_repeating_it(
    bench: Bench, wrong: dict[str, Any], field: str
) -> None:
    told = {"type": "github", "projectId": bench.project_id, "value": "canary-value", **wrong}
    answer = bench.api.admin().post("/api/admin/secrets", told)
    assert error(answer) == (400, "INVALID_REQUEST")
    assert answer.json()["details"]["field"] == field
    assert "canary-value" not in answer.text
    assert _secrets(bench) == {}


def test_longest_secret_and_one_that_is_no_ascii_come_back_whole(bench: Bench) -> None:
    value = "漢😀\n" * 21_845
    bench.secret(value)
    assert bench.redeem(bench.claimed()[1]).json() == {"secret": value}


def test_project_registered_again_alike_is_the_same_and_otherwise_a_conflict(api: Api) -> None:
    told = {"projectId": _name("p"), "name": "one", "repo": "https://example.com/r.git"}
    first = api.admin().post("/api/admin/projects", told)
    again = api.admin().post("/api/admin/projects", told)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert error(api.admin().post("/api/admin/projects", {**told, "name": "two"})) == (409, "ALREADY_EXISTS")


def test_removed_project_and_what_is_in_it_are_out_of_sight(bench: Bench) -> None:
    job_id = bench.create()["jobId"]
    path = f"/api/admin/projects/{bench.project_id}"
    assert ok(bench.api.admin().delete(path)) == {"success": True}
    assert ok(bench.api.admin().delete(path)) == {"success": True}
    assert error(bench.user.get(f"/api/projects/{bench.project_id}")) == (404, "PROJECT_NOT_FOUND")
    assert error(bench.user.get(f"/api/jobs/{job_id}")) == (404, "JOB_NOT_FOUND")


def test_removed_project_leaves_its_id_to_nobody(bench: Bench) -> None:
    job_id = bench.create()["jobId"]
    ok(bench.api.admin().delete(f"/api/admin/projects/{bench.project_id}"))
    told = {"projectId": bench.project_id, "name": "x", "repo": "https://example.com/other.git"}
    assert error(bench.api.admin().post("/api/admin/projects", told)) == (409, "ALREADY_EXISTS")
    assert error(bench.user.get(f"/api/jobs/{job_id}")) == (404, "JOB_NOT_FOUND")


def test_members_are_matched_however_their_address_was_written(api: Api, people: People) -> None:
    project_id = api.project(members=[f"  {people.member_email.upper()}".strip()])
    assert ok(people.member.get(f"/api/projects/{project_id}"))["projectId"] == project_id
    assert error(people.stranger.get(f"/api/projects/{project_id}")) == (404, "PROJECT_NOT_FOUND")
    assert project_id not in [each["projectId"] for each in ok(people.stranger.get("/api/projects"))]


def test_more_members_than_an_item_holds_are_refused(api: Api) -> None:
    told = {"projectId": _name("p"), "name": "x", "repo": "x"}
    members = [f"{'漢' * 230}@{number}.example.com" for number in range(600)]
    for wrong in (members[:400], ["\ufdfa" * 200 + "@x"], ["a@x"] * 1001):
        answer = api.admin().post("/api/admin/projects", {**told, "members": wrong})
        assert error(answer) == (400, "INVALID_REQUEST")
    assert api.admin().post("/api/admin/projects", {**told, "members": members[:200]}).status_code == 201


def test_drained_agent_gets_no_job_and_may_finish_what_it_has(bench: Bench) -> None:
    agent = bench.api.registered_agent()
    agent_id = agent.headers["X-Colab-Id"]
    bench.create()
    held = bench.claim(agent)["job"]["jobId"]
    bench.create()
    drained = ok(bench.api.admin().post(f"/api/admin/agents/{agent_id}/drain"))
    assert (drained["agentId"], drained["draining"]) == (agent_id, True)
    assert bench.claim(agent) == {"job": None, "draining": True}
    assert bench.report(held, "running", agent=agent)["state"] == "running"
    assert bench.report(held, "completed", agent=agent)["state"] == "completed"
    ok(bench.api.admin().post(f"/api/admin/agents/{agent_id}/drain", {"draining": False}))
    assert bench.claim(agent)["job"] is not None


def test_revoked_agent_is_refused_and_loses_its_jobs(bench: Bench) -> None:
    agent = bench.api.registered_agent()
    agent_id = agent.headers["X-Colab-Id"]
    once, twice = bench.create()["jobId"], bench.create(maxAttempts=2)["jobId"]
    bench.claim(agent)
    bench.claim(agent)
    revoked = bench.api.admin().post(f"/api/admin/agents/{agent_id}/revoke")
    assert ok(revoked) == {"agentId": agent_id, "claimsEnded": 2}
    assert error(agent.post("/api/jobs/claim")) == (401, "UNAUTHORIZED")
    failed = bench.job(once)
    assert (failed["state"], failed["error"]["code"]) == ("failed", "AGENT_REVOKED")
    assert bench.job(twice)["state"] == "pending"


def test_revoked_agent_may_be_registered_again_with_another_secret(api: Api) -> None:
    agent_id, admin = _name("own"), api.admin()
    first = ok(admin.post("/api/admin/agents", {"agentId": agent_id}))["secret"]
    assert error(admin.post("/api/admin/agents", {"agentId": agent_id})) == (409, "ALREADY_EXISTS")
    ok(admin.post(f"/api/admin/agents/{agent_id}/revoke"))
    second = ok(admin.post("/api/admin/agents", {"agentId": agent_id}))["secret"]
    assert first != second
    assert api.agent(agent_id, first).post("/api/jobs/claim").status_code == 401
    assert api.agent(agent_id, second).post("/api/jobs/claim", {"queues": ["none"]}).status_code == 200


@pytest.mark.parametrize("action", ["drain", "revoke"])
def test_agent_that_only_uses_the_shared_secret_cannot_be_drained_or_revoked(bench: Bench, action: str) -> None:
    ok(bench.agent.post("/api/jobs/claim", {"queues": ["none"]}))
    agent_id = bench.agent.headers["X-Colab-Id"]
    for each in (agent_id, _name("nobody")):
        assert error(bench.api.admin().post(f"/api/admin/agents/{each}/{action}")) == (404, "AGENT_NOT_FOUND")


@pytest.mark.parametrize("agent_id", ["", "a b", "-a", "x" * 65, "a/b", "a\n", "ä"])
def test_agent_of_an_impossible_id_is_not_registered(api: Api, agent_id: str) -> None:
    assert error(api.admin().post("/api/admin/agents", {"agentId": agent_id})) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize("escaped", [False, True])
def test_role_changes_with_the_next_log_in(api: Api, *, escaped: bool) -> None:
    email = f"{_name('role')}+x@example.com"
    user = api.user(email)
    path = f"/api/admin/users/{quote(email, safe='') if escaped else email}/role"
    changed = ok(api.admin().put(path, {"role": "viewer"}))
    assert (changed["email"], changed["role"]) == (email, "viewer")
    form = {"username": email, "password": "correct horse"}
    token = ok(api.anyone().request("POST", "/api/v1/auth/login", data=form))["access_token"]
    now = Caller(api.url, {"Authorization": f"Bearer {token}"})
    assert ok(now.get("/api/v1/users/me"))["role"] == "viewer"
    assert ok(user.get("/api/v1/users/me"))["role"] == "user"
    assert error(now.post("/api/jobs/create", {})) == (403, "FORBIDDEN")


def test_role_of_nobody_is_not_found_and_an_unknown_role_refused(api: Api, people: People) -> None:
    assert error(api.admin().put("/api/admin/users/nobody@example.com/role", {"role": "user"})) == (
        404,
        "USER_NOT_FOUND",
    )
    for role in ("root", "", None, ["admin"]):
        answer = api.admin().put(f"/api/admin/users/{people.member_email}/role", {"role": role})
        assert error(answer) == (400, "INVALID_REQUEST")
