"""Threat 8 in the files contract: another user's job is refused as such, on every route; nothing of it is shown."""

from typing import Any

import pytest

from tests.conftest import KEYS
from tests.contract.harness import People, changed_settings
from tests.contract.routes import declared, name_of
from tests.contract.test_threats_matrix import RULES
from tests.support.api import Api, Caller, error, ok
from tests.support.files import Files, refusal

OWNED = [name for name, rule in RULES.items() if rule.by == "owner" and "{job_id}" in name]


def _ask(files: Files, name: str, job_id: str) -> tuple[int, str]:
    method, path = name.split(" ")
    return refusal(files.user.request(method, path.replace("{job_id}", job_id), json=RULES[name].body))


def test_every_route_of_a_file_job_is_among_these(api: Api) -> None:
    assert api
    assert {name_of(route) for route in declared() if "/api/v1/jobs/{job_id}" in route.path} == set(OWNED)


@pytest.mark.parametrize("name", OWNED)
def test_job_of_another_user_is_refused_and_stays_as_it_is(files: Files, people: People, name: str) -> None:
    job = files.create()
    assert _ask(Files(people.stranger), name, job["id"]) == (403, "the job belongs to another user")
    assert files.read(job) == {**job, "report": None}


def test_list_holds_only_ones_own(files: Files, people: People) -> None:
    job = files.create()
    assert job["id"] not in [each["id"] for each in ok(people.stranger.get("/api/v1/jobs"))]


def test_administrator_owns_nobody_elses_files(api: Api, files: Files) -> None:
    assert _ask(Files(api.user(role="admin")), "GET /api/v1/jobs/{job_id}", files.create()["id"])[0] == 403


def test_viewer_may_look_and_create_nothing(people: People) -> None:
    assert ok(people.viewer.get("/api/v1/jobs")) == []
    assert refusal(people.viewer.post("/api/v1/jobs", {"file_name": "a.csv"}))[0] == 403


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.by == "owner"])
def test_no_token_is_401_in_the_contracts_words(api: Api, name: str) -> None:
    assert _ask(Files(api.anyone()), name, "file_00000000000000000000000000")[0] == 401


@pytest.mark.parametrize("told", [
    [1], "x", 5, True, [], {"phase": "sleeping"}, {"phase": "processing", "percent": "x"}, {"output": 5, "report": "x"},
    {"output": {"object_key": 5}}, {"output": {"file_name": []}, "report": [1]},
])  # fmt: skip
def test_odd_words_of_an_agent_do_not_keep_an_owner_from_their_jobs(files: Files, told: object) -> None:
    agent, job = _held_by_an_agent(files)
    for state in ("running", "completed"):
        ok(agent.patch(f"/api/jobs/{job['id']}", {"state": state, "payload": told}))
        seen = files.read(job)
        assert seen in [{**each, "report": None} for each in ok(files.user.get("/api/v1/jobs"))]
        assert seen["progress"] in (None, {"phase": "processing", "percent": 0})
    assert (seen["status"], seen["output_object_key"], seen["report"]) == ("COMPLETED", None, None)


@pytest.mark.parametrize("queue", ["files", "files-large"])
def test_jobs_of_another_kind_do_not_come_into_the_queues_of_files(api: Api, files: Files, queue: str) -> None:
    told = {"projectId": api.project(), "jobType": "file", "payload": {}, "queue": queue}
    status, code = error(files.user.post("/api/jobs/create", told))
    assert (status, code) == (400, "INVALID_REQUEST")


def test_agents_word_on_an_output_is_not_believed_beyond_its_job(files: Files) -> None:
    """An agent that holds a job cannot make its owner's download lead to another's object."""
    other, _ = files.processed()
    agent, job = _held_by_an_agent(files)
    lie = {"output": {"object_key": other["output_object_key"], "file_name": "x", "size": 1}, "report": {}}
    for state, payload in (("running", None), ("completed", lie)):
        ok(agent.patch(f"/api/jobs/{job['id']}", {"state": state, "payload": payload}))
    done = files.read(job)
    assert (done["status"], done["output_object_key"]) == ("COMPLETED", None)
    assert refusal(files.post(job, "download-url"))[0] == 400


def _held_by_an_agent(files: Files) -> tuple[Caller, dict[str, Any]]:
    with changed_settings(file_large_bytes="10"):
        job = files.started()
    agent = Api(files.user.url, "", KEYS["CLAIMCHECK_AGENT_SECRET"]).agent()
    while ok(agent.post("/api/jobs/claim", {"queues": ["files-large"]}))["job"]["jobId"] != job["id"]:
        pass
    return agent, job
