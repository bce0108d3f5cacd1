"""The pages that the pipelines contract has in mind, at an origin of their own: cookies, the CSRF token, streams."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.cloud import LocalCloud
from tests.browser.conftest import PATIENCE_MS, Site, Visit, serving_site
from tests.contract.harness import changed_settings
from tests.support.api import Api, ok
from tests.support.builds import Work
from tests.support.contracts import ADDRESS, FILES, PROMPT, Maker, Page

# What a page of such a front end does. Its API is at another origin, and so it says each time that cookies are sent.
FRONT_END = """
const api = "SERVER";
const json = {"Content-Type": "application/json"};

function call(method, path, {headers = {}, body} = {}) {
  const sent = body === undefined ? undefined : JSON.stringify(body);
  return fetch(api + path, {method, headers, body: sent, credentials: "include"});
}

const read = async (path) => (await call("GET", path)).json();

function csrf() {
  return Object.fromEntries(document.cookie.split("; ").map((each) => each.split("=")))["evium_csrf"];
}

async function change(method, path, body) {
  const told = body === undefined ? {} : json;
  const answer = await call(method, path, {headers: {...told, "x-csrf-token": csrf()}, body});
  return {status: answer.status, ...(await answer.json())};
}

const logIn = async (account) => (await call("POST", "/u/auth/login", {headers: json, body: account})).status;

function follow(id) {
  window.heard = [];
  window.closings = 0;
  const source = window.source = new EventSource(`${api}/u/proxy/job/${id}/logs/stream`, {withCredentials: true});
  for (const name of ["log", "progress", "end"])
    source.addEventListener(name, (event) => heard.push([name, JSON.parse(event.data)]));
  source.onerror = () => { closings += 1; };
}

