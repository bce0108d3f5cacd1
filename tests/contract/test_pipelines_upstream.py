"""Pipelines run by a service outside, at the URL of the settings: passed on, owned here, and bounded. Threat 37."""

import json
import socket
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from pydantic import ValidationError

from local.cloud import LocalCloud
from tests.contract import upstream as outside
from tests.contract.harness import api_of, changed_settings
from tests.contract.test_sessions import refusal
from tests.contract.upstream import TOKEN, Answer, Upstream, events
from tests.support.api import Api, ok
from tests.support.contracts import ADDRESS, PROMPT, Page

UNREACHABLE = (502, "upstream_unreachable")
EXPLORER = "https://testnet.snowtrace.io/address/0x1"
LOG = [{"index": 0, "msg": "Starting pipeline...", "stage": "init"}, {"index": 1, "msg": "Done", "stage": "deploy"}]
DATA = {
    "id": "theirs",
    "status": "completed",
    "progress": 100,
    "logs": LOG,
    "result": {
        "address": ADDRESS, "network": "avalanche-fuji", "contract": "MyToken", "constructorArgs": [1],
        "fqName": "contracts/MyToken.sol:MyToken", "verified": True, "explorerUrl": "javascript:alert(1)",
    },
}  # fmt: skip
FILES = {"sources": {"a.sol": "contract A {}"}, "abis": {"A": []}, "scripts": {"s": "x"}}


@pytest.fixture(scope="module")
def pages(cloud: LocalCloud) -> tuple[Page, Page]:
    """A user and another one."""
    return Page(api_of(cloud.url)).register(), Page(api_of(cloud.url)).register()


@pytest.fixture
def page(pages: tuple[Page, Page], api: Api) -> Page:
    assert api
    return pages[0]


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch, api: Api) -> Iterator[Upstream]:
    """An upstream that the settings name, and that is not waited for as long as elsewhere."""
    from chalicelib.outgoing import Patience

    assert api
    calls = "chalicelib.pipelines.upstream_calls"
    monkeypatch.setattr(f"{calls}.PATIENCE", Patience(connect=0.5, read=0.5, seconds=0.7))
    monkeypatch.setattr(f"{calls}.LEAST_LISTENING_SECONDS", 0.3)
    with (
        outside.serving() as served,
        changed_settings(pipelines_url=f"{served.url}/base/", pipelines_token=TOKEN, stream_wait_seconds="0"),
    ):
        yield served


@pytest.fixture
def job_id(page: Page, upstream: Upstream) -> str:
    """A job that the upstream has made for the user."""
    return made(page, upstream)


def made(page: Page, upstream: Upstream, **more: Any) -> str:
    upstream.says["POST /ai/pipeline"] = {"ok": True, "job": {"id": f"ai_pipeline_{uuid.uuid4().hex}"}}
    return page.create(**more)


