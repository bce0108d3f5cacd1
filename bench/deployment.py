"""A deployment to measure: the local cloud over DynamoDB Local."""

import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from local.cloud import LocalCloud
from tests.support.api import Api, Bench

KEYS = ("CLAIMCHECK_ADMIN_API_KEY", "CLAIMCHECK_AGENT_SECRET", "CLAIMCHECK_SESSION_SECRET")


@dataclass(frozen=True, slots=True)
class Deployment:
    """The running cloud and its API; ``endpoint`` is that of its DynamoDB."""

    cloud: LocalCloud
    api: Api
    endpoint: str

    def workplace(self) -> Bench:
        """A project with a secret, a member, an agent with the shared secret, and a queue of its own."""
        place = Bench(self.api, self.api.user(), self.api.agent(), self.api.project(), f"q-{uuid.uuid4().hex[:12]}")
        place.secret("ghp_" + "x" * 36)
        return place


@contextmanager
def deployed(endpoint: str) -> Iterator[Deployment]:
    """A deployment for as long as the block lasts; its tables outlive it, and nobody reads their stream then."""
    settings = {name: secrets.token_hex(24) for name in KEYS}
    with LocalCloud(settings={**settings, "AWS_ENDPOINT_URL_DYNAMODB": endpoint}) as cloud:
        yield Deployment(cloud, Api(cloud.url, settings[KEYS[0]], settings[KEYS[1]]), endpoint)
