"""What may happen to a job, each operation as it is asked of the model and of the real thing.

All that an operation picks comes from one source of random numbers, whose seed is the whole step.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random
from typing import Any, TypeVar

import requests
from hypothesis import note

from chalicelib.jobs.model import FINAL, State
from tests.faults.life import Bystander, answer_of, forget_all, window_of
from tests.faults.model import CREATED, HEAD_START, OK, UNKNOWN_AGENT, Agent, Answer, Job
from tests.support.api import ok

MOST_OPEN = 5

PICKS = range(8)
ATTEMPTS = [None, None, 0, 0, 1]
STATES = [State.RUNNING, State.RUNNING, State.COMPLETED, State.FAILED, State.CANCELLED]
HELD_STATES = [State.CLAIMED, State.RUNNING, State.RUNNING, State.CANCELLING]
REQUESTS = [None, None, "r1", "r2"]
SECONDS = [1, 59, 61, 299, 301, 600]
SEGMENTS = [None, "end", "end", "last", "inside", "gap"]
PRIORITIES = [0, 0, 1, 9]
DEADLINES = [None, None, None, 4, 20, 40]
PAYLOADS = [None, {"told": 1}, {"told": 1}, {"told": 2}]
DELAYS = [None, None, None, 3]
KINDS = ["github", "github", "github", "drive"]

Choice = TypeVar("Choice")


class Operations:
    """The operations; ``seen`` counts what each came to, over all examples."""

    def __init__(self, real: Bystander, seen: Counter[str]) -> None:
        self.real = real
        self.world = real.world
        self.seen = seen
        self.spoilt: set[tuple[Agent, str | None]] = set()
        self.random = Random()  # noqa: S311  keeps no secret

    def any(self) -> None:
        """One operation, taken as often as it has its weight."""
        operation = self.pick(WEIGHTED)
        note(operation.__name__)
        operation(self)

    def pick(self, choices: Sequence[Choice]) -> Choice:
        return self.random.choice(choices)

    # --- people

    def create(self) -> None:
        self.real.tick()
        if sum(job.state not in FINAL for job in self.world.jobs) == MOST_OPEN:
            return
        now, deadline, delay = self.world.now, self.pick(DEADLINES), self.pick(DELAYS)
        job = Job(
            job_id="",
            project=self.real.projects[self.pick(PICKS) % 2],
            queue=self.real.queues[self.pick(PICKS) % 2],
            priority=self.pick(PRIORITIES),
            max_attempts=self.pick([1, 2, 3]),
            deadline=now + timedelta(minutes=deadline) if deadline else None,
            due=now,
            later=delay is not None,
        )
        job.due = now + timedelta(minutes=delay) if delay else now - HEAD_START * job.priority
        job.job_id = self._create(job, times=self.pick([1, 2]))
        job.path.append(State.READY)
        self.world.jobs.append(job)

    def _create(self, job: Job, *, times: int) -> str:
        told = {
            "projectId": job.project,
            "jobType": "build",
            "queue": job.queue,
            "priority": job.priority,
            "maxAttempts": job.max_attempts,
            "deadline": job.deadline and job.deadline.isoformat(),
            "notBefore": job.due.isoformat() if job.later else None,
        }
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        made = {ok(self.real.user().post("/api/jobs/create", told, headers=headers))["jobId"] for _ in range(times)}
        assert len(made) == 1
        return str(made.pop())

    def cancel(self) -> None:
        job = self._held()
        expected = self.world.cancel(job)
        self._compare("cancel", self.real.user().delete(f"/api/jobs/{job.job_id}"), expected)

    def retry(self) -> None:
        job = self._job(State.FAILED)
        expected = self.world.retry(job)
        self._compare("retry", self.real.user().post(f"/api/jobs/{job.job_id}/retry"), expected)

    def revoke(self) -> None:
        self.real.tick()
        agent = self.real.agents[2 + self.pick(PICKS) % 2]
        ended = self.world.revoke(agent)
        answer = ok(self.real.api.admin().post(f"/api/admin/agents/{agent.agent_id}/revoke"))
        assert answer["claimsEnded"] == ended

    def register_again(self) -> None:
        agent = self.real.agents[2 + self.pick(PICKS) % 2]
        if agent.revoked:
            self.real.callers[agent] = self.real.api.registered_agent(agent.agent_id)
            agent.revoked = False

    # --- claims

    def claim(self) -> None:
        self.real.tick()
        first, second = self.real.queues
        asked = self.pick([[first], [second], [first, second], [second, first]])
        self._claim(self.real.agents[self.pick(PICKS) % 4], asked, self.pick(REQUESTS))

    def claim_again(self) -> None:
        """The same claim: its answer was lost."""
        self.real.tick()
        if asked := [job for job in self.world.jobs if job.request and job.holder]:
            job = self.pick(asked)
            self._claim(job.holder or self.real.agents[0], self.real.queues, job.request)

    def claim_and_start(self) -> None:
        """What happens most: without it few jobs would come to their end."""
        self.real.tick()
        agent = self.real.agents[self.pick(PICKS) % 4]
        self._claim(agent, self.real.queues, None)
        if mine := [job for job in self.world.jobs if job.holder is agent]:
            self._report(mine[-1], agent, None, State.RUNNING, None)

    def _claim(self, agent: Agent, asked: list[str], request: str | None) -> None:
        if (agent, request) in self.spoilt:
            request = None
        headers = {"X-Claim-Request-Id": request} if request else {}
        windows = {queue: window_of(queue) for queue in asked}
        response = self.real.ask(agent, "POST", "/api/jobs/claim", {"queues": asked}, headers)
        if agent.revoked:
            self._compare("claim", response, UNKNOWN_AGENT)
            return
        self._claimed(agent, request, ok(response), windows)

    def _claimed(self, agent: Agent, request: str | None, answer: dict[str, Any], windows: dict[str, int]) -> None:
        taken = answer["job"]["jobId"] if answer["job"] else None
        if repeated := self.world.repeated(agent, request):
            assert taken == repeated.job_id
            self.seen["claim repeated"] += 1
            self.world.mint_again(repeated, agent, answer["claimToken"])
            return
        if wanted := self.world.wanted(agent, request, list(windows)):
            self.world.fail_if_late(wanted)
            if wanted.state is State.READY:
                self._took(wanted, agent, request, answer)
                return
        for queue, window in windows.items():
            if allowed := self._claimable(queue, window):
                assert taken in [job.job_id for job in allowed]
                self._took(next(job for job in allowed if job.job_id == taken), agent, request, answer)
                return
        assert taken is None
        if any(job.path for job in self.world.jobs):
            # Which of the jobs that it failed for their deadlines this claim was about last is not to be known.
            self.spoilt.add((agent, request))

    def _took(self, job: Job, agent: Agent, request: str | None, answer: dict[str, Any]) -> None:
        assert answer["job"]["jobId"] == job.job_id
        self.world.take(job, agent, request, answer["claimToken"])
        assert answer["job"]["attempt"] == job.attempt
        self.seen[f"claim of attempt {job.attempt}"] += 1

    def _claimable(self, queue: str, window: int) -> list[Job]:
        """The jobs of which a claim must have taken one: the first in order, unless there was something in its way."""
        stored = self.real.look()
        late = self.world.late(queue)
        for job in late:
            if stored[job.job_id]["state"] == State.FAILED:
                self.world.fail_if_late(job)
        found = self.world.waiting(queue)
        if not found:
            self._revive(stored)
            found = self.world.waiting(queue)
        in_order = window == 1 and not late
        return [job for job in found if not in_order or job.due == found[0].due]

    def _revive(self, stored: dict[str, dict[str, Any]]) -> None:
        """A claim that finds nothing looks for claims that have run out; those cut short by a deadline it may miss."""
        for job in self.world.expired():
            cut = job.deadline is not None and job.deadline <= self.world.now
            if not (cut and stored[job.job_id]["attempt"] == job.attempt and stored[job.job_id]["state"] == job.state):
                job.take_back("CLAIM_EXPIRED", self.world.now)

    # --- the holder, and those who take themselves for it

    def renew(self) -> None:
        job = self._held()
        agent, attempt, headers = self._holder(job)
        expected = self.world.renew(job, agent, attempt)
        path = f"/api/jobs/{job.job_id}/renew"
        self._compare("renew", self.real.ask(agent, "POST", path, headers=headers), expected)

    def release(self) -> None:
        job = self._held()
        agent, attempt, headers = self._holder(job)
        expected = self.world.release(job, agent, attempt)
        path = f"/api/jobs/{job.job_id}/release"
        self._compare("release", self.real.ask(agent, "POST", path, headers=headers), expected)

    def report(self) -> None:
        job = self._held()
        agent, attempt, _ = self._holder(job)
        self._report(job, agent, attempt, self.pick(STATES), self.pick(PAYLOADS))

    def say_as_holder(self) -> None:
        job = self._held()
        if job.holder:
            self._report(job, job.holder, job.attempt, self.pick(STATES), self.pick(PAYLOADS))

    def _report(self, job: Job, agent: Agent, attempt: int | None, state: State, payload: Any) -> None:
        expected = self.world.report(job, agent, attempt, state, payload)
        headers = {} if attempt is None else {"X-Claim-Attempt": str(attempt)}
        told = {"state": state, "payload": payload}
        response = self.real.ask(agent, "PATCH", f"/api/jobs/{job.job_id}", told, headers)
        self._compare(f"report {state}", response, expected)

    def append(self) -> None:
        job = self._held()
        agent, attempt, headers = self._holder(job)
        where, count = self.pick(SEGMENTS), self.pick([0, 1, 2, 3])
        segment = _segment(job, where)
        lines = tuple(uuid.uuid4().hex for _ in range(count or 1))
        if where == "last" and job.chunks and self.pick([True, True, False]):
            lines = job.chunks[-1].lines
        expected = self.world.append(job, agent, attempt, lines, segment)
        entries = [{"message": line} for line in lines]
        alone = count == 0 and len(lines) == 1
        told = {"message": lines[0], "segment": segment} if alone else {"entries": entries, "segment": segment}
        response = self.real.ask(agent, "POST", f"/api/jobs/{job.job_id}/logs", told, headers)
        self._compare(f"append {where}", response, expected)
        self.real.compare_log(job)

    # --- tokens

    def mint(self) -> None:
        job = self._held()
        agent, attempt, headers = self._holder(job)
        expected = self.world.may_mint(job, agent, attempt)
        response = self.real.ask(agent, "POST", f"/api/jobs/{job.job_id}/claim-token", headers=headers)
        self._compare("mint", response, expected)
        if expected == CREATED:
            self.world.mint_again(job, agent, response.json()["claimToken"])

    def redeem(self) -> None:
        self.real.tick()
        if not self.world.tokens:
            return
        good = [token for token in self.world.tokens if token.job.token is token]
        stale = self.pick([False, False, True])
        token = self.pick(self.world.tokens if stale or not good else good)
        bearer = self.pick([token.agent, token.agent, token.agent, self.pick(self.real.agents)])
        mine, other = sorted(self.real.projects, key=lambda project: project != token.job.project)
        asked, kind = (mine if self.pick(PICKS) else other), self.pick(KINDS)
        expected = self.world.redeem(token, bearer, asked, kind)
        response, secret = self.real.redeem(token, bearer, asked, kind)
        self._compare("redeem", response, expected)
        assert secret == (self.world.secrets[mine] if expected == OK else "")

    # --- the clock, and what happens to processes

    def wait(self) -> None:
        self.real.set_time(self.world.now + timedelta(seconds=self.pick(SECONDS)))

    def wait_until(self) -> None:
        """Something is asked just before, exactly at, or just after a moment at which something ends."""
        if ends := self.world.ends():
            # The step itself is a millisecond later.
            moment = self.pick(ends) + timedelta(milliseconds=self.pick([-2, -1, -1, 0]))
            self.real.set_time(max(moment, self.world.now))
        self.pick(TIMELY)(self)

    def sweep(self) -> None:
        self.real.tick()
        self.world.sweep()
        self.real.cloud.sweep()

    def forget(self) -> None:
        """The process ends and another takes over."""
        forget_all()

    def drain(self) -> None:
        self.real.compare_history()

    # --- comparing and picking

    def _compare(self, operation: str, response: requests.Response, expected: Answer) -> None:
        assert answer_of(response) == expected
        self.seen[f"{operation}: {expected[1] or 'ok'}"] += 1

    def _job(self, state: State | None = None) -> Job:
        """One of the jobs, the youngest first; three times of four one in that state, if there is any.

        Each step is made at a time of its own.
        """
        self.real.tick()
        wanted = [job for job in self.world.jobs if job.state is state and self.pick(PICKS) > 1]
        among = wanted or self.world.jobs
        job: Job = among[-1 - self.pick(PICKS) % len(among)]
        return job

    def _held(self) -> Job:
        """One of the jobs, more often than not one that is held."""
        return self._job(self.pick(HELD_STATES))

    def _holder(self, job: Job) -> tuple[Agent, int | None, dict[str, str]]:
        """Two times of three the agent that holds the job; with its attempt, an older one, or none."""
        other, back = self.pick([False, False, True]), self.pick(ATTEMPTS)
        agent = self.pick(self.real.agents) if other or job.holder is None else job.holder
        if back is None:
            return agent, None, {}
        attempt = max(0, job.attempt - back)
        return agent, attempt, {"X-Claim-Attempt": str(attempt)}


def _segment(job: Job, where: str | None) -> int | None:
    end = job.chunks[-1].end if job.chunks else 0
    last = job.chunks[-1].segment if job.chunks else 0
    return {None: None, "end": end, "last": last, "inside": max(0, end - 1), "gap": end + 1}[where]


_do = Operations
TIMELY = (_do.sweep, _do.sweep, _do.claim, _do.renew, _do.say_as_holder, _do.append, _do.redeem, _do.redeem)
"""Operations whose answer depends on the moment."""
WEIGHTED: tuple[Callable[[Operations], None], ...] = (
    *[_do.create] * 3,
    *[_do.cancel] * 2,
    *[_do.retry] * 2,
    *[_do.revoke, _do.register_again],
    *[_do.claim] * 3,
    *[_do.claim_and_start, _do.claim_and_start, _do.claim_again],
    *[_do.renew, _do.release, _do.mint, _do.mint],
    *[_do.report] * 3,
    *[_do.say_as_holder] * 3,
    *[_do.append] * 4,
    *[_do.redeem] * 4,
    *[_do.wait, _do.wait_until, _do.wait_until, _do.sweep, _do.forget, _do.drain],
)
"""The operations as often as they happen."""
