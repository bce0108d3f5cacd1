"""Builds by the builds contract: every call of it, its words and its errors."""

import re
import uuid
from datetime import datetime
from typing import Any

import pytest
import requests

from local.cloud import LocalCloud
from tests.contract.harness import changed_settings
from tests.support.api import TIMEOUT, Api, Caller, ok
from tests.support.builds import RESULT, SOURCES, Builds
from tests.support.watching import heard, watching

ORDER = {"project_name": "my-project", "goal": "Add authentication module with JWT support"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def builds(api: Api) -> Builds:
    return Builds(api, api.user(), api.agent())


def refusal(answer: requests.Response) -> tuple[int, str]:
    """Status and type of an error, whose form is checked."""
    body = answer.json()
    assert set(body) == {"error", "detail", "status_code", "timestamp"}
    assert body["status_code"] == answer.status_code
    assert TIME.fullmatch(body["timestamp"])
    assert body["detail"]
    return answer.status_code, body["error"]


def test_build_from_log_in_to_results(api: Api) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    ok(api.anyone().post("/api/v1/auth/register", {"email": email, "password": "correct horse"}))
    token = ok(api.anyone().post("/auth/login", {"username": email, "password": "correct horse"}))
    assert token["token_type"] == "bearer"
    user = Caller(api.url, {"Authorization": f"Bearer {token['access_token']}"})
    builds = Builds(api, user, api.agent())
    parameters = {"framework": "fastapi", "database": "postgresql", "include_tests": True, "style": "terse"}
    answer = user.post("/api/build/", {**ORDER, "parameters": parameters})
    created = answer.json()
    task_id = created["task_id"]
    assert answer.status_code == 202
    assert created == {"task_id": task_id, "status": "initializing", "message": "Build task created successfully"}
    assert uuid.UUID(task_id).version == 7
    assert answer.headers["Location"] == f"/api/build/{task_id}"
    waiting = builds.build(task_id)
    assert (waiting["status"], waiting["progress"], waiting["results"], waiting["error"]) == (
        "initializing", 0, None, None,
    )  # fmt: skip
    assert (waiting["created_by"], waiting["project_name"], waiting["goal"]) == (email, *ORDER.values())
    work = builds.claim()
    assert work.job["type"] == "code-build"
    assert work.job["payload"] == {**ORDER, "parameters": parameters, "created_by": email}
    work.report()
    work.progress(45, "Generating code", files_created=3)
    assert {name: builds.build(task_id)[name] for name in ("status", "progress")} == {
        "status": "running",
        "progress": 45,
    }
    work.deliver()
    work.report("completed", RESULT)
    done = builds.build(task_id)
    assert (done["status"], done["progress"], done["error"]) == ("completed", 100, None)
    assert done["results"] == {name: value for name, value in RESULT.items() if name != "rounds"}
    assert datetime.fromisoformat(done["created_at"])


def test_sources_are_downloaded_as_they_were_delivered(builds: Builds) -> None:
    task_id = builds.create()
    assert refusal(builds.user.get(f"/api/build/{task_id}/sources")) == (409, "conflict")
    work = builds.running()
    work.deliver("notes.txt", b"not the sources")
    work.deliver()
    work.report("failed", {"error": "3 of 12 tests fail"})
    failed = builds.build(task_id)
    assert (failed["status"], failed["error"], failed["results"]) == ("failed", "3 of 12 tests fail", None)
    found = ok(builds.user.get(f"/api/build/{task_id}/sources"))
    assert (found["file_name"], found["size"]) == ("sources.tar.gz", len(SOURCES))
    assert requests.get(found["download_url"], timeout=TIMEOUT).content == SOURCES


def test_history_is_newest_first_and_counted(builds: Builds) -> None:
    made = [builds.create(f"project-{number}") for number in range(5)]
    page = ok(builds.user.get("/api/build/?limit=2&offset=1"))
    assert (page["total"], page["limit"], page["offset"]) == (5, 2, 1)
    assert [build["task_id"] for build in page["builds"]] == made[-2:-4:-1]
    assert ok(builds.user.get("/api/build"))["limit"] == 20
    beyond = ok(builds.user.get("/api/build?offset=9"))
    assert (beyond["total"], beyond["builds"]) == (5, [])


def test_cancel_ends_a_build_once(builds: Builds) -> None:
    waiting, held = builds.create(), None
    assert ok(builds.user.delete(f"/api/build/{waiting}")) == {"message": "Build task cancelled successfully"}
    cancelled = builds.build(waiting)
    assert (cancelled["status"], cancelled["error"]) == ("cancelled", "The build was cancelled.")
    assert refusal(builds.user.delete(f"/api/build/{waiting}")) == (409, "conflict")
    held = builds.create()
    work = builds.running()
    ok(builds.user.delete(f"/api/build/{held}"))
    assert builds.build(held)["status"] == "cancelled", "nothing else can become of it, whenever its agent hears of it"
    assert refusal(builds.user.delete(f"/api/build/{held}")) == (409, "conflict")
    assert work.progress(50, "Going on")["cancelRequested"]
    work.report("cancelled")
    assert builds.build(held)["status"] == "cancelled"
    done = builds.built()
    assert refusal(builds.user.delete(f"/api/build/{done}")) == (409, "conflict")


def test_repeated_request_makes_one_build(builds: Builds) -> None:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    answers = [builds.user.post("/api/build/", ORDER, headers=key) for _ in range(2)]
    assert ok(answers[0]) == ok(answers[1])
    assert refusal(builds.user.post("/api/build", {**ORDER, "goal": "x"}, headers=key))[0] == 409
    assert ok(builds.user.get("/api/build"))["total"] == 1


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({**ORDER, "project_name": "../etc"}, 400, "project_name"),
        ({**ORDER, "project_name": "x" * 65}, 400, "project_name"),
        ({**ORDER, "goal": " "}, 400, "goal"),
        ({**ORDER, "goal": "x" * 10_001}, 400, "goal"),
        ({**ORDER, "parameters": {"framework": ""}}, 400, "parameters.framework"),
        ({**ORDER, "parameters": {"notes": "x" * 20_000}}, 400, ""),
        ({"project_name": "x"}, 422, "goal"),
        ({**ORDER, "goal": 1}, 422, "goal"),
        ({**ORDER, "parameters": []}, 422, "parameters"),
        ({**ORDER, "parameters": {"include_tests": "yes"}}, 422, "parameters.include_tests"),
        ({**ORDER, "owner": "me"}, 422, "owner"),
        ([], 422, ""),
    ],
)
def test_bad_order_is_refused_by_its_field(builds: Builds, body: Any, status: int, field: str) -> None:
    answer = builds.user.post("/api/build/", body)
    assert refusal(answer)[0] == status
    assert answer.json()["detail"].startswith(field)