def test_everything_is_passed_on(page: Page, upstream: Upstream) -> None:
    job_id = made(page, upstream, maxIters=5, constructorArgs=["0x00"])
    job = f"/job/{job_id}"
    (asked,) = upstream.asked
    assert (asked.method, asked.path) == ("POST", "/ai/pipeline")
    assert asked.body == {
        "prompt": PROMPT, "network": "avalanche-fuji", "filename": "MyToken.sol", "maxIters": 5, "strictArgs": False,
        "constructorArgs": ["0x00"],
    }  # fmt: skip
    upstream.says |= {
        f"GET {job}": {"ok": True, "data": DATA, "magical": [{"type": "gas"}]},
        f"GET {job}/status": {"ok": True, "status": "running", "progress": 33.3},
        f"GET {job}/logs": {"ok": True, "logs": LOG},
        "GET /artifacts": {"ok": True, **FILES, "audit": {"score": 1}},
        "GET /artifacts/abis": {"ok": True, "abis": FILES["abis"]},
        "GET /artifacts/audit": {"ok": True},
        "GET /verify/status": {"ok": True, "verified": True, "explorerUrl": EXPLORER},
        f"DELETE {job}": Answer(status=204),
    }
    proxy = f"/u/proxy{job}"
    assert ok(page.get(f"{proxy}/status")) == {"ok": True, "status": "running", "progress": 33}
    told = ok(page.get(f"{proxy}?includeMagical=true"))
    assert told == {"ok": True, "data": {**DATA, "id": job_id}, "magical": [{"type": "gas"}]}
    assert upstream.asked[-1].query == {"includeMagical": "true"}
    assert "magical" not in ok(page.get(proxy))
    assert ok(page.get(f"{proxy}/logs?afterIndex=3")) == {"ok": True, "logs": LOG, "more": False}
    assert upstream.asked[-1].query == {"afterIndex": "3"}
    assert ok(page.get(f"{proxy}/logs?limit=1")) == {"ok": True, "logs": LOG[:1], "more": True}
    everything = {"ok": True, **FILES, "audit": {"score": 1}, "compliance": None}
    assert ok(page.get(f"/u/proxy/artifacts?jobId={job_id}")) == everything
    assert upstream.asked[-1].query == {"jobId": job_id}
    assert ok(page.get(f"/u/proxy/artifacts/abis?jobId={job_id}")) == {"ok": True, "abis": FILES["abis"]}
    assert ok(page.get(f"/u/proxy/artifacts/audit?jobId={job_id}")) == {"ok": True, "audit": None}
    status = ok(page.get(f"/u/proxy/verify/status?address={ADDRESS}&network=some-net"))
    assert status == {"ok": True, "verified": True, "explorerUrl": EXPLORER}
    assert upstream.asked[-1].query == {"address": ADDRESS, "network": "some-net"}
    assert ok(page.ask("DELETE", proxy)) == {"ok": True}
    for each in upstream.asked:
        names = {name.lower() for name in each.headers}
        assert names <= {"host", "accept", "accept-encoding", "user-agent", "authorization", "content-type",
                         "content-length", "idempotency-key"}  # fmt: skip
        assert each.headers["Authorization"] == f"Bearer {TOKEN}"
        assert each.headers["Host"] == upstream.url.removeprefix("http://")


def test_list_is_kept_up_to_date(page: Page, upstream: Upstream, job_id: str) -> None:
    path = f"/job/{job_id}"
    upstream.says[f"GET {path}/status"] = {"ok": True, "status": "running", "progress": 40}
    ok(page.get(f"/u/proxy{path}/status"))
    job = page.listed("?limit=1")["jobs"][0]
    assert (job["job_id"], job["type"], job["prompt"], job["network"]) == (job_id, "pipeline", PROMPT, "avalanche-fuji")
    assert (job["cache"]["state"], job["cache"]["progress"], job["cache"]["completed_at"]) == ("running", 40, None)
    upstream.says[f"GET {path}"] = {"ok": True, "data": DATA}
    ok(page.get(f"/u/proxy{path}"))
    first = page.listed("?limit=1")["jobs"][0]
    ok(page.get(f"/u/proxy{path}"))
    assert page.listed("?limit=1")["jobs"][0] == first, "nothing new is nothing written"
    assert first["cache"] == {
        "state": "completed", "progress": 100, "address": ADDRESS, "fq_name": "contracts/MyToken.sol:MyToken",
        "constructor_args": [1], "verified": True, "explorer_url": None, "completed_at": first["cache"]["completed_at"],
    }  # fmt: skip
    assert first["cache"]["completed_at"]


