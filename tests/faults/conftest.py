"""The clock and the stream in the test's own hands, and the count of injected failures for the summary."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import requests
import time_machine

from local.cloud import LocalCloud
from tests.faults.faults import Injector, install
from tests.faults.recorder import Recorder
from tests.support.api import Api, Caller

if TYPE_CHECKING:
    from tests.faults.evaluation_story import EvaluationStory
    from tests.faults.file_story import FileStory

pytest.register_assert_rewrite(
    *(f"tests.faults.{name}" for name in ("evaluation_story", "evidence", "file_story", "life", "operations", "story"))
)

_injector = Injector()


@pytest.fixture
def injector(monkeypatch: pytest.MonkeyPatch) -> Injector:
    """The injector, in its place."""
    install(_injector, monkeypatch)
    return _injector


@pytest.fixture(scope="session")
def users() -> dict[str, Caller]:
    """Users that were registered already: each takes a second, by design of the password's hash."""
    return {}


@pytest.fixture
def user(api: Api, users: dict[str, Caller]) -> Caller:
    """The one user of these tests, who is on every team."""
    if not users:
        users["one"] = api.user()
    return users["one"]


@pytest.fixture(autouse=True)
def kept_alive(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One connection for all requests: these tests make thousands."""
    with requests.Session() as session:
        monkeypatch.setattr("tests.support.api.requests.request", session.request)
        yield


@pytest.fixture
def quiet(cloud: LocalCloud, api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCloud]:  # noqa: ARG001
    """The cloud, whose stream is read and whose schedules run only when the test says so, with an empty agenda."""
    assert cloud._scheduler is not None
    assert cloud._pump is not None
    monkeypatch.setattr(cloud._scheduler, "_run_safely", lambda _: None)
    # Nobody is told: what follows from messages has tests of its own, and here would cost a third of the time.
    monkeypatch.setattr("chalicelib.messages.publish.announce", lambda _: None)
    # The pump's turn: while this thread has it, the pump's own thread delivers nothing. Nor do those of the queues.
    with cloud._queues.held(), cloud._pump._turn:
        _clear(cloud)
        yield cloud
        cloud.drain()


@pytest.fixture
def file_story(quiet: LocalCloud, api: Api, user: Caller) -> Iterator["FileStory"]:
    """A file job that has not begun, and no other."""
    from tests.faults.file_story import FileStory, clear

    clear(quiet)
    with FileStory.told(quiet, user, api.agent()) as story:
        yield story


@pytest.fixture
def evaluation_story(quiet: LocalCloud, user: Caller) -> Iterator["EvaluationStory"]:
    """An evaluation of four rows in two batches that has not begun, and no other."""
    from tests.faults.evaluation_story import EvaluationStory

    with EvaluationStory.told(quiet, user) as story:
        yield story


def _clear(cloud: LocalCloud) -> None:
    """End what other tests have left on the agenda: leases, uploads, and jobs that wait for an agent or a stage."""
    from chalicelib import queues
    from chalicelib.jobs import agenda, lifecycle

    with time_machine.travel(timedelta(days=2)):
        cloud.sweep()
        while list(agenda.leases()):
            cloud.sweep()
    for queue in ("default", queues.BUILDS, *queues.STAGES):
        for slot in agenda.queue_slots(queue):
            while entry := agenda.first_in(slot):
                lifecycle.cancel(lifecycle.read(entry.job_id))
    cloud.drain()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _injector.points:
        terminalreporter.write_line(f"fault injection: {_injector.points} points")


@pytest.fixture
def recorder(quiet: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """In the place of the cloud's own delivery of the jobs table's stream."""
    assert quiet._pump is not None
    (stream,) = quiet._pump._streams
    recorder = Recorder(stream.delivery)
    monkeypatch.setattr(stream, "delivery", recorder)
    yield recorder
    quiet.drain()
