"""Failures between the app and AWS: chosen calls fail before or after they took effect, or lose their answer once.

Two seams are used. A call that fails for good fails where the app makes it, as if the SDK had given up on it. An
answer that is lost once is lost at the SDK's wire, below its retries, so that the SDK itself repeats the request.
"""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NoReturn

import botocore.endpoint
import pytest
from botocore.client import BaseClient
from botocore.endpoint import Endpoint
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

SERVICES = frozenset({"dynamodb", "s3", "kms", "sqs"})
READS = frozenset({
    "GetItem", "BatchGetItem", "Query", "Scan", "GetObject", "HeadObject", "ListObjectsV2", "GetQueueUrl", "Decrypt",
})  # fmt: skip
LAMBDAS_OWN = frozenset({"ReceiveMessage", "DeleteMessageBatch"})
"""What Lambda asks of a queue, and not the app."""
WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem"})

Proceed = Callable[[], Any]
Behaviour = Callable[[Proceed], Any]
Where = Callable[["AwsCall"], bool]


class Killed(Exception):
    """The process ended here."""


class KilledAtOnce(BaseException):
    """The process ended here, whatever its code would catch."""


@dataclass(frozen=True, slots=True)
class AwsCall:
    """One call as the app made it, however often the SDK sent it."""

    service: str
    operation: str
    parameters: dict[str, Any]

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.operation in READS

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
        self._once: tuple[Where, Behaviour] | None = None
        self._every: tuple[frozenset[str], Behaviour] | None = None
        self._counting = threading.Lock()

    @contextmanager
    def watching(self) -> Iterator[list[AwsCall]]:
        """The calls that are made meanwhile, in order."""
        self._calls = []
        try:
            yield self._calls
        finally:
            self._calls, self._at, self._once, self._every = None, {}, None, None

    @contextmanager
    def at(self, number: int, behaviour: Behaviour) -> Iterator[list[AwsCall]]:
        """Let the call of that number (from 0) behave so; that it came to be made is checked at the end."""
        with self.watching() as calls:
            self._at = {number: behaviour}
            yield calls
            assert not self._at, f"there was no call {number}, only {[call.operation for call in calls]}"
            self.points += 1

    @contextmanager
    def perhaps(self, number: int, behaviour: Behaviour) -> Iterator[list[AwsCall]]:
        """As ``at``, but that call need not come."""
        with self.watching() as calls:
            self._at = {number: behaviour}
            yield calls
            self.points += not self._at

    @contextmanager
    def once(self, where: Where, behaviour: Behaviour) -> Iterator[list[AwsCall]]:
        """Let the first call like that behave so; that there was one is checked at the end."""
        with self.watching() as calls:
            self._once = (where, behaviour)
            yield calls
            assert self._once is None, f"there was no such call, only {[call.operation for call in calls]}"
            self.points += 1

    @contextmanager
    def always(self, service: str, behaviour: Behaviour) -> Iterator[list[AwsCall]]:
        """Let every call of a service behave so."""
        with self.watching() as calls:
            self.outage(service, behaviour)
            yield calls

    def outage(self, service: str, behaviour: Behaviour | None) -> None:
        """While calls are watched: from now on every call of a service behaves so, or, with None, works again."""
        self._every = (frozenset({service}), behaviour) if behaviour else None

    def dying(self, behaviour: Behaviour) -> Behaviour:
        """The same, after which the process is gone: until the watching ends, nothing that is called arrives."""

        def dies(proceed: Proceed) -> Any:
            try:
                return behaviour(proceed)
            finally:
                self._every = (SERVICES, die_before)

        return dies

    def kill(self) -> NoReturn:
        """The process that calls this is gone: until the watching ends, nothing that is called arrives."""
        self._every = (SERVICES, die_before)
        raise KilledAtOnce

    def around(self, call: AwsCall, proceed: Proceed) -> Any:
        """What becomes of one call."""
        if self._calls is None or call.service not in SERVICES or call.operation in LAMBDAS_OWN:
            return proceed()
        with self._counting:
            behaviour = self._next(call, self._calls)
        return behaviour(proceed) if behaviour else proceed()

    def _next(self, call: AwsCall, calls: list[AwsCall]) -> Behaviour | None:
        number = len(calls)
        calls.append(call)
        # Taken off first: what the behaviour itself calls meanwhile is let through.
        if self._once and self._once[0](call):
            (_, behaviour), self._once = self._once, None
            return behaviour
        if self._every and call.service in self._every[0]:
            return self._every[1]
        return self._at.pop(number, None)


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


def of(operation: str) -> Where:
    """Calls of an operation."""
    return lambda call: call.operation == operation


def to_state(state: str) -> Where:
    """Writes that take a job to a state."""
    return lambda call: call.operation == "UpdateItem" and _sets(call.parameters, "state", state)


def sets(name: str) -> Where:
    """Writes that set a field of a job."""
    return lambda call: name in call.parameters.get("ExpressionAttributeNames", {}).values()


def _sets(update: dict[str, Any], name: str, value: str) -> bool:
    placeholder = next((each for each, named in update["ExpressionAttributeNames"].items() if named == name), None)
    found = re.search(rf"{placeholder} = (:\d+)", update["UpdateExpression"])
    return found is not None and update["ExpressionAttributeValues"][found[1]] == {"S": value}
