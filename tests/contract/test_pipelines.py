"""Pipelines by the pipelines contract: create, follow, stream, artifacts, verification, reports; one's own list."""

import json
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from local.cloud import LocalCloud
from tests.contract.harness import changed_settings
from tests.contract.test_sessions import refusal
from tests.support.api import Api, ok
from tests.support.builds import Work
from tests.support.contracts import ADDRESS, FILES, PROMPT, RESULT, Maker, Page

EVENT = re.compile(r"event: (\w+)\nid: (\S+)\ndata: (.*)\n\n")
LATER = "2026-01-26T10:05:00.000Z"


@pytest.fixture
def page(api: Api) -> Page:
    return Page(api).register()


@pytest.fixture
def maker(api: Api) -> Maker:
    return Maker(api.agent())


def _events(answer: requests.Response) -> list[tuple[str, str, dict[str, Any]]]:
    """The name, id and data of each event of an answer."""
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.text.startswith("retry: 1000\n\n")
    return [(name, event_id, json.loads(data)) for name, event_id, data in EVENT.findall(answer.text)]


def test_pipeline_from_prompt_to_contract(page: Page, maker: Maker) -> None:
    job_id = page.create(maxIters=5, strictArgs=True, constructorArgs=["0x00"])
    assert re.fullmatch("ai_pipeline_[0-9a-z]{26}", job_id)
    assert ok(page.get(f"/u/proxy/job/{job_id}/status")) == {"ok": True, "status": "queued", "progress": 0}
    work = maker.running()
    assert work.job["type"] == "contract-pipeline"
    payload = work.job["payload"]
    assert {name: payload[name] for name in ("prompt", "filename", "max_iters", "strict_args", "constructor_args")} == {
        "prompt": PROMPT, "filename": "MyToken.sol", "max_iters": 5, "strict_args": True, "constructor_args": ["0x00"],
    }  # fmt: skip
    assert (payload["network"]["name"], payload["network"]["chain_id"]) == ("avalanche-fuji", 43113)
    maker.log(work, ("init", "Starting pipeline..."), ("generate", "Generating contract..."))
    work.report(payload={"percent": 40, "stage": "compile"})
    assert ok(page.get(f"/u/proxy/job/{job_id}/status")) == {"ok": True, "status": "running", "progress": 40}
    lines = ok(page.get(f"/u/proxy/job/{job_id}/logs"))["logs"]
    assert [(line["index"], line["msg"], line["stage"]) for line in lines] == [
        (0, "Starting pipeline...", "init"), (1, "Generating contract...", "generate"),
    ]  # fmt: skip
    assert [line["index"] for line in ok(page.get(f"/u/proxy/job/{job_id}/logs?afterIndex=0"))["logs"]] == [1]
    maker.log(work, ("deploy", f"Deployed, gas used: 1,234,567, in {RESULT['tx_hash']}"))
    maker.log(work, ("compile", "Unused variable"), level="warn")
    maker.log(work, ("test", "12 tests passed"))
    maker.log(work, ("verify", "The explorer does not answer"), level="error")
    maker.deploy(work)
    told = ok(page.get(f"/u/proxy/job/{job_id}?includeMagical=true"))
    data = told["data"]
    assert (data["id"], data["status"], data["progress"], len(data["logs"])) == (job_id, "completed", 100, 6)
    result = {"address": ADDRESS, "network": "avalanche-fuji", "contract": "MyToken", "txHash": RESULT["tx_hash"]}
    assert {name: data["result"][name] for name in result} == result
    assert "magical" not in ok(page.get(f"/u/proxy/job/{job_id}"))
    by_type: dict[str, list[Any]] = {}
    for insight in told["magical"]:
        by_type.setdefault(insight["type"], []).append(insight)
    assert by_type["deployment"] == [{"type": "deployment", "address": ADDRESS, "network": "avalanche-fuji"}]
    assert by_type["verification"][0]["verified"] is True
    assert by_type["transaction"] == [{"type": "transaction", "txHash": RESULT["tx_hash"]}]
    assert by_type["gas"] == [{"type": "gas", "gasUsed": 1234567, "stage": "deploy"}]
    assert [each["stage"] for each in by_type["stage"]] == ["init", "generate", "deploy", "compile", "test", "verify"]
    assert all(each["seconds"] >= 0 for each in by_type["stage"])
    assert by_type["tests"] == [{"type": "tests", "passed": 12}]
    assert by_type["warning"] == [{"type": "warning", "message": "Unused variable", "stage": "compile", "index": 3}]
    assert by_type["error"][0]["message"] == "The explorer does not answer"


