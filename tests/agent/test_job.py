"""A job in a notebook: the context manager, what it reports, and what it raises."""

import contextlib
import threading

import pytest
from claimcheck_agent import Agent, ApiError, ClaimLost, Job, JobCancelled, SecretNotFound
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agent.fake_server import FakeServer


def claimed(agent: Agent) -> Job:
    job = agent.claim()
    assert job
    return job


def test_five_lines_in_a_notebook(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    server.state.secrets["github"] = "ghp_0123456789"
    for job in agent.jobs(wait=False):
        with job:
            job.log(f"cloning with {job.secret('github')}")
            job.complete({"answer": 42})
    assert kept.states == ["claimed", "running", "completed"]
    assert kept.result == {"answer": 42}
    assert kept.lines == ["cloning with ***"]


def test_job_without_a_word_is_completed(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    with claimed(agent):
        pass
    assert (kept.states, kept.result) == (["claimed", "running", "completed"], {})


def test_every_write_carries_the_attempt(server: FakeServer, agent: Agent) -> None:
    server.add()
    server.state.secrets["github"] = "ghp_0123456789"
    with claimed(agent) as job:
        job.log("line")
        job.progress(percent=1)
        job.renew()
        job.secret("github")
        job.secret("github")
    writes = [seen for seen in server.seen if seen.method != "GET" and not seen.path.endswith("/claim")]
    assert len(writes) >= 6
    assert {seen.headers.get("x-claim-attempt") for seen in writes} == {"1"}


def test_exception_fails_the_job_and_goes_on_to_the_caller(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    with pytest.raises(ZeroDivisionError), claimed(agent):
        _ = 1 / 0
    assert kept.state == "failed"
    assert kept.result == {"error": "ZeroDivisionError: division by zero"}
    assert kept.entries[-1]["level"] == "error"
    assert "Traceback" in kept.lines[-1]


def test_interrupt_gives_the_job_back(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    with pytest.raises(KeyboardInterrupt), claimed(agent) as job:  # noqa: PT012  (the context is what is tested)
        job.log("so far")
        raise KeyboardInterrupt
    assert kept.states == ["claimed", "running", "pending"]
    assert kept.lines == ["so far"]


def test_release_whose_answer_is_lost_is_still_a_release(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    server.fault("POST", "/release$", drop="after")
    job = claimed(agent)
    job.start()
    job.release()
    assert (job.state, kept.states) == ("released", ["claimed", "running", "pending"])


def test_release_of_a_job_being_cancelled_cancels_it(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    job = claimed(agent)
    job.start()
    server.cancel(kept)
    job.release()
    assert (job.state, kept.states) == ("cancelled", ["claimed", "running", "cancelling", "cancelled"])


def test_cancel_is_raised_at_the_next_word_and_reported(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    reached = False
    with claimed(agent) as job:
        server.cancel(kept)
        job.renew()
        job.log("this is too late")
        reached = True
    assert not reached
    assert kept.states == ["claimed", "running", "cancelling", "cancelled"]
    assert job.state == "cancelled"


def test_cancel_before_the_start(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    job = claimed(agent)
    server.cancel(kept)
    with job:
        job.log("nothing is to be done")
        pytest.fail("the cancel was not noticed")
    assert kept.states == ["claimed", "cancelling", "cancelled"]


@pytest.mark.parametrize("ending", ["complete", "fail", "leave", "raise"])
def test_cancel_that_comes_with_the_last_word(server: FakeServer, agent: Agent, ending: str) -> None:
    kept = server.add()
    with contextlib.suppress(ZeroDivisionError), claimed(agent) as job:
        server.cancel(kept)
        if ending == "complete":
            job.complete({})
        elif ending == "fail":
            job.fail("no")
        elif ending == "raise":
            _ = 1 / 0
    assert kept.states == ["claimed", "running", "cancelling", "cancelled"]


def test_lost_claim_is_raised_at_the_next_word_and_left_alone(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    with claimed(agent) as job:
        server.take_away(kept)
        with pytest.raises(ClaimLost):
            job.renew()
        said = len(server.seen)
        with pytest.raises(ClaimLost):
            job.log("a stale line")
    assert (job.state, kept.state, kept.lines, len(server.seen)) == ("lost", "running", [], said)


@pytest.mark.parametrize(("fault", "times"), [({"drop": "after"}, 1), ({"drop": "before"}, 1), ({"drop": "after"}, 6)])
def test_last_word_arrives_through_an_outage(
    server: FakeServer, agent: Agent, fault: dict[str, object], times: int
) -> None:
    kept = server.add()
    with claimed(agent) as job:
        server.fault("PATCH", "/api/jobs/", times=times, **fault)
        job.complete({"hours": 8})
    assert (kept.states, kept.result) == (["claimed", "running", "completed"], {"hours": 8})


def test_complete_twice_says_it_once(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    with claimed(agent) as job:
        job.complete({"first": True})
    assert kept.result == {"first": True}
    assert len([seen for seen in server.requests("PATCH", "/") if b"completed" in seen.body]) == 1


def test_progress_reports_the_newest(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    with claimed(agent) as job:
        for percent in range(100):
            job.progress(percent=percent)
    assert kept.progress[-1] == {"percent": 99}
    assert len(kept.progress) < 10


def test_cancel_is_learnt_from_progress(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    heard = threading.Event()
    with claimed(agent) as job:
        job.claim.halt.listen(heard)
        server.cancel(kept)
        job.progress(percent=1)
        assert heard.wait(10)
    assert kept.states == ["claimed", "running", "cancelling", "cancelled"]


def test_progress_over_the_limit_is_refused_here(server: FakeServer, agent: Agent) -> None:
    server.add()
    with claimed(agent) as job, pytest.raises(ValueError, match="2048"):
        job.progress(text="x" * 2048)


def test_progress_that_the_server_refuses_is_not_repeated(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    with claimed(agent) as job:
        server.fault("PATCH", "/api/jobs/", status=413, body={"code": "PAYLOAD_TOO_LARGE"})
        job.progress(percent=1)
        server.wait_for(lambda: len(server.requests("PATCH", "/")) == 2)
        job.complete({"done": True})
    assert (kept.state, kept.progress) == ("completed", [])
    assert len(server.requests("PATCH", "/")) == 3


def test_progress_may_have_any_field(server: FakeServer, agent: Agent) -> None:
    kept = server.add()
    with claimed(agent) as job:
        job.progress(self=1)
    assert kept.progress == [{"self": 1}]


def test_reply_is_written_once_into_the_chat_of_the_job(server: FakeServer, agent: Agent) -> None:
    server.add("chat", chat_id="chat_1")
    server.state.secrets["llm"] = "sk-0123456789"
    server.fault("POST", "/messages$", drop="after")
    with claimed(agent) as job:
        job.reply(f"My key is {job.secret('llm')}.")
    (message,) = server.state.messages.values()
    assert (message["content"], message["role"]) == ("My key is ***.", "assistant")
    assert [seen.path for seen in server.requests("POST", "/messages$")] == [
        "/api/projects/weather-app/chats/chat_1/messages"
    ] * 2


def test_reply_outside_a_chat_is_a_mistake(server: FakeServer, agent: Agent) -> None:
    server.add()
    with claimed(agent) as job, pytest.raises(ValueError, match="chat_id"):
        job.reply("Hello?")


class TestSecrets:
    @pytest.fixture(autouse=True)
    def _stored(self, server: FakeServer) -> None:
        server.add()
        server.state.secrets |= {"github": "ghp_0123456789", "llm": "sk-0123456789"}

    def test_several_types_take_one_redemption(self, server: FakeServer, agent: Agent) -> None:
        with claimed(agent) as job:
            assert job.secrets("github", "llm", "github") == server.state.secrets
        assert len(server.requests("GET", "/secrets/")) == 1

    def test_redemption_does_not_send_the_agent_secret(self, server: FakeServer, agent: Agent) -> None:
        with claimed(agent) as job:
            job.secret("github")
        (seen,) = server.requests("GET", "/secrets/")
        assert "x-colab-secret" not in seen.headers

    def test_second_redemption_mints_a_token(self, server: FakeServer, agent: Agent) -> None:
        with claimed(agent) as job:
            assert job.secret("github") == "ghp_0123456789"
            assert job.secret("llm") == "sk-0123456789"
        assert len(server.requests("POST", "/claim-token$")) == 1

    def test_lost_answer_is_made_good_with_a_new_token(self, server: FakeServer, agent: Agent) -> None:
        server.fault("GET", "/secrets/", drop="after")
        with claimed(agent) as job:
            assert job.secret("github") == "ghp_0123456789"
        assert len(server.requests("POST", "/claim-token$")) == 1

    def test_outage_of_the_key_service_burns_nothing(self, server: FakeServer, agent: Agent) -> None:
        server.fault("GET", "/secrets/", status=503)
        with claimed(agent) as job:
            assert job.secret("github") == "ghp_0123456789"
        assert not server.requests("POST", "/claim-token$")

    def test_missing_type_is_named_and_the_token_still_good(self, server: FakeServer, agent: Agent) -> None:
        with claimed(agent) as job:
            with pytest.raises(SecretNotFound, match="drive"):
                job.secret("drive")
            assert job.secret("github") == "ghp_0123456789"
        assert not server.requests("POST", "/claim-token$")

    def test_secrets_are_masked_in_all_that_is_said(self, server: FakeServer, agent: Agent) -> None:
        with claimed(agent) as job:
            secret = job.secret("github")
            job.log(f"a {secret}", where={"url": f"https://x:{secret}@host"})
            job.progress(step=secret)
            job.complete({secret: [secret, {"deep": f"<{secret}>"}]})
        sent = b"".join(seen.body for seen in server.seen)
        assert secret.encode() not in sent
        assert server.state.jobs["job_0"].result == {"***": ["***", {"deep": "<***>"}]}

    def test_error_texts_are_masked(self, server: FakeServer, agent: Agent) -> None:
        with pytest.raises(RuntimeError), claimed(agent) as job:
            raise RuntimeError(job.secret("github"))
        assert b"ghp_0123456789" not in b"".join(seen.body for seen in server.seen)


class TestLease:
    def test_lease_is_renewed_while_the_work_goes_on(self, server: FakeServer, agent: Agent) -> None:
        kept = server.add(lease_seconds=1.5)
        with claimed(agent):
            server.wait_for(lambda: len(server.requests("POST", "/renew$")) >= 2)
        assert kept.state == "completed"

    def test_wrong_clock_here_does_no_harm(self, server: FakeServer, agent: Agent) -> None:
        server.state.skew = -3600  # By this machine's clock every lease ran out half an hour ago.
        kept = server.add()
        with claimed(agent) as job:
            assert 1700 < job.claim.lease.remaining() <= 1801
        assert kept.state == "completed"

    def test_lease_that_cannot_be_renewed_is_lost_by_time(self, server: FakeServer, agent: Agent) -> None:
        server.add(lease_seconds=1.0)
        server.fault("POST", "/renew$", status=503, times=1000)
        lost = threading.Event()
        with claimed(agent) as job:
            job.claim.halt.listen(lost)
            assert lost.wait(10)
            with pytest.raises(ClaimLost):
                job.check()
        assert job.state == "lost"

    def test_revoked_agent_learns_of_it_at_renewal(self, server: FakeServer, agent: Agent) -> None:
        server.add(lease_seconds=1.0)
        lost = threading.Event()
        with claimed(agent) as job:
            job.claim.halt.listen(lost)
            server.state.agents.clear()
            assert lost.wait(10)
        assert job.state == "lost"

    def test_cancel_is_learnt_at_renewal(self, server: FakeServer, agent: Agent) -> None:
        kept = server.add(lease_seconds=1.0)
        heard = threading.Event()
        with claimed(agent) as job:
            job.claim.halt.listen(heard)
            server.cancel(kept)
            assert heard.wait(10)
            with pytest.raises(JobCancelled):
                job.check()
        assert kept.state == "cancelled"

    def test_renewing_ends_with_the_job(self, server: FakeServer, agent: Agent) -> None:
        server.add()
        before = set(threading.enumerate())
        with claimed(agent):
            started = set(threading.enumerate()) - before
            (keeper,) = [thread for thread in started if thread.name == "claimcheck-lease"]
        keeper.join(5)
        assert not keeper.is_alive()


def test_unexpected_refusal_is_the_callers_to_see(server: FakeServer, agent: Agent) -> None:
    server.add()
    server.fault("POST", "/artifacts$", status=400, body={"code": "INVALID_REQUEST", "message": "no"})
    with pytest.raises(ApiError, match="no"), claimed(agent) as job:
        job.upload(__file__)
    assert server.state.jobs["job_0"].state == "failed"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    faults=st.lists(
        st.tuples(
            st.sampled_from([("PATCH", "/api/jobs/"), ("POST", "/logs$"), ("GET", "/secrets/")]),
            st.sampled_from([{"drop": "before"}, {"drop": "after"}, {"status": 500}]),
        ),
        max_size=3,
    )
)
def test_whatever_is_lost_on_the_way_the_job_is_told_once(
    server: FakeServer, agent: Agent, faults: list[tuple[tuple[str, str], dict[str, object]]]
) -> None:
    server.faults.clear()
    server.state.jobs.clear()
    server.state.secrets["github"] = "ghp_0123456789"
    kept = server.add()
    for (method, path), fault in faults:
        server.fault(method, path, **fault)
    with claimed(agent) as job:
        job.log("one")
        job.secret("github")
        job.log("two")
        job.complete({"done": True})
    assert kept.states == ["claimed", "running", "completed"]
    assert (kept.result, kept.lines) == ({"done": True}, ["one", "two"])
