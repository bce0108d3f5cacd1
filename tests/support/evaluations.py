"""Evaluations as their owner's client does them: upload a data set, submit, wait, get the results."""

import json
import time
from dataclasses import dataclass
from typing import Any

import requests

from tests.support.api import TIMEOUT, Caller, ok

PATIENCE_SECONDS = 60
ENDED = {"completed", "failed", "cancelled"}
CAPITALS = (
    b"prompt,expected,actual\nCapital of France?,Paris,Paris\nCapital of Italy?,Rome,Roma\nCapital of Peru?,Lima,Oslo\n"
)


@dataclass
class Evaluations:
    """A user's evaluations."""

    user: Caller

    def upload(self, content: bytes = CAPITALS, *, name: str = "capitals.csv") -> str:
        """Upload a data set; answers its key."""
        told = ok(self.user.post("/api/uploads", {"file_name": name, "size_bytes": len(content)}))
        sent = requests.request(
            told["method"], told["upload_url"], data=content, headers=told["headers"], timeout=TIMEOUT
        )
        assert sent.ok, sent.text
        return str(told["object_key"])

    def order(self, source: str, **configuration: Any) -> dict[str, Any]:
        """A submission."""
        return {
            "name": "Capitals",
            "type": "bulk_evaluation",
            "configuration": {"data_source": source, **configuration},
        }

    def submit(self, source: str = "capitals.csv", **configuration: Any) -> requests.Response:
        """Submit an evaluation."""
        return self.user.post("/api/jobs", self.order(source, **configuration))

    def submitted(self, content: bytes = CAPITALS, *, name: str = "capitals.csv", **more: Any) -> dict[str, Any]:
        """An evaluation that has been submitted."""
        return dict(ok(self.submit(self.upload(content, name=name), **more)))

    def read(self, job: dict[str, Any]) -> dict[str, Any]:
        """The evaluation as it stands."""
        return dict(ok(self.user.get(f"/api/jobs/{job['id']}")))

    def ended(self, job: dict[str, Any]) -> dict[str, Any]:
        """The evaluation, once it has ended."""
        until = time.monotonic() + PATIENCE_SECONDS
        while (job := self.read(job))["status"] not in ENDED:
            assert time.monotonic() < until, f"the evaluation is {job['status']} still: {job['progress']}"
            time.sleep(0.05)
        return job

    def results(self, job: dict[str, Any], **query: str) -> requests.Response:
        """The results, as they are answered."""
        return self.user.get(f"/api/jobs/{job['id']}/results", params=query, allow_redirects=False)

    def evaluated(self, content: bytes = CAPITALS, **more: Any) -> dict[str, Any]:
        """An evaluation from beginning to end; its results."""
        job = self.ended(self.submitted(content, **more))
        assert job["status"] == "completed", job["error"]
        return dict(ok(self.results(job)))


def csv_of(rows: int) -> bytes:
    """A data set whose answers are right, nearly right and wrong by turns."""
    answers = ("answer {}", "answr {}", "something else")
    lines = [f"question {n},answer {n},{answers[n % 3].format(n)}" for n in range(rows)]
    return "\n".join(["prompt,expected,actual", *lines, ""]).encode()


def lines_of(*rows: dict[str, Any]) -> bytes:
    """A data set of JSON Lines."""
    return b"\n".join(json.dumps(row).encode() for row in rows)


def refusal(answer: requests.Response) -> tuple[int, str, str | None]:
    """Status, code and field of a refusal in the evaluations contract's envelope, whose form is checked."""
    body = answer.json()
    assert set(body) == {"error"}, body
    assert set(body["error"]) == {"code", "message", "details"}
    trace = body["error"]["details"]["trace_id"]
    assert answer.headers["traceparent"].split("-")[1] == trace
    return answer.status_code, body["error"]["code"], body["error"]["details"].get("field")