def test_artifacts_are_as_delivered(page: Page, maker: Maker) -> None:
    job_id = page.create()
    assert ok(page.get(f"/u/proxy/artifacts?jobId={job_id}"))["sources"] == {}
    maker.deploy(maker.running())
    everything = ok(page.get(f"/u/proxy/artifacts?jobId={job_id}"))
    for name in ("sources", "abis", "scripts"):
        assert everything[name] == FILES[f"{name}.json"]
        assert ok(page.get(f"/u/proxy/artifacts/{name}?jobId={job_id}")) == {"ok": True, name: FILES[f"{name}.json"]}
    for name in ("audit", "compliance"):
        assert ok(page.get(f"/u/proxy/artifacts/{name}?jobId={job_id}")) == {"ok": True, name: None}


def test_stream_goes_on_where_it_ended_and_ends_once(page: Page, maker: Maker) -> None:
    job_id = page.create()
    path = f"/u/proxy/job/{job_id}/logs/stream"
    with changed_settings(stream_wait_seconds="0"):
        ((name, last, data),) = _events(page.get(path))
        assert (name, set(data)) == ("ping", {"ts"})
        work = maker.running()
        heard: list[tuple[str, Any]] = []
        for number in range(4):
            maker.log(work, *(("generate", f"line {number}.{part}") for part in range(number + 1)))
            work.report(payload={"percent": number * 20, "stage": "generate"})
            last = _hear(page.get(path, headers={"Last-Event-ID": last}), heard)
            last = _hear(page.get(path, headers={"Last-Event-ID": last}), heard)
        maker.log(work, ("deploy", "the last line"))
        maker.deploy(work)
        last = _hear(page.get(path, headers={"Last-Event-ID": last}), heard)
        assert last == "end"
        done = page.get(path, headers={"Last-Event-ID": last})
        assert (done.status_code, done.text) == (204, "")
    logs = [data["index"] for name, data in heard if name == "log"]
    assert logs == list(range(11)), "no line is lost, and none is told twice"
    assert [data["progress"] for name, data in heard if name == "progress"] == [0, 20, 40, 60]
    assert heard[-1][0] == "end"
    assert heard[-1][1]["status"] == "completed"
    assert heard[-1][1]["result"]["address"] == ADDRESS


def _hear(answer: requests.Response, heard: list[tuple[str, Any]]) -> str:
    found = _events(answer)
    heard += [(name, data) for name, _, data in found if name != "ping"]
    return found[-1][1]


def test_stream_tells_of_a_failure(page: Page, maker: Maker) -> None:
    job_id = page.create()
    work = maker.running()
    work.report(payload={"percent": 30, "stage": "compile"})
    work.report("failed", {"error": "Compilation failed"})
    events = _events(page.get(f"/u/proxy/job/{job_id}/logs/stream"))
    assert [(name, data) for name, _, data in events] == [
        ("error", {"message": "Compilation failed", "code": "compile_error"}),
        ("end", {"status": "failed", "result": None}),
    ]
    assert refusal(page.get(f"/u/proxy/job/{job_id}/logs/stream", headers={"Last-Event-ID": "x"}))[0] == 400


def test_stream_is_one_call_however_often_it_is_made_anew(page: Page, maker: Maker) -> None:
    job_id = page.create()
    work = maker.running()
    maker.log(work, ("init", "x"))
    with changed_settings(pipeline_reads_per_quarter_hour="1"):
        page.get(f"/u/proxy/job/{job_id}/logs/stream")
        again = [page.get(f"/u/proxy/job/{job_id}/logs/stream", headers={"Last-Event-ID": "0-0-"}) for _ in range(4)]
    assert {answer.status_code for answer in again} == {200}


