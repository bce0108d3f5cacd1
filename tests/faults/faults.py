"""Failures between the app and AWS: chosen calls fail before or after they took effect, or lose their answer once.

Two seams are used. A call that fails for good fails where the app makes it, as if the SDK had given up on it. An
answer that is lost once is lost at the SDK's wire, below its retries, so that the SDK itself repeats the request.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import pytest
from botocore.client import BaseClient
from botocore.endpoint import Endpoint
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

SERVICES = frozenset({"dynamodb", "s3", "kms"})
WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem"})

Proceed = Callable[[], Any]
Behaviour = Callable[[Proceed], Any]


class Killed(Exception):
    """The process ended here."""


@dataclass(frozen=True, slots=True)
class AwsCall:
    """One call as the app made it, however often the SDK sent it."""

    service: str
    operation: str
    parameters: dict[str, Any]

    def written(self, table: str) -> str | None:
        """The hash key of what it writes, or tries to, in a table."""
        if self.operation not in WRITES or self.parameters["TableName"] != table:
            return None
        item = self.parameters.get("Key") or self.parameters["Item"]
        return str(item["job_id"]["S"])


def fail_before(proceed: Proceed) -> Any:  # noqa: ARG001  a Behaviour
    """The request never arrived."""
    raise EndpointConnectionError(endpoint_url="https://aws.example")


def fail_after(proceed: Proceed) -> Any:
    """The request took effect; its answer was lost, and the SDK gave up."""
    proceed()
    raise ReadTimeoutError(endpoint_url="https://aws.example")


def lose_once(proceed: Proceed) -> Any:
    """The request took effect, its first answer was lost, and the SDK sent it again."""
    _wire.losing, _wire.sent = True, 0
    try:
        return proceed()
    finally:
        assert _wire.sent > 1, "the SDK did not repeat the request"
        _wire.losing, _wire.sent = False, 0


def die_before(proceed: Proceed) -> Any:  # noqa: ARG001  a Behaviour
    """The process ended before the request left."""
    raise Killed


def die_after(proceed: Proceed) -> Any:
    """The process ended before it saw the answer."""
    proceed()
    raise Killed


MODES: dict[str, Behaviour] = {"before": fail_before, "after": fail_after, "lost-once": lose_once}


class Injector:
    """Stands at the app's AWS calls; ``points`` counts the failures that were put in."""

    def __init__(self) -> None:
        self.points = 0
        self._calls: list[AwsCall] | None = None
        self._at: dict[int, Behaviour] = {}
        self._every: tuple[str, Behaviour] | None = None

    @contextmanager
    def watching(self) -> Iterator[list[AwsCall]]:
        """The calls that are made meanwhile, in order."""
        self._calls = []
        try:
            yield self._calls
        finally:
            self._calls, self._at, self._every = None, {}, None

    @contextmanager
    def at(self, number: int, behaviour: Behaviour) -> Iterator[list[AwsCall]]:
        """Let the call of that number (from 0) behave so; that it came to be made is checked at the end."""
        with self.watching() as calls:
            self._at = {number: behaviour}
            yield calls
            assert not self._at, f"there was no call {number}, only {[call.operation for call in calls]}"
            self.points += 1

    @contextmanager
    def always(self, service: str, behaviour: Behaviour) -> Iterator[list[AwsCall]]:
        """Let every call of a service behave so."""
        with self.watching() as calls:
            self._every = (service, behaviour)
            yield calls

    def around(self, call: AwsCall, proceed: Proceed) -> Any:
        """What becomes of one call."""
        if self._calls is None or call.service not in SERVICES:
            return proceed()
        number = len(self._calls)
        self._calls.append(call)
        # Taken off first: what the behaviour itself calls meanwhile is let through.
        behaviour = self._at.pop(number, None)
        if behaviour is None and self._every and self._every[0] == call.service:
            behaviour = self._every[1]
        return behaviour(proceed) if behaviour else proceed()


def install(injector: Injector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the injector in the way of every botocore client, PynamoDB's included."""
    make, send = BaseClient._make_api_call, Endpoint._do_get_response

    def make_api_call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        call = AwsCall(client.meta.service_model.service_name, operation, parameters)
        return injector.around(call, lambda: make(client, operation, parameters))

    def do_get_response(endpoint: Any, request: Any, operation: Any, context: Any) -> Any:
        answer = send(endpoint, request, operation, context)
        _wire.sent += 1
        if _wire.losing:
            _wire.losing = False
            return None, ConnectionClosedError(endpoint_url=request.url)
        return answer

    monkeypatch.setattr(BaseClient, "_make_api_call", make_api_call)
    monkeypatch.setattr(Endpoint, "_do_get_response", do_get_response)
    # The SDK waits before it repeats; nothing is learned from waiting with it.
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))


class _Wire(threading.local):
    """What this thread's next answer comes to, and how many requests it has sent."""

    losing = False
    sent = 0


_wire = _Wire()
