"""What people, agents and the clock do, each thing once: enough to call AWS in every way that the code ever does."""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests

from tests.support.api import Api, Bench, ok


def jobs(bench: Bench) -> None:
    late = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    ok(bench.user.get("/api/v1/users/me"))
    job_id = bench.create(payload={"noise": _noise()}, deadline=late)["jobId"]
    again = {"X-Claim-Request-Id": secrets.token_hex(8)}
    bench.claim(headers=again)
    assert bench.claim(headers=again)["job"]["jobId"] == job_id
    ok(bench.agent.post(f"/api/jobs/{job_id}/renew"))
    ok(bench.agent.post(f"/api/jobs/{job_id}/logs", {"level": "info", "message": "one"}))
    bench.report(job_id, "running", {"step": 1})
    bench.report(job_id, "completed", {"noise": _noise()})
    bench.job(job_id)
    for path in ("logs", "attempts", "artifacts"):
        ok(bench.user.get(f"/api/jobs/{job_id}/{path}"))
    ok(bench.user.get(f"/api/projects/{bench.project_id}/jobs"))
    _other_ends(bench)


def _other_ends(bench: Bench) -> None:
    body = {"projectId": bench.project_id, "jobType": "build", "queue": bench.queue}
    job_id = ok(bench.user.post("/api/jobs/create", body, headers={"Idempotency-Key": secrets.token_hex(8)}))["jobId"]
    bench.claim()
    ok(bench.agent.post(f"/api/jobs/{job_id}/release"))
    bench.claim()
    bench.report(job_id, "running")
    bench.report(job_id, "failed", {"error": "no"})
    ok(bench.user.post(f"/api/jobs/{job_id}/retry"))
    ok(bench.user.delete(f"/api/jobs/{job_id}"))


def project_secrets(bench: Bench) -> None:
    bench.secret("s3cret")
    bench.secret("s3cret again")
    admin, path = bench.api.admin(), f"/api/admin/secrets/{bench.project_id}/github"
    _, token = bench.claimed()
    assert bench.redeem(token).ok
    assert bench.redeem(token).status_code == 401
    ok(admin.get(f"/api/admin/secrets?projectId={bench.project_id}"))
    ok(admin.post(f"{path}/rotate"))
    ok(admin.post("/api/admin/rewrap"))
    ok(admin.delete(path))


def artifacts(bench: Bench) -> None:
    job_id = bench.running()
    content = b"wheel"
    told = ok(bench.agent.post(f"/api/jobs/{job_id}/artifacts", _file("a.whl", content)))
    path = f"/api/jobs/{job_id}/artifacts/{told['artifactId']}"
    assert bench.agent.post(f"{path}/complete").status_code == 409
    _upload(told["upload"], content)
    bench.agent.post(f"{path}/complete")
    ok(bench.user.get(f"/api/projects/{bench.project_id}/artifacts"))
    bench.user.get(f"/api/projects/{bench.project_id}/artifacts/{told['artifactId']}/download")
    _in_parts(bench, job_id)


def _in_parts(bench: Bench, job_id: str) -> None:
    halves = [b"0" * 5 * 1024 * 1024, b"1" * 2 * 1024 * 1024]
    told = ok(bench.agent.post(f"/api/jobs/{job_id}/artifacts", _file("big", b"".join(halves))))
    path = f"/api/jobs/{job_id}/artifacts/{told['artifactId']}"
    digests = [hashlib.sha256(half).hexdigest() for half in halves]
    wanted = {"parts": [{"partNumber": number, "sha256": each} for number, each in enumerate(digests, 1)]}
    signed = ok(bench.agent.post(f"{path}/parts", wanted))["parts"]
    tags = [_upload(part, half).headers["ETag"] for part, half in zip(signed, halves, strict=True)]
    ends = [{**part, "etag": tag} for part, tag in zip(wanted["parts"], tags, strict=True)]
    bench.agent.post(f"{path}/complete", {"parts": ends})