def test_verification_is_asked_of_an_agent(page: Page, maker: Maker) -> None:
    job_id = page.create()
    with changed_settings(pipeline_wait_seconds="0"):
        body = {"jobId": job_id, "network": "avalanche-fuji", "fullyQualifiedName": "contracts/MyToken.sol:MyToken"}
        assert refusal(page.post("/u/proxy/verify/byJob", body)) == (409, "conflict"), "nothing is deployed yet"
        address = f"0x{uuid.uuid4().hex}00000000"
        maker.deploy(maker.running(), verified=False, address=address)
        assert refusal(page.post("/u/proxy/verify/byJob", {**body, "network": "polygon-amoy"}))[0] == 400
        key = {"Idempotency-Key": uuid.uuid4().hex}
        later = page.post("/u/proxy/verify/byJob", body, headers=key)
        assert (later.status_code, later.json()["verified"]) == (202, None)
        work = maker.running()
        assert (work.job["type"], work.job["payload"]["address"]) == ("contract-verify", address)
        assert work.job["payload"]["tx_hash"] == RESULT["tx_hash"]
        assert _given(work) == {"standard_input": FILES["standard-input.json"]}
        status = f"/u/proxy/verify/status?address={address.upper().replace('X', 'x')}&network=avalanche-fuji"
        assert ok(page.get(status)) == {"ok": True, "verified": False, "explorerUrl": None}
        work.report("completed", {"verified": True, "explorer_url": "https://example.com/x", "reason": None})
        assert ok(page.get(f"/u/proxy/job/{later.json()['job']['id']}"))["data"]["status"] == "completed"
        verdict = page.post("/u/proxy/verify/byJob", body, headers=key)
    assert verdict.status_code == 200
    assert (verdict.json()["verified"], verdict.json()["explorerUrl"]) == (True, "https://example.com/x")
    assert ok(page.get(status)) == {"ok": True, "verified": True, "explorerUrl": "https://example.com/x"}
    assert ok(page.get(f"/u/jobs/{job_id}"))["job"]["cache"]["verified"] is True


def test_verdict_that_nobody_waited_for_is_noted(page: Page, maker: Maker, cloud: LocalCloud) -> None:
    job_id = page.create()
    address = f"0x{uuid.uuid4().hex}00000000"
    maker.deploy(maker.running(), verified=False, address=address)
    assert page.post("/u/proxy/verify/byJob", {"jobId": job_id}).status_code == 202
    maker.running().report("completed", {"verified": True, "explorer_url": "javascript:alert(1)", "reason": {"a": 1}})
    cloud.drain()
    status = ok(page.get(f"/u/proxy/verify/status?address={address}&network=avalanche-fuji"))
    assert status == {"ok": True, "verified": True, "explorerUrl": None}
    assert ok(page.get(f"/u/jobs/{job_id}"))["job"]["cache"]["verified"] is True


def test_words_of_an_agent_are_taken_only_in_their_form(page: Page, maker: Maker) -> None:
    job_id = page.create()
    work = maker.running()
    maker.log(work, ("test", "gas used: " + "9" * 5000), ("test", "9" * 5000 + " tests passed"))
    for name, content in {
        "sources.json": b"[" * 100_000,
        "abis.json": b'{"a": "\\ud800"}',
        "scripts.json": b"1",
    }.items():
        work.deliver(name, content)
    hostile = {
        "address": "x" * 3000, "tx_hash": 5, "explorer_url": "javascript:alert(1)", "verified": "false",
        "constructor_args": [["x" * 20_000]], "chain_id": 10**300, "contract": {"a": 1}, "fq_name": "y" * 100_000,
    }  # fmt: skip
    work.report("completed", hostile)
    assert ok(page.get(f"/u/proxy/job/{job_id}?includeMagical=true"))["data"]["result"] == {"fqName": "y" * 512}
    assert ok(page.get(f"/u/proxy/artifacts?jobId={job_id}"))["sources"] == {}
    assert ok(page.get(f"/u/jobs/{job_id}/export"))["artifacts"] == {"sources": {}, "abis": {}, "scripts": {}}
    assert refusal(page.post("/u/proxy/verify/byJob", {"jobId": job_id})) == (409, "conflict")
    assert page.listed()["jobs"][0]["cache"]["address"] is None


