"""Threat 8: another tenant's ids. A matrix over the route table; a route that is not listed here fails."""

from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.contract.harness import People
from tests.contract.routes import UNKNOWN, declared, fill, furnish, name_of
from tests.support.api import Bench, Caller, error, ok

Outcome = tuple[int, str]
FORBIDDEN = (403, "FORBIDDEN")
PROJECT, JOB, CHAT, ARTIFACT = ((404, f"{noun}_NOT_FOUND") for noun in ("PROJECT", "JOB", "CHAT", "ARTIFACT"))
NO_INPUT = (404, "NOT_FOUND")
OTHERS_JOB = (409, "JOB_ALREADY_CLAIMED")


@dataclass(frozen=True)
class Rule:
    """Who may call a route.

    ``by`` is the kind of credential. ``viewer`` says whether reading is enough. ``outsider`` is what somebody gets
    who has the right kind of credential and is not on the team or does not hold the job; None where that is nobody.
    """

    by: str
    body: Any = None
    viewer: bool = False
    outsider: Outcome | None = None


LINE = {"message": "x"}
FILE = {"fileName": "a", "size": 1, "sha256": "0" * 64}
PARTS = {"parts": [{"partNumber": 1, "sha256": "0" * 64}]}
ANYONE = Rule("anyone")