def test_contracts_are_examined_outside(page: Page, upstream: Upstream, job_id: str) -> None:
    upstream.says |= {
        "POST /verify/byJob": {"ok": True, "verified": True, "explorerUrl": EXPLORER},
        "POST /verify/byAddress": {"ok": True, "verified": False, "explorerUrl": None, "reason": "other bytecode"},
        "POST /audit/byJob": {"ok": True, "report": {"score": 85, "findings": []}},
        "POST /compliance/byJob": Answer(b"# Report", headers={"Content-Type": "text/markdown; charset=utf-8"}),
    }
    told = ok(page.post("/u/proxy/verify/byJob", {"jobId": job_id}))
    assert (told["verified"], told["explorerUrl"]) == (True, EXPLORER)
    assert upstream.asked[-1].body == {"jobId": job_id}
    assert ok(page.get(f"/u/jobs/{job_id}"))["job"]["cache"]["verified"] is True
    source = {"address": ADDRESS, "network": "x", "sourceCode": "contract A {}", "contractName": "A"}
    assert ok(page.post("/u/proxy/verify/byAddress", source))["reason"] == "other bytecode"
    assert upstream.asked[-1].body == {**source, "constructorArgs": []}
    body = {"jobId": job_id, "model": "gpt-4", "policy": {"standards": ["ERC20"]}}
    assert ok(page.post("/u/proxy/audit/byJob", body)) == {"ok": True, "report": {"score": 85, "findings": []}}
    assert upstream.asked[-1].body == body
    markdown = page.post("/u/proxy/compliance/byJob", body, headers={"Accept": "text/markdown"})
    assert (markdown.headers["Content-Type"], markdown.text) == ("text/markdown; charset=utf-8", "# Report")
    assert upstream.asked[-1].headers["Accept"] == "text/markdown"


@pytest.mark.parametrize("route", ["verify/byJob", "audit/byJob"])
def test_what_takes_longer_is_a_job_to_follow(page: Page, upstream: Upstream, job_id: str, route: str) -> None:
    later = f"later_{uuid.uuid4().hex}"
    upstream.says |= {
        f"POST /{route}": Answer(json.dumps({"ok": True, "job": {"id": later}}).encode(), 202),
        f"GET /job/{later}/status": {"ok": True, "status": "queued"},
    }
    told = page.post(f"/u/proxy/{route}", {"jobId": job_id})
    assert (told.status_code, told.json()["job"]) == (202, {"id": later})
    assert ok(page.get(f"/u/proxy/job/{later}/status")) == {"ok": True, "status": "queued", "progress": 0}


def test_bundle_has_what_the_upstream_knows(page: Page, upstream: Upstream, job_id: str) -> None:
    upstream.says |= {f"GET /job/{job_id}": {"ok": True, "data": DATA}, "GET /artifacts": {"ok": True, **FILES}}
    bundle = ok(page.get(f"/u/jobs/{job_id}/export"))
    assert (bundle["artifacts"], bundle["logs"], bundle["detail"]["status"]) == (FILES, LOG, "completed")
    assert bundle["job"]["cache"]["state"] == "completed"
    page.attach("from-elsewhere")
    assert ok(page.get("/u/jobs/from-elsewhere/export"))["detail"] is None


def test_same_key_makes_one_job(page: Page, upstream: Upstream) -> None:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    order = {"prompt": PROMPT, "network": "avalanche-fuji"}
    made(page, upstream)
    told = [ok(page.post("/u/proxy/ai/pipeline", order, headers=key)) for _ in range(2)]
    assert told[0] == told[1]
    sent = [each.headers["Idempotency-Key"] for each in upstream.asked]
    assert len(set(sent)) == len(sent) == 2
    assert key["Idempotency-Key"] not in sent, "two users may choose the same one"


def _reaching(job_id: str) -> list[tuple[str, str, Any]]:
    """Every proxy route that names a job."""
    artifacts = ("", "/sources", "/abis", "/scripts", "/audit", "/compliance")
    return [
        *(("GET", f"/u/proxy/job/{job_id}{path}", None) for path in ("", "/status", "/logs", "/logs/stream")),
        ("DELETE", f"/u/proxy/job/{job_id}", None),
        *(("GET", f"/u/proxy/artifacts{path}?jobId={job_id}", None) for path in artifacts),
        *(("POST", f"/u/proxy/{path}/byJob", {"jobId": job_id}) for path in ("verify", "audit", "compliance")),
    ]


