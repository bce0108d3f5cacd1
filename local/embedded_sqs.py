"""moto's SQS, made fit for threads, and able to say when a queue has something to receive; what S3 sends to it."""

import functools
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

from moto.s3 import notifications
from moto.sqs.models import Message, Queue, SQSBackend, sqs_backends

listeners: list[Callable[[], None]] = []
"""Called, from whichever thread did it, after a message was sent or its visibility changed."""

_lock = threading.RLock()


def next_visible(queue_arn: str) -> float | None:
    """When a queue has a message to receive, in seconds since the epoch; None while it is empty.

    It takes no lock, so that it can be asked from within any.
    """
    queue = _find(queue_arn)
    return min((_visible_from(each) for each in tuple(queue._messages)), default=None) if queue else None  # noqa: SLF001


def make_visible(queue_arn: str) -> None:
    """End every wait of a queue's messages: delays, and the visibility timeouts of those received."""
    with _lock:
        queue = _find(queue_arn)
        for message in queue._messages if queue else ():  # noqa: SLF001  no call of SQS ends a delay
            message.visible_at = message.delayed_until = 0.0
    _announce()


@functools.cache
def repair() -> None:
    """Make moto fit for threads, and its events those of S3; once per process."""
    _serialise(Queue, "add_message")
    _serialise(Queue, "delete_message")
    _serialise(SQSBackend, "change_message_visibility")
    _serialise_receiving()
    _correct_s3_events()


def _find(queue_arn: str) -> Queue | None:
    _, _, _, region, account, name = queue_arn.split(":")
    return sqs_backends[account][region].queues.get(name)


def _visible_from(message: Message) -> float:
    # moto's times are milliseconds, and it receives a message only after them.
    return (max(message.visible_at, message.delayed_until) + 1) / 1000


def _announce() -> None:
    for listener in tuple(listeners):
        listener()


def _serialise(owner: type, name: str) -> None:
    # moto rebuilds the list of messages to delete one: what another thread adds meanwhile would be lost.
    act = getattr(owner, name)

    @functools.wraps(act)
    def locked(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401  passed on as they are
        with _lock:
            answer = act(*arguments, **named)
        _announce()
        return answer

    setattr(owner, name, locked)


def _serialise_receiving() -> None:
    # moto looks at a message and then marks it: two threads would both receive it. Waiting is done without the lock.
    receive = SQSBackend.receive_message

    @functools.wraps(receive)
    def locked(
        self: SQSBackend,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        *arguments: Any,  # noqa: ANN401  passed on as they are
    ) -> list[Message]:
        until = time.monotonic() + wait_seconds_timeout
        while True:
            with _lock:
                found = receive(self, queue_name, count, 0, *arguments)
            if found or time.monotonic() >= until:
                return found
            self.get_queue(queue_name).wait_for_messages(1)

    SQSBackend.receive_message = locked  # type: ignore[method-assign, assignment]


def _correct_s3_events() -> None:
    send = notifications.send_event

    @functools.wraps(send)
    def sent_once(account_id: str, event_name: notifications.S3NotificationEvent, bucket: Any, key: Any) -> None:  # noqa: ANN401
        try:
            # moto announces an upload in parts as a plain one as well; only that one's ETag names the number of parts.
            spurious = event_name == notifications.S3NotificationEvent.OBJECT_CREATED_PUT_EVENT and "-" in key.etag
        except ValueError:
            return  # Its content is closed: another upload under the same key, which has an event too, took its place.
        if not spurious:
            send(account_id, event_name, bucket, key)

    notifications.send_event = sent_once
    # S3 leaves the slashes in a key as they are.
    notifications.quote_plus = functools.partial(quote_plus, safe="/")  # type: ignore[attr-defined]
