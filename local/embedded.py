"""AWS inside this process, by moto: the app's calls never leave it; S3 is served over HTTP too, for presigned URLs."""

import functools
import logging
import threading
from collections.abc import Callable
from typing import Any

from moto import mock_aws
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import StreamShard
from moto.dynamodb.responses import DynamoHandler
from moto.dynamodbstreams.models import ShardIterator
from moto.moto_server.werkzeug_app import MotoRequestHandler
from moto.s3.exceptions import NoSuchUpload
from moto.s3.models import S3Backend
from moto.server import ThreadedMotoServer
from moto.sns.models import Topic

from . import embedded_sqs

_MOTO_NAMES = {
    "DYNAMODB": ("dynamodb", "dynamodbstreams"),
    "S3": ("s3",),
    "KMS": ("kms",),
    "SNS": ("sns",),
    "SQS": ("sqs",),
}

_dynamodb_lock = threading.RLock()
_update = threading.local()
_listeners: list[Callable[[], None]] = []
# Clients keep the endpoint they were made with, so a second start in one process serves S3 where the first did.
_last_port = 0


class EmbeddedAws:
    """moto for the services that nothing else provides.

    ``on_stream_record`` is called, from whichever thread wrote, after every record that a table's stream gains, and
    ``on_message`` after a queue's message was sent or changed its visibility.
    """

    def __init__(
        self, services: frozenset[str], *, on_stream_record: Callable[[], None], on_message: Callable[[], None]
    ) -> None:
        self._services = services
        self._listener = on_stream_record
        self._message_listener = on_message
        foreign = [name for service, names in _MOTO_NAMES.items() if service not in services for name in names]
        # The environment's credentials are ours to set (see environment.py): a foreign service needs the user's.
        core = {"mock_credentials": False, "reset_boto3_session": True, "passthrough": {"services": foreign}}
        self._mock = mock_aws(config={"core": core})  # type: ignore[call-overload, unused-ignore]
        self._server: ThreadedMotoServer | None = None

    def start(self) -> str | None:
        """Start; answers the URL of S3, or None where S3 is not embedded."""
        _repair_moto()
        url = self._serve_s3() if "S3" in self._services else None
        self._mock.start()
        _listeners.append(self._listener)
        embedded_sqs.listeners.append(self._message_listener)
        return url

    def stop(self) -> None:
        """Stop, and forget everything stored."""
        _listeners.remove(self._listener)
        embedded_sqs.listeners.remove(self._message_listener)
        self._mock.stop()
        if self._server:
            self._server.stop()
            self._server._server.server_close()  # type: ignore[union-attr]  # noqa: SLF001  stop() leaves it open

    def _serve_s3(self) -> str:
        global _last_port  # noqa: PLW0603  one per process, as the clients that remember it
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer("127.0.0.1", _last_port, verbose=False)
        self._server.start()
        _last_port = self._server.get_host_and_port()[1]
        return f"http://127.0.0.1:{_last_port}"


@functools.cache
def _repair_moto() -> None:
    """Make moto fit for threads and for a long life; once per process."""
    _serialise_dynamodb()
    _announce_records()
    _forget_used_iterators()
    _forget_notifications()
    _refuse_unknown_uploads()
    embedded_sqs.repair()
    # An answer in two packets would otherwise wait 40 ms for the peer's delayed acknowledgement.
    MotoRequestHandler.disable_nagle_algorithm = True


def _serialise_dynamodb() -> None:
    # moto checks a condition and then writes, with nothing to keep another thread out in between.
    act = DynamoHandler.call_action

    @functools.wraps(act)
    def locked(self: DynamoHandler) -> Any:  # noqa: ANN401  moto's own response type
        with _dynamodb_lock:
            return act(self)

    DynamoHandler.call_action = locked  # type: ignore[method-assign]


def _announce_records() -> None:
    add = StreamShard.add

    @functools.wraps(add)
    def announced(self: StreamShard, old: Item | None, new: Item | None) -> None:
        if _is_spurious(old, new):
            return
        add(self, old, new)
        for listener in tuple(_listeners):
            listener()

    StreamShard.add = announced  # type: ignore[method-assign]
    _mark_updates()


def _is_spurious(old: Item | None, new: Item | None) -> bool:
    # DynamoDB has no record of a write that changed nothing; moto has. And of an update that creates an item moto
    # has two, the first with the item's key alone.
    if old is not None and new is not None:
        return bool(old.to_json() == new.to_json())
    creating = old is None and getattr(_update, "fresh", False)
    _update.fresh = False
    return creating


def _mark_updates() -> None:
    update = DynamoDBBackend.update_item

    @functools.wraps(update)
    def marked(self: DynamoDBBackend, *arguments: Any, **named: Any) -> Item:  # noqa: ANN401  passed on as they are
        _update.fresh = True
        try:
            return update(self, *arguments, **named)
        finally:
            _update.fresh = False

    DynamoDBBackend.update_item = marked  # type: ignore[method-assign]


def _refuse_unknown_uploads() -> None:
    # S3 answers 404 for an upload that is not there; moto fails.
    complete = S3Backend.complete_multipart_upload

    @functools.wraps(complete)
    def checked(self: S3Backend, bucket_name: str, multipart_id: str, body: Any) -> Any:  # noqa: ANN401  moto's own
        if multipart_id not in self.get_bucket(bucket_name).multiparts:
            raise NoSuchUpload(multipart_id)
        return complete(self, bucket_name, multipart_id, body)

    S3Backend.complete_multipart_upload = checked  # type: ignore[method-assign]


def _forget_used_iterators() -> None:
    # moto keeps every iterator it ever gave out; a server that runs for days would only grow.
    get = ShardIterator.get

    @functools.wraps(get)
    def once(self: ShardIterator, limit: int = 1000) -> dict[str, Any]:
        self.streams_backend.shard_iterators.pop(self.arn, None)
        return get(self, limit)

    ShardIterator.get = once  # type: ignore[method-assign]


def _forget_notifications() -> None:
    # moto keeps every message that a topic was ever told, for tests to look at.
    publish = Topic.publish

    @functools.wraps(publish)
    def published(self: Topic, *arguments: Any, **named: Any) -> str:  # noqa: ANN401  passed on as they are
        message_id = publish(self, *arguments, **named)
        self.sent_notifications.clear()
        return message_id

    Topic.publish = published  # type: ignore[method-assign]