def test_what_is_no_json_is_refused(builds: Builds) -> None:
    kind = {"Content-Type": "application/json"}
    assert refusal(builds.user.request("POST", "/api/build/", data=b"{", headers=kind)) == (400, "invalid_request")
    assert (
        refusal(builds.user.request("POST", "/api/build/", data=b"x", headers={"Content-Type": "text/plain"}))[0] == 415
    )
    assert refusal(builds.user.request("PUT", "/api/build/"))[0] == 405


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 400),
        ("limit=101", 400),
        ("offset=-1", 400),
        ("offset=10001", 400),
        ("limit=x", 422),
        ("offset=1.5", 422),
    ],
)
def test_bad_paging_is_refused(builds: Builds, query: str, status: int) -> None:
    assert refusal(builds.user.get(f"/api/build/?{query}"))[0] == status


@pytest.mark.parametrize(
    "task_id", ["01938d21-d135-7155-b82a-c66a01b0785e", "x", "550e8400", "%00", "build_01jd4x3m9n5p7q2r8s6t0v1w2y"]
)
def test_unknown_build_is_not_found(builds: Builds, task_id: str) -> None:
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/sources")):
        assert refusal(builds.user.request(method, f"/api/build/{task_id}{path}"))[0] == 404


def test_id_is_the_same_in_capitals_and_of_one_kind_only(builds: Builds) -> None:
    task_id = builds.create()
    assert builds.build(task_id.upper())["task_id"] == task_id
    assert refusal(builds.user.get(f"/api/analysis/{task_id}"))[0] == 404


