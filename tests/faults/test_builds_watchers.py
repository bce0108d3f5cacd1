"""Watchers of builds: a crowd of them, cut off at random, and a stream that delivers twice or breaks off half-way."""

import asyncio
import json
import random
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from botocore.exceptions import ClientError
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed

from local.cloud import LocalCloud
from tests.faults.recorder import Recorder
from tests.support.api import Api
from tests.support.builds import RESULT, Builds, Work
from tests.support.watching import address, all_heard, heard, watching

CROWD = 200
REPORTS = 6
STATES = ["initializing 0", "initializing 0", "running 0", *(f"running {percent}" for percent in range(1, REPORTS + 1))]
"""What there is to be told of a build from before it is claimed: the greeting, the claim, and each report."""
END = "completion"


@pytest.fixture
def builds(api: Api, cloud: LocalCloud) -> Iterator[Builds]:
    from chalicelib.jobs.model import Kind
    from chalicelib.jobs.tables import JobRow

    yield Builds(api, api.user(), api.agent())
    # As if they had aged out: other tests here look at all jobs that there are.
    for row in JobRow.scan(JobRow.kind == Kind.BUILD):
        row.delete()
    cloud.drain()


def _brief(message: dict[str, Any]) -> str:
    return f"{message['status']} {message['progress']}" if message["type"] == "progress" else str(message["type"])


def _fast(work: Work) -> None:
    work.report()
    for percent in range(1, REPORTS + 1):
        work.progress(percent, f"Step {percent}")
    work.report("completed", RESULT)


class Crowd:
    """Many watchers of one build, on an event loop of their own; some are cut off, and may come back."""

    def __init__(self, url: str, seed: int) -> None:
        self._url, self._random = url, random.Random(seed)  # noqa: S311  the same each time
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._here = threading.Semaphore(0)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def come(self, count: int, *, cut: bool) -> "list[Future[list[str]]]":
        """So many watchers, all of them greeted; each one's future is what it has heard on its last connection."""
        found = [asyncio.run_coroutine_threadsafe(self._watch(cut=cut), self._loop) for _ in range(count)]
        for _ in found:
            assert self._here.acquire(timeout=60)
        return found

    async def _watch(self, *, cut: bool) -> list[str]:
        heard: list[str] = []
        left = self._random.randrange(2, REPORTS) if cut else None
        async with connect_async(self._url, compression=None, max_queue=None, open_timeout=60) as watcher:
            try:
                async for text in watcher:
                    heard.append(_brief(json.loads(text)))
                    if len(heard) == 2:
                        self._here.release()
                    if len(heard) == left:
                        watcher.transport.abort()
            except ConnectionClosed:
                assert cut, "nobody else is cut off"
        if cut and self._random.random() < 0.5:
            return await self._watch(cut=False)
        return heard


@pytest.fixture
def crowd(builds: Builds) -> Iterator[Crowd]:
    task_id = builds.create()
    crowd = Crowd(address(builds.user, "build", task_id), seed=5)
    yield crowd
    crowd.close()


