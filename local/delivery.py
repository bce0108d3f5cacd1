"""A batch of stream records reaches its handler, as Lambda delivers it: retried, then bisected, then put aside."""

import base64
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from chalice.local import LambdaContext

ATTEMPTS = 3
RETRY_SECONDS = 0.05

Record = dict[str, Any]
Handler = Callable[[dict[str, Any], Any], Any]

log = logging.getLogger("local.streams")


class Delivery:
    """Delivers a stream's records to handlers, each of which has a name. ``set_aside`` keeps what none could take."""

    def __init__(self, stream_arn: str, handlers: dict[str, Handler]) -> None:
        self._stream_arn = stream_arn
        self._handlers = handlers
        self.set_aside: list[Record] = []

    @property
    def names(self) -> list[str]:
        """The handlers' names."""
        return list(self._handlers)

    def deliver(self, records: Sequence[Record]) -> None:
        """Deliver in order to every handler; returns when each record was taken or put aside."""
        batch = [to_event_record(record, self._stream_arn) for record in records]
        for name, handler in self._handlers.items():
            self._deliver(name, handler, batch)

    def _deliver(self, name: str, handler: Handler, batch: list[Record]) -> None:
        failure = _try(name, handler, batch)
        if failure is None:
            return
        if len(batch) == 1:
            self._put_aside(name, batch[0], failure)
            return
        middle = len(batch) // 2
        self._deliver(name, handler, batch[:middle])
        self._deliver(name, handler, batch[middle:])

    def _put_aside(self, name: str, record: Record, failure: Exception) -> None:
        self.set_aside.append(record)
        log.error(
            "RECORD PUT ASIDE: %s failed %d times on %s %s",
            name, ATTEMPTS, record["eventName"], record["dynamodb"].get("Keys"), exc_info=failure,
        )  # fmt: skip


def to_event_record(record: Record, stream_arn: str) -> Record:
    """A record as Lambda hands it over: times are epoch seconds, binary values Base64 text."""
    plain: Record = _plain(record)
    return {**plain, "eventSourceARN": stream_arn}


def _try(name: str, handler: Handler, batch: list[Record]) -> Exception | None:
    failure: Exception | None = None
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(RETRY_SECONDS * attempt)
        try:
            handler({"Records": batch}, LambdaContext(name, memory_size=1024, max_runtime_ms=60_000))
        except Exception as error:  # noqa: BLE001  whatever a handler raises, the batch has failed
            failure = error
        else:
            return None
    return failure


def _plain(value: Any) -> Any:  # noqa: ANN401  any value of botocore's parser
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.timestamp() if isinstance(value, datetime) else value
