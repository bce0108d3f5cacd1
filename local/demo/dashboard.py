"""The front end's side of the demo, and what it says."""

import secrets
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import requests

PATIENCE_SECONDS = 300
TIMEOUT = 30


class Surprise(Exception):
    """Something was not as it had to be."""


class Dashboard:
    """The front end's side of the API."""

    def __init__(self, url: str, admin_key: str) -> None:
        self.url = url
        self._admin = {"X-Admin-Api-Key": admin_key}
        self._user: dict[str, str] = {}
        self.account = ("demo@example.com", secrets.token_urlsafe(12))

    def call(self, method: str, path: str, *, admin: bool = False, **more: Any) -> Any:  # noqa: ANN401  any JSON
        """One request, whose answer must be a success."""
        headers = self._admin if admin else self._user
        answer = requests.request(method, self.url + path, headers=headers, timeout=TIMEOUT, **more)
        if not answer.ok:
            message = f"{method} {path} answered {answer.status_code}: {answer.text}"
            raise Surprise(message)
        return answer.json()

    def log_in(self) -> None:
        """Register somebody, and be them from now on."""
        email, password = self.account
        self.call("POST", "/api/v1/auth/register", json={"email": email, "password": password})
        token = self.call("POST", "/api/v1/auth/login", data={"username": email, "password": password})
        self._user = {"Authorization": f"Bearer {token['access_token']}"}

    def websocket(self, path: str) -> str:
        """The URL of a WebSocket; a browser's cannot send headers, and so its token is in the query."""
        token = self._user["Authorization"].removeprefix("Bearer ")
        return f"{self.url.replace('http', 'ws', 1)}{path}?token={token}"

    def follow_log(self, job_id: str, agent: subprocess.Popen[str]) -> Iterator[str]:
        """The job's lines as they come, until it has ended and all are read.

        Raises:
            Surprise: the agent ended before the job, or the job takes too long.
        """
        cursor, more, until = "0", True, time.monotonic() + PATIENCE_SECONDS
        while more:
            gone = agent.poll() is not None
            page = self.call("GET", f"/api/jobs/{job_id}/logs?cursor={cursor}")
            yield from (entry["message"] for entry in page["data"])
            cursor, more = page["cursor"], page["hasMore"]
            if more and gone:
                message = f"the agent ended before the job: {agent.communicate()[0]}"
                raise Surprise(message)
            if time.monotonic() > until:
                message = f"the job has not ended after {PATIENCE_SECONDS} s"
                raise Surprise(message)
            time.sleep(0.2)


def expect(condition: bool, otherwise: str) -> None:  # noqa: FBT001  reads as a sentence
    """Go on only if things are as they must be.

    Raises:
        Surprise: they are not.
    """
    if not condition:
        raise Surprise(otherwise)


def say(text: str) -> None:
    """One thing that has happened."""
    print(f"==> {text}", flush=True)
