"""Claiming: one claim however often it is asked, the server's pace, its refusals."""

import threading
import time

import pytest
from claimcheck_agent import Agent, ApiError, NotAuthorized, Unavailable
from claimcheck_agent.transport import Transport

from tests.agent.fake_server import FakeServer, Seen


def request_ids(claims: list[Seen]) -> list[str]:
    return [claim.headers["x-claim-request-id"] for claim in claims]


def test_claim_gives_the_job(server: FakeServer, agent: Agent) -> None:
    server.add("build", {"branch": "main"})
    job = agent.claim()
    assert job
    assert (job.id, job.type, job.payload, job.attempt) == ("job_0", "build", {"branch": "main"}, 1)


def test_claim_without_jobs_gives_none(agent: Agent) -> None:
    assert agent.claim() is None


def test_claim_asks_for_the_queues_of_the_agent(server: FakeServer) -> None:
    server.add(queue="default")
    wanted = server.add(queue="gpu")
    with Agent(server.url, "agent-1", "agent-secret-value", queues=["gpu"]) as gpu:
        job = gpu.claim()
    assert job
    assert job.id == wanted.job_id


@pytest.mark.parametrize("lost", [{"drop": "after"}, {"drop": "before"}, {"status": 503}])
def test_claim_whose_answer_is_lost_is_the_same_claim_again(
    server: FakeServer, agent: Agent, lost: dict[str, object]
) -> None:
    first, second = server.add(), server.add()
    server.fault("POST", "/claim$", times=2, **lost)
    job = agent.claim()
    assert job
    assert (job.id, first.attempt, second.state) == (first.job_id, 1, "pending")
    ids = request_ids(server.requests("POST", "/claim$"))
    assert len(ids) == 3
    assert len(set(ids)) == 1


def test_claim_after_an_outage_does_not_leave_a_job_behind(server: FakeServer, agent: Agent) -> None:
    only = server.add()
    server.fault("POST", "/claim$", drop="after", times=4)
    with pytest.raises(Unavailable):
        agent.claim()
    job = agent.claim()
    assert job
    assert (job.id, only.attempt) == (only.job_id, 1)


def test_each_claim_has_a_request_id_of_its_own(server: FakeServer, agent: Agent) -> None:
    for _ in range(3):
        agent.claim()
    assert len(set(request_ids(server.requests("POST", "/claim$")))) == 3


def test_claim_waits_as_long_as_a_busy_server_asks(server: FakeServer, agent: Agent) -> None:
    server.add()
    server.fault("POST", "/claim$", status=429, headers={"Retry-After": "1"})
    began = time.monotonic()
    assert agent.claim()
    assert time.monotonic() - began >= 1


def test_claim_with_a_wrong_secret_is_refused_at_once(server: FakeServer) -> None:
    with Agent(server.url, "agent-1", "wrong") as stranger, pytest.raises(NotAuthorized) as refused:
        stranger.claim()
    assert (refused.value.status, refused.value.code) == (401, "UNAUTHORIZED")
    assert len(server.requests("POST", "/claim$")) == 1


def test_claim_does_not_follow_a_redirect(server: FakeServer, agent: Agent) -> None:
    server.fault("POST", "/claim$", status=307, headers={"Location": f"{server.url}/elsewhere"})
    with pytest.raises(ApiError, match="elsewhere"):
        agent.claim()
    assert not server.requests("POST", "/elsewhere")


def test_claim_answered_by_something_else_than_the_server(server: FakeServer, agent: Agent) -> None:
    server.fault("POST", "/claim$", status=502, body={}, times=10)
    with pytest.raises(Unavailable, match="502"):
        agent.claim()


def test_claim_of_an_unreachable_server_does_not_repeat_urls_in_its_message() -> None:
    transport = Transport("http://127.0.0.1:1", retries=1, backoff=0.01)
    with (
        Agent("http://127.0.0.1:1", "agent-1", "s", transport=transport) as lonely,
        pytest.raises(Unavailable) as failed,
    ):
        lonely.claim()
    assert str(failed.value) == "POST /api/jobs/claim: no answer (NewConnectionError)"


@pytest.mark.parametrize("url", ["ftp://host", "localhost:8000", "https://", ""])
def test_agent_refuses_what_is_no_http_url(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        Agent(url, "agent-1", "s")


def test_jobs_gives_each_job_once_and_ends_at_its_limit(server: FakeServer, agent: Agent) -> None:
    for _ in range(3):
        server.add()
    done = []
    for job in agent.jobs(limit=2):
        with job:
            done.append(job.id)
    assert done == ["job_0", "job_1"]
    assert [job.state for job in server.state.jobs.values()] == ["completed", "completed", "pending"]


def test_jobs_without_waiting_ends_when_none_is_ready(agent: Agent) -> None:
    assert list(agent.jobs(wait=False)) == []


def test_jobs_polls_no_faster_than_the_server_asks(server: FakeServer, agent: Agent) -> None:
    times: list[float] = []

    def look() -> None:
        for _ in agent.jobs():
            pass

    poller = threading.Thread(target=look)
    poller.start()
    server.wait_for(lambda: len(server.seen) >= 1)
    times.append(time.monotonic())
    server.wait_for(lambda: len(server.seen) >= 2)
    times.append(time.monotonic())
    agent.stop()
    poller.join()
    assert 0.95 <= times[1] - times[0] < 3


def test_jobs_survives_an_outage(server: FakeServer, agent: Agent) -> None:
    server.add()
    server.fault("POST", "/claim$", status=500, times=4)
    with next(agent.jobs()) as job:
        assert job.id == "job_0"


def test_job_that_arrives_while_stopping_is_given_back(server: FakeServer, agent: Agent) -> None:
    job = server.add()
    gate = threading.Event()
    server.fault("POST", "/claim$", gate=gate)
    given: list[object] = []
    poller = threading.Thread(target=lambda: given.extend(agent.jobs()))
    poller.start()
    server.wait_for(lambda: server.seen)
    agent.stop()
    gate.set()
    poller.join()
    assert given == []
    assert job.states == ["claimed", "pending"]


def test_draining_agent_says_so(server: FakeServer, agent: Agent) -> None:
    server.state.draining = True
    assert agent.claim() is None
    assert agent.draining
