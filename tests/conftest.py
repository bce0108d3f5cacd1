"""One local cloud for the run: over moto, or over DynamoDB Local if ``CLAIMCHECK_TEST_DYNAMODB=local`` asks for it."""

import os
import secrets
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.parsing.validators import ActionCountValidator, OverlappingPathsValidator

from local.cloud import LocalCloud
from local.dynamodb_local import dynamodb_local
from tests.support.api import Api, Bench

HERE = Path(__file__).parent
KEYS = {
    name: secrets.token_hex(24)
    for name in ("CLAIMCHECK_ADMIN_API_KEY", "CLAIMCHECK_AGENT_SECRET", "CLAIMCHECK_SESSION_SECRET")
}
SETTINGS = {
    **KEYS,
    "CLAIMCHECK_LOG_LEVEL": "INFO",
    "CLAIMCHECK_LOGIN_ATTEMPTS_PER_MINUTE": "100000",
    "CLAIMCHECK_REGISTRATIONS_PER_MINUTE": "100000",
    "CLAIMCHECK_TOKEN_FAILURES_PER_MINUTE": "100000",
    "CLAIMCHECK_BUILD_REQUESTS_PER_MINUTE": "100000",
    "CLAIMCHECK_BUILD_CREATIONS_PER_MINUTE": "100000",
    "CLAIMCHECK_ANALYSIS_CREATIONS_PER_MINUTE": "100000",
    # Nobody is waited for; where somebody has to be, the test says so.
    "CLAIMCHECK_PIPELINE_WAIT_SECONDS": "0",
    "CLAIMCHECK_STREAM_WAIT_SECONDS": "0",
    "CLAIMCHECK_PIPELINE_CREATIONS_PER_QUARTER_HOUR": "100000",
    "CLAIMCHECK_PIPELINE_STREAMS_PER_QUARTER_HOUR": "100000",
    "CLAIMCHECK_PIPELINE_READS_PER_QUARTER_HOUR": "100000",
    "CLAIMCHECK_PIPELINE_VERIFICATIONS_PER_QUARTER_HOUR": "100000",
    "CLAIMCHECK_EVALUATION_REQUESTS_PER_MINUTE": "100000",
    "CLAIMCHECK_EVALUATION_SUBMISSIONS_PER_MINUTE": "100000",
    "CLAIMCHECK_WEBHOOK_SENDS_PER_MINUTE": "100000",
    "CLAIMCHECK_ALLOWED_ORIGINS": "https://dashboard.example.com, https://other.example.com",
    "CLAIMCHECK_MULTIPART_THRESHOLD_BYTES": str(6 * 1024 * 1024),
    "CLAIMCHECK_MULTIPART_PART_BYTES": str(5 * 1024 * 1024),
    "CLAIMCHECK_LOG_MAX_BYTES": str(2 * 1024 * 1024),
    "POWERTOOLS_METRICS_DISABLED": "true",
}

FIRST = ("infra/test_isolated.py", "faults/", "local/", "infra/")
"""The file that has the package made, which several need, and then those that take long."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have no process wait for another: while the package is made, nor at the end for a file that takes long."""

    def rank(item: pytest.Item) -> int:
        path = item.path.relative_to(HERE).as_posix()
        return next((number for number, start in enumerate(FIRST) if path.startswith(start)), len(FIRST))

    items.sort(key=rank)


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """A hash is made to cost much, and most tests have users of their own: it was an eighth of all the time."""
    from chalicelib.accounts import passwords

    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="session", autouse=True)
def brief_moto() -> Iterator[None]:
    """Where moto does much for little: a third of the time of what writes much.

    It asks a value for each type that there is, under several names. And of an update's expression, it checks each part
    for what it has found of the whole.
    """
    slowly = BaseJSONSerializer._serialize_type_structure

    def briefly(self: BaseJSONSerializer, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and isinstance(value, dict) and value.keys() <= {"S", "N", "BOOL"}:
            serialized[self.get_serialized_name(shape, key)] = dict(value)
        else:
            slowly(self, serialized, value, shape, key)

    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(BaseJSONSerializer, "_serialize_type_structure", briefly)
        for of_the_whole in (ActionCountValidator, OverlappingPathsValidator):
            patches.setattr(of_the_whole, "traverse", of_the_whole.process)
        yield


@pytest.fixture(scope="session")
def cloud() -> Iterator[LocalCloud]:
    """The running local cloud."""
    with ExitStack() as stack:
        settings = dict(SETTINGS)
        if os.environ.get("CLAIMCHECK_TEST_DYNAMODB") == "local":
            settings["AWS_ENDPOINT_URL_DYNAMODB"] = stack.enter_context(dynamodb_local())
        yield stack.enter_context(LocalCloud(settings=settings))


@pytest.fixture
def api(cloud: LocalCloud) -> Iterator[Api]:
    """The API of the local cloud; nothing that the process remembers from other tests stands in the way."""
    from chalicelib.accounts import agents
    from chalicelib.jobs import claims

    agents._seen.clear()
    claims.contention.__init__()  # type: ignore[misc]
    claims.lease_watch.__init__()  # type: ignore[misc]
    yield Api(cloud.url, KEYS["CLAIMCHECK_ADMIN_API_KEY"], KEYS["CLAIMCHECK_AGENT_SECRET"])
    assert cloud.set_aside == [], "a change of a job could not be turned into its effects"


@pytest.fixture
def bench(api: Api) -> Bench:
    """A project with a member, an agent and a queue of their own."""
    return Bench(api, api.user(), api.agent(), api.project(), f"q-{uuid.uuid4().hex[:12]}")
