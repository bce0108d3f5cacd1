"""What HTTP asks of every route: methods, paths, content types, sizes, and the trace."""

import re
from typing import Any

import pytest
import requests

from tests.contract.harness import JSON_TYPE
from tests.contract.routes import declared, fill
from tests.support.api import Api, Bench, error, ok

MEGABYTE = 1024 * 1024
PAYLOAD = 256 * 1024
PROGRESS = 2048


def test_trailing_slash_is_the_same_route(bench: Bench) -> None:
    assert bench.user.get("/api/projects/").json() == bench.user.get("/api/projects").json()
    job = bench.user.post("/api/jobs/create/", {"projectId": bench.project_id, "jobType": "x", "queue": bench.queue})
    assert job.status_code == 201
    assert bench.user.get(f"/api/jobs/{job.json()['jobId']}/").json()["jobId"] == job.json()["jobId"]
    assert bench.agent.post("/api/jobs/claim/", {"queues": [bench.queue]}).json()["job"] is not None


@pytest.mark.parametrize("path", ["/", "/api", "/api/nothing", "/api/projects//", "/api/jobs/x/y/z", "/robots.txt"])
def test_unknown_path_is_a_404_in_the_envelope(api: Api, path: str) -> None:
    for method in ("GET", "POST"):
        assert error(api.anyone().request(method, path)) == (404, "NOT_FOUND")


def test_method_that_a_path_does_not_take_is_a_405_with_allow(api: Api) -> None:
    methods: dict[str, set[str]] = {}
    for route in declared():
        methods.setdefault(route.path, {"OPTIONS"}).add(route.method)
    for path, allowed in methods.items():
        wrong = next(method for method in ("PATCH", "PUT", "DELETE", "GET") if method not in allowed)
        for method in (wrong, "TRACE", "FOO"):
            answer = api.anyone().request(method, fill(path))
            assert answer.status_code == 405, (method, path)
            assert set(re.split(", ?", answer.headers["Allow"])) == allowed, path


def test_head_trace_and_options_crash_nothing(api: Api) -> None:
    for path in sorted({fill(route.path) for route in declared()}):
        head = requests.head(api.url + path, timeout=10)
        assert (head.status_code, head.content) == (405, b""), path
        assert requests.request("TRACE", api.url + path, timeout=10).status_code == 405
        assert requests.options(api.url + path, timeout=10).status_code == 204


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "jsonish"])
def test_other_content_type_is_a_415(bench: Bench, kind: str) -> None:
    answer = bench.user.request("POST", "/api/jobs/create", data="{}", headers={"Content-Type": kind})
    assert error(answer) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_is_taken_however_its_type_is_written(bench: Bench, kind: str) -> None:
    told = f'{{"projectId": "{bench.project_id}", "jobType": "build"}}'
    answer = bench.user.request("POST", "/api/jobs/create", data=told, headers={"Content-Type": kind})
    assert answer.status_code == 201


def test_answers_are_json_not_stored_and_not_sniffed(bench: Bench) -> None:
    for answer in (bench.user.get("/api/projects"), bench.api.anyone().get("/api/projects")):
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_health_needs_nobody(api: Api) -> None:
    assert ok(api.anyone().get("/api/health"))["status"] == "healthy"


def test_trace_of_the_caller_goes_on_and_a_wrong_one_is_replaced(api: Api) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    answer = api.anyone().get("/api/health", headers={"traceparent": f"00-{trace_id}-b7ad6b7169203331-00"})
    assert re.fullmatch(f"00-{trace_id}-[0-9a-f]{{16}}-00", answer.headers["traceparent"])
    assert "b7ad6b7169203331" not in answer.headers["traceparent"]
    for wrong in ("", "x", f"00-{'0' * 32}-b7ad6b7169203331-00", f"00-{trace_id.upper()}-b7ad6b7169203331-00"):
        made = api.anyone().get("/api/health", headers={"traceparent": wrong}).headers["traceparent"]
        assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", made), wrong
        assert trace_id not in made


def test_job_carries_the_trace_of_who_made_it(bench: Bench) -> None:
    from chalicelib.jobs import lifecycle

    trace_id = "0af7651916cd43dd8448eb211c80319c"
    told = {"projectId": bench.project_id, "jobType": "build", "queue": bench.queue}
    header = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
    job_id = ok(bench.user.post("/api/jobs/create", told, headers=header))["jobId"]
    assert trace_id in str(lifecycle.read(job_id).trace_parent)


@pytest.mark.parametrize(("over", "status"), [(-1, 201), (0, 201), (1, 413)])
def test_payload_may_be_256_kilobytes(bench: Bench, over: int, status: int) -> None:
    """Threat 34: N-1, N, N+1; at the limit what is stored comes back."""
    payload = "x" * (PAYLOAD + over - 2)
    told = {"projectId": bench.project_id, "jobType": "build", "queue": bench.queue, "payload": payload}
    answer = bench.user.post("/api/jobs/create", told)
    assert answer.status_code == status
    if status == 201:
        assert bench.claim()["job"]["payload"] == payload
    else:
        assert error(answer) == (413, "PAYLOAD_TOO_LARGE")
        assert bench.claim() == {"job": None}


@pytest.mark.parametrize(("over", "status"), [(-1, 200), (0, 200), (1, 413)])
def test_result_may_be_256_kilobytes(bench: Bench, over: int, status: int) -> None:
    """Threat 34: what is counted is bytes, not characters; it may lie in the bucket."""
    import random

    job_id = bench.running()
    noise = random.Random(2).randbytes(PAYLOAD // 2).hex()  # noqa: S311  does not compress below what fits an item
    result = noise[: PAYLOAD - 2 + over - 3] + "漢"
    answer = bench.agent.patch(f"/api/jobs/{job_id}", {"state": "completed", "payload": result})
    assert answer.status_code == status
    assert bench.job(job_id)["result"] == (result if status == 200 else None)


@pytest.mark.parametrize(("over", "status"), [(-1, 200), (0, 200), (1, 413)])
def test_progress_may_be_2048_bytes(bench: Bench, over: int, status: int) -> None:
    """Threat 34: N-1, N, N+1."""
    job_id = bench.running()
    progress = {"p": "x" * (PROGRESS + over - len('{"p":""}'))}
    answer = bench.agent.patch(f"/api/jobs/{job_id}", {"state": "running", "payload": progress})
    assert answer.status_code == status
    assert bench.job(job_id)["progress"] == (progress if status == 200 else None)


@pytest.mark.parametrize(("over", "status"), [(-1, 400), (0, 400), (1, 413), (MEGABYTE, 413)])
def test_body_may_be_a_megabyte(bench: Bench, over: int, status: int) -> None:
    """Threat 34: up to the limit a body is looked at (and here refused for its field), beyond it it is not."""
    told = b'{"x":"' + b"x" * (MEGABYTE + over - 8) + b'"}'
    assert len(told) == MEGABYTE + over
    answer = bench.user.request("POST", "/api/jobs/create", data=told, headers=JSON_TYPE)
    assert answer.status_code == status
    assert _code(answer) == ("INVALID_REQUEST" if status == 400 else "PAYLOAD_TOO_LARGE")


def _code(answer: requests.Response) -> Any:
    return error(answer)[1]