def _none_reaches(page: Page, upstream: Upstream, job_id: str) -> None:
    upstream.asked.clear()
    for method, path, body in _reaching(job_id):
        answer = page.ask(method, path, json=body)
        # Of a job from outside that is in the list there is no report; of any other there is nothing to be had.
        nothing = answer.json() in ({"ok": True, "audit": None}, {"ok": True, "compliance": None})
        assert nothing or refusal(answer) == (404, "not_found"), path
    assert upstream.asked == []


def test_job_is_reached_by_whom_it_was_made_for_alone(pages: tuple[Page, Page], upstream: Upstream) -> None:
    """Threat 8: all the upstream's jobs are open to us, so that no id which a user has only named may lead there."""
    page, other = pages
    job_id = made(page, upstream)
    _none_reaches(other, upstream, job_id)
    other.attach(job_id)
    _none_reaches(other, upstream, job_id)
    ok(page.ask("DELETE", f"/u/jobs/{job_id}"))
    _none_reaches(page, upstream, job_id)


def test_id_that_was_attached_before_is_reached_once_it_is_made(page: Page, upstream: Upstream) -> None:
    job_id = f"ai_pipeline_{uuid.uuid4().hex}"
    page.attach(job_id)
    upstream.says |= {
        "POST /ai/pipeline": {"ok": True, "job": {"id": job_id}},
        f"GET /job/{job_id}/status": {"ok": True, "status": "queued", "progress": 0},
    }
    assert page.create() == job_id
    assert ok(page.get(f"/u/proxy/job/{job_id}/status"))["status"] == "queued"


def test_job_is_asked_of_the_upstream_that_made_it(page: Page, upstream: Upstream, job_id: str) -> None:
    with outside.serving() as another, changed_settings(pipelines_url=another.url):
        _none_reaches(page, another, job_id)
    with changed_settings(pipelines_url=""):
        _none_reaches(page, upstream, job_id)


def test_jobs_of_our_own_stay_our_own(page: Page, upstream: Upstream) -> None:
    with changed_settings(pipelines_url=""):
        job_id = page.create()
    assert ok(page.get(f"/u/proxy/job/{job_id}/status"))["status"] == "queued"
    assert upstream.asked == []
    upstream.says["POST /ai/pipeline"] = {"ok": True, "job": {"id": job_id}}
    assert refusal(page.post("/u/proxy/ai/pipeline", {"prompt": PROMPT, "network": "x"})) == UNREACHABLE


@pytest.mark.parametrize("wild", ["..%2f..%2fadmin", "..", "%2e%2e%2fstatus", "a%3fb", "%40evil.example", "a%0d%0ab"])
def test_no_path_leads_anywhere_else(page: Page, upstream: Upstream, wild: str) -> None:
    raw = requests.Request("GET", page.api.url, cookies=page.session.cookies).prepare()
    raw.url = f"{page.api.url}/u/proxy/job/{wild}/status"
    assert page.session.send(raw, timeout=30).status_code == 404
    assert upstream.asked == []


def _mute(handler: Any) -> None:
    handler.connection.recv(1)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
GOOD = {"ok": True, "status": "running", "progress": 1, "job": {"id": "x"}}
UNUSABLE = {
    "mute": _mute,
    "hangs up": lambda handler: handler.connection.shutdown(socket.SHUT_RDWR),
    "no http": lambda handler: handler.wfile.write(b"SSH-2.0\r\n\r\n"),
    "breaks off": lambda handler: handler.wfile.write(HEAD + b"{"),
    "server error": Answer(b'{"ok": false, "error": "internal_error", "message": "x"}', 500),
    "bad gateway": Answer(b"<html>", 502),
    "our token is refused": Answer(b'{"ok": false, "error": "unauthorized", "message": "x"}', 401),
    "no such method": Answer(b"", 405),
    "huge": Answer(json.dumps({**GOOD, "x": "a" * 4 * 1024 * 1024}).encode()),
    "empty": Answer(),
    "no JSON": Answer(b"<html>"),
    "no object": Answer(b"[]"),
    "not a number": Answer(b'{"ok": true, "status": "running", "progress": NaN}'),
    "too deep": Answer(b"[" * 100_000),
    "compressed": Answer(b"\x1f\x8b\x08", headers={"Content-Encoding": "gzip"}),
    "not ok": {**GOOD, "ok": False},
    "nothing": {"ok": True},
    "unknown word": {**GOOD, "status": "sleeping", "job": {"id": "../x"}},
    "beyond": {**GOOD, "progress": 101, "job": {"id": 1}},
}