async function save(id) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await (await call("GET", `/u/jobs/${id}/export`)).blob());
  link.download = `job-${id}.json`;
  link.click();
}
"""
# Each attempt of a page to do something, which ends with what it has come to.
ATTEMPT = """async ([method, path, headers, mode]) => {
  try {
    const answer = await fetch(api + path, {method, headers, mode, credentials: "include"});
    return mode === "no-cors" ? answer.type : answer.status;
  } catch (error) { return error.name; }
}"""
CLOSED = 2
WAIT_SECONDS = 10
LINES_AT_ONCE = 20


@pytest.fixture
def owner(api: Api) -> Page:
    """Somebody who has registered; the same person as in the browser."""
    return Page(api).register()


@pytest.fixture
def maker(api: Api) -> Maker:
    return Maker(api.agent())


@pytest.fixture
def front(owner: Page, site: Site, visit: Visit) -> Visit:
    """The front end in the browser, logged in."""
    return entered(visit, site, owner)


@pytest.fixture(scope="module")
def stranger() -> Iterator[Site]:
    """A site at the same host, which gets the same cookies, and that the API is told nothing of."""
    with serving_site() as serving:
        yield serving


def entered(visit: Visit, site: Site, owner: Page) -> Visit:
    visit.page.goto(site.page(FRONT_END.replace("SERVER", owner.api.url)))
    account = {"email": owner.email, "password": owner.password}
    assert visit.page.evaluate("logIn", account) == 200
    return visit


def read(front: Visit, path: str) -> Any:
    return front.page.evaluate("read", path)


def change(front: Visit, method: str, path: str, body: Any = None) -> Any:
    given = "undefined" if body is None else json.dumps(body)
    return front.page.evaluate(f"([method, path]) => change(method, path, {given})", [method, path])


def deployed(owner: Page, maker: Maker) -> str:
    job_id = owner.create()
    maker.deploy(maker.running(), verified=False)
    return job_id


def test_page_creates_a_pipeline_and_lists_it(front: Visit) -> None:
    order = {"prompt": PROMPT, "network": "avalanche-fuji", "maxIters": 10, "filename": "MyToken.sol"}
    created = change(front, "POST", "/u/proxy/ai/pipeline", order)
    assert (created["status"], created["ok"]) == (200, True)
    listed = read(front, "/u/jobs?limit=20")
    assert (listed["ok"], listed["nextCursor"]) == (True, None)
    assert [(job["job_id"], job["prompt"]) for job in listed["jobs"]] == [(created["job"]["id"], PROMPT)]
    assert front.complaints == []


def test_page_shows_a_pipeline_in_detail(front: Visit, owner: Page, maker: Maker) -> None:
    job_id = owner.create()
    work = maker.running()
    maker.log(work, ("init", "Starting pipeline..."), ("deploy", "Deploying"))
    maker.deploy(work)
    known = read(front, f"/u/jobs/{job_id}")["job"]
    assert (known["cache"]["state"], known["cache"]["address"]) == ("completed", ADDRESS)
    told = read(front, f"/u/proxy/job/{job_id}?includeMagical=true")
    assert [line["msg"] for line in told["data"]["logs"]] == ["Starting pipeline...", "Deploying"]
    assert {"type": "deployment", "address": ADDRESS, "network": "avalanche-fuji"} in told["magical"]
    assert front.complaints == []


def test_page_follows_a_pipeline_and_nothing_is_lost_or_told_twice(front: Visit, owner: Page, maker: Maker) -> None:
    job_id = owner.create()
    stream = f"{owner.api.url}/u/proxy/job/{job_id}/logs/stream"
    answers: list[int] = []
    front.page.on("response", lambda answer: answers.append(answer.status) if answer.url == stream else None)
    work = maker.running()
    front.page.evaluate("follow", job_id)
    written = 0
    until = time.monotonic() + WAIT_SECONDS
    while len(answers) < 4:
        assert time.monotonic() < until, "the page does not connect again"
        lines = [("generate", f"line {written + number}") for number in range(LINES_AT_ONCE)]
        maker.log(work, *lines)
        written += LINES_AT_ONCE
        work.report(payload={"percent": 40 + written % 50, "stage": "generate"})
        front.page.evaluate("closings")  # What the page does is heard of only while it is asked something.
    front.page.wait_for_function("heard.some(([name]) => name === 'progress')", timeout=PATIENCE_MS)
    maker.log(work, ("deploy", f"line {written}"))
    maker.deploy(work)
    front.page.wait_for_function(f"source.readyState === {CLOSED}", timeout=PATIENCE_MS)
    heard = front.page.evaluate("heard")
    logs = [(told["index"], told["msg"]) for name, told in heard if name == "log"]
    assert logs == [(number, f"line {number}") for number in range(written + 1)]
    assert {told["stage"] for name, told in heard if name == "progress"} == {"generate"}
    assert [name for name, _ in heard].index("end") == len(heard) - 1
    assert (heard[-1][1]["status"], heard[-1][1]["result"]["address"]) == ("completed", ADDRESS)
    assert (set(answers[:-1]), answers[-1]) == ({200}, 204)
    assert front.page.evaluate("closings") == len(answers)
    assert front.complaints == []


def test_page_describes_a_pipeline_and_puts_it_away(front: Visit, owner: Page) -> None:
    job_id = owner.create()
    described = change(front, "PATCH", f"/u/jobs/{job_id}/meta", {"title": "New Title", "tags": ["defi"]})
    assert (described["status"], described["job"]["title"], described["job"]["tags"]) == (200, "New Title", ["defi"])
    assert change(front, "DELETE", f"/u/jobs/{job_id}") == {"status": 200, "ok": True}
    assert read(front, "/u/jobs")["jobs"] == []
    assert front.complaints == []


def test_page_saves_a_pipeline_to_a_file(front: Visit, owner: Page, maker: Maker, tmp_path: Path) -> None:
    job_id = deployed(owner, maker)
    with front.page.expect_download(timeout=PATIENCE_MS) as download:
        front.page.evaluate("save", job_id)
    assert download.value.suggested_filename == f"job-{job_id}.json"
    download.value.save_as(tmp_path / "bundle.json")
    bundle = json.loads((tmp_path / "bundle.json").read_bytes())
    assert bundle["artifacts"]["sources"] == FILES["sources.json"]
    assert bundle["detail"]["result"]["address"] == ADDRESS
    assert front.complaints == []


def test_page_has_a_contract_verified(front: Visit, owner: Page, maker: Maker) -> None:
    job_id = deployed(owner, maker)
    order = json.dumps({"jobId": job_id, "network": "avalanche-fuji"})
    asked = f"() => {{ window.verdict = change('POST', '/u/proxy/verify/byJob', {order}); }}"
    with changed_settings(pipeline_wait_seconds=str(WAIT_SECONDS)):
        front.page.evaluate(asked)
        work = awaited(maker)
        assert (work.job["type"], work.job["payload"]["address"]) == ("contract-verify", ADDRESS)
        work.report("completed", {"verified": True, "explorer_url": "https://example.com/x", "reason": None})
        verdict = front.page.evaluate("verdict")
    assert (verdict["status"], verdict["verified"], verdict["explorerUrl"]) == (200, True, "https://example.com/x")
    assert read(front, f"/u/jobs/{job_id}")["job"]["cache"]["verified"] is True
    assert front.complaints == []


def awaited(maker: Maker) -> Work:
    """The job that a page is asking for at this moment."""
    until = time.monotonic() + WAIT_SECONDS
    while (claim := ok(maker.agent.post("/api/jobs/claim", {"queues": ["pipelines"]})))["job"] is None:
        assert time.monotonic() < until, "no job has come"
        time.sleep(0.05)
    work = Work(maker.agent, claim["job"])
    work.report()
    return work


def test_page_without_its_token_changes_nothing(front: Visit, owner: Page) -> None:
    job_id = owner.create()
    for headers in ({}, {"x-csrf-token": "guessed"}):
        assert front.page.evaluate(ATTEMPT, ["DELETE", f"/u/jobs/{job_id}", headers, "cors"]) == 403
    assert [job["job_id"] for job in read(front, "/u/jobs")["jobs"]] == [job_id]


def test_page_that_logs_out_has_no_session(front: Visit) -> None:
    assert change(front, "POST", "/u/auth/logout") == {"status": 200, "ok": True}
    assert front.page.context.cookies() == []
    assert front.page.evaluate(ATTEMPT, ["GET", "/u/jobs", {}, "cors"]) == 401


def test_page_of_a_foreign_origin_reads_and_changes_nothing(
    front: Visit, stranger: Site, owner: Page, maker: Maker, cloud: LocalCloud
) -> None:
    """The browser sends it the cookies of the session, which are those of the host, and it can read the token."""
    job_id = deployed(owner, maker)
    foreign = Visit(front.page.context.new_page())
    foreign.page.goto(stranger.page(FRONT_END.replace("SERVER", cloud.url)))
    token = foreign.page.evaluate("csrf()")
    assert token
    job = f"/u/jobs/{job_id}"
    attempts = {
        "read": ["GET", "/u/jobs", {}, "cors"],
        "read the session": ["GET", "/u/auth/me", {}, "cors"],
        "export": ["GET", f"{job}/export", {}, "cors"],
        "describe": ["PATCH", f"{job}/meta", {"Content-Type": "application/json", "x-csrf-token": token}, "cors"],
        "put away": ["DELETE", job, {"x-csrf-token": token}, "cors"],
        "create": ["POST", "/u/proxy/ai/pipeline", {"x-csrf-token": token}, "cors"],
    }
    outcomes = {name: foreign.page.evaluate(ATTEMPT, attempt) for name, attempt in attempts.items()}
    assert outcomes == dict.fromkeys(attempts, "TypeError")
    # What needs no permission is sent, and refused: it cannot show the token.
    assert foreign.page.evaluate(ATTEMPT, ["POST", "/u/auth/logout", {}, "no-cors"]) == "opaque"
    foreign.page.evaluate("follow", job_id)
    foreign.page.wait_for_function(f"source.readyState === {CLOSED}", timeout=PATIENCE_MS)
    assert foreign.page.evaluate("heard") == []
    assert any("CORS" in complaint for complaint in foreign.complaints)
    known = read(front, "/u/jobs")["jobs"]
    assert [(job["job_id"], job["title"]) for job in known] == [(job_id, None)]