def chats(bench: Bench) -> None:
    every = f"/api/projects/{bench.project_id}/chats"
    made = ok(bench.user.post(every, {"title": "t", "initialMessage": "hello"}))
    messages = f"{every}/{made['chat']['chatId']}/messages"
    ok(bench.user.get(every))
    asked = ok(bench.user.post(messages, {"role": "user", "content": "more"}))
    ok(bench.agent.post(messages, {"role": "assistant", "content": "I see"}))
    ok(bench.user.get(messages))
    waiting = {made["jobId"], asked["jobId"]}
    while waiting:
        job_id = ok(bench.agent.post("/api/jobs/claim"))["job"]["jobId"]
        bench.report(job_id, "running")
        # Too large for its row, so that the stream reads it from the bucket.
        bench.report(job_id, "completed", {"reply": "done", "noise": _noise()})
        waiting.discard(job_id)


def administration(bench: Bench) -> None:
    admin = bench.api.admin()
    agent_id = f"own-{secrets.token_hex(4)}"
    own = bench.api.registered_agent(agent_id)
    bench.create()
    bench.claim(own)
    ok(admin.get("/api/admin/agents"))
    ok(admin.post(f"/api/admin/agents/{agent_id}/drain", {"draining": True}))
    ok(admin.post(f"/api/admin/agents/{agent_id}/revoke"))
    ok(admin.put(f"/api/admin/users/{_new_user(bench.api)['email']}/role", {"role": "viewer"}))
    ok(bench.user.get("/api/projects"))
    ok(bench.user.get(f"/api/projects/{bench.project_id}"))
    ok(admin.delete(f"/api/admin/projects/{bench.project_id}"))


def github(bench: Bench) -> None:
    from chalicelib.projects import github as ours
    from chalicelib.settings import settings

    listed = {
        "name": f"mrx-{secrets.token_hex(4)}",
        "html_url": "https://example.com/repository",
        "default_branch": "main",
        "created_at": "2026-01-02T03:04:05Z",
        "updated_at": "2026-01-02T03:04:05Z",
    }
    with pytest.MonkeyPatch.context() as patch:
        # The second owner has nothing, so that what was found at the first goes again.
        for repositories in ([listed], []):
            with _github_of(repositories) as url:
                owner = {"github_owner": f"owner-{secrets.token_hex(4)}", "github_api_url": url}
                changed = settings().model_copy(update=owner)
                patch.setattr(ours, "settings", lambda changed=changed: changed)
                ok(bench.user.get("/api/projects"))


@contextmanager
def _github_of(repositories: list[dict[str, str]]) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(repositories).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def what_the_clock_does(bench: Bench) -> None:
    from chalicelib.jobs import agenda
    from chalicelib.jobs.tables import JobRow

    past = datetime.now(UTC) - timedelta(hours=1)
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    expired, _ = bench.claimed()
    delayed = bench.create(notBefore=soon)["jobId"]
    late = bench.create(deadline=soon)["jobId"]
    for job_id in (expired, delayed):
        JobRow(job_id).update(actions=[JobRow.due.set(past)])
    JobRow(late).update(actions=[JobRow.deadline.set(past), JobRow.deadline_slot.set(agenda.DEADLINES)])


def forget(bench: Bench) -> None:
    """A finished job's head goes, as its TTL would take it."""
    from chalicelib.jobs.tables import JobRow

    job_id = bench.create(payload={"noise": _noise()})["jobId"]
    bench.claim()
    ok(bench.agent.post(f"/api/jobs/{job_id}/logs", {"level": "info", "message": "one"}))
    ok(bench.agent.post(f"/api/jobs/{job_id}/release"))
    JobRow(job_id).delete()


def _new_user(api: Api) -> dict[str, str]:
    told = {"email": f"{secrets.token_hex(8)}@example.com", "password": "correct horse"}
    ok(api.anyone().post("/api/v1/auth/register", told))
    return told


def _noise() -> str:
    """Text that compression leaves too large for a row."""
    return base64.b64encode(secrets.token_bytes(120_000)).decode()


def _file(name: str, content: bytes) -> dict[str, Any]:
    return {"fileName": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _upload(told: dict[str, Any], content: bytes) -> requests.Response:
    answer = requests.put(told["url"], data=content, headers=told["headers"], timeout=30)
    assert answer.ok, answer.text
    return answer


ALL: tuple[Callable[[Bench], None], ...] = (
    jobs,
    project_secrets,
    artifacts,
    chats,
    administration,
    github,
    what_the_clock_does,
    forget,
)
