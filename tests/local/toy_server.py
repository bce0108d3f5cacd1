"""Runs the toy app in a local cloud of its own process, told what to do by lines of JSON on standard input."""

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

import botocore.session

from local.cloud import LocalCloud
from local.connections import Limits
from local.messages import Source
from tests.local import toy_app

logged: list[str] = []
spoken: list[str] = []
"""Whatever the libraries that carry HTTP and WebSockets would tell somebody who asked for all of it."""


class Memory(logging.Handler):
    def __init__(self, level: int, lines: list[str]) -> None:
        super().__init__(level)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(f"{record.levelname} {record.getMessage()}")


receive = Source.receive
receives: list[str] = []


def counted(source: Source, wait_seconds: int = 0) -> list[dict[str, Any]]:
    receives.append(source.queue)
    return receive(source, wait_seconds)


Source.receive = counted  # type: ignore[method-assign, assignment]
logging.getLogger("local").addHandler(Memory(logging.WARNING, logged))
for name in ("uvicorn", "websockets"):
    logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger(name).addHandler(Memory(logging.DEBUG, spoken))
limits = Limits(**json.loads(os.environ.get("TOY_WEBSOCKET_LIMITS", "{}")))
cloud = LocalCloud(app=toy_app.__name__, tables=toy_app.__name__, websocket_limits=limits)


def sweep() -> list[str]:
    cloud.sweep()
    return toy_app.sweeps


def poison(key: str, times: str) -> None:
    toy_app.poison[key] = int(times)


def sqs() -> Any:
    return botocore.session.Session().create_client("sqs")


def send(*bodies: str, queue: str = "toy-work", **options: Any) -> None:
    client = sqs()
    url = client.get_queue_url(QueueName=queue)["QueueUrl"]
    for body in bodies:
        client.send_message(QueueUrl=url, MessageBody=body, **options)


def publish(message: str) -> None:
    text = {"DataType": "String", "StringValue": "text"}
    sns = botocore.session.Session().create_client("sns")
    topic = os.environ["CLAIMCHECK_MESSAGES_TOPIC"]
    sns.publish(TopicArn=topic, Message=message, MessageAttributes={"text": text})


def send_with_attributes(body: str) -> None:
    text = {"DataType": "String", "StringValue": "text"}
    binary = {"DataType": "Binary", "BinaryValue": b"\0\1"}
    send(body, MessageAttributes={"text": text, "binary": binary})


def send_and_drain(*bodies: str) -> list[str]:
    """In one call, so that the drain finds messages that no worker has had the time for, or just begun with."""
    send(*bodies)
    cloud.drain()
    return list(toy_app.running)


def count_waiting(queue: str) -> list[int]:
    """How many messages are visible, delayed and with a handler or failed."""
    client = sqs()
    names = [f"ApproximateNumberOfMessages{which}" for which in ("", "Delayed", "NotVisible")]
    found = client.get_queue_attributes(
        QueueUrl=client.get_queue_url(QueueName=queue)["QueueUrl"], AttributeNames=names
    )["Attributes"]
    return [int(found[name]) for name in names]


def attributes(queue: str) -> dict[str, str]:
    client = sqs()
    where = {"QueueUrl": client.get_queue_url(QueueName=queue)["QueueUrl"]}
    found: dict[str, str] = client.get_queue_attributes(**where, AttributeNames=["All"])["Attributes"]
    return found


def pause() -> None:
    paused.enter_context(cloud.queues_paused())


def stop_seconds() -> float:
    started = time.perf_counter()
    cloud.stop()
    return time.perf_counter() - started


def restart() -> str:
    cloud.stop()
    return cloud.start().url


def stop() -> dict[str, str]:
    cloud.stop()
    return dict(os.environ)


paused = ExitStack()

CALLS: dict[str, Callable[..., object]] = {
    "drain": cloud.drain,
    "sweep": sweep,
    "poison": poison,
    "send": send,
    "send_later": lambda body, seconds: send(body, DelaySeconds=int(seconds)),
    "send_with_attributes": send_with_attributes,
    "publish": publish,
    "messages": cloud.messages,
    "send_to": lambda queue, body, seconds: send(body, queue=queue, DelaySeconds=int(seconds)),
    "send_and_drain": send_and_drain,
    "count_waiting": count_waiting,
    "attributes": attributes,
    "hurry": cloud.hurry,
    "pause": pause,
    "resume": paused.close,
    "calls": lambda: [asdict(each) for each in toy_app.calls],
    "receives": lambda: len(receives),
    "running": lambda: toy_app.running,
    "most_running": lambda: toy_app.most_running,
    "failures": lambda: [each._asdict() for each in cloud.failures],
    "logged": lambda: logged,
    "spoken": lambda: spoken,
    "stop_seconds": stop_seconds,
    "sockets": lambda: toy_app.sockets,
    "deliveries": lambda: toy_app.deliveries,
    "set_aside": lambda: [record["dynamodb"]["Keys"]["key"]["S"] for record in cloud.set_aside],
    "environment": lambda: dict(os.environ),
    "restart": restart,
    "stop": stop,
}


def say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    say(cloud.start().url)
    for line in sys.stdin:
        call, *arguments = json.loads(line)
        say(CALLS[call](*arguments))
    cloud.stop()
