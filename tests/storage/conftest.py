"""What only a real engine can prove, races, expiry and capacity; run by itself with ``CLAIMCHECK_TEST_DYNAMODB=local``.

Where that is asked for and DynamoDB Local cannot be had, the cloud does not start and every test here fails.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from local.cloud import LocalCloud
from tests.conftest import KEYS
from tests.support.api import Api, Bench, Caller

HERE = Path(__file__).parent
WHY = "moto proves no race, expiry or capacity: run tests/storage by itself with CLAIMCHECK_TEST_DYNAMODB=local"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("CLAIMCHECK_TEST_DYNAMODB") != "local":
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=WHY))


@pytest.fixture(scope="session", autouse=True)
def _no_clock(cloud: LocalCloud) -> None:
    """Nothing is swept but where a test says so; the cloud's own clock would do it once a minute, in between."""
    assert cloud._scheduler is not None
    cloud._scheduler.stop()


@pytest.fixture(scope="session")
def member(cloud: LocalCloud) -> Caller:
    """One user for the whole run: hashing passwords takes its time, and is not what is tested here."""
    return Api(cloud.url, KEYS["CLAIMCHECK_ADMIN_API_KEY"], KEYS["CLAIMCHECK_AGENT_SECRET"]).user()


@pytest.fixture
def bench(api: Api, member: Caller) -> Bench:
    """A project, an agent and a queue of their own."""
    return Bench(api, member, api.agent(), api.project(), f"q-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def no_leases(api: Api, cloud: LocalCloud) -> None:  # noqa: ARG001  as if the tests before had been long ago
    """Nobody holds a job: what other tests left behind does not expire together with this test's."""
    from chalicelib.jobs import agenda

    with time_machine.travel(datetime.now(UTC) + timedelta(days=1)):
        while any(agenda.leases()):
            cloud.sweep()


At = Callable[[str, timedelta], AbstractContextManager[None]]


@pytest.fixture
def at() -> At:
    """``with at(moment, offset)``: the clock stands still so long after (or before) a time of the wire."""

    @contextmanager
    def stopped(moment: str, offset: timedelta) -> Iterator[None]:
        with time_machine.travel(datetime.fromisoformat(moment) + offset, tick=False):
            yield

    return stopped
