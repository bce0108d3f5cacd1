"""A real HTTP server with the agents contract's wire, and faults on demand."""

import hashlib
import json
import re
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.agent.fake_jobs import FakeJob, FakeJobs, Json, RefusedError, etag

DEADLINE = 15.0  # Seconds after which a test that waits for the agent gives up.


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Fault:
    """What is to go wrong with matching requests, `times` times.

    `status` answers so without doing anything; `drop` closes the connection "before" or "after" the request
    took effect; `cut` closes it after so many bytes of the answer's body; `gate` makes it wait for an event first.
    """

    method: str
    path: str
    status: int | None = None
    drop: str | None = None
    cut: int | None = None
    gate: threading.Event | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: Json | None = None
    times: int = 1

    def matches(self, seen: Seen) -> bool:
        return self.times > 0 and seen.method == self.method and re.search(self.path, seen.path) is not None


class FakeServer:
    """Serves `FakeJobs`. Start it by entering it; `url` says where."""

    def __init__(self) -> None:
        self.state = FakeJobs()
        self.seen: list[Seen] = []
        self.faults: list[Fault] = []
        # Whether the store gives parts of a file.
        self.ranges = True
        self._changed = threading.Condition(threading.RLock())
        self._http = _Http(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for fault in self.faults:
            if fault.gate:
                fault.gate.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def add(self, kind: str = "build", payload: object = None, **fields: Any) -> FakeJob:
        with self._changed:
            job = FakeJob(f"job_{len(self.state.jobs)}", kind, {} if payload is None else payload, **fields)
            self.state.jobs[job.job_id] = job
            return job

    def cancel(self, job: FakeJob) -> None:
        with self._changed:
            job.cancel_requested = True
            job.move("cancelling")

    def take_away(self, job: FakeJob) -> None:
        """Give the job to another agent."""
        with self._changed:
            job.agent, job.attempt = "another", job.attempt + 1

    def fault(self, method: str, path: str, **fields: Any) -> Fault:
        fault = Fault(method, path, **fields)
        with self._changed:
            self.faults.append(fault)
        return fault

    def requests(self, method: str, path: str) -> list[Seen]:
        with self._changed:
            return [seen for seen in self.seen if seen.method == method and re.search(path, seen.path)]

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Wait until a condition on the server's state holds; it is looked at after each request."""
        with self._changed:
            assert self._changed.wait_for(condition, DEADLINE), f"not in {DEADLINE} s; seen: {self._summary()}"

    def serve(self, seen: Seen) -> "Reply | None":
        """Answer one request; None to close the connection without a word."""
        with self._changed:
            self.seen.append(seen)
            fault = next((fault for fault in self.faults if fault.matches(seen)), None)
            if fault:
                fault.times -= 1
            self._changed.notify_all()
        if fault and fault.gate:
            fault.gate.wait(DEADLINE)
        if fault and fault.drop == "before":
            return None
        if fault and fault.status:
            return Reply(fault.status, fault.body or {"error": True, "code": "INTERNAL_ERROR"}, fault.headers)
        with self._changed:
            reply = self._reply(seen)
            self._changed.notify_all()
        if fault and fault.cut is not None:
            return replace(reply, cut=fault.cut)
        return None if fault and fault.drop == "after" else reply

    def _summary(self) -> list[str]:
        return [f"{seen.method} {seen.path}" for seen in self.seen[-20:]]

    def _reply(self, seen: Seen) -> "Reply":
        try:
            for method, pattern, act in ROUTES:
                found = re.fullmatch(pattern, seen.path)
                if method == seen.method and found:
                    return act(self, seen, *map(unquote, found.groups()))
        except RefusedError as error:
            return Reply(error.status, error.body)
        return Reply(404, RefusedError(404, "NOT_FOUND").body)


@dataclass(frozen=True)
class Reply:
    status: int
    body: Json | bytes
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


def _agent(server: FakeServer, seen: Seen) -> str:
    agent = seen.headers.get("x-colab-id", "")
    if not agent or server.state.agents.get(agent) != seen.headers.get("x-colab-secret"):
        raise RefusedError(401, "UNAUTHORIZED")
    return agent


def _held(server: FakeServer, seen: Seen, job_id: str) -> FakeJob:
    return server.state.held(job_id, _agent(server, seen), seen.headers.get("x-claim-attempt"))


def _claim(server: FakeServer, seen: Seen) -> Reply:
    state = server.state
    queues = seen.json()["queues"] if seen.body else ["default"]
    agent = _agent(server, seen)
    job = None if state.draining else state.claim(agent, queues, seen.headers["x-claim-request-id"])
    if job is None:
        hint = {} if state.retry_after is None else {"Retry-After": state.retry_after}
        return Reply(200, {"job": None} | ({"draining": True} if state.draining else {}), hint)
    return Reply(200, {"job": job.wire(), "claimToken": job.token})


def _patch(server: FakeServer, seen: Seen, job_id: str) -> Reply:
    attempt = seen.headers.get("x-claim-attempt")
    job = server.state.report(job_id, _agent(server, seen), attempt, seen.json())
    return Reply(200, {"jobId": job_id, "state": job.state, "payload": seen.json().get("payload"), **job.lease()})


def _renew(server: FakeServer, seen: Seen, job_id: str) -> Reply:
    job = _held(server, seen, job_id)
    server.state.renew(job)
    return Reply(200, {"jobId": job_id, "state": job.state, **job.lease()})


def _release(server: FakeServer, seen: Seen, job_id: str) -> Reply:
    job = _held(server, seen, job_id)
    if job.state == "cancelling":
        job.move("cancelled")
    else:
        job.agent = None
        job.move("pending")
    return Reply(200, {"jobId": job_id, "state": job.state})


def _token(server: FakeServer, seen: Seen, job_id: str) -> Reply:
    job = _held(server, seen, job_id)
    job.token = f"minted-{len(server.seen)}"
    return Reply(201, {"claimToken": job.token, "expiresAt": "2030-01-01T00:00:00.000Z"})


def _logs(server: FakeServer, seen: Seen, job_id: str) -> Reply:
    job = _held(server, seen, job_id)
    if len(seen.body) > 1_000_000:
        raise RefusedError(413, "PAYLOAD_TOO_LARGE")
    body = seen.json()
    server.state.append(job, body["entries"], body.get("segment"))
    return Reply(200, {"success": True, "nextSegment": job.next_segment, **job.lease()})


def _secrets(server: FakeServer, seen: Seen, project_id: str) -> Reply:
    kinds = parse_qs(seen.query)["type"][0].split(",")
    token = seen.headers.get("x-claim-token", "")
    return Reply(200, server.state.redeem(project_id, seen.headers.get("x-colab-id", ""), token, kinds))


def _artifact(server: FakeServer, seen: Seen, job_id: str) -> Reply:
    return Reply(201, server.state.register(_held(server, seen, job_id), seen.json(), server.url))


def _parts(server: FakeServer, seen: Seen, job_id: str, artifact_id: str) -> Reply:
    return Reply(200, server.state.sign_parts(_held(server, seen, job_id), artifact_id, seen.json(), server.url))


def _complete(server: FakeServer, seen: Seen, job_id: str, artifact_id: str) -> Reply:
    body = seen.json() if seen.body else None
    return Reply(200, server.state.complete_artifact(_held(server, seen, job_id), artifact_id, body))


def _store(server: FakeServer, seen: Seen, key: str) -> Reply:
    """Take an upload as S3 does: no chunked bodies, no other credentials than the URL's."""
    if "content-length" not in seen.headers or {"authorization", "x-colab-secret"} & set(seen.headers):
        raise RefusedError(400, "BAD_UPLOAD")
    if hashlib.sha256(seen.body).hexdigest() != seen.headers.get("x-sha256"):
        raise RefusedError(400, "BAD_DIGEST")
    server.state.store[key] = seen.body
    return Reply(200, {}, {"ETag": hashlib.md5(seen.body, usedforsecurity=False).hexdigest()})


def _input(server: FakeServer, seen: Seen, job_id: str) -> Reply:
    return Reply(200, server.state.input(_held(server, seen, job_id), server.url))


def _inputs(server: FakeServer, seen: Seen, job_id: str) -> Reply:
    """Give an input as S3 does: all of it or from where it is asked for, and only as it was."""
    content = server.state.jobs[job_id].stored
    if {"authorization", "x-colab-secret"} & set(seen.headers):
        raise RefusedError(400, "BAD_DOWNLOAD")
    if content is None:
        raise RefusedError(404, "NO_SUCH_KEY")
    if seen.headers.get("if-match") != etag(content):
        raise RefusedError(412, "PRECONDITION_FAILED")
    asked = re.fullmatch(r"bytes=(\d+)-", seen.headers.get("range", ""))
    if not asked or not server.ranges:
        return Reply(200, content)
    start = int(asked[1])
    if start >= len(content):
        raise RefusedError(416, "INVALID_RANGE")
    return Reply(206, content[start:], {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"})


def _message(server: FakeServer, seen: Seen, project_id: str, chat_id: str) -> Reply:
    _agent(server, seen)
    key = seen.headers["idempotency-key"]
    message = {"messageId": f"msg_{project_id}_{chat_id}", **seen.json()}
    return Reply(201, {"message": server.state.messages.setdefault(key, message)})


JOB = r"/api/jobs/([^/]+)"
ROUTES: list[tuple[str, str, Callable[..., Reply]]] = [
    ("POST", "/api/jobs/claim", _claim),
    ("PATCH", JOB, _patch),
    ("POST", JOB + "/renew", _renew),
    ("POST", JOB + "/release", _release),
    ("POST", JOB + "/claim-token", _token),
    ("POST", JOB + "/logs", _logs),
    ("GET", "/api/admin/secrets/([^/]+)", _secrets),
    ("GET", JOB + "/input", _input),
    ("GET", "/inputs/([^/]+)", _inputs),
    ("POST", JOB + "/artifacts", _artifact),
    ("POST", JOB + "/artifacts/([^/]+)/parts", _parts),
    ("POST", JOB + "/artifacts/([^/]+)/complete", _complete),
    ("PUT", "/store/(.+)", _store),
    ("POST", "/api/projects/([^/]+)/chats/([^/]+)/messages", _message),
]


class _Http(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: object) -> None:
        """Say nothing of a client that has gone away, which is what many a test is about."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def _handler(server: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = server.serve(Seen(self.command, parts.path, parts.query, headers, self.rfile.read(length)))
            if reply is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self._send(reply)

        def _send(self, reply: Reply) -> None:
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            headers = {"Content-Length": str(len(body)), "Date": formatdate(server.state.now(), usegmt=True)}
            lines = [f"{name}: {value}" for name, value in (headers | reply.headers).items()]
            head = "\r\n".join([f"HTTP/1.1 {reply.status} .", *lines, "", ""])
            try:
                # In one piece: two would wait for each other (Nagle and delayed acknowledgement).
                self.wfile.write(head.encode() + body[: reply.cut])
                if reply.cut is not None:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
            except OSError:
                self.close_connection = True

        do_GET = do_POST = do_PATCH = do_PUT = handle_any  # noqa: N815  (the names are http.server's)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (as in http.server)
            """Say nothing."""

    return Handler