def test_answers_stay_within_what_a_function_can_give(page: Page, maker: Maker) -> None:
    job_id = page.create()
    work = maker.running()
    for _ in range(3):
        maker.log(work, *(("test", "x" * 30_000) for _ in range(20)))
    path = f"/u/proxy/job/{job_id}"
    assert len(page.get(path).content) < 3_000_000
    first = page.get(f"{path}/logs/stream")
    assert len(first.content) < 1_500_000
    heard: list[tuple[str, Any]] = []
    last = _hear(first, heard)
    while len(heard) < 60:
        last = _hear(page.get(f"{path}/logs/stream", headers={"Last-Event-ID": last}), heard)
    assert [data["index"] for name, data in heard if name == "log"] == list(range(60))


def test_outside_jobs_come_back_and_lose_no_words(page: Page) -> None:
    page.attach("outside-2")
    ok(page.ask("DELETE", "/u/jobs/outside-2"))
    assert page.attach("outside-2")["deleted_at"] is None
    told = {"progress": 5, "address": ADDRESS, "fq_name": "x", "explorer_url": "https://example.com"}
    with ThreadPoolExecutor(4) as threads:
        said = [{"jobId": "outside-2", name: value} for name, value in told.items()]
        assert all(answer.ok for answer in threads.map(lambda body: page.post("/u/jobs/cache", body), said))
    cache = page.listed()["jobs"][0]["cache"]
    assert {name: cache[name] for name in told} == told
    large = {"jobId": "outside-2", "constructor_args": ["x" * 20_000]}
    assert refusal(page.post("/u/jobs/cache", large)) == (400, "bad_request")


def test_verification_by_address(page: Page, maker: Maker) -> None:
    told = {"address": ADDRESS, "network": "ethereum-sepolia", "sourceCode": "contract A {}", "contractName": "A"}
    with changed_settings(pipeline_wait_seconds="0"):
        assert page.post("/u/proxy/verify/byAddress", told).status_code == 202
        work = maker.running()
        assert _given(work) == {"source_code": "contract A {}"}
        assert work.job["payload"]["network"]["chain_id"] == 11155111
        assert refusal(page.post("/u/proxy/verify/byAddress", {**told, "network": "mainnet"})) == (
            400,
            "unsupported_network",
        )
        assert refusal(page.post("/u/proxy/verify/byAddress", {**told, "address": "0x1"}))[0] == 400


@pytest.mark.parametrize("kind", ["audit", "compliance"])
def test_reports_are_made_by_an_agent_and_kept(page: Page, maker: Maker, kind: str) -> None:
    job_id = page.create()
    maker.deploy(maker.running())
    report = {"score": 85, "findings": [], "markdown": "# Report\n"}
    key = {"Idempotency-Key": uuid.uuid4().hex}
    body = {"jobId": job_id, "model": "gpt-4", "policy": {"standards": ["ERC20"]}}
    with changed_settings(pipeline_wait_seconds="0"):
        later = page.post(f"/u/proxy/{kind}/byJob", body, headers=key)
        assert (later.status_code, later.json()["report"]) == (202, None)
        work = maker.running()
        assert work.job["type"] == f"contract-{kind}"
        assert _given(work)["sources"] == FILES["sources.json"]
        assert _given(work)["policy"] == {"standards": ["ERC20"]}
        work.report("completed", report)
        told = ok(page.post(f"/u/proxy/{kind}/byJob", body, headers=key))
        assert told == {"ok": True, "report": {"score": 85, "findings": []}}
        assert ok(page.get(f"/u/proxy/job/{later.json()['job']['id']}"))["data"]["result"]["score"] == 85
        markdown = page.post(f"/u/proxy/{kind}/byJob", body, headers={**key, "Accept": "text/markdown"})
    assert (markdown.headers["Content-Type"], markdown.text) == ("text/markdown; charset=utf-8", "# Report\n")
    assert ok(page.get(f"/u/proxy/artifacts/{kind}?jobId={job_id}"))[kind] == {"score": 85, "findings": []}


