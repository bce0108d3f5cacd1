"""A user with a webhook, and a receiver at its other end."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from local.cloud import LocalCloud
from tests.contract.harness import changed_settings
from tests.contract.receiver import Receiver, receiving
from tests.support.api import Api, Bench, Caller, ok


@dataclass
class Hooked:
    """A webhook with its secret, whose owner has a bench."""

    cloud: LocalCloud
    bench: Bench
    receiver: Receiver
    hook: dict[str, Any]

    @property
    def path(self) -> str:
        """Of the webhook."""
        return f"/api/webhooks/{self.hook['id']}"

    def deliveries(self, **query: Any) -> list[dict[str, Any]]:
        """What the owner sees of them, newest first."""
        return list(ok(self.bench.user.get(f"{self.path}/deliveries", params=query))["deliveries"])

    def settle(self, rounds: int = 0) -> None:
        """Let everything happen that is due, and after that as many times what waits for its time."""
        self.cloud.drain()
        for _ in range(rounds):
            self.cloud.hurry()

    def read(self) -> dict[str, Any]:
        """The webhook as it stands."""
        return dict(ok(self.bench.user.get(self.path)))


@contextmanager
def hooked(cloud: LocalCloud, api: Api, user: Caller, **order: Any) -> Iterator[Hooked]:
    """A webhook of a user who has no other."""
    bench = Bench(api, user, api.agent(), api.project(), f"q-{uuid.uuid4().hex[:12]}")
    with receiving() as receiver, changed_settings(webhook_allowed_hosts=receiver.host):
        hook = ok(bench.user.post("/api/webhooks", {"url": f"{receiver.url}/hook?a=1", **order}))
        yield Hooked(cloud, bench, receiver, hook)
        cloud.drain()
        user.delete(f"/api/webhooks/{hook['id']}")