RULES: dict[str, Rule] = {
    "GET /api/health": ANYONE,
    "GET /api/health/ready": ANYONE,
    "GET /api/health/live": ANYONE,
    "GET /api/health/status": ANYONE,
    "GET /openapi.json": ANYONE,
    "GET /docs": ANYONE,
    "GET /job-message.schema.json": ANYONE,
    "POST /auth/login": ANYONE,
    "POST /api/v1/auth/register": ANYONE,
    "POST /api/v1/auth/login": ANYONE,
    "GET /api/v1/users/me": Rule("user", viewer=True),
    # Who is not the owner is told so, by this contract: see test_files_access.py.
    "POST /api/v1/jobs": Rule("owner", {"file_name": "a.csv"}),
    "GET /api/v1/jobs": Rule("owner"),
    "GET /api/v1/jobs/{job_id}": Rule("owner"),
    "POST /api/v1/jobs/{job_id}/upload-url": Rule("owner"),
    "POST /api/v1/jobs/{job_id}/mark-uploaded": Rule("owner", {"object_key": "x"}),
    "POST /api/v1/jobs/{job_id}/multipart-upload": Rule("owner"),
    "POST /api/v1/jobs/{job_id}/multipart-upload/parts": Rule("owner", {"upload_id": "x", "part_numbers": [1]}),
    "POST /api/v1/jobs/{job_id}/multipart-upload/complete": Rule(
        "owner", {"upload_id": "x", "parts": [{"part_number": 1, "etag": "x"}]}
    ),
    "POST /api/v1/jobs/{job_id}/download-url": Rule("owner"),
    "POST /api/v1/jobs/{job_id}/cancel": Rule("owner"),
    # Who is not the owner gets a 404, in another envelope than this matrix knows: see test_evaluations.py.
    "POST /api/jobs": Rule("own", {"name": "x", "type": "t", "configuration": {"data_source": "x"}}),
    "GET /api/jobs": Rule("own"),
    "GET /api/jobs/{job_id}/results": Rule("own"),
    "POST /api/uploads": Rule("own", {"file_name": "a.csv"}),
    "GET /api/evaluation-agents": Rule("own"),
    "GET /api/admin/evaluation-agents": Rule("admin"),
    "PUT /api/admin/evaluation-agents/{agent_id}": Rule("admin"),
    "DELETE /api/admin/evaluation-agents/{agent_id}": Rule("admin"),
    # The same: see test_webhooks_api.py.
    "POST /api/webhooks": Rule("own", {"url": "https://example.com"}),
    "GET /api/webhooks": Rule("own"),
    "GET /api/webhooks/{webhook_id}": Rule("own"),
    "PATCH /api/webhooks/{webhook_id}": Rule("own", {"active": False}),
    "DELETE /api/webhooks/{webhook_id}": Rule("own"),
    "POST /api/webhooks/{webhook_id}/rotate-secret": Rule("own"),
    "POST /api/webhooks/{webhook_id}/test": Rule("own"),
    "GET /api/webhooks/{webhook_id}/deliveries": Rule("own"),
    "POST /api/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver": Rule("own"),
    # Who is neither the owner nor an administrator is told so: see test_builds.py and test_analyses.py.
    "POST /api/build": Rule("own", {"project_name": "x", "goal": "x"}),
    "GET /api/build": Rule("own"),
    "GET /api/build/{task_id}": Rule("own"),
    "DELETE /api/build/{task_id}": Rule("own"),
    "GET /api/build/{task_id}/sources": Rule("own"),
    "GET /api/build/{task_id}/logs": Rule("own"),
    "GET /api/analysis/{analysis_id}/logs": Rule("own"),
    "POST /api/analysis": Rule("own", {"project_name": "x"}),
    "GET /api/analysis": Rule("own"),
    "GET /api/analysis/{analysis_id}": Rule("own"),
    "DELETE /api/analysis/{analysis_id}": Rule("own"),
    # Sessions are cookies there: see test_sessions.py and test_pipelines.py.
    "POST /u/auth/register": ANYONE,
    "POST /u/auth/login": ANYONE,
    "POST /u/auth/refresh": ANYONE,
    "POST /u/auth/logout": ANYONE,
    "GET /u/auth/me": Rule("cookie"),
    "GET /u/jobs": Rule("cookie"),
    "GET /u/jobs/{job_id}": Rule("cookie"),
    "PATCH /u/jobs/{job_id}/meta": Rule("cookie", {"title": "x"}),
    "DELETE /u/jobs/{job_id}": Rule("cookie"),
    "GET /u/jobs/{job_id}/export": Rule("cookie"),
    "POST /u/jobs/attach": Rule("cookie", {"jobId": "x"}),
    "POST /u/jobs/cache": Rule("cookie", {"jobId": "x"}),
    "POST /u/proxy/ai/pipeline": Rule("cookie", {"prompt": "a token", "network": "polygon-amoy"}),
    "GET /u/proxy/job/{id}": Rule("cookie"),
    "DELETE /u/proxy/job/{id}": Rule("cookie"),
    "GET /u/proxy/job/{id}/status": Rule("cookie"),
    "GET /u/proxy/job/{id}/logs": Rule("cookie"),
    "GET /u/proxy/job/{id}/logs/stream": Rule("cookie"),
    "GET /u/proxy/artifacts": Rule("cookie"),
    "GET /u/proxy/artifacts/sources": Rule("cookie"),
    "GET /u/proxy/artifacts/abis": Rule("cookie"),
    "GET /u/proxy/artifacts/scripts": Rule("cookie"),
    "GET /u/proxy/artifacts/audit": Rule("cookie"),
    "GET /u/proxy/artifacts/compliance": Rule("cookie"),
    "POST /u/proxy/verify/byJob": Rule("cookie", {"jobId": "x"}),
    "POST /u/proxy/verify/byAddress": Rule("cookie"),
    "GET /u/proxy/verify/status": Rule("cookie"),
    "POST /u/proxy/audit/byJob": Rule("cookie", {"jobId": "x"}),
    "POST /u/proxy/compliance/byJob": Rule("cookie", {"jobId": "x"}),
    "GET /api/projects": Rule("user", viewer=True),
    "GET /api/projects/{project_id}": Rule("user", viewer=True, outsider=PROJECT),
    "GET /api/projects/{project_id}/chats": Rule("user", viewer=True, outsider=PROJECT),
    "POST /api/projects/{project_id}/chats": Rule("user", {"title": "x"}, outsider=PROJECT),
    "GET /api/projects/{project_id}/chats/{chat_id}/messages": Rule("user", viewer=True, outsider=PROJECT),
    "POST /api/projects/{project_id}/chats/{chat_id}/messages": Rule(
        "user or agent", {"content": "x"}, outsider=PROJECT
    ),
    "POST /api/jobs/create": Rule("user", {"jobType": "build"}, outsider=PROJECT),
    "GET /api/projects/{project_id}/jobs": Rule("user", viewer=True, outsider=PROJECT),
    "GET /api/jobs/{job_id}": Rule("user", viewer=True, outsider=JOB),
    "DELETE /api/jobs/{job_id}": Rule("user", outsider=JOB),
    "POST /api/jobs/{job_id}/retry": Rule("user", outsider=JOB),
    "GET /api/jobs/{job_id}/attempts": Rule("user", viewer=True, outsider=JOB),
    "GET /api/jobs/{job_id}/logs": Rule("user", viewer=True, outsider=JOB),
    "GET /api/jobs/{job_id}/artifacts": Rule("user", viewer=True, outsider=JOB),
    "GET /api/projects/{project_id}/artifacts": Rule("user", viewer=True, outsider=PROJECT),
    "GET /api/projects/{project_id}/artifacts/{artifact_id}/download": Rule("user", viewer=True, outsider=PROJECT),
    "POST /api/jobs/claim": Rule("agent", {"queues": ["nobodys"]}),
    "PATCH /api/jobs/{job_id}": Rule("agent", {"state": "running"}, outsider=OTHERS_JOB),
    "POST /api/jobs/{job_id}/renew": Rule("agent", outsider=OTHERS_JOB),
    "POST /api/jobs/{job_id}/release": Rule("agent", outsider=OTHERS_JOB),
    "POST /api/jobs/{job_id}/claim-token": Rule("agent", outsider=OTHERS_JOB),
    "POST /api/jobs/{job_id}/logs": Rule("agent", LINE, outsider=OTHERS_JOB),
    "POST /api/jobs/{job_id}/artifacts": Rule("agent", FILE, outsider=OTHERS_JOB),
    "POST /api/jobs/{job_id}/artifacts/{artifact_id}/parts": Rule("agent", PARTS, outsider=OTHERS_JOB),
    "POST /api/jobs/{job_id}/artifacts/{artifact_id}/complete": Rule("agent", outsider=OTHERS_JOB),
    "GET /api/jobs/{job_id}/input": Rule("agent", outsider=OTHERS_JOB),
    "GET /api/admin/secrets/{project_id}": Rule("token", outsider=(401, "INVALID_TOKEN")),
    "POST /api/admin/secrets": Rule("admin"),
    "GET /api/admin/secrets": Rule("admin"),
    "POST /api/admin/secrets/{project_id}/{type}/rotate": Rule("admin"),
    "DELETE /api/admin/secrets/{project_id}/{type}": Rule("admin"),
    "POST /api/admin/rewrap": Rule("admin"),
    "POST /api/admin/users": Rule("admin"),
    "POST /api/admin/projects": Rule("admin"),
    "DELETE /api/admin/projects/{project_id}": Rule("admin"),
    "POST /api/admin/agents": Rule("admin"),
    "GET /api/admin/agents": Rule("admin"),
    "POST /api/admin/agents/{agent_id}/drain": Rule("admin"),
    "POST /api/admin/agents/{agent_id}/revoke": Rule("admin"),
    "PUT /api/admin/users/{email}/role": Rule("admin"),
    "POST /api/admin/users/{email}/jobs/{job_id}/restore": Rule("admin"),
}
ACCEPTED = {
    "user": {"user"},
    "owner": {"user"},
    "own": {"user"},
    "cookie": set(),
    "agent": {"agent"},
    "token": {"token"},
    "admin": {"admin"},
    "user or agent": {"user", "agent"},
}


