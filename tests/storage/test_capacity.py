"""What operations cost, in the units and calls that DynamoDB Local counts; the budgets are those of ``bench``."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from bench.agent_job import CALLS, LINES, READ_UNITS, TELLING, WRITE_UNITS, calls_of_the_job, run_job
from bench.counting import Tally, counted
from local.cloud import LocalCloud
from tests.support.api import Bench, ok

HEAD_BYTES = 1024


@pytest.fixture
def spent(bench: Bench, cloud: LocalCloud) -> Callable[..., Tally]:
    """What a call costs, with the effects of its changes; the agent has been seen within the minute."""
    bench.claim()

    def count(work: Callable[..., object], *arguments: Any, **more: Any) -> Tally:
        cloud.drain()
        with counted() as tally:
            work(*arguments, **more)
            cloud.drain()
        return tally

    return count


def test_whole_agent_job_stays_within_its_budget(bench: Bench, spent: Callable[..., Tally]) -> None:
    bench.secret("ghp_" + "x" * 36)
    tally = spent(run_job, bench)
    assert tally.write_units <= WRITE_UNITS, tally.names
    assert tally.read_units <= READ_UNITS, tally.names
    assert calls_of_the_job(tally) <= CALLS, tally.names
    assert len(tally.calls) == calls_of_the_job(tally) + sum(TELLING.values()), tally.names
    assert tally.names["PutItem claims"] == 1, "what the stream writes is counted"


def test_first_call_of_an_agent_in_a_minute_costs_one_write_more(bench: Bench) -> None:
    with counted() as tally:
        bench.claim()
        bench.claim()
    assert tally.names["UpdateItem agents"] == 1


@pytest.mark.parametrize(("payload", "reads"), [(None, 0), ({"branch": "main"}, 1)], ids=["bare", "with-payload"])
def test_claim_is_one_query_and_one_update(
    bench: Bench, spent: Callable[..., Tally], payload: object, reads: int
) -> None:
    for _ in range(3):
        bench.create(payload=payload)
    tally = spent(bench.claim)
    expected = {"Query jobs/agenda": 1, "UpdateItem jobs": 1, "GetItem documents": reads}
    assert dict(tally.names) == {name: count for name, count in expected.items() if count}
    # The head, and the index entry that moves from the queue to the leases.
    assert tally.write_units == 3
    assert tally.read_units == 0.5 + reads


def test_claim_of_an_empty_queue_writes_nothing_and_forgets_to_look_for_leases(
    bench: Bench, spent: Callable[..., Tally]
) -> None:
    bench.claimed()
    spent(bench.claim)
    tally = spent(bench.claim)
    assert dict(tally.names) == {"Query jobs/agenda": 1}


@pytest.mark.parametrize(("more", "reads"), [({"segment": 10}, 2), ({}, 2)], ids=["with-segment", "without"])
def test_append_of_100_lines_is_one_write_and_two_reads(
    bench: Bench, spent: Callable[..., Tally], more: dict[str, int], reads: int
) -> None:
    append = f"/api/jobs/{bench.running()}/logs"
    ok(bench.agent.post(append, {"entries": LINES, "segment": 0}))
    tally = spent(bench.agent.post, append, {"entries": LINES * 10, **more})
    assert dict(tally.names) == {"GetItem jobs": 1, "Query logs": 1, "PutItem logs": 1}
    assert len(tally.calls) == 1 + reads
    assert tally.write_units == 1


def test_append_that_begins_the_log_is_one_write_and_one_read(bench: Bench, spent: Callable[..., Tally]) -> None:
    append = f"/api/jobs/{bench.running()}/logs"
    tally = spent(bench.agent.post, append, {"entries": LINES * 10, "segment": 0})
    assert dict(tally.names) == {"GetItem jobs": 1, "PutItem logs": 1}


@pytest.mark.parametrize(
    ("operation", "units"), [("running", 1), ("renew", 3), ("claim-token", 1), ("redeem", 1), ("release", 3)]
)
def test_write_of_a_holder_is_one_update(bench: Bench, spent: Callable[..., Tally], operation: str, units: int) -> None:
    bench.secret("ghp_x")
    job_id, token = bench.claimed()
    work: dict[str, Callable[[], object]] = {
        "running": lambda: bench.report(job_id, "running", {"percent": 10}),
        "redeem": lambda: ok(bench.redeem(token)),
    }
    tally = spent(work.get(operation) or (lambda: ok(bench.agent.post(f"/api/jobs/{job_id}/{operation}"))))
    assert tally.names["UpdateItem jobs"] == 1
    # That of the head, and of the agenda where the job moves in it; the history of claims is the stream's.
    assert tally.write_units - tally.names["PutItem claims"] == units


def test_head_with_the_longest_names_stays_under_a_kilobyte(bench: Bench) -> None:
    bench.project_id = _long_project(bench)
    bench.queue = "q" * 32
    bench.agent = bench.api.agent("a" * 64)
    times = {"notBefore": "2026-01-01T00:00:00Z", "deadline": "2099-01-01T00:00:00Z"}
    named = {"X-Claim-Request-Id": "r" * 128}
    bench.secret("ghp_x")
    job_id = bench.create(jobType="t" * 32, payload={"n": 1}, priority=9, maxAttempts=20, **times)["jobId"]
    sizes = [_head_bytes(job_id)]
    ok(bench.redeem(bench.claim(headers=named)["claimToken"]))
    bench.report(job_id, "running")
    sizes.append(_head_bytes(job_id))
    bench.report(job_id, "failed", {"error": "It did not work."})
    sizes.append(_head_bytes(job_id))
    assert max(sizes) < HEAD_BYTES, sizes


def _long_project(bench: Bench) -> str:
    project_id = uuid.uuid4().hex.ljust(100, "p")
    told = {"projectId": project_id, "name": "long", "repo": "https://example.com/repo.git"}
    return str(ok(bench.api.admin().post("/api/admin/projects", told))["projectId"])


def _head_bytes(job_id: str) -> int:
    """The size of a head as DynamoDB reckons it: names and values in UTF-8, numbers at two digits a byte."""
    from chalicelib.jobs.tables import JobRow

    answer = JobRow.send("GetItem", {"TableName": JobRow.Meta.table_name, "Key": {"job_id": {"S": job_id}}})
    return sum(len(name.encode()) + _value_bytes(value) for name, value in answer["Item"].items())


def _value_bytes(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "N":
        return (len(content) + 1) // 2 + 1
    return 1 if kind == "BOOL" else len(content.encode() if kind == "S" else content)