@pytest.mark.parametrize("said", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_what_is_no_answer_is_a_502(page: Page, upstream: Upstream, job_id: str, said: Any) -> None:
    upstream.says = {"*": said}
    assert refusal(page.get(f"/u/proxy/job/{job_id}/status")) == UNREACHABLE
    order = {"prompt": PROMPT, "network": "avalanche-fuji"}
    before = len(page.listed()["jobs"])
    assert refusal(page.post("/u/proxy/ai/pipeline", order)) == UNREACHABLE
    assert len(page.listed()["jobs"]) == before
    assert refusal(page.get(f"/u/proxy/job/{job_id}/logs/stream")) == UNREACHABLE


@pytest.mark.parametrize("head", [HEAD, b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 "], ids=["body", "header", "status"])
def test_slow_answer_ends_in_time(page: Page, upstream: Upstream, job_id: str, head: bytes) -> None:
    """However it is slow: no byte of it makes us wait for longer than for all of it."""

    def drip(handler: Any) -> None:
        handler.wfile.write(head)
        while not upstream.over.wait(0.05):
            handler.wfile.write(b"a")

    upstream.says = {"*": drip}
    answer = page.get(f"/u/proxy/job/{job_id}/status")
    assert refusal(answer) == UNREACHABLE
    assert answer.elapsed.total_seconds() < 3


def test_dead_port_is_a_502_on_every_route(page: Page, upstream: Upstream) -> None:
    assert upstream.url
    with outside.serving() as gone, changed_settings(pipelines_url=gone.url):
        job_id = made(page, gone)
    source = {"address": ADDRESS, "network": "x", "sourceCode": "contract A {}", "contractName": "A"}
    of_none = [
        ("POST", "/u/proxy/ai/pipeline", {"prompt": PROMPT, "network": "x"}),
        ("POST", "/u/proxy/verify/byAddress", source),
        ("GET", f"/u/proxy/verify/status?address={ADDRESS}&network=x", None),
    ]
    with changed_settings(pipelines_url=gone.url):
        for method, path, body in [*_reaching(job_id), *of_none, ("GET", f"/u/jobs/{job_id}/export", None)]:
            assert refusal(page.ask(method, path, json=body)) == UNREACHABLE, path


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(page: Page, upstream: Upstream, job_id: str, status: int) -> None:
    """Threat 37: an upstream that was taken over does not make us ask our own network for it."""
    with outside.serving() as inside:
        for target in (f"{inside.url}/latest/meta-data", "http://169.254.169.254/latest/meta-data/"):
            upstream.says = {"*": Answer(status=status, headers={"Location": target})}
            assert refusal(page.get(f"/u/proxy/job/{job_id}")) == UNREACHABLE
            assert refusal(page.get(f"/u/proxy/job/{job_id}/logs/stream")) == UNREACHABLE
            assert refusal(page.post("/u/proxy/ai/pipeline", {"prompt": PROMPT, "network": "x"})) == UNREACHABLE
        assert inside.asked == []


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "bad_request", (400, "bad_request")),
        (400, "unsupported_network", (400, "unsupported_network")),
        (403, "forbidden", (403, "forbidden")),
        (404, "not_found", (404, "not_found")),
        (409, "busy", (409, "conflict")),
        (410, "gone", (404, "not_found")),
        (413, "x", (413, "payload_too_large")),
        (422, "x", (400, "bad_request")),
        (429, "rate_limited", (429, "rate_limited")),
    ],
)
def test_refusals_are_in_the_contracts_codes(
    page: Page, upstream: Upstream, job_id: str, status: int, code: str, expected: tuple[int, str]
) -> None:
    told = {"ok": False, "error": code, "message": f"{TOKEN}\n is\a wrong", "field": "prompt"}
    upstream.says = {"*": Answer(json.dumps(told).encode(), status, {"Retry-After": "7"})}
    for path in ("", "/logs/stream"):
        answer = page.get(f"/u/proxy/job/{job_id}{path}")
        assert refusal(answer) == expected
        assert status == 429 or answer.json()["message"] == "[redacted] is? wrong"
    upstream.says = {"*": Answer(b"<html>", status)}
    if code != "unsupported_network":
        assert refusal(page.get(f"/u/proxy/job/{job_id}")) == expected


