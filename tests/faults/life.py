"""The model and the real thing side by side: each operation is asked of both, and then both are looked at."""

import sys
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
import time_machine

from chalicelib.jobs.model import FINAL, State
from local.cloud import LocalCloud
from tests.faults import evidence
from tests.faults.faults import Injector
from tests.faults.model import Agent, Answer, Job, Token, World, legal
from tests.support.api import Api, Caller, error, ok

SESSION = timedelta(minutes=110)


class Member:
    """A user of every project, whose session is renewed as the clock goes on, or back to where an example begins."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.email = f"{uuid.uuid4().hex}@example.com"
        self.sessions = [(datetime.now(UTC), api.user(self.email))]

    def at(self, now: datetime) -> Caller:
        """With a session that is good now."""
        good = [caller for since, caller in self.sessions if since <= now < since + SESSION]
        if good:
            return good[0]
        form = {"username": self.email, "password": "correct horse"}
        token = ok(self.api.anyone().request("POST", "/api/v1/auth/login", data=form))["access_token"]
        self.sessions.append((now, Caller(self.api.url, {"Authorization": f"Bearer {token}"})))
        return self.sessions[-1][1]


@dataclass(frozen=True, kw_only=True)
class Place:
    """What all examples share; ``canaries`` are the tokens and secrets that there were in any of them."""

    cloud: LocalCloud
    api: Api
    injector: Injector
    member: Member
    canaries: set[str] = field(default_factory=set)
    seen: Counter[str] = field(default_factory=Counter)


class Bystander:
    """One example's jobs in both worlds."""

    def __init__(self, at: Place, began: datetime) -> None:
        self.cloud, self.api, self.member = at.cloud, at.api, at.member
        self.canaries = at.canaries
        self.travel = time_machine.travel(began, tick=False)
        self.clock = self.travel.start()
        projects = [at.api.project(), at.api.project()]
        self.world = World(began, {project: f"canary-{uuid.uuid4().hex}" for project in projects})
        self.projects = projects
        self.queues = [f"q-{uuid.uuid4().hex[:12]}" for _ in range(2)]
        self.agents: list[Agent] = []
        self.callers: dict[Agent, Caller] = {}
        self.heads: dict[str, evidence.Head] = {}
        self.compared: dict[str, evidence.Head] = {}
        self.watch = at.injector.watching()
        self.calls = self.watch.__enter__()
        self.set_time(began)
        self._settle_in()

    def _settle_in(self) -> None:
        for project, value in self.world.secrets.items():
            told = {"projectId": project, "type": "github", "value": value}
            ok(self.api.admin().post("/api/admin/secrets", told))
        for registered in (False, False, True, True):
            caller = self.api.registered_agent() if registered else self.api.agent()
            agent = Agent(caller.headers["X-Colab-Id"], registered)
            self.agents.append(agent)
            self.callers[agent] = caller
        forget_all()

    # --- time

    def set_time(self, moment: datetime) -> None:
        """Half a millisecond past the moment, so that a rounded nanosecond cannot take it to the one before."""
        self.world.now = moment
        self.clock.move_to(moment + timedelta(microseconds=500))

    def tick(self) -> None:
        """No two steps are made at the same time."""
        self.set_time(self.world.now + timedelta(milliseconds=1))

    # --- asking

    def user(self) -> Caller:
        return self.member.at(self.world.now)

    def ask(
        self, agent: Agent, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> requests.Response:
        """A request by an agent; a secret has no place in its answer."""
        response = self.callers[agent].request(method, path, json=body, headers=headers)
        assert not any(secret in response.text for secret in self.world.secrets.values())
        return response

    def redeem(self, token: Token, bearer: Agent, project: str, kind: str) -> tuple[requests.Response, str]:
        """What a redemption answers, and the secret that came with it."""
        given = {"X-Colab-Id": bearer.agent_id, "X-Claim-Token": token.plain}
        response = Caller(self.api.url, given).get(f"/api/admin/secrets/{project}?type={kind}")
        return response, response.json().get("secret", "")

    def look(self) -> dict[str, evidence.Head]:
        """The heads as they are stored; read again are those that something has tried to write since the last look."""
        from chalicelib.jobs.tables import JobRow

        tried = {call.written(JobRow.Meta.table_name) for call in self.calls} - {None}
        ours = tried & {job.job_id for job in self.world.jobs}
        self.calls.clear()
        self.heads |= evidence.heads(str(job_id) for job_id in ours) if ours else {}
        return self.heads

    # --- comparing

    def compare(self) -> None:
        """Each job is as the model says, came there by legal writes of its own, and no other job was written."""
        before = self.compared
        found = self.look()
        evidence.check_heads({job_id: head for job_id, head in found.items() if head != before.get(job_id)})
        for job in self.world.jobs:
            head = found[job.job_id]
            _same(job, head)
            _written(job, head, before.get(job.job_id))
            job.path.clear()
        self.compared = dict(found)

    def compare_log(self, job: Job) -> None:
        assert evidence.log_of(job.job_id) == job.lines

    def compare_history(self) -> None:
        """Once the stream has been read, each job's attempts are those of the model, and its place in the agenda."""
        self.cloud.drain()
        evidence.check_agenda(evidence.heads(job.job_id for job in self.world.jobs))
        for job in self.world.jobs:
            data = ok(self.user().get(f"/api/jobs/{job.job_id}/attempts"))["data"]
            assert [_ended(entry) for entry in data if entry["endedAt"]] == [_told(ended) for ended in job.history]
            present = [(entry["attempt"], entry["outcome"]) for entry in data if not entry["endedAt"]]
            assert present == ([(job.attempt, job.state)] if job.held else [])

    def end(self) -> None:
        """Bring every job to its end, and compare what is left of it; ``canaries`` learns what must not be stored."""
        self.canaries.update(self.world.secrets.values(), (token.plain for token in self.world.tokens))
        try:
            if sys.exc_info()[0] is None:
                self._finish()
        finally:
            self.watch.__exit__(None, None, None)
            self.travel.stop()

    def _finish(self) -> None:
        for job in self.world.jobs:
            if job.state not in FINAL:
                self.tick()
                assert answer_of(self.user().delete(f"/api/jobs/{job.job_id}")) == self.world.cancel(job)
        self.set_time(self.world.now + timedelta(days=1))
        self.world.sweep()
        self.cloud.sweep()
        self.compare()
        self.compare_history()
        for job in self.world.jobs:
            self.compare_log(job)
            if job.result:
                assert ok(self.user().get(f"/api/jobs/{job.job_id}"))["result"] == job.result


def answer_of(response: requests.Response) -> Answer:
    """Status and, of a refusal, the code."""
    return (response.status_code, None) if response.ok else error(response)


def forget_all() -> None:
    """What a process remembers is gone, as when another one takes over."""
    from chalicelib.accounts import agents
    from chalicelib.jobs import claims

    agents._seen.clear()
    claims.lease_watch.__init__()  # type: ignore[misc]
    claims.contention.__init__()  # type: ignore[misc]
    # What is picked at random is picked the same each time an example runs.
    claims.contention._random.seed(0)


def window_of(queue: str) -> int:
    """Among how many jobs this process would pick now."""
    from chalicelib.jobs import agenda, claims

    return max(claims.contention.window(slot) for slot in agenda.queue_slots(queue))


def _same(job: Job, head: evidence.Head) -> None:
    principal = f"{'agent' if job.holder.registered else 'shared'}:{job.holder.agent_id}" if job.holder else None
    expected = (job.state, job.attempt, principal, job.error, job.result is not None)
    stored = (head["state"], head["attempt"], head.get("agent"), head.get("error_code"), head.get("result") is not None)
    assert stored == expected
    if job.state not in FINAL:
        assert head["due"] == job.due
        assert head.get("deadline") == job.deadline


def _written(job: Job, head: evidence.Head, before: evidence.Head | None) -> None:
    assert legal(job.path, State(before["state"]) if before else None), job.path
    if not job.path:
        assert head == before
    elif before:
        assert head["version"] == before["version"] + len(job.path)


def _ended(entry: dict[str, Any]) -> tuple[Any, ...]:
    names = ("attempt", "agentId", "claimedAt", "endedAt", "outcome")
    return (*(entry[name] for name in names), entry["error"]["code"] if entry["error"] else None)


def _told(ended: Any) -> tuple[Any, ...]:
    from chalicelib.times import iso

    moments = iso(ended.claimed_at), iso(ended.ended_at)
    return (ended.attempt, ended.agent_id, *moments, ended.outcome, ended.error)
