"""The API's document: it is kept, valid, complete, the same for everybody, and its samples and examples fit it."""

import re
import subprocess
import sys
from typing import Any

import pytest

from local import contract
from tests.contract.routes import declared
from tests.support.api import Api, ok

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document() -> Any:
    from chalicelib.surfaces.openapi.document import document

    return document()


def _operations(document: Any) -> list[tuple[str, str, Any]]:
    return [(path, method, told) for path, methods in document["paths"].items() for method, told in methods.items()]


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("check", [contract.drift, contract.validity, contract.samples, contract.examples])
def test_contract_holds(check: Any) -> None:
    assert list(check()) == []


def test_broken_samples_and_documents_are_told(api: Api, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert api
    for path in contract.SAMPLES.glob("*.json"):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "job-response.json").write_text('{"id": 1}')
    (tmp_path / "stray.json").write_text("{}")
    (tmp_path / "webhook-response.json").unlink()
    (tmp_path / "openapi.json").write_text('{"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": 1}')
    monkeypatch.setattr(contract, "SAMPLES", tmp_path)
    told = "\n".join(contract.samples())
    assert "samples/job-response.json: $.id: 1 is not of type 'string'" in told
    assert "samples/stray.json: of which schema is it?" in told
    assert "samples/webhook-response.json is missing" in told
    monkeypatch.setattr(contract, "DOCUMENT", tmp_path / "openapi.json")
    assert any("$.paths" in problem for problem in contract.validity())
    assert [problem.split()[0] for problem in contract.drift()] == ["openapi.json"]


def test_every_route_is_an_operation(api: Api, document: Any) -> None:
    assert api
    told = {f"{method.upper()} {path}" for path, method, _ in _operations(document)}
    assert told == {f"{route.method} {route.path}" for route in declared()}


def test_every_operation_says_all_there_is_to_say(document: Any) -> None:
    schemas, tags = document["components"]["schemas"], {tag["name"] for tag in document["tags"]}
    for path, method, told in _operations(document):
        where = f"{method} {path}"
        assert method in METHODS
        assert told["summary"], where
        assert set(told["tags"]) <= tags, where
        assert all(tag["description"] for tag in document["tags"])
        assert {name for each in told["parameters"] if (name := each.get("name")) and each["in"] == "path"} == set(
            re.findall(r"\{(\w+)\}", path)
        )
        for status, answer in told["responses"].items():
            assert "traceparent" in answer["headers"], f"{where} {status}"
            assert int(status) < 400 or answer["content"]["application/json"]["examples"], f"{where} {status}"
        for kind, content in _contents(told):
            schema = content["schema"]
            assert schema, f"{where}: {kind} is of no schema"
            named = schema.get("$ref", "").removeprefix("#/components/schemas/")
            fields = schemas.get(named, {}).get("properties")
            assert not fields or schemas[named].get("examples"), f"{named} has no example"


def _contents(told: Any) -> list[tuple[str, Any]]:
    answers = [answer for status, answer in told["responses"].items() if status < "300"]
    return [pair for part in (told.get("requestBody", {}), *answers) for pair in part.get("content", {}).items()]


def test_operations_have_ids_of_their_own_and_links_lead_to_some(document: Any) -> None:
    ids = [told["operationId"] for _, _, told in _operations(document)]
    assert len(set(ids)) == len(ids)
    links = {
        (told["operationId"], link["operationId"])
        for _, _, told in _operations(document)
        for answer in told["responses"].values()
        for link in answer.get("links", {}).values()
    }
    assert {target for _, target in links} <= set(ids)
    assert ("agents_create_job", "shared_read_job") in links
    assert ("evaluations_submit_evaluation", "shared_cancel_job") in links
    assert ("files_create_job", "files_mark_uploaded") in links
    assert ("evaluations_submit_evaluation", "agents_report_on_job") not in links
    assert ("files_create_job", "shared_read_job") not in links, "that is another contract's job"


def test_document_says_who_may_call_and_what_each_contract_errs_in(document: Any) -> None:
    paths = document["paths"]
    assert paths["/api/jobs/claim"]["post"]["security"] == [{"agentId": [], "agentSecret": []}]
    assert paths["/api/admin/secrets/{project_id}"]["get"]["security"] == [{"agentId": [], "claimToken": []}]
    chats = "/api/projects/{project_id}/chats/{chat_id}/messages"
    assert paths[chats]["post"]["security"] == [{"bearer": []}, {"agentId": [], "agentSecret": []}]
    assert paths["/api/health"]["get"]["security"] == []
    schemas = {
        path: paths[path][method]["responses"]["400"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
        for path, method in (("/api/jobs/create", "post"), ("/api/v1/jobs", "post"), ("/auth/login", "post"))
    }
    assert schemas == {
        "/api/jobs/create": "AgentsErrorBody",
        "/api/v1/jobs": "FilesErrorBody",
        "/auth/login": "BuildsErrorBody",
    }


def test_document_says_which_answers_tell_of_limits(document: Any) -> None:
    for path, method, limited in (("/api/jobs", "post", True), ("/api/jobs/create", "post", False)):
        told = document["paths"][path][method]["responses"]
        has = {status for status, answer in told.items() if "X-RateLimit-Remaining" in answer["headers"]}
        assert has == (set(told) if limited else set())
        assert "Retry-After" in told["429"]["headers"]


def test_results_that_are_not_there_yet_are_in_the_document(document: Any) -> None:
    assert "409" in document["paths"]["/api/jobs/{job_id}/results"]["get"]["responses"]


def test_document_is_served_to_anyone_and_is_the_same_each_time(api: Api) -> None:
    first = api.anyone().get("/openapi.json", headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    assert first.headers["Content-Type"] == "application/json"
    assert first.headers["Cache-Control"] == "public, max-age=300"
    assert ok(first) == contract._read(contract.DOCUMENT)
    assert api.anyone().get("/openapi.json").text == first.text


def test_starting_up_pays_nothing_for_the_document(api: Api) -> None:
    assert api
    told = "import sys, app; print([name for name in sys.modules if 'openapi' in name])"
    run = subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, "-c", told], cwd=contract.DOCS.parent, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_schema_of_messages_is_served_to_anyone(api: Api) -> None:
    assert ok(api.anyone().get("/job-message.schema.json")) == contract._read(contract.MESSAGE_SCHEMA)
