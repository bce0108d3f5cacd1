"""A queue and the handler it feeds: what Lambda's event source mapping knows of an SQS queue."""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from chalice.app import Chalice, SQSEventConfig
from chalice.local import LambdaContext

from . import resources

TIME_LIMIT_SECONDS = 900
"""What a handler's context counts down from: Lambda's longest."""
_LARGEST_BATCH = 10

Message = dict[str, Any]
Handler = Callable[[dict[str, Any], Any], Any]


@dataclass(frozen=True, kw_only=True)
class Source:
    """A handler and the queue whose messages it is called with, at most ``batch_size`` at once."""

    client: Any
    url: str
    arn: str
    handler_name: str
    handler: Handler
    batch_size: int

    @property
    def queue(self) -> str:
        """The queue's name."""
        return self.arn.rpartition(":")[2]

    def receive(self, wait_seconds: int = 0) -> list[Message]:
        """Messages that are visible, which they then are not until the queue's visibility timeout has passed."""
        answer = self.client.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=min(self.batch_size, _LARGEST_BATCH),
            WaitTimeSeconds=wait_seconds,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages: list[Message] = answer.get("Messages", [])
        return messages

    def invoke(self, messages: Iterable[Message]) -> None:
        """Call the handler with a batch; its exceptions are the caller's."""
        context = LambdaContext(self.handler_name, memory_size=1024, max_runtime_ms=TIME_LIMIT_SECONDS * 1000)
        self.handler({"Records": [to_event_record(each, self.arn) for each in messages]}, context)

    def delete(self, messages: Sequence[Message]) -> None:
        """Take a batch off the queue."""
        _delete(self.client, self.url, messages)


def create_sources(app: Chalice, delays: Mapping[str, int]) -> list[Source]:
    """Make the queue of each ``on_sqs_message`` handler; ``delays`` are seconds by the names of queues."""
    configs = [source for source in app.event_sources if isinstance(source, SQSEventConfig)]
    # Each worker may be receiving while all the others delete.
    sqs = resources.client("sqs", config=Config(max_pool_connections=50)) if configs else None
    return [_create(app, sqs, config, delays) for config in configs]


def _create(app: Chalice, sqs: Any, config: SQSEventConfig, delays: Mapping[str, int]) -> Source:  # noqa: ANN401
    name = (config.queue or config.queue_arn or "").rpartition(":")[2]
    url = resources.create_queue(sqs, name, delays.get(name, 0))
    return Source(
        client=sqs,
        url=url,
        arn=resources.queue_arn(sqs, url),
        handler_name=config.name,
        handler=app.handler_map[config.name],
        batch_size=config.batch_size,
    )


def take_all(url: str) -> list[str]:
    """Receive and delete every message of a queue that is visible; answers their bodies."""
    sqs = resources.client("sqs")
    bodies: list[str] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=_LARGEST_BATCH).get("Messages"):
        bodies += [each["Body"] for each in messages]
        _delete(sqs, url, messages)
    return bodies


def _delete(sqs: Any, url: str, messages: Sequence[Message]) -> None:  # noqa: ANN401  a client of botocore
    entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(messages)]
    sqs.delete_message_batch(QueueUrl=url, Entries=entries)


def to_event_record(message: Message, queue_arn: str) -> dict[str, Any]:
    """A message as Lambda hands it over (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html)."""
    attributes: Mapping[str, Any] = message.get("MessageAttributes", {})
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {name: _attribute(value) for name, value in attributes.items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }
    if attributes:
        record["md5OfMessageAttributes"] = message.get("MD5OfMessageAttributes")
    return record


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"dataType": value["DataType"], "stringListValues": [], "binaryListValues": []}
    if "StringValue" in value:
        content["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        content["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode("ascii")
    return content