def test_waiting_time_of_the_upstream_is_told(page: Page, upstream: Upstream, job_id: str) -> None:
    for given, told in (("7", "7"), ("99999", "900"), ("soon", "60"), ("-1", "60"), ("0", "1")):
        upstream.says = {"*": Answer(b"", 429, {"Retry-After": given})}
        assert page.get(f"/u/proxy/job/{job_id}/status").headers["Retry-After"] == told


def _stream(page: Page, job_id: str, last: str | None = None, query: str = "") -> str:
    headers = {"Last-Event-ID": last} if last else {}
    answer = page.get(f"/u/proxy/job/{job_id}/logs/stream{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.text.startswith("retry: 1000\n\n")
    return answer.text.removeprefix("retry: 1000\n\n")


def test_stream_keeps_the_upstreams_ids(page: Page, upstream: Upstream, job_id: str) -> None:
    told = ': hello\r\nretry: 5\r\nid: 7-a\r\nevent: log\r\ndata: {"index": 0}\r\n\r\nevent: log\rdata:{\rdata: }\r\r'
    upstream.says[f"GET /job/{job_id}/logs/stream"] = events("\ufeff" + told, stays=True)
    text = _stream(page, job_id)
    assert text == 'event: log\nid: 7-a\ndata: {"index": 0}\n\nevent: log\ndata: {\ndata: }\n\n'
    assert "Last-Event-ID" not in upstream.asked[-1].headers
    _stream(page, job_id, "7-a")
    assert upstream.asked[-1].headers["Last-Event-ID"] == "7-a"
    assert upstream.asked[-1].headers["Accept"] == "text/event-stream"
    upstream.says[f"GET /job/{job_id}/logs/stream"] = Answer(status=204)
    assert page.get(f"/u/proxy/job/{job_id}/logs/stream", headers={"Last-Event-ID": "7-a"}).status_code == 204


def test_stream_without_ids_goes_on_where_it_ended(page: Page, upstream: Upstream, job_id: str) -> None:
    """As the contract's own examples have it: nothing is lost, nothing is told twice, and the end is the end."""
    line = 'event: log\ndata: {{"index": {}}}\n\n'
    progress = 'event: progress\ndata: {"progress": 50}\n\n'
    path = f"GET /job/{job_id}/logs/stream"
    upstream.says[path] = events(line.format(0) + progress + line.format(1))
    text = _stream(page, job_id)
    assert [part for part in text.split("\n") if part.startswith("id")] == ["id: after-0", "id: after-0", "id: after-1"]
    upstream.says[path] = events("".join(map(line.format, range(4))))
    text = _stream(page, job_id, "after-1")
    assert text == 'event: log\nid: after-2\ndata: {"index": 2}\n\nevent: log\nid: after-3\ndata: {"index": 3}\n\n'
    assert upstream.asked[-1].query == {"afterIndex": "1"}
    assert "Last-Event-ID" not in upstream.asked[-1].headers
    assert _stream(page, job_id, query="?afterIndex=2") == text.partition("\n\n")[2]
    upstream.says[path] = events(line.format(3) + 'event: end\ndata: {"status": "completed"}\n\n')
    assert _stream(page, job_id, "after-3") == 'event: end\nid: end\ndata: {"status": "completed"}\n\n'
    asked = len(upstream.asked)
    done = page.get(f"/u/proxy/job/{job_id}/logs/stream", headers={"Last-Event-ID": "end"})
    assert (done.status_code, done.text, len(upstream.asked)) == (204, "", asked)


@pytest.mark.parametrize("stays", [True, False])
def test_stream_is_cut_after_a_whole_event(page: Page, upstream: Upstream, job_id: str, *, stays: bool) -> None:
    whole = 'event: log\nid: 1\ndata: {"index": 0}\n\n'
    for rest in ("event: log\nid: 2\ndata: {", "id: 2\ndata: x\n", "\n\n: ping\n\n"):
        upstream.says = {"*": events(whole + rest, stays=stays)}
        assert _stream(page, job_id) == whole
    broken = Answer(whole.encode() + b"id: 2", headers={"Content-Type": "text/event-stream", "Content-Length": "999"})
    upstream.says = {"*": broken}
    assert _stream(page, job_id) == whole


def test_stream_without_news_is_a_ping(page: Page, upstream: Upstream, job_id: str) -> None:
    upstream.says = {"*": events(": nothing yet\n\n", stays=True)}
    assert _stream(page, job_id).startswith('event: ping\ndata: {"ts": ')
    assert _stream(page, job_id, "9").startswith('event: ping\nid: 9\ndata: {"ts": ')


def test_stream_is_cut_by_its_size(page: Page, upstream: Upstream, job_id: str) -> None:
    event = f"id: 1\ndata: {'x' * 1000}\n\n"
    upstream.says = {"*": events(event * 3000, stays=True)}
    text = _stream(page, job_id)
    assert text == event * (1024 * 1024 // len(event))
    upstream.says = {"*": events(f"data: {'x' * 2**20}\n\n", stays=True)}
    assert refusal(page.get(f"/u/proxy/job/{job_id}/logs/stream")) == UNREACHABLE


def test_bad_event_ids_are_nobodys(page: Page, upstream: Upstream, job_id: str) -> None:
    upstream.says = {"*": events("id: caf\u00e9\ndata: 1\n\nid: a\0b\ndata: 2\n\n" + f"id: {'x' * 300}\ndata: 3\n\n")}
    assert _stream(page, job_id) == "data: 1\n\ndata: 2\n\ndata: 3\n\n"
    upstream.asked.clear()
    for bad in ("x" * 300, "caf\u00e9".encode().decode("latin-1")):
        answer = page.get(f"/u/proxy/job/{job_id}/logs/stream", headers={"Last-Event-ID": bad})
        assert refusal(answer) == (400, "bad_request")
    assert upstream.asked == []


KEYS = {"session_secret": "s" * 32, "admin_api_key": "a" * 32}


@pytest.mark.parametrize("url", [
    "http://pipelines.example.com", "http://169.254.169.254", "ftp://127.0.0.1", "https://", "https://a:b@example.com",
    "https://example.com/?x=1", "https://example.com/#x", "pipelines.example.com",
])  # fmt: skip
def test_url_that_cannot_be_trusted_is_refused_at_the_start(url: str) -> None:
    from chalicelib.settings import Settings

    with pytest.raises(ValidationError, match="CLAIMCHECK_PIPELINES_URL must be an https URL"):
        Settings.model_validate({**KEYS, "pipelines_url": url})


def test_token_that_no_header_can_carry_is_refused_without_telling_it() -> None:
    from chalicelib.settings import Settings

    for token in ("canary-1\n", "canary-1\r\nX: y", "canary\u00e9", "canary 1"):
        with pytest.raises(ValidationError, match="CLAIMCHECK_PIPELINES_TOKEN") as caught:
            Settings.model_validate({**KEYS, "pipelines_token": token})
        assert "canary" not in str(caught.value)
