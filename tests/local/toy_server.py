"""Runs the toy app in a local cloud of its own process, told what to do by lines of JSON on standard input."""

import json
import os
import sys
from collections.abc import Callable

from local.cloud import LocalCloud
from tests.local import toy_app

cloud = LocalCloud(app=toy_app.__name__, tables=toy_app.__name__)


def sweep() -> list[str]:
    cloud.sweep()
    return toy_app.sweeps


def poison(key: str, times: str) -> None:
    toy_app.poison[key] = int(times)


def restart() -> str:
    cloud.stop()
    return cloud.start().url


def stop() -> dict[str, str]:
    cloud.stop()
    return dict(os.environ)


CALLS: dict[str, Callable[..., object]] = {
    "drain": cloud.drain,
    "sweep": sweep,
    "poison": poison,
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
