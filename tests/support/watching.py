"""Watchers of a build or an analysis, over real WebSockets."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.api import Caller

PATIENCE_SECONDS = 20


def token_of(user: Caller) -> str:
    return user.headers["Authorization"].removeprefix("Bearer ")


def address(user: Caller, kind: str, job: str, token: str | None = None) -> str:
    """The URL that the contract's clients open."""
    return f"{user.url.replace('http', 'ws', 1)}/api/ws/{kind}/{job}?token={token or token_of(user)}"


@contextmanager
def watching(user: Caller, kind: str, job: str) -> Iterator[ClientConnection]:
    """A connection on which a job is watched."""
    with connect(address(user, kind, job), compression=None, max_queue=None) as watcher:
        yield watcher


def heard(watcher: ClientConnection) -> dict[str, Any]:
    """The next message."""
    return dict(json.loads(watcher.recv(timeout=PATIENCE_SECONDS)))


def all_heard(watcher: ClientConnection) -> list[dict[str, Any]]:
    """All messages until the server ends the connection."""
    found = []
    try:
        while True:
            found.append(heard(watcher))
    except ConnectionClosed:
        return found
