"""File jobs as their owner's client does them: create, upload straight to the store, mark, wait, download."""

import time
from dataclasses import dataclass
from typing import Any

import requests

from tests.support.api import TIMEOUT, Caller, ok

PATIENCE_SECONDS = 60
ENDED = {"COMPLETED", "FAILED", "CANCELLED"}
PEOPLE = b"name,city,age\nAlice,New York,30\nBob,London,25\nCharlie,New York,35\n"
NEW_YORK = {"type": "filter", "params": {"column": "city", "operator": "eq", "value": "New York"}}


@dataclass
class Files:
    """A user's file jobs."""

    user: Caller

    def create(self, *steps: dict[str, Any], name: str = "people.csv", **more: Any) -> dict[str, Any]:
        """A new job."""
        told = {"file_name": name, "original_file_size_bytes": 10240, "processing_steps": list(steps), **more}
        return dict(ok(self.user.post("/api/v1/jobs", told)))

    def post(self, job: dict[str, Any], action: str, body: Any = None, **more: Any) -> requests.Response:
        """Ask for something to be done with a job."""
        return self.user.post(f"/api/v1/jobs/{job['id']}/{action}", {} if body is None else body, **more)

    def upload(self, job: dict[str, Any], content: bytes) -> str:
        """Upload the input; answers its key."""
        url = ok(self.post(job, "upload-url"))["upload_url"]
        assert requests.put(url, data=content, headers={"Content-Type": "text/csv"}, timeout=TIMEOUT).ok
        return key_of(url)

    def mark(self, job: dict[str, Any], key: str, **more: Any) -> requests.Response:
        """Say that the input is there."""
        return self.post(job, "mark-uploaded", {"object_key": key}, **more)

    def started(self, *steps: dict[str, Any], content: bytes = PEOPLE, **more: Any) -> dict[str, Any]:
        """A new job whose input is there."""
        job = self.create(*steps, **more)
        return dict(ok(self.mark(job, self.upload(job, content))))

    def read(self, job: dict[str, Any]) -> dict[str, Any]:
        """The job as it stands."""
        return dict(ok(self.user.get(f"/api/v1/jobs/{job['id']}")))

    def ended(self, job: dict[str, Any]) -> dict[str, Any]:
        """The job, once it has ended."""
        until = time.monotonic() + PATIENCE_SECONDS
        while (job := self.read(job))["status"] not in ENDED:
            assert time.monotonic() < until, f"the job is {job['status']} still"
            time.sleep(0.05)
        return job

    def download(self, job: dict[str, Any]) -> bytes:
        """The output."""
        url = ok(self.post(job, "download-url"))["download_url"]
        answer = requests.get(url, timeout=TIMEOUT)
        assert answer.ok, answer.text
        return answer.content

    def processed(self, *steps: dict[str, Any], **more: Any) -> tuple[dict[str, Any], bytes]:
        """A job from beginning to end, and its output."""
        job = self.ended(self.started(*steps, **more))
        assert job["status"] == "COMPLETED", job["error_message"]
        return job, self.download(job)


def key_of(url: str) -> str:
    """The key that an upload's URL names: its path after the bucket, as the contract has clients find it."""
    return url.split("?", maxsplit=1)[0].split("/", 4)[4]


def refusal(answer: requests.Response) -> tuple[int, str]:
    """Status and text of a refusal in the files contract's envelope, whose form is checked."""
    body = answer.json()
    assert set(body) == {"detail"}
    return answer.status_code, body["detail"]
