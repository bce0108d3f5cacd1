"""GitHub's listing of a user's repositories, over real HTTP: pages with Link, validators, limits, and bad days.

https://docs.github.com/en/rest/repos/repos#list-repositories-for-a-user
"""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


def repository(name: str, **more: Any) -> dict[str, Any]:
    """An entry of the list, with some of the many fields that GitHub sends."""
    return {
        "id": 1,
        "name": name,
        "full_name": f"octo/{name}",
        "private": False,
        "html_url": f"https://github.com/octo/{name}",
        "default_branch": "trunk",
        "created_at": "2024-01-02T03:04:05Z",
        "updated_at": "2025-01-02T03:04:05Z",
        **more,
    }


@dataclass(frozen=True)
class Answer:
    """What is answered in place of the list."""

    status: int = 200
    body: bytes = b"[]"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class GitHub:
    """The server: what it lists, how it is to misbehave, and what it was asked (method, path, headers)."""

    url: str = ""
    repositories: list[Any] = field(default_factory=list)
    page_size: int = 100
    bad_day: Callable[[str], Answer | None] = lambda path: None  # noqa: ARG005  a good day
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def answer(self, path: str, headers: dict[str, str]) -> Answer:
        self.asked.append((path, headers))
        made = self.bad_day(path) or self._listed(path, headers)
        self.statuses.append(made.status)
        return made

    def _listed(self, path: str, headers: dict[str, str]) -> Answer:
        query = parse_qs(urlsplit(path).query)
        size = min(int(query.get("per_page", ["30"])[0]), self.page_size)
        page = int(query.get("page", ["1"])[0])
        entries = self.repositories[(page - 1) * size : page * size]
        body = json.dumps(entries).encode()
        etag = f'W/"{hashlib.sha256(body).hexdigest()}"'
        given = {"ETag": etag, "Content-Type": "application/json; charset=utf-8"}
        if page * size < len(self.repositories):
            base = f"{self.url}{urlsplit(path).path}?per_page={size}&sort=full_name&page="
            last = -(-len(self.repositories) // size)
            given["Link"] = f'<{base}{page + 1}>; rel="next", <{base}{last}>; rel="last"'
        return Answer(304, b"", given) if headers.get("If-None-Match") == etag else Answer(200, body, given)


@contextmanager
def serving() -> Iterator[GitHub]:
    """Run the server while the block lasts."""
    github = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made = github.answer(self.path, dict(self.headers))
            self.send_response(made.status)
            for name, value in {"Content-Length": str(len(made.body)), **made.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(made.body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    github.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