@pytest.mark.parametrize("kind", ["audit", "compliance"])
def test_pipeline_that_failed_has_no_contract_to_look_at(page: Page, maker: Maker, kind: str) -> None:
    job_id = page.create()
    work = maker.running()
    for name, content in FILES.items():
        work.deliver(name, json.dumps(content).encode())
    work.report("failed", {"error": "Deployment failed"})
    assert refusal(page.post(f"/u/proxy/{kind}/byJob", {"jobId": job_id})) == (409, "conflict")


def _given(work: Work) -> dict[str, Any]:
    told = ok(work.agent.get(f"{work.path}/input"))["download"]
    return dict(requests.request(told["method"], told["url"], headers=told["headers"], timeout=30).json())


def test_cancel_ends_a_pipeline(page: Page) -> None:
    job_id = page.create()
    ok(page.ask("DELETE", f"/u/proxy/job/{job_id}"))
    assert ok(page.get(f"/u/proxy/job/{job_id}/status"))["status"] == "cancelled"


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"network": "mainnet"}, "unsupported_network", "network"),
        ({"prompt": "abc"}, "bad_request", "prompt"),
        ({"prompt": "x" * 20_001}, "bad_request", "prompt"),
        ({"maxIters": 0}, "bad_request", "maxIters"),
        ({"maxIters": 51}, "bad_request", "maxIters"),
        ({"filename": "../x.sol"}, "bad_request", "filename"),
        ({"filename": "x" * 257}, "bad_request", "filename"),
        ({"strictArgs": "yes"}, "bad_request", "strictArgs"),
        ({"constructorArgs": {}}, "bad_request", "constructorArgs"),
        ({"owner": "me"}, "bad_request", "owner"),
    ],
)
def test_bad_pipeline_is_refused_by_its_field(page: Page, change: dict[str, Any], code: str, field: str) -> None:
    answer = page.post("/u/proxy/ai/pipeline", {"prompt": PROMPT, "network": "avalanche-fuji", **change})
    assert refusal(answer) == (400, code)
    assert answer.json()["field"] == field
    assert page.listed()["jobs"] == []


def test_list_has_each_job_in_the_contracts_words(page: Page, maker: Maker) -> None:
    job_id = page.create()
    maker.deploy(maker.running())
    (job,) = page.listed()["jobs"]
    assert job["cache"] == {
        "state": "completed",
        "progress": 100,
        "address": ADDRESS,
        "fq_name": "contracts/MyToken.sol:MyToken",
        "constructor_args": [],
        "verified": True,
        "explorer_url": RESULT["explorer_url"],
        "completed_at": job["cache"]["completed_at"],
    }
    assert (job["job_id"], job["type"], job["prompt"], job["network"]) == (job_id, "pipeline", PROMPT, "avalanche-fuji")
    assert (job["tags"], job["last_opened_at"], job["deleted_at"]) == ([], None, None)
    assert ok(page.get(f"/u/jobs/{job_id}"))["job"]["last_opened_at"]
    assert page.listed()["jobs"][0]["last_opened_at"]


def test_list_is_paged_and_filtered(page: Page, maker: Maker) -> None:
    made = [page.create(f"Prompt number {number}") for number in range(5)]
    page.attach("outside-1", network="polygon-amoy", prompt="From elsewhere", type="import")
    first = page.listed("?limit=2")
    assert [job["job_id"] for job in first["jobs"]] == ["outside-1", made[4]]
    seen = [job["job_id"] for job in first["jobs"]]
    cursor = first["nextCursor"]
    while cursor:
        more = page.listed(f"?limit=2&cursorCreatedAt={cursor['created_at']}&cursorId={cursor['job_id']}")
        seen += [job["job_id"] for job in more["jobs"]]
        cursor = more["nextCursor"]
    assert seen == ["outside-1", *reversed(made)]
    maker.deploy(maker.running())
    queries = {
        "network=polygon-amoy": ["outside-1"],
        "type=import": ["outside-1"],
        "q=NUMBER 3": [made[3]],
        "q=mytoken.SOL": list(reversed(made)),
        "state=completed": [made[4]],
        "state=failed": [],
        "state=running&type=pipeline": made[3::-1],
    }
    for query, expected in queries.items():
        assert [job["job_id"] for job in page.listed(f"?{query}")["jobs"]] == expected, query


