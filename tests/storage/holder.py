"""Everything that the holder of a job may say, as one call each."""

from collections.abc import Callable
from typing import Any

import requests

from tests.support.api import Bench, Caller, ok

ARTIFACT = {"fileName": "app.apk", "size": 3, "sha256": "0" * 64}

WORDS: dict[str, Callable[..., requests.Response]] = {
    "progress": lambda agent, job, **more: agent.patch(f"/api/jobs/{job}", {"state": "running"}, **more),
    "log": lambda agent, job, **more: agent.post(f"/api/jobs/{job}/logs", {"message": "a line"}, **more),
    "token": lambda agent, job, **more: agent.post(f"/api/jobs/{job}/claim-token", **more),
    "artifact": lambda agent, job, **more: agent.post(f"/api/jobs/{job}/artifacts", ARTIFACT, **more),
    "renew": lambda agent, job, **more: agent.post(f"/api/jobs/{job}/renew", **more),
    "release": lambda agent, job, **more: agent.post(f"/api/jobs/{job}/release", **more),
}


def say_all(agent: Caller, job_id: str, **more: Any) -> dict[str, requests.Response]:
    """Each of them, in an order in which all succeed for the holder."""
    return {name: say(agent, job_id, **more) for name, say in WORDS.items()}


def attempts_of(bench: Bench, job_id: str) -> list[tuple[int, str, str | None]]:
    """Number, outcome and error code of each attempt that the job's user is told of."""
    told = ok(bench.user.get(f"/api/jobs/{job_id}/attempts"))["data"]
    return [(row["attempt"], row["outcome"], row["error"] and row["error"]["code"]) for row in told]


def log_of(bench: Bench, job_id: str) -> list[tuple[int, str]]:
    """Number and message of each line of the job's log."""
    told = ok(bench.user.get(f"/api/jobs/{job_id}/logs?limit=5000"))["data"]
    return [(row["segment"], row["message"]) for row in told]
