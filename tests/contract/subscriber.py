"""JobMessages as a subscriber reads them: from a queue that has them all."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from local import resources
from local.cloud import LocalCloud


@dataclass
class Subscriber:
    """Reads the queue that gets every message."""

    cloud: LocalCloud
    sqs: Any
    url: str

    def read(self) -> list[dict[str, Any]]:
        """All messages since the last time, in the order in which they came, with their attributes."""
        self.cloud.drain()
        found: list[dict[str, Any]] = []
        while told := self._receive():
            found += told
        return found

    def of(self, job_id: str) -> list[dict[str, Any]]:
        """The bodies of those of one job."""
        return [each["body"] for each in self.read() if each["body"]["job_id"] == job_id]

    def _receive(self) -> list[dict[str, Any]]:
        asked = {"MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
        found = self.sqs.receive_message(QueueUrl=self.url, **asked).get("Messages", [])
        for each in found:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])
        return [
            {
                "body": json.loads(each["Body"]),
                "attributes": _plain(each),
                "size": _size(each),
                "ascii": each["Body"].isascii(),
            }
            for each in found
        ]


def _plain(message: dict[str, Any]) -> dict[str, str]:
    return {name: value["StringValue"] for name, value in message.get("MessageAttributes", {}).items()}


def _size(message: dict[str, Any]) -> int:
    attributes = message.get("MessageAttributes", {})
    told = sum(len(name + value["DataType"] + value["StringValue"]) for name, value in attributes.items())
    return len(message["Body"].encode()) + told


@contextmanager
def subscribed(cloud: LocalCloud) -> Iterator[Subscriber]:
    """A subscriber that has read what was told before."""
    from chalicelib.settings import settings

    sqs = resources.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{settings().table_prefix}-messages")["QueueUrl"]
    made = Subscriber(cloud, sqs, url)
    made.read()
    yield made
    made.read()