def test_page_ends_where_much_was_looked_at(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was put away is looked at too: a page is not to walk through all of it."""
    monkeypatch.setattr("chalicelib.pipelines.listing.LOOKED_AT", 2)
    made = [page.create(f"Prompt number {number}") for number in range(4)]
    for job_id in made[1:]:
        ok(page.ask("DELETE", f"/u/jobs/{job_id}"))
    first = page.listed()
    cursor = first["nextCursor"]
    assert (first["jobs"], cursor["job_id"]) == ([], made[2])
    more = page.listed(f"?cursorCreatedAt={cursor['created_at']}&cursorId={cursor['job_id']}")
    assert ([job["job_id"] for job in more["jobs"]], more["nextCursor"]) == ([made[0]], None)


def test_cursor_leads_nowhere_but_through_ones_own(page: Page, api: Api) -> None:
    """A cursor is a place, not a permission."""
    other = Page(api).register()
    theirs = other.create()
    place = other.listed()["jobs"][0]["created_at"]
    mine = page.create()
    for cursor in (f"cursorCreatedAt={place}&cursorId={theirs}", f"cursorCreatedAt={LATER}&cursorId=x"):
        assert {job["job_id"] for job in page.listed(f"?{cursor}")["jobs"]} <= {mine}
    future = "cursorCreatedAt=2999-01-01T00:00:00Z&cursorId=zzz"
    assert [job["job_id"] for job in page.listed(f"?{future}")["jobs"]] == [mine]
    for bad in ("cursorId=x", f"cursorCreatedAt={LATER}", "cursorCreatedAt=soon&cursorId=x", "limit=0", "limit=101"):
        assert refusal(page.get(f"/u/jobs?{bad}"))[0] == 400


def test_description_is_ones_own(page: Page) -> None:
    job_id = page.create()
    path = f"/u/jobs/{job_id}/meta"
    words = {"title": "Mine", "description": "A token", "tags": ["erc20", "defi"]}
    changed = ok(page.ask("PATCH", path, json=words))["job"]
    assert {name: changed[name] for name in words} == words
    assert ok(page.ask("PATCH", path, json={"title": None, "tags": None}))["job"]["title"] is None
    (job,) = page.listed()["jobs"]
    assert (job["title"], job["description"], job["tags"]) == (None, "A token", [])
    for bad in ({"title": "x" * 201}, {"description": "x" * 2001}, {"tags": ["x" * 41]}, {"tags": "x"}, {"state": "x"}):
        assert refusal(page.ask("PATCH", path, json=bad)) == (400, "bad_request")


def test_what_is_put_away_can_be_brought_back_by_an_administrator(page: Page, api: Api) -> None:
    job_id = page.create()
    assert ok(page.ask("DELETE", f"/u/jobs/{job_id}")) == {"ok": True}
    assert page.listed()["jobs"] == []
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/export"), ("PATCH", "/meta")):
        assert refusal(page.ask(method, f"/u/jobs/{job_id}{path}", json={} if path == "/meta" else None))[0] == 404
    restored = api.admin().post(f"/api/admin/users/{page.email}/jobs/{job_id}/restore")
    assert ok(restored)["jobId"] == job_id
    assert [job["job_id"] for job in page.listed()["jobs"]] == [job_id]
    assert api.admin().post(f"/api/admin/users/{page.email}/jobs/nothing/restore").status_code == 404


def test_jobs_of_ours_are_told_by_us_alone(page: Page, api: Api) -> None:
    job_id = page.create()
    lie = {"jobId": job_id, "state": "completed", "address": ADDRESS, "verified": True}
    assert refusal(page.post("/u/jobs/cache", lie)) == (403, "forbidden")
    assert page.attach(job_id)["cache"]["state"] == "queued", "it is in the list already"
    other = Page(api).register()
    assert refusal(other.post("/u/jobs/attach", {"jobId": job_id})) == (404, "not_found")
    assert refusal(other.post("/u/jobs/cache", lie)) == (404, "not_found")
    for path in ("", "/status", "/logs", "/logs/stream"):
        assert refusal(other.get(f"/u/proxy/job/{job_id}{path}")) == (404, "not_found")
    assert refusal(other.get(f"/u/proxy/artifacts?jobId={job_id}")) == (404, "not_found")
    assert refusal(other.get(f"/u/jobs/{job_id}/export")) == (404, "not_found")
    assert refusal(other.ask("DELETE", f"/u/proxy/job/{job_id}")) == (404, "not_found")


def test_jobs_from_outside_are_what_is_said_of_them(page: Page) -> None:
    made = page.attach("ai_pipeline_abc123", prompt="x", network="avalanche-fuji")
    assert (made["type"], made["cache"]["state"]) == ("pipeline", None)
    assert page.attach("ai_pipeline_abc123", prompt="another")["prompt"] == "x"
    told = {"state": "completed", "progress": 100, "address": ADDRESS, "constructor_args": [], "completed_at": LATER}
    ok(page.post("/u/jobs/cache", {"jobId": "ai_pipeline_abc123", **told}))
    ok(page.post("/u/jobs/cache", {"jobId": "ai_pipeline_abc123", "verified": True}))
    cache = page.listed("?state=completed")["jobs"][0]["cache"]
    assert {name: cache[name] for name in told} == told
    assert cache["verified"] is True
    assert refusal(page.post("/u/jobs/cache", {"jobId": "ai_pipeline_abc123", "progress": 101}))[0] == 400


def test_jobs_run_here_are_not_attached_as_from_outside(page: Page, api: Api) -> None:
    other = Page(api).register()
    told = {"address": ADDRESS, "network": "ethereum-sepolia", "sourceCode": "contract A {}", "contractName": "A"}
    verifying = page.post("/u/proxy/verify/byAddress", told).json()["job"]["id"]
    for whose in (page, other):
        assert refusal(whose.post("/u/jobs/attach", {"jobId": verifying})) == (404, "not_found")


def test_what_others_note_meanwhile_stays(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.pipelines import records
    from chalicelib.pipelines.tables import RecordRow

    user_id = ok(page.get("/u/auth/me"))["user"]["id"]
    page.attach("outside-3")
    records.refresh(user_id, "outside-3", {"state": "running", "verified": False})
    change = RecordRow.change

    def overtaken(*key: Any, **more: Any) -> RecordRow:
        monkeypatch.undo()
        records.note_verified(user_id, "outside-3", None)
        return change(*key, **more)

    monkeypatch.setattr(RecordRow, "change", overtaken)
    records.refresh(user_id, "outside-3", {"state": "completed"}, once={"completed_at": LATER})
    kept = records.read(user_id, "outside-3").cache
    assert kept == {"state": "completed", "verified": True, "explorer_url": None, "completed_at": LATER}


def test_bundle_has_all_there_is(page: Page, maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = page.create()
    work = maker.running()
    maker.log(work, ("init", "Starting pipeline..."))
    maker.deploy(work)
    bundle = ok(page.get(f"/u/jobs/{job_id}/export"))
    assert bundle["artifacts"] == {name: FILES[f"{name}.json"] for name in ("sources", "abis", "scripts")}
    assert (bundle["detail"]["status"], bundle["detail"]["result"]["contract"]) == ("completed", "MyToken")
    assert [line["msg"] for line in bundle["logs"]] == ["Starting pipeline..."]
    assert bundle["job"]["job_id"] == job_id
    monkeypatch.setattr("chalicelib.pipelines.bundles.LARGE_BYTES", 100)
    large = ok(page.get(f"/u/jobs/{job_id}/export"))
    stored = requests.get(large["bundleUrl"], timeout=30)
    assert stored.json() == {name: value for name, value in bundle.items() if name != "ok"}
    assert large["size"] == len(stored.content)
