"""The server's side of the agents contract in memory: jobs, leases, logs, tokens, artifacts."""

import hashlib
import json
import re
import secrets
import time
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]


class RefusedError(Exception):
    """An error answer of the contract."""

    def __init__(self, status: int, code: str, message: str = "", **details: object) -> None:
        super().__init__(code)
        self.status = status
        self.body = {
            "error": True,
            "code": code,
            "message": message or code.lower().replace("_", " "),
            "details": details,
            "timestamp": iso(time.time()),
        }


def iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


@dataclass
class FakeJob:
    job_id: str
    type: str
    payload: Any
    project_id: str = "weather-app"
    chat_id: str | None = None
    queue: str = "default"
    state: str = "pending"
    agent: str | None = None
    attempt: int = 0
    expires: float = 0.0
    lease_seconds: float = 1800.0
    cancel_requested: bool = False
    token: str | None = None
    request_id: str | None = None
    progress: list[Json] = field(default_factory=list)
    result: Json | None = None
    states: list[str] = field(default_factory=list)
    chunks: dict[int, list[Json]] = field(default_factory=dict)
    # The attempt that wrote each chunk.
    attempts: dict[int, int] = field(default_factory=dict)
    artifacts: dict[str, Json] = field(default_factory=dict)
    # What was uploaded for the job when it was marked as uploaded, and what lies there now.
    marked: bytes = b""
    stored: bytes | None = b""

    @property
    def lines(self) -> list[str]:
        return [entry["message"] for entry in self.entries]

    @property
    def entries(self) -> list[Json]:
        return [entry for first in sorted(self.chunks) for entry in self.chunks[first]]

    @property
    def next_segment(self) -> int:
        return max((first + len(chunk) for first, chunk in self.chunks.items()), default=0)

    def move(self, state: str) -> None:
        self.state = state
        self.states.append(state)

    def lease(self) -> Json:
        return {"claimExpiry": iso(self.expires), "cancelRequested": self.cancel_requested}

    def wire(self) -> Json:
        return {
            "jobId": self.job_id,
            "projectId": self.project_id or None,
            "type": self.type,
            "state": self.state,
            "payload": self.payload,
            "claimedBy": self.agent,
            "queue": self.queue,
            "attempt": self.attempt,
            "chatId": self.chat_id,
            **self.lease(),
        }


