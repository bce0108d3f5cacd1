"""A job's input: streamed to disk, whatever happens to the connection, and only as it was when it was marked."""

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from claimcheck_agent import Agent, ApiError, ClaimLost, DownloadFailed, Job, Unavailable
from claimcheck_agent.downloads import BLOCK, TRIES

from tests.agent.fake_server import FakeServer

CONTENT = random.Random(5).randbytes(3 * BLOCK + 17)  # noqa: S311
STORE = "^/inputs/"


@pytest.fixture
def job(server: FakeServer, agent: Agent) -> Job:
    server.add("file", project_id="", marked=CONTENT, stored=CONTENT)
    claimed = agent.claim()
    assert claimed
    return claimed


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "input"


def test_input_is_stored(server: FakeServer, job: Job, target: Path) -> None:
    told: list[tuple[int, int]] = []
    with job:
        job.download(target, lambda done, size: told.append((done, size)))
    assert target.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert told == sorted(told)
    (asked,) = server.requests("GET", "/input$")
    assert asked.headers["x-claim-attempt"] == "1"


def test_empty_input_is_stored(server: FakeServer, job: Job, target: Path) -> None:
    kept = server.state.jobs[job.id]
    kept.marked = kept.stored = b""
    with job:
        job.download(target)
    assert target.read_bytes() == b""


def test_store_sees_no_credentials(server: FakeServer, job: Job, target: Path) -> None:
    with job:
        job.download(target)
    (get,) = server.requests("GET", STORE)
    assert not {"authorization", "x-colab-id", "x-colab-secret", "x-claim-attempt", "cookie"} & set(get.headers)
    assert get.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("cut", "ranges"),
    [
        (0, [None, None]),
        (1, [None, "bytes=1-"]),
        (BLOCK + 1, [None, f"bytes={BLOCK + 1}-"]),
        (len(CONTENT), [None]),
    ],
)
def test_download_goes_on_where_it_broke_off(
    server: FakeServer, job: Job, target: Path, cut: int, ranges: list[str | None]
) -> None:
    server.fault("GET", STORE, cut=cut)
    with job:
        job.download(target)
    assert target.read_bytes() == CONTENT
    gets = server.requests("GET", STORE)
    assert [get.headers.get("range") for get in gets] == ranges
    assert len({get.headers["if-match"] for get in gets}) == 1


def test_store_without_ranges_begins_again(server: FakeServer, job: Job, target: Path) -> None:
    server.ranges = False
    server.fault("GET", STORE, cut=BLOCK)
    with job:
        job.download(target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("fault", [{"drop": "before"}, {"status": 503}, {"status": 403}])
def test_download_survives_a_store_that_does_not_answer(
    server: FakeServer, job: Job, target: Path, fault: dict[str, Any]
) -> None:
    server.fault("GET", STORE, cut=BLOCK)
    server.fault("GET", STORE, **fault, times=2)
    with job:
        job.download(target)
    assert target.read_bytes() == CONTENT
    # Each try has a URL of its own, since one that is too old looks like one that is refused.
    assert len(server.requests("GET", "/input$")) == 4


def test_tries_are_bounded(server: FakeServer, job: Job, target: Path) -> None:
    server.fault("GET", STORE, cut=10, times=1000)
    with pytest.raises(Unavailable) as failed, job:
        job.download(target)
    assert "sig=" not in str(failed.value)
    assert len(server.requests("GET", STORE)) == TRIES


def test_tries_that_bring_something_may_be_many(server: FakeServer, job: Job, target: Path) -> None:
    long = CONTENT * 3
    kept = server.state.jobs[job.id]
    kept.marked = kept.stored = long
    server.fault("GET", STORE, cut=BLOCK, times=1000)
    with job:
        job.download(target)
    assert target.read_bytes() == long
    assert len(server.requests("GET", STORE)) > TRIES


@pytest.mark.parametrize(
    ("stored", "told"), [(CONTENT[::-1], "changed after it had been marked"), (None, "no longer stored")]
)
@pytest.mark.parametrize("cut", [None, BLOCK])
def test_input_that_is_not_the_same_is_refused(
    server: FakeServer, job: Job, target: Path, stored: bytes | None, told: str, cut: int | None
) -> None:
    def change(*_: object) -> None:
        server.state.jobs[job.id].stored = stored

    if cut is None:
        change()
    else:
        server.fault("GET", STORE, cut=cut)
    with pytest.raises(DownloadFailed, match=told), job:
        job.download(target, change)


def test_input_that_does_not_fit_is_refused_before_it_comes(
    server: FakeServer, job: Job, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=100))
    with pytest.raises(DownloadFailed, match="room for 100"), job:
        job.download(target)
    assert not server.requests("GET", STORE)


def test_disk_that_fills_up_is_told(job: Job) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("only Linux has a device that is always full")
    with pytest.raises(DownloadFailed, match="No space left"), job:
        job.download(full)


def test_larger_input_than_was_named_is_refused(server: FakeServer, job: Job, target: Path) -> None:
    body = server.state.input(server.state.jobs[job.id], server.url) | {"size": 10}
    server.fault("GET", "/input$", status=200, body=body)
    with pytest.raises(DownloadFailed, match="larger than the 10 bytes"), job:
        job.download(target)


def test_job_without_an_input_is_told(server: FakeServer, job: Job, target: Path) -> None:
    missing = {"error": True, "code": "NOT_FOUND", "message": "the job has no input", "details": {}}
    server.fault("GET", "/input$", status=404, body=missing)
    with pytest.raises(ApiError, match="the job has no input"), job:
        job.download(target)


def test_cancel_ends_a_download(server: FakeServer, job: Job, target: Path) -> None:
    def cancel(*_: object) -> None:
        server.cancel(server.state.jobs[job.id])
        job.renew()

    with job:
        job.download(target, cancel)
        pytest.fail("the cancel was not noticed")
    assert job.state == "cancelled"
    assert target.stat().st_size < len(CONTENT)


def test_stop_ends_a_download_that_is_tried_again(server: FakeServer, agent: Agent, job: Job, target: Path) -> None:
    server.fault("GET", STORE, drop="before", times=1000)
    with job:
        agent.stop()
        job.download(target)
    assert job.state == "released"


def test_download_of_a_lost_job_ends(server: FakeServer, job: Job, target: Path) -> None:
    server.fault("GET", STORE, cut=BLOCK)

    def lose(*_: object) -> None:
        server.take_away(server.state.jobs[job.id])

    with job, pytest.raises(ClaimLost):
        job.download(target, lose)
    assert len(server.requests("GET", STORE)) == 1
