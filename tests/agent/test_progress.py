"""Progress: the newest wins, seldom enough for a server, often enough to hear of a cancel."""

import threading
from typing import Any

import pytest
from claimcheck_agent.errors import ClaimLost, Unavailable
from claimcheck_agent.progress import Meter, ProgressReporter

Progress = dict[str, Any]


class Sent:
    """Collects what is sent, and raises what it is told to."""

    def __init__(self) -> None:
        self.all: list[Progress] = []
        self.error: Exception | None = None
        self._changed = threading.Condition()

    def __call__(self, progress: Progress) -> None:
        with self._changed:
            self.all.append(progress)
            self._changed.notify_all()
        if self.error:
            raise self.error

    def wait(self, count: int) -> list[Progress]:
        """Wait until so much has been sent."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.all) >= count, 10)
            return self.all[:count]


@pytest.fixture
def sent() -> Sent:
    return Sent()


def test_progress_is_sent_once(sent: Sent) -> None:
    reporter = ProgressReporter(sent, interval=0.01)
    reporter.offer({"percent": 1})
    sent.wait(1)
    reporter.offer({"percent": 2})
    sent.wait(2)
    reporter.close(10)
    assert sent.all == [{"percent": 1}, {"percent": 2}]


def test_repeated_progress_is_the_newest_and_ends_with_the_job(sent: Sent) -> None:
    reporter = ProgressReporter(sent, interval=0.01)
    reporter.repeat()
    reporter.offer({"percent": 1})
    assert sent.wait(3) == [{"percent": 1}] * 3
    reporter.offer({"percent": 2})
    reporter.close(10)
    count = len(sent.all)
    assert sent.all[-1] == {"percent": 2}
    reporter.offer({"percent": 3})
    assert len(sent.all) == count


def test_repetition_survives_an_outage_but_not_a_lost_job(sent: Sent) -> None:
    reporter = ProgressReporter(sent, interval=0.01)
    reporter.repeat()
    sent.error = Unavailable()
    reporter.offer({"percent": 1})
    sent.wait(3)
    sent.error = ClaimLost.noticed()
    assert reporter._thread
    reporter._thread.join(10)
    assert not reporter._thread.is_alive()
    reporter.close(10)


def test_meter_tells_when_a_phase_begins_and_what_is_new(sent: Sent) -> None:
    meter = Meter("processing", sent, interval=0.0)
    for fraction in (0.0, 0.001, 0.5, 0.501, 1.0, 1.2):
        meter(fraction)
    assert [told["percent"] for told in sent.all] == [0, 50, 100]
    assert {told["phase"] for told in sent.all} == {"processing"}


def test_meter_is_seldom_heard(sent: Sent) -> None:
    meter = Meter("downloading", sent, interval=60.0)
    for done in range(100):
        meter(done, 100)
    assert sent.all == [{"phase": "downloading", "percent": 0}]


def test_meter_of_nothing_is_at_zero(sent: Sent) -> None:
    Meter("downloading", sent, interval=0.0)(0, 0)
    assert sent.all == [{"phase": "downloading", "percent": 0}]