@dataclass
class FakeJobs:
    """What the server knows. Not thread-safe: the HTTP side holds one lock around each call."""

    agents: dict[str, str] = field(default_factory=lambda: {"agent-1": "agent-secret-value"})
    secrets: dict[str, str] = field(default_factory=dict)
    jobs: dict[str, FakeJob] = field(default_factory=dict)
    store: dict[str, bytes] = field(default_factory=dict)
    messages: dict[str, Json] = field(default_factory=dict)
    # Seconds by which the server's clock is ahead of this machine's.
    skew: float = 0.0
    retry_after: str | None = "1"
    draining: bool = False
    part_size: int = 1000
    multipart_above: int = 100_000
    log_cap: int = 64_000_000
    chunk_limit: int = 380_000
    # Whether an append at the segment of another attempt's chunk is told from a repeat of that chunk.
    chunks_know_their_attempt: bool = True

    def now(self) -> float:
        return time.time() + self.skew

    def claim(self, agent: str, queues: list[str], request_id: str) -> FakeJob | None:
        for job in self.jobs.values():
            if job.request_id == request_id and job.agent == agent and job.state == "claimed":
                job.token = secrets.token_urlsafe(32)
                return job
        for job in self.jobs.values():
            if job.state == "pending" and job.queue in queues:
                job.agent, job.request_id = agent, request_id
                job.attempt += 1
                job.token = secrets.token_urlsafe(32)
                self.renew(job)
                job.move("claimed")
                return job
        return None

    def renew(self, job: FakeJob) -> None:
        job.expires = self.now() + job.lease_seconds

    def held(self, job_id: str, agent: str, attempt: str | None) -> FakeJob:
        job = self.jobs.get(job_id)
        if job is None:
            raise RefusedError(404, "JOB_NOT_FOUND")
        if job.agent != agent or (attempt is not None and int(attempt) != job.attempt):
            raise RefusedError(409, "JOB_ALREADY_CLAIMED")
        if job.state not in {"claimed", "running", "cancelling"} or job.expires <= self.now():
            raise RefusedError(409, "CLAIM_LOST")
        return job

    def report(self, job_id: str, agent: str, attempt: str | None, body: Json) -> FakeJob:
        state, payload = body["state"], body.get("payload")
        known = self.jobs.get(job_id)
        if known and known.agent == agent and known.state == state and state in FINAL:
            return known
        job = self.held(job_id, agent, attempt)
        if state == "running" and job.state == "cancelling":
            return job
        if state not in LEGAL[job.state]:
            raise RefusedError(400, "INVALID_STATE_TRANSITION", f"from {job.state} to {state}")
        if state == "running" and len(json.dumps(payload, ensure_ascii=False).encode()) > 2048:
            raise RefusedError(413, "PAYLOAD_TOO_LARGE")
        if state == "running" and payload is not None:
            job.progress.append(payload)
        if state in FINAL:
            job.result = payload
        if state != job.state:
            job.move(state)
        return job

    def append(self, job: FakeJob, entries: list[Json], segment: int | None) -> None:
        mine = job.attempts.get(segment or 0) == job.attempt or not self.chunks_know_their_attempt
        if segment is not None and segment in job.chunks and mine:
            if self.chunks_know_their_attempt and len(entries) != len(job.chunks[segment]):
                raise RefusedError(416, "LOG_SEGMENT_MISMATCH", expectedSegment=job.next_segment)
            return
        if segment is not None and segment != job.next_segment:
            raise RefusedError(416, "LOG_SEGMENT_MISMATCH", expectedSegment=job.next_segment)
        if not 1 <= len(entries) <= 1000:
            raise RefusedError(400, "INVALID_REQUEST", field="entries")
        for entry in entries:
            _check_entry(entry)
        if sum(len(entry["message"]) for entry in job.entries + entries) > self.log_cap:
            raise RefusedError(413, "LOG_FULL")
        if len(zlib.compress(json.dumps(entries).encode())) > self.chunk_limit:
            raise RefusedError(413, "PAYLOAD_TOO_LARGE")
        job.attempts[job.next_segment] = job.attempt
        job.chunks[job.next_segment] = entries

    def redeem(self, project_id: str, agent: str, token: str, kinds: list[str]) -> Json:
        for job in self.jobs.values():
            if job.token == token and job.agent == agent and job.project_id == project_id:
                break
        else:
            raise RefusedError(401, "INVALID_TOKEN")
        if missing := [kind for kind in kinds if kind not in self.secrets]:
            raise RefusedError(404, "SECRET_NOT_FOUND", f"no secret of type {missing[0]}")
        job.token = None
        if len(kinds) == 1:
            return {"secret": self.secrets[kinds[0]]}
        return {"secrets": {kind: self.secrets[kind] for kind in kinds}}

    def register(self, job: FakeJob, body: Json, base_url: str) -> Json:
        if body["size"] < 1 or not re.fullmatch(r"[^/\\\x00-\x1f]{1,255}", body["fileName"]):
            raise RefusedError(400, "INVALID_REQUEST", field="fileName")
        artifact_id = f"artifact_{len(job.artifacts)}"
        job.artifacts[artifact_id] = dict(body) | {"uploaded": False}
        if body["size"] > self.multipart_above:
            count = -(-body["size"] // self.part_size)
            return _ticket(artifact_id, {"method": "PUT", "partSize": self.part_size, "partCount": count})
        key = f"{job.job_id}/{artifact_id}"
        headers = {"Content-Type": body["contentType"], "x-sha256": body["sha256"]}
        return _ticket(artifact_id, {"method": "PUT", "url": f"{base_url}/store/{key}?sig=s", "headers": headers})

    def sign_parts(self, job: FakeJob, artifact_id: str, body: Json, base_url: str) -> Json:
        if not 1 <= len(body["parts"]) <= 100:
            raise RefusedError(400, "INVALID_REQUEST", field="parts")
        key = f"{base_url}/store/{job.job_id}/{artifact_id}"
        return {
            "parts": [
                {
                    "partNumber": part["partNumber"],
                    "method": "PUT",
                    "url": f"{key}/{part['partNumber']}?sig=s",
                    "headers": {"x-sha256": part["sha256"]},
                }
                for part in body["parts"]
            ]
        }

    def complete_artifact(self, job: FakeJob, artifact_id: str, body: Json | None) -> Json:
        artifact = job.artifacts[artifact_id]
        key = f"{job.job_id}/{artifact_id}"
        if body is not None:
            for part in body["parts"]:
                data = self.store[f"{key}/{part['partNumber']}"]
                if part["etag"] != hashlib.md5(data, usedforsecurity=False).hexdigest():
                    raise RefusedError(409, "UPLOAD_MISMATCH")
            self.store[key] = b"".join(self.store[f"{key}/{part['partNumber']}"] for part in body["parts"])
        if key not in self.store:
            raise RefusedError(409, "UPLOAD_INCOMPLETE")
        data = self.store[key]
        if len(data) != artifact["size"] or hashlib.sha256(data).hexdigest() != artifact["sha256"]:
            raise RefusedError(409, "UPLOAD_MISMATCH")
        artifact["uploaded"] = True
        path = f"output/{job.job_id}/{job.attempt}/{artifact_id}/{artifact['fileName']}"
        described = {key: artifact[key] for key in ("fileName", "sha256", "size")}
        return {"artifactId": artifact_id, "drivePath": path, **described}

    def input(self, job: FakeJob, base_url: str) -> Json:
        headers = {"If-Match": etag(job.marked)}
        download = {"method": "GET", "url": f"{base_url}/inputs/{job.job_id}?sig=s", "headers": headers}
        return {"fileName": "input.csv", "size": len(job.marked), "download": download}

    def delivered(self, job: FakeJob) -> dict[str, bytes]:
        return {
            artifact["fileName"]: self.store[f"{job.job_id}/{artifact_id}"]
            for artifact_id, artifact in job.artifacts.items()
            if artifact["uploaded"]
        }


FINAL = {"completed", "failed", "cancelled"}
LEGAL = {
    "claimed": {"running"},
    "running": {"running", "completed", "failed"},
    "cancelling": {"cancelled"},
}


def _ticket(artifact_id: str, upload: Json) -> Json:
    return {"artifactId": artifact_id, "upload": upload}


def _check_entry(entry: Json) -> None:
    message = entry["message"]
    if set(entry) - {"timestamp", "level", "message", "metadata"}:
        raise RefusedError(400, "INVALID_REQUEST", field="entries")
    if len(message) > 32768 or "\0" in message or any("\ud800" <= c <= "\udfff" for c in message):
        raise RefusedError(400, "INVALID_REQUEST", field="message")
    if entry["level"] not in {"debug", "info", "warn", "warning", "error", "critical"}:
        raise RefusedError(400, "INVALID_REQUEST", field="level")
