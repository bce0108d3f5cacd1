"""A page of a front end whose sessions are cookies: what a browser does, without one."""

import json
import time
import uuid
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import requests

from .dashboard import PATIENCE_SECONDS, TIMEOUT, Surprise, expect

CSRF_COOKIE, CSRF_HEADER = "evium_csrf", "x-csrf-token"
RECONNECT_SECONDS = 1.0
LOOK_SECONDS = 2.0


class Page:
    """The page, logged in."""

    def __init__(self, url: str, email: str, password: str) -> None:
        self._url = url
        self._browser = requests.Session()
        self.call("POST", "/u/auth/login", json={"email": email, "password": password})

    def call(self, method: str, path: str, **more: Any) -> Any:  # noqa: ANN401  any JSON
        """One request, whose answer must be a success."""
        return self._ask(method, path, **more).json()

    def events(self, path: str) -> Iterator[tuple[str, Any]]:
        """The events of a stream as they come, until the server says that there will be no more: names and data.

        Raises:
            Surprise: it takes too long.
        """
        heard, until = "", time.monotonic() + PATIENCE_SECONDS
        while (answer := self._ask("GET", path, headers=_after(heard))).status_code != HTTPStatus.NO_CONTENT:
            expect(time.monotonic() < until, f"{path} has not ended after {PATIENCE_SECONDS} s")
            for block in answer.text.split("\n\n"):
                fields = dict(line.split(": ", 1) for line in block.splitlines())
                heard = fields.get("id", heard)
                if "event" in fields:
                    yield fields["event"], json.loads(fields["data"])
            time.sleep(RECONNECT_SECONDS)

    def outcome(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401  any JSON
        """What is answered to a request for which an agent has to do something, however long that takes.

        Raises:
            Surprise: it takes too long.
        """
        # The same key asks for the same thing again, and not for another.
        key, until = {"Idempotency-Key": uuid.uuid4().hex}, time.monotonic() + PATIENCE_SECONDS
        while (answer := self._ask("POST", path, json=body, headers=key)).status_code == HTTPStatus.ACCEPTED:
            status = f"/u/proxy/job/{answer.json()['job']['id']}/status"
            while self.call("GET", status)["status"] in {"queued", "running"}:
                expect(time.monotonic() < until, f"{path} has come to nothing after {PATIENCE_SECONDS} s")
                time.sleep(LOOK_SECONDS)
        return answer.json()

    def _ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any) -> requests.Response:  # noqa: ANN401
        token = self._browser.cookies.get(CSRF_COOKIE)
        shown = {CSRF_HEADER: token} if token and method != "GET" else {}
        sent = {**(headers or {}), **shown}
        answer = self._browser.request(method, self._url + path, headers=sent, timeout=TIMEOUT, **more)
        if not answer.ok:
            message = f"{method} {path} answered {answer.status_code}: {answer.text}"
            raise Surprise(message)
        return answer


def _after(event_id: str) -> dict[str, str]:
    return {"Last-Event-ID": event_id} if event_id else {}
