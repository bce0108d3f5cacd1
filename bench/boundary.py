"""The one place where every call to AWS passes, PynamoDB's and boto's alike: to count calls, or to stop them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AwsCall:
    """A call on its way out: what it asks, and ``proceed``, which sends it and answers or raises as botocore does."""

    service: str
    operation: str
    arguments: dict[str, Any]
    send: Callable[[str, dict[str, Any]], Answer]

    @property
    def table(self) -> str:
        """The table's name without the deployment's prefix; for a batch those of all, in order; else nothing."""
        named = self.arguments.get("TableName")
        names = [named] if named else sorted(self.arguments.get("RequestItems", ()))
        return "+".join(name.partition("-")[2] for name in names)

    def proceed(self, **more: Any) -> Answer:  # noqa: ANN401  botocore's arguments
        """Send it, with these arguments beside its own."""
        return self.send(self.operation, {**self.arguments, **more})


Handler = Callable[[AwsCall], Answer]


@contextmanager
def intercepted(handler: Handler) -> Iterator[None]:
    """Hand every AWS call to ``handler``, whose answer is the call's; nested, the innermost has it first."""
    inner = BaseClient._make_api_call  # noqa: SLF001  botocore has no public hook around a whole call

    def outer(client: BaseClient, operation: str, arguments: dict[str, Any]) -> Answer:
        def send(name: str, given: dict[str, Any]) -> Answer:
            answer: Answer = inner(client, name, given)
            return answer

        return handler(AwsCall(client.meta.service_model.service_name, operation, arguments, send))

    with patch.object(BaseClient, "_make_api_call", outer):
        yield


def own_threads_only(handler: Handler) -> Handler:
    """The handler for all threads but the local cloud's clock, whose sweeps come between at times of their own."""

    def chosen(call: AwsCall) -> Answer:
        return call.proceed() if threading.current_thread().name == "schedules" else handler(call)

    return chosen