def _ask(bench: Bench, caller: Caller, name: str, places: dict[str, str]) -> requests.Response:
    method, path = name.split(" ")
    body = RULES[name].body
    if name == "POST /api/jobs/create":
        body = {**body, "projectId": places.get("project_id", UNKNOWN["project_id"]), "queue": bench.queue}
    query = "?type=github" if "{project_id}" in path and "/admin/secrets/" in path and method == "GET" else ""
    return caller.request(method, fill(path, **places) + query, json=body)


def _credentials(bench: Bench) -> dict[str, Caller]:
    """One of each kind, all of them good."""
    token = {"X-Colab-Id": bench.agent.headers["X-Colab-Id"], "X-Claim-Token": f"{UNKNOWN['job_id']}.{'A' * 43}"}
    return {
        "user": bench.user,
        "agent": bench.agent,
        "admin": bench.api.admin(),
        "token": Caller(bench.api.url, token),
    }


def test_every_route_is_listed_and_every_listed_route_exists(bench: Bench) -> None:
    """Threat 8: whoever adds a route says here who may call it."""
    assert bench.api
    assert sorted(map(name_of, declared())) == sorted(RULES)


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.by != "anyone"])
def test_route_without_credentials_or_with_those_of_another_kind_is_refused(private: Bench, name: str) -> None:
    """Threat 8: refused before anything is looked up, whether or not it exists, and however the body is."""
    places = {"project_id": private.project_id}
    assert _ask(private, private.api.anyone(), name, places).status_code == 401
    for kind, caller in _credentials(private).items():
        if kind not in ACCEPTED[RULES[name].by]:
            assert _ask(private, caller, name, places).status_code == 401, kind


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.by.startswith("user")])
def test_viewer_may_read_and_not_write(private: Bench, people: People, name: str) -> None:
    """Threat 8: a viewer of the team."""
    answer = _ask(private, people.viewer, name, furnish(private))
    if RULES[name].viewer:
        expected = 404 if name.endswith("/download") else 200  # That artifact is announced and not uploaded.
        assert answer.status_code == expected
    else:
        assert error(answer) == FORBIDDEN