@pytest.mark.usefixtures("cloud")
def test_crowd_sees_every_state_in_order_and_the_end_once(builds: Builds, crowd: Crowd) -> None:
    staying = crowd.come(CROWD * 3 // 4, cut=False)
    leaving = crowd.come(CROWD // 4, cut=True)
    _fast(builds.claim())
    for future in staying:
        assert future.result(timeout=60) == ["connected", *STATES, END]
    for future in leaving:
        told = future.result(timeout=60)
        if END not in told:
            assert told == ["connected", *STATES][: len(told)], "cut off, and stayed away"
        else:
            assert told[0] == "connected"
            since = told[1:-1]
            assert since == STATES[len(STATES) - len(since) :], "came back, and missed nothing from then on"
            assert told.count(END) == 1


def test_records_delivered_again_are_told_once(builds: Builds, recorder: Recorder, quiet: LocalCloud) -> None:
    chance = random.Random(7)  # noqa: S311  the same each time
    one, other = builds.create(), builds.create("other")
    first, second = Work(builds.agent, _claim(builds, quiet)), Work(builds.agent, _claim(builds, quiet))
    with watching(builds.user, "build", one) as watcher, watching(builds.user, "build", other) as neighbour:
        for number in range(1, 6):
            for work in (first, second):
                work.progress(number, "Going on")
            quiet.drain()
            _again(recorder, chance)
        first.report("completed", RESULT)
        quiet.drain()
        _again(recorder, chance)
        second.report("failed", {"error": "x"})
        quiet.drain()
        _again(recorder, chance)
        told, others = all_heard(watcher), all_heard(neighbour)
    assert [_brief(message) for message in told] == ["connected", *(f"running {number}" for number in range(1, 6)), END]
    assert [_brief(message) for message in others] == [*(_brief(message) for message in told[:-1]), "error"]


def test_end_is_told_once_and_a_state_to_whom_it_is_new(builds: Builds, quiet: LocalCloud) -> None:
    task_id = builds.create()
    work = Work(builds.agent, _claim(builds, quiet))
    work.progress(30, "Going on")
    quiet.drain()
    with watching(builds.user, "build", task_id) as first, watching(builds.user, "build", task_id) as second:
        quiet.drain()
        assert [_brief(heard(first)) for _ in range(2)] == ["connected", "running 30"]
        # A renewal and somebody new, of neither of which the first hears anything.
        work.agent.post(f"{work.path}/renew")
        with watching(builds.user, "build", task_id):
            quiet.drain()
            builds.user.delete(f"/api/build/{task_id}")
            work.report("cancelled")
            quiet.drain()
            assert [message["status"] for message in all_heard(first)] == ["cancelled"]
            assert [_brief(message) for message in all_heard(second)] == ["connected", "running 30", "error"]


def _claim(builds: Builds, quiet: LocalCloud) -> dict[str, Any]:
    job = dict(builds.agent.post("/api/jobs/claim", {"queues": ["builds"]}).json()["job"])
    quiet.drain()
    return job


def _again(recorder: Recorder, chance: random.Random) -> None:
    """Some of the records once more, those of one job in their order, as a batch that was given up half-way."""
    start = chance.randrange(len(recorder.records))
    recorder.afresh().deliver(list(recorder.records[start:]))


def test_watcher_who_cannot_be_told_is_cut_off_and_comes_back_to_how_it_stands(
    builds: Builds, quiet: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib import aws

    task_id = builds.create()
    work = Work(builds.agent, _claim(builds, quiet))
    with watching(builds.user, "build", task_id) as watcher:
        quiet.drain()
        assert [heard(watcher)["type"] for _ in range(2)] == ["connected", "progress"]
        with monkeypatch.context() as broken:
            broken.setattr(aws.connections(), "post_to_connection", _throttled)
            work.progress(30, "Unheard")
            quiet.drain()
        assert all_heard(watcher) == []
    work.progress(40, "Heard")
    with watching(builds.user, "build", task_id) as watcher:
        quiet.drain()
        assert [_brief(heard(watcher)) for _ in range(2)] == ["connected", "running 40"]


def _throttled(**_: Any) -> None:
    raise ClientError({"Error": {"Code": "LimitExceededException"}}, "PostToConnection")


def test_what_cannot_be_noted_is_not_told_twice(
    builds: Builds, quiet: LocalCloud, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.builds.tables import ConnectionRow
    from chalicelib.errors import StorageFailed

    def fail(*_: Any, **__: Any) -> None:
        raise StorageFailed

    task_id = builds.create()
    work = Work(builds.agent, _claim(builds, quiet))
    with watching(builds.user, "build", task_id) as watcher:
        quiet.drain()
        with monkeypatch.context() as broken:
            broken.setattr(ConnectionRow, "change", fail)
            work.progress(30, "Not noted")
            quiet.drain()
        recorder.afresh().deliver(list(recorder.records))
        told = [_brief(message) for message in all_heard(watcher)]
    assert told == ["connected", "initializing 0", "running 30"]
