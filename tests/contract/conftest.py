"""Users are made once for all of these tests: a registration and a log-in cost two Argon2 hashes."""

import io
import logging
import uuid
from collections.abc import Iterator

import pytest
from moto.dynamodb.models import dynamodb_backends

from local.cloud import LocalCloud
from tests.contract.harness import AwsSpy, People, api_of, spied
from tests.support.api import Api, Bench
from tests.support.evaluations import Evaluations
from tests.support.files import Files

_TOLD = ("test_job_messages", "test_webhooks", "test_threats_leaks", "test_threats_storage")


@pytest.fixture(scope="module", autouse=True)
def _small_tables(cloud: LocalCloud) -> Iterator[None]:
    """Leave the tables empty but for the users: moto answers a query by looking at every item there is."""
    yield
    cloud.drain()
    for backend in dynamodb_backends["123456789012"].values():
        for name, table in backend.tables.items():
            if not name.endswith("-users"):
                table.items.clear()


@pytest.fixture(autouse=True)
def hushed(request: pytest.FixtureRequest, cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """Nobody is told of the jobs of tests that do not ask for it: it would cost them a fifth of their time."""
    if not request.module.__name__.rpartition(".")[2].startswith(_TOLD):
        monkeypatch.setattr("chalicelib.messages.publish.announce", lambda _: None)


@pytest.fixture(scope="session")
def people(cloud: LocalCloud) -> People:
    """A member, a viewer, and somebody who is on no private team."""
    return People.registered(api_of(cloud.url))


@pytest.fixture
def bench(api: Api, people: People) -> Bench:
    """A project open to every user, with an agent and a queue of its own."""
    return Bench(api, people.member, api.agent(), api.project(), f"q-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def files(api: Api, people: People) -> Files:  # noqa: ARG001  the app's memory is cleared with it
    """A member's file jobs, those of other tests among them."""
    return Files(people.member)


@pytest.fixture
def own_files(api: Api) -> Files:
    """The file jobs of somebody who has none yet."""
    return Files(api.user())


@pytest.fixture
def evaluations(api: Api, people: People) -> Evaluations:  # noqa: ARG001  the app's memory is cleared with it
    """A member's evaluations, those of other tests among them."""
    return Evaluations(people.member)


@pytest.fixture
def own_evaluations(api: Api) -> Evaluations:
    """The evaluations of somebody who has none yet."""
    return Evaluations(api.user())


@pytest.fixture
def private(bench: Bench, people: People) -> Bench:
    """A project with a team: the member and the viewer."""
    bench.project_id = bench.api.project(members=[people.member_email, people.viewer_email])
    return bench


@pytest.fixture
def log(cloud: LocalCloud) -> Iterator[io.StringIO]:  # noqa: ARG001  the app is imported once the cloud runs
    """All that the process logs while the test lasts, by our logger and by everybody else's."""
    from chalicelib.telemetry import logger

    sink = io.StringIO()
    ours, others = logging.StreamHandler(sink), logging.StreamHandler(sink)
    ours.setFormatter(logger.registered_formatter)
    logger.addHandler(ours)
    logging.getLogger().addHandler(others)
    yield sink
    logger._logger.removeHandler(ours)
    logging.getLogger().removeHandler(others)


@pytest.fixture
def aws() -> Iterator[AwsSpy]:
    """What is asked of AWS, with its parameters."""
    with spied() as spy:
        yield spy
