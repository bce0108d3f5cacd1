"""The order of JobMessages: made-up lives of jobs, told twice and out of order, are told right."""

import random
import re
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from local.cloud import ROOT, LocalCloud
from tests.contract.subscriber import Subscriber, subscribed
from tests.support.api import Bench, ok

STATES = {
    "job_created": {"ready", "awaiting_upload"},
    "job_started": {"running"},
    "job_progress": {"running"},
    "job_completed": {"completed"},
    "job_failed": {"failed"},
    "job_cancelled": {"cancelled"},
}


@pytest.fixture
def subscriber(cloud: LocalCloud) -> Iterator[Subscriber]:
    """A subscriber that has read what was told before."""
    with subscribed(cloud) as made:
        yield made


class History:
    """A made-up life of some jobs, through the API, and what a message has to tell of each step."""

    def __init__(self, bench: Bench, seed: int) -> None:
        self.bench, self.random = bench, random.Random(seed)  # noqa: S311  the same each time
        self.told: dict[str, list[tuple[str, Any]]] = {}
        self.state: dict[str, str] = {}

    def live(self, steps: int) -> None:
        for _ in range(steps):
            choices = [(step, job) for job, state in self.state.items() for step in STEPS[state]]
            step, job = self.random.choice([*choices, ("create", ""), ("claim", "")])
            getattr(self, f"_{step}")(job)

    def _tell(self, job: str, what: str, progress: Any = None) -> None:
        self.told[job].append((what, progress))

    def _create(self, _: str) -> None:
        job = self.bench.create(maxAttempts=5)["jobId"]
        self.state[job], self.told[job] = "ready", []
        self._tell(job, "job_created")

    def _claim(self, _: str) -> None:
        claimed = self.bench.claim()["job"]
        if claimed:
            self.state[claimed["jobId"]] = "claimed"

    def _start(self, job: str) -> None:
        self.bench.report(job, "running")
        self.state[job] = "running"
        self._tell(job, "job_started")

    def _progress(self, job: str) -> None:
        done = {"done": self.random.random()}
        self.bench.report(job, "running", done)
        self._tell(job, "job_progress", done)

    def _complete(self, job: str) -> None:
        self.bench.report(job, "completed", {"n": len(self.told[job])})
        self.state[job] = "completed"
        self._tell(job, "job_completed")

    def _fail(self, job: str) -> None:
        self.bench.report(job, "failed", {"error": "made up"})
        self.state[job] = "failed"
        self._tell(job, "job_failed")

    def _retry(self, job: str) -> None:
        ok(self.bench.user.post(f"/api/jobs/{job}/retry"))
        self.state[job] = "ready"

    def _release(self, job: str) -> None:
        ok(self.bench.agent.post(f"/api/jobs/{job}/release"))
        self.state[job] = "ready"

    def _cancel(self, job: str) -> None:
        ok(self.bench.user.delete(f"/api/jobs/{job}"))
        if self.state[job] == "ready":
            self._tell(job, "job_cancelled")
            self.state[job] = "cancelled"
        else:
            self.state[job] = "cancelling"

    def _stop(self, job: str) -> None:
        self.bench.report(job, "cancelled")
        self.state[job] = "cancelled"
        self._tell(job, "job_cancelled")


STEPS = {
    "ready": ["cancel"],
    "claimed": ["start", "start", "release", "cancel"],
    "running": ["progress", "progress", "complete", "fail", "release", "cancel"],
    "cancelling": ["stop"],
    "failed": ["retry", "retry"],
    "completed": [],
    "cancelled": [],
}


def _examples() -> dict[str, Any]:
    """The Python of docs/messages.md, run."""
    text = (ROOT / "docs" / "messages.md").read_text()
    found: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(code, found)  # noqa: S102  our own
    return found


def _consumed(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """What the documented consumer has applied last of each job."""
    standing: dict[str, Any] = {}
    example = _examples()
    example["apply"] = lambda message: standing.update({message["job_id"]: message})
    for each in messages:
        example["consume"](each)
    return standing


def _deliver_again(cloud: LocalCloud, chance: random.Random) -> Any:
    """A stream whose batches come twice now and then, and whose shards, one a job, come in any order."""
    deliver = type(cloud._deliveries[0]).deliver

    def twice(self: Any, records: list[Any]) -> None:
        whose: dict[str, list[Any]] = {}
        for record in records:
            whose.setdefault(record["dynamodb"]["Keys"]["job_id"]["S"], []).append(record)
        shuffled = []
        while whose:
            job = chance.choice(sorted(whose))
            shuffled.append(whose[job].pop(0))
            if not whose[job]:
                del whose[job]
        deliver(self, shuffled)
        if chance.random() < 0.5:
            deliver(self, shuffled[chance.randrange(len(shuffled)) :])

    return patch.object(type(cloud._deliveries[0]), "deliver", twice)


@pytest.mark.parametrize("seed", [2, 3])
def test_messages_tell_each_jobs_life_in_order_however_they_come(
    bench: Bench, subscriber: Subscriber, cloud: LocalCloud, seed: int
) -> None:
    """However they come, both consumers of docs/messages.md have it right."""
    chance = random.Random(seed * 1000)  # noqa: S311  the same each time
    history = History(bench, seed)
    with _deliver_again(cloud, chance):
        for _ in range(5):
            history.live(20)
            cloud.drain()
        messages = subscriber.read()
    chance.shuffle(messages)
    standing = _consumed([each["body"] for each in messages])
    seen = {each["body"]["message_id"]: each["body"] for each in messages}
    assert len(seen) < len(messages)
    assert {each["message_type"] for each in seen.values()} == set(STATES)
    for job, told in history.told.items():
        mine = sorted((each for each in seen.values() if each["job_id"] == job), key=lambda each: each["sequence"])
        assert [each["message_type"] for each in mine] == [what for what, _ in told]
        assert standing[job] == mine[-1]
        assert all(each["status"] in STATES[each["message_type"]] for each in mine)
        progress = [(each["message_type"], each["progress"]) for each in mine if each["message_type"] == "job_progress"]
        assert progress == [step for step in told if step[0] == "job_progress"]
        assert [each["timestamp"] for each in mine] == sorted(each["timestamp"] for each in mine)
    assert set(history.told) == {each["job_id"] for each in seen.values()}