def _with_outsiders() -> list[str]:
    return [name for name, rule in RULES.items() if rule.outsider]


@pytest.mark.parametrize("name", _with_outsiders())
def test_who_is_not_on_the_team_or_does_not_hold_the_job_is_refused(private: Bench, people: People, name: str) -> None:
    """Threat 8: a member passes where the stranger gets what they would get for an id that does not exist."""
    places, rule = furnish(private), RULES[name]
    outsiders = {"user": people.stranger, "user or agent": people.stranger, "agent": private.api.agent()}
    outsider = outsiders.get(rule.by) or _credentials(private)["token"]
    assert error(_ask(private, outsider, name, places)) == rule.outsider
    if rule.by.startswith("user"):
        assert error(_ask(private, people.stranger, name, {})) == rule.outsider
    inside = private.user if rule.by.startswith("user") else private.agent
    if rule.by != "token":
        answer = _ask(private, inside, name, places)
        assert answer.status_code < 404 or error(answer) in {ARTIFACT, NO_INPUT, (409, "UPLOAD_INCOMPLETE")}


def test_lists_hold_only_ones_own(private: Bench, people: People) -> None:
    """Threat 8: what no id leads to, no list shows."""
    furnish(private)
    mine = [each["projectId"] for each in ok(private.user.get("/api/projects"))]
    theirs = [each["projectId"] for each in ok(people.stranger.get("/api/projects"))]
    assert private.project_id in mine
    assert private.project_id not in theirs


def test_admin_role_is_on_every_team(private: Bench) -> None:
    """Threat 8: the exception that is meant."""
    admin = private.api.user(role="admin")
    assert ok(admin.get(f"/api/projects/{private.project_id}"))["projectId"] == private.project_id
    assert error(admin.get("/api/admin/agents")) == (401, "UNAUTHORIZED")


def test_ids_of_another_project_of_ones_own_lead_nowhere(bench: Bench) -> None:
    """Threat 8: a chat, an artifact or a job is found only where it belongs."""
    places = furnish(bench)
    other = bench.api.project()
    chat = f"/api/projects/{other}/chats/{places['chat_id']}/messages"
    assert error(bench.user.get(chat)) == CHAT
    assert error(bench.user.post(chat, {"content": "x"})) == CHAT
    assert error(bench.agent.post(chat, {"content": "x", "role": "assistant"})) == CHAT
    download = f"/api/projects/{other}/artifacts/{places['artifact_id']}/download"
    assert error(bench.user.get(download)) == ARTIFACT
    job = bench.running()
    for action, body in (("parts", PARTS), ("complete", None)):
        answer = bench.agent.post(f"/api/jobs/{job}/artifacts/{places['artifact_id']}/{action}", body)
        assert error(answer) == ARTIFACT


def test_cursor_of_another_project_shows_nothing_of_it(bench: Bench) -> None:
    """Threat 8: a cursor is a place, not a permission."""
    places = furnish(bench)
    other = bench.api.project()
    assert ok(bench.user.get(f"/api/projects/{other}/jobs?cursor={places['job_id']}"))["data"] == []
    assert ok(bench.user.get(f"/api/projects/{other}/chats?cursor={places['chat_id']}")) == []
    assert ok(bench.user.get(f"/api/projects/{other}/artifacts?cursor={places['artifact_id']}")) == []