def test_build_is_its_owners_and_the_administrators(builds: Builds) -> None:
    task_id = builds.built()
    stranger, admin, viewer = builds.api.user(), builds.api.user(role="admin"), builds.api.user(role="viewer")
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/sources")):
        assert refusal(stranger.request(method, f"/api/build/{task_id}{path}")) == (403, "forbidden")
        assert refusal(builds.api.anyone().request(method, f"/api/build/{task_id}{path}"))[0] == 401
    assert ok(stranger.get("/api/build"))["total"] == 0
    assert ok(admin.get(f"/api/build/{task_id}"))["task_id"] == task_id
    everybodys = ok(admin.get("/api/build?limit=1"))
    assert everybodys["total"] >= 1
    assert everybodys["builds"][0]["task_id"] == task_id
    assert ok(viewer.get("/api/build"))["builds"] == []
    assert refusal(viewer.post("/api/build", ORDER)) == (403, "forbidden")
    assert refusal(viewer.delete(f"/api/build/{task_id}")) == (403, "forbidden")
    waiting = builds.create()
    ok(admin.delete(f"/api/build/{waiting}"))


def test_limits_are_the_contracts(builds: Builds) -> None:
    with changed_settings(
        build_requests_per_minute="60", build_creations_per_minute="10", analysis_creations_per_minute="5"
    ):
        read = builds.user.get("/api/build")
        created = builds.user.post("/api/build", ORDER)
        analysed = builds.user.post("/api/analysis", {"project_name": "nothing"})
        unknown = builds.api.anyone().get("/api/build")
    limits = [answer.headers["X-RateLimit-Limit"] for answer in (read, created, analysed, unknown)]
    assert limits == ["60", "10", "5", "60"]
    with changed_settings(build_creations_per_minute="1"):
        answers = [builds.user.post("/api/build", ORDER) for _ in range(4)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused, "a minute has but one end"
    assert refusal(refused[0]) == (429, "rate_limit_exceeded")
    assert refused[0].headers["X-RateLimit-Remaining"] == "0"


def test_words_of_an_agent_are_taken_only_in_their_form(builds: Builds) -> None:
    task_id = builds.create()
    work = builds.running()
    work.report(payload={"percent": "half", "step": ["x"]})
    assert builds.build(task_id)["progress"] == 0
    work.report(payload={"percent": 1e300})
    assert builds.build(task_id)["progress"] == 99
    work.report("completed", {"generated_files": ["a", 1, None], "tests_passed": True, "test_coverage": "all"})
    assert builds.build(task_id)["results"] == {
        "generated_files": ["a"], "tests_passed": None, "tests_failed": None, "test_coverage": None, "written_by": None,
    }  # fmt: skip


@pytest.mark.parametrize("percent", ["9" * 399, "-" + "9" * 399, "1e300", "-5"])
def test_no_number_of_an_agent_harms_a_list(builds: Builds, cloud: LocalCloud, percent: str) -> None:
    task_id = builds.create()
    work = builds.running()
    body = f'{{"state": "running", "payload": {{"percent": {percent}, "step": {{"a": 1}}}}}}'.encode()
    kind = {"Content-Type": "application/json"}
    assert work.agent.request("PATCH", work.path, data=body, headers=kind).status_code in {200, 400}
    with watching(builds.user, "build", task_id) as watcher:
        assert heard(watcher)["type"] == "connected"
        assert heard(watcher)["data"]["current_step"] is None
    body = f'{{"state": "completed", "payload": {{"test_coverage": {percent}, "tests_passed": {percent}}}}}'.encode()
    assert work.agent.request("PATCH", work.path, data=body, headers=kind).status_code in {200, 400}
    results = builds.build(task_id)["results"]
    assert results is None or (results["test_coverage"], results["tests_passed"]) == (None, None)
    assert ok(builds.user.get("/api/build"))["builds"]
    cloud.drain()


def test_log_is_for_who_may_read_the_build(builds: Builds) -> None:
    task_id = builds.create()
    work = builds.running()
    lines = [{"message": f"line {number}"} for number in range(3)]
    ok(builds.agent.post(f"{work.path}/logs", {"entries": lines}))
    path = f"/api/build/{task_id}/logs"
    first = ok(builds.user.get(f"{path}?limit=2"))
    assert ([line["message"] for line in first["lines"]], first["more"]) == (["line 0", "line 1"], True)
    rest = ok(builds.user.get(f"{path}?after={first['lines'][-1]['index']}"))
    assert [line["message"] for line in rest["lines"]] == ["line 2"]
    assert refusal(builds.api.user().get(path)) == (403, "forbidden")
    assert refusal(builds.user.get(f"{path}?after=x"))[0] == 422


def test_agent_may_ask_for_the_deployments_model_key(builds: Builds) -> None:
    """The secrets of a build are those of the project of its name, or else the deployment's own."""
    for kind in ("llm", "embeddings"):
        secret = {"projectId": "claimcheck", "type": kind, "value": "sk-of-the-deployment"}
        ok(builds.api.admin().post("/api/admin/secrets", secret))
    builds.create("nobodys-project")
    claim = ok(builds.agent.post("/api/jobs/claim", {"queues": ["builds"]}))
    while claim["job"]["payload"]["project_name"] != "nobodys-project":
        claim = ok(builds.agent.post("/api/jobs/claim", {"queues": ["builds"]}))
    assert claim["job"]["projectId"] == "claimcheck"
    token = Caller(
        builds.api.url, {"X-Colab-Id": builds.agent.headers["X-Colab-Id"], "X-Claim-Token": claim["claimToken"]}
    )
    # Anybody can make a build, so its agent gets no more of the deployment's secrets than a build needs.
    for asked in ("embeddings", "llm,embeddings", "github"):
        assert token.get(f"/api/admin/secrets/claimcheck?type={asked}").status_code in {401, 404}
    assert ok(token.get("/api/admin/secrets/claimcheck?type=llm"))["secret"] == "sk-of-the-deployment"


def test_queue_of_builds_is_for_builds_only(builds: Builds) -> None:
    project = builds.api.project()
    answer = builds.user.post("/api/jobs/create", {"projectId": project, "jobType": "code-build", "queue": "builds"})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


def test_health_tells_what_answers(api: Api) -> None:
    from chalicelib.readiness import readiness

    anyone = api.anyone()
    plain = ok(anyone.get("/api/health/"))
    assert (plain["status"], set(plain)) == ("healthy", {"status", "timestamp", "version", "service", "stage"})
    assert ok(anyone.get("/api/health/live"))["status"] == "alive"
    readiness.forget()
    assert ok(anyone.get("/api/health/ready"))["status"] == "ready"
    status = ok(anyone.get("/api/health/status"))
    assert status["status"] == "operational"
    assert set(status["components"].values()) == {"healthy"}
    assert {"api", "database", "cache", "security"} <= set(status["components"])
    assert set(status["metrics"]) == {
        "uptime_seconds", "requests_total", "requests_per_second", "memory_percent", "cpu_percent",
    }  # fmt: skip
    assert 0 < status["metrics"]["memory_percent"] < 100
    with changed_settings(kms_key_id="alias/nobodys", bucket="nobodys"):
        assert ok(anyone.get("/api/health/ready"))["status"] == "ready", "what was found is remembered for a while"
        readiness.forget()
        silent = anyone.get("/api/health/ready")
        assert refusal(silent) == (503, "service_unavailable")
        assert silent.json()["detail"] == "no answer from: storage, security"
        degraded = ok(anyone.get("/api/health/status"))
        assert (degraded["status"], degraded["components"]["database"], degraded["components"]["storage"]) == (
            "degraded", "healthy", "unhealthy",
        )  # fmt: skip
    readiness.forget()
