"""Analyses by the builds contract: what they are of, and what they tell."""

import uuid
from typing import Any

import pytest
import requests

from tests.contract.test_builds import refusal
from tests.support.api import TIMEOUT, Api, ok
from tests.support.builds import FINDINGS, SOURCES, Builds

UNKNOWN = dict.fromkeys(FINDINGS)


@pytest.fixture
def builds(api: Api) -> Builds:
    return Builds(api, api.user(), api.agent())


def _input(work: Any) -> bytes:
    told = ok(work.agent.get(f"{work.path}/input"))["download"]
    return requests.request(told["method"], told["url"], headers=told["headers"], timeout=TIMEOUT).content


def test_analysis_of_the_last_build(builds: Builds) -> None:
    builds.built("shop")
    answer = builds.user.post(
        "/api/analysis/", {"project_name": "shop", "analysis_types": ["types", "types", "quality"]}
    )
    created = answer.json()
    assert answer.status_code == 202
    assert {name: created[name] for name in UNKNOWN} == UNKNOWN
    assert (created["status"], created["project_name"], created["error"]) == ("initializing", "shop", None)
    assert answer.headers["Location"] == f"/api/analysis/{created['analysis_id']}"
    work = builds.running()
    assert work.job["type"] == "code-analysis"
    assert work.job["payload"]["analysis_types"] == ["types", "quality"]
    assert work.job["payload"]["source"] == {"kind": "archive"}
    assert _input(work) == SOURCES
    work.report("completed", FINDINGS)
    done = builds.analysis(created["analysis_id"])
    assert {name: done[name] for name in FINDINGS} == FINDINGS
    assert (done["status"], done["performed_by"], done["timestamp"]) == (
        "completed", created["performed_by"], created["timestamp"],
    )  # fmt: skip


def test_what_was_not_asked_for_is_null(builds: Builds) -> None:
    builds.built("shop")
    analysis_id = builds.analyse("shop", analysis_types=["types"])
    builds.running().report("completed", {**UNKNOWN, "type_errors": 3})
    done = builds.analysis(analysis_id)
    assert {name: done[name] for name in UNKNOWN} == {**UNKNOWN, "type_errors": 3}


def test_analysis_of_an_uploaded_archive(builds: Builds) -> None:
    told = ok(builds.user.post("/api/uploads", {"file_name": "mine.zip"}))
    missing = builds.user.post("/api/analysis", {"project_name": "x", "source": {"object_key": told["object_key"]}})
    assert refusal(missing)[0] == 400
    assert missing.json()["detail"].startswith("source.object_key:")
    requests.put(told["upload_url"], data=b"PK", timeout=TIMEOUT).raise_for_status()
    for named in (told["object_key"], "mine.zip"):
        builds.analyse("x", source={"object_key": named})
        assert _input(builds.running()) == b"PK"
    others = Builds(builds.api, builds.api.user(), builds.agent)
    stolen = others.user.post("/api/analysis", {"project_name": "x", "source": {"object_key": told["object_key"]}})
    assert refusal(stolen)[0] == 400


def test_analysis_of_a_repository(builds: Builds) -> None:
    url = "https://github.com/octocat/shop"
    builds.analyse("x", source={"repository": url, "ref": "v1"})
    source = builds.running().job["payload"]["source"]
    assert source == {"kind": "repository", "url": url, "ref": "v1", "secret": None}


def test_registered_project_brings_its_repository_and_its_token(builds: Builds) -> None:
    project = builds.api.project(repo="https://github.com/octocat/own.git")
    builds.analyse(project)
    job = builds.running().job
    assert job["projectId"] == project
    assert job["payload"]["source"] == {
        "kind": "repository", "url": "https://github.com/octocat/own.git", "ref": "main", "secret": "github",
    }  # fmt: skip
    builds.analyse(project, source={"repository": "https://github.com/somebody/elses"})
    assert builds.running().job["payload"]["source"]["secret"] is None, "its token is for its own repository"
    private = builds.api.project(members=["somebody@example.com"])
    assert refusal(builds.user.post("/api/analysis", {"project_name": private}))[0] == 404


def test_project_without_sources_cannot_be_analysed(builds: Builds) -> None:
    builds.create("unfinished")
    answer = builds.user.post("/api/analysis", {"project_name": "unfinished"})
    assert refusal(answer)[0] == 404
    assert "unfinished has no completed build" in answer.json()["detail"]
    builds.built("done")
    stranger = Builds(builds.api, builds.api.user(), builds.agent)
    assert refusal(stranger.user.post("/api/analysis", {"project_name": "done"}))[0] == 404


@pytest.mark.parametrize(
    ("more", "status", "field"),
    [
        ({"analysis_types": []}, 400, "analysis_types"),
        ({"analysis_types": ["beauty"]}, 400, "analysis_types.0"),
        ({"analysis_types": "quality"}, 422, "analysis_types"),
        ({"source": {}}, 400, "source"),
        ({"source": {"object_key": "x", "ref": "x"}}, 400, "source"),
        ({"source": {"repository": "https://github.com"}}, 400, "source.repository"),
        ({"source": {"repository": "https://github.com/x", "object_key": "x"}}, 400, "source"),
        ({"source": {"repository": "git@github.com:x/y"}}, 400, "source.repository"),
        ({"source": {"repository": "https://user:key@github.com/x"}}, 400, "source.repository"),
        ({"source": {"repository": "https://github.com/x", "ref": "--upload-pack=x"}}, 400, "source.ref"),
    ],
)
def test_bad_order_is_refused_by_its_field(builds: Builds, more: dict[str, Any], status: int, field: str) -> None:
    answer = builds.user.post("/api/analysis/", {"project_name": "x", **more})
    assert refusal(answer)[0] == status
    assert answer.json()["detail"].startswith(field)


def test_analyses_are_listed_cancelled_and_their_owners(builds: Builds) -> None:
    builds.built("shop")
    made = [builds.analyse("shop") for _ in range(2)]
    page = ok(builds.user.get("/api/analysis?limit=1"))
    assert (page["total"], [one["analysis_id"] for one in page["analyses"]]) == (2, made[-1:])
    stranger, viewer = builds.api.user(), builds.api.user(role="viewer")
    path = f"/api/analysis/{made[0]}"
    assert refusal(stranger.get(path)) == (403, "forbidden")
    assert refusal(viewer.post("/api/analysis", {"project_name": "shop"})) == (403, "forbidden")
    assert ok(builds.api.user(role="admin").get(path))["analysis_id"] == made[0]
    assert ok(builds.user.delete(path)) == {"message": "Analysis task cancelled successfully"}
    assert builds.analysis(made[0])["status"] == "cancelled"
    assert refusal(builds.user.delete(path)) == (409, "conflict")
    assert refusal(builds.user.get(f"/api/analysis/{uuid.uuid4()}"))[0] == 404


def test_repeated_request_makes_one_analysis(builds: Builds) -> None:
    builds.built("shop")
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first = ok(builds.user.post("/api/analysis", {"project_name": "shop"}, headers=key))
    builds.built("shop")
    again = ok(builds.user.post("/api/analysis", {"project_name": "shop"}, headers=key))
    assert again["analysis_id"] == first["analysis_id"]
