"""The log: every line once and in order, whatever happens on the way; batched; within the server's limits."""

import random
import string
import threading
import time
from typing import Any

import pytest
from claimcheck_agent import Agent, Job
from claimcheck_agent.batches import MESSAGE_LIMIT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agent.fake_server import FakeServer

LOGS = ("POST", "/logs$")


def claimed(agent: Agent) -> Job:
    job = agent.claim()
    assert job
    return job


def test_lines_travel_in_batches(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    lines = [f"line {number}" for number in range(2500)]
    with claimed(agent) as job:
        for line in lines:
            job.log(line)
    assert kept.lines == lines
    assert len(server.requests(*LOGS)) <= 4


def test_line_is_sent_before_long_without_company(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    with claimed(agent) as job:
        job.log("only", level="warn", step="tests")
        server.wait_for(lambda: kept.lines)
    (entry,) = kept.entries
    assert (entry["level"], entry["message"], entry["metadata"]) == ("warn", "only", {"step": "tests"})


@pytest.mark.parametrize("fault", [{"drop": "after"}, {"drop": "before"}, {"status": 500}, {"status": 429}])
@pytest.mark.parametrize("times", [1, 4])
def test_append_is_repeated_byte_for_byte_until_acknowledged(
    server: FakeServer, agent: Agent, fault: dict[str, Any], times: int
) -> None:
    kept = server.add()
    with claimed(agent) as job:
        server.fault(*LOGS, times=times, **fault)
        job.log("one")
        job.log("two")
    assert kept.lines == ["one", "two"]
    bodies = [seen.body for seen in server.requests(*LOGS)]
    # On a slow machine the second line comes too late for the first one's batch.
    assert len(bodies) in {times + 1, times + 2}
    assert len(set(bodies[: times + 1])) == 1


def test_segments_count_lines(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    with claimed(agent) as job:
        job.log("0")
        server.wait_for(lambda: len(kept.lines) == 1)
        for number in range(1, 1500):
            job.log(str(number))
    assert [seen.json()["segment"] for seen in server.requests(*LOGS)] == sorted(kept.chunks)
    assert sorted(kept.chunks)[:2] == [0, 1]


@pytest.mark.parametrize("chunks_know_their_attempt", [True, False])
def test_second_attempt_goes_on_where_the_first_left_off(
    server: FakeServer, agent: Agent, *, chunks_know_their_attempt: bool
) -> None:
    server.state.chunks_know_their_attempt = chunks_know_their_attempt
    kept = server.add()
    for attempt in (1, 2):
        job = claimed(agent)
        job.start()
        job.log(f"attempt {attempt}")
        job.release()
    assert kept.lines == ["attempt 1", "attempt 2"]


def test_second_attempt_with_an_empty_log(server: FakeServer, agent: Agent) -> None:
    kept = server.add(attempt=1)
    with claimed(agent) as job:
        job.log("first line of the second attempt")
    assert kept.lines == ["first line of the second attempt"]


def test_lines_of_another_writer_are_stepped_over(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    with claimed(agent) as job:
        kept.attempts[0], kept.chunks[0] = 0, [{"level": "info", "message": "by curl"}] * 3
        job.log("by the agent")
    assert kept.lines == ["by curl"] * 3 + ["by the agent"]
    assert [seen.json()["segment"] for seen in server.requests(*LOGS)] == [0, 3]


def test_long_message_becomes_several_entries(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    text = "".join(random.Random(1).choices("aé\N{PILE OF POO}", k=3 * MESSAGE_LIMIT + 5))  # noqa: S311
    with claimed(agent) as job:
        job.log(text)
    assert [len(line) for line in kept.lines] == [MESSAGE_LIMIT] * 3 + [5]
    assert "".join(kept.lines) == text


def test_batches_stay_under_the_limit_of_a_body(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    gate = threading.Event()
    server.fault(*LOGS, gate=gate)
    lines = [f"{number}" + "\N{PILE OF POO}" * 30_000 for number in range(20)]
    with claimed(agent) as job:
        for line in lines:
            job.log(line)
        gate.set()
    assert kept.lines == lines
    assert max(len(seen.body) for seen in server.requests(*LOGS)) <= 1_000_000


def test_batch_that_the_server_finds_too_large_is_halved(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    server.state.chunk_limit = 20_000
    noise = random.Random(2)  # noqa: S311
    lines = ["".join(noise.choices(string.ascii_letters, k=1000)) for _ in range(100)]
    with claimed(agent) as job:
        for line in lines:
            job.log(line)
    assert kept.lines == lines


@pytest.mark.parametrize("text", ["", "nul \0 inside", "half a pair \ud83d", "a\tb\x1b[31mred", "\N{LINE SEPARATOR}"])
def test_any_text_can_be_logged(server: FakeServer, agent: Agent, text: str) -> None:
    kept = server.add()
    with claimed(agent) as job:
        job.log(text)
        job.log("after")
    assert len(kept.lines) == 2
    assert kept.lines[0].translate({0x2400: "\0", 0xFFFD: "\ud83d"}) == text


def test_refused_batch_does_not_hold_up_the_rest(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    with claimed(agent) as job:
        server.fault(*LOGS, status=400, body={"code": "INVALID_REQUEST", "message": "not these"})
        job.log("refused")
        server.wait_for(lambda: server.requests(*LOGS))
        job.log("taken")
    assert kept.lines == ["taken"]
    assert kept.state == "completed"


def test_full_log_does_not_stop_the_work(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    server.state.log_cap = 10
    with claimed(agent) as job:
        job.log("0123456789")
        server.wait_for(lambda: kept.lines)
        job.log("one too many")
        server.wait_for(lambda: len(server.requests(*LOGS)) >= 2)
        job.log("and more")
    assert kept.lines == ["0123456789"]
    assert kept.state == "completed"


def test_lines_of_a_lost_job_go_nowhere(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    with claimed(agent) as job:
        server.take_away(kept)
        job.write("info", "a stale line")
        job.write("info", "another")
        server.wait_for(lambda: server.requests(*LOGS))
    assert job.state == "lost"
    assert kept.lines == []


def test_cancel_is_learnt_from_a_log_append(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    heard = threading.Event()
    with claimed(agent) as job:
        job.claim.halt.listen(heard)
        server.cancel(kept)
        job.write("info", "the last line")
        assert heard.wait(10)
    assert (kept.state, kept.lines) == ("cancelled", ["the last line"])


def test_writer_waits_when_too_much_is_undelivered(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    gate = threading.Event()
    server.fault(*LOGS, gate=gate)
    line = "x" * 30_000
    written: list[int] = []

    def flood(job: Job) -> None:
        for number in range(400):
            job.write("info", line)
            written.append(number)

    with claimed(agent) as job:
        writer = threading.Thread(target=flood, args=(job,))
        writer.start()
        server.wait_for(lambda: server.requests(*LOGS))
        deadline = time.monotonic() + 10
        while len(written) <= 250 and time.monotonic() < deadline:
            writer.join(0.05)
        writer.join(0.3)
        assert 250 < len(written) < 300, "8 MB may be undelivered, no more"
        gate.set()
        writer.join()
    assert len(kept.lines) == 400


def test_lines_of_many_threads_all_arrive_in_each_ones_order(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    server.fault(*LOGS, drop="after", times=2)

    def write(job: Job, name: int) -> None:
        for number in range(200):
            job.log(f"{name} {number}")

    with claimed(agent) as job:
        writers = [threading.Thread(target=write, args=(job, name)) for name in range(8)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
    assert len(kept.lines) == 1600
    for name in range(8):
        mine = [line for line in kept.lines if line.startswith(f"{name} ")]
        assert mine == [f"{name} {number}" for number in range(200)]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.text(max_size=20), min_size=1, max_size=30),
    faults=st.lists(
        st.sampled_from([{"drop": "before"}, {"drop": "after"}, {"status": 500}, {"status": 503}]), max_size=3
    ),
    earlier=st.integers(0, 2),
    chunk_limit=st.integers(500, 2000),
)
def test_no_line_is_lost_or_doubled(
    server: FakeServer,
    agent: Agent,
    lines: list[str],
    faults: list[dict[str, Any]],
    earlier: int,
    chunk_limit: int,
) -> None:
    server.faults.clear()
    server.state.jobs.clear()
    server.state.chunk_limit = 380_000
    kept = server.add(attempt=earlier)
    if earlier:
        kept.chunks[0], kept.attempts[0] = [{"level": "info", "message": "earlier"}] * earlier, earlier
    job = claimed(agent)
    server.state.chunk_limit = chunk_limit
    for fault in faults:
        server.fault(*LOGS, **fault)
    with job:
        for line in lines:
            job.log(line)
    expected = [line.replace("\0", "\N{SYMBOL FOR NULL}") for line in lines]
    assert kept.lines == ["earlier"] * earlier + expected
