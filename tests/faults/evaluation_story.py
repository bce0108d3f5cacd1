"""One evaluation from its submission to its end, by a client that repeats what was not answered and stages that fail.

Nothing happens by itself: each step delivers what it says, in the test's own thread, and the watch that a stage keeps
beside its work sees a clock that only the test moves.
"""

import copy
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, Self

import pytest
import requests
import time_machine
from moto.dynamodb.models import dynamodb_backends
from moto.sqs.models import Queue

from chalicelib import times
from local import embedded_sqs
from local.cloud import LocalCloud
from local.streams import BATCH
from tests.faults import evidence
from tests.faults.file_story import empty_tables
from tests.support.api import Caller, ok
from tests.support.evaluations import Evaluations, csv_of, refusal

Answer = requests.Response | None
Look = Callable[[float], None]
"""Lets so many seconds pass for the watch, which then looks at its job."""
Hook = Callable[[Look], None]
Told = dict[str, Any]

FINAL = {"completed", "failed", "cancelled"}
HELD = {"claimed", "running", "cancelling"}
STAGE_LEASE_AND_A_BIT = 61
COORDINATOR_LEASE_AND_A_BIT = 3601
ROUSED_AFTER_AND_A_BIT = 301
PICTURED = {
    "state", "attempt", "queue", "slot", "progress", "checkpoint", "payload", "result", "input_key",
    "input_etag", "error_code", "error_message", "returned",
}  # fmt: skip
ROUNDS = 6
MOST_DELIVERIES = 400


def is_gather(told: Told) -> bool:
    """Whether a message asks an evaluation to look at its batches."""
    return "gather" in told


def is_wake(told: Told) -> bool:
    """Whether a message tells the stage that there is a job."""
    return "queue" in told


class EvaluationStory:
    """What happened so far, and the steps that take it on; a step answers the response, or None where no one asks."""

    def __init__(self, cloud: LocalCloud, user: Caller, clock: time_machine.Traveller) -> None:
        self.cloud = cloud
        self.clock = clock
        self.evaluations = Evaluations(user)
        self.key = uuid.uuid4().hex
        self.job: dict[str, Any] = {}
        self.content, self.name = csv_of(4), "rows.csv"
        self.source = ""
        self.configuration: dict[str, Any] = {}
        self.monotonic = 0.0
        self.hooks: dict[str, Hook] = {}
        self.before_scoring: Callable[[int], None] | None = None
        self.scored: Counter[int] = Counter()
        self.events: dict[str, str] = {}
        self._in_hand: list[Any] = []
        self.patches = pytest.MonkeyPatch()

    @classmethod
    @contextmanager
    def told(cls, cloud: LocalCloud, user: Caller, *, batch_rows: int = 2) -> Iterator[Self]:
        """A story in a cloud that holds nothing else for the stages."""
        from tests.contract.harness import changed_settings

        with (
            changed_settings(evaluation_batch_rows=str(batch_rows)),
            time_machine.travel(times.now()) as clock,
        ):
            story = cls(cloud, user, clock)
            story._take_the_clock()
            story._count_scores()
            story._listen()
            story._forget_messages()
            cloud.failures.clear()
            try:
                yield story
            finally:
                story.patches.undo()
                story.record()
                story._forget_messages()
                empty_tables()

    @property
    def job_id(self) -> str:
        return str(self.job["id"])

    # --- the client's steps

    def upload(self) -> Answer:
        self.source = self.evaluations.upload(self.content, name=self.name)
        return None

    def create(self) -> Answer:
        order = self.evaluations.order(self.source, **self.configuration)
        response = self.evaluations.user.post("/api/jobs", order, headers={"Idempotency-Key": self.key})
        if response.ok:
            self.job = response.json()
        return response

    def cancel(self) -> Answer:
        return self.evaluations.user.delete(f"/api/jobs/{self.job_id}")

    def cancel_again(self) -> Answer:
        response = self.cancel()
        if response is not None and response.status_code == HTTPStatus.BAD_REQUEST:
            assert refusal(response)[1] == "INVALID_STATE"
            return None
        return response

    # --- what AWS does

    def record(self) -> Answer:
        """The stream delivers what the jobs table has written, and the messages that follow wait."""
        pump = self.cloud._pump
        assert pump is not None
        # None of the handlers writes what has a stream itself, so that nobody need look again.
        while pump._round() >= BATCH:
            pass
        return None

    def stage(self) -> Answer:
        """One message that tells of a job is delivered."""
        return self.deliver(is_wake, at_most=1)

    def stages(self) -> Answer:
        """All of them are."""
        return self.deliver(is_wake)

    def gather(self) -> Answer:
        """One message that asks to look at the batches is delivered."""
        return self.deliver(is_gather, at_most=1)

    def gathers(self) -> Answer:
        """All of them are."""
        return self.deliver(is_gather)

    def redeliver(self) -> None:
        """The message that a stage has in its hands comes a second time, as do all that tell of a job."""
        for message in [*self._in_hand, *self.messages]:
            if is_wake(json.loads(message.body)):
                self._deliver(message)

    def deliver(self, wanted: Callable[[Told], bool], *, at_most: int = MOST_DELIVERIES) -> Answer:
        """The stage is called with each message like that, which goes unless the stage fails."""
        chosen = [each for each in self.messages if each not in self._in_hand and wanted(json.loads(each.body))]
        for message in chosen[:at_most]:
            self._deliver(message)
        return None

    def _deliver(self, message: Any) -> None:
        if message not in self.messages:
            return
        message.visible_at = message.delayed_until = 0.0
        others = [each for each in self.messages if each is not message]
        self.messages[:] = [message]
        received = self._source.receive()
        self.messages.extend(others)
        self._in_hand.append(message)
        try:
            self.cloud._queues._handle(self._source, received)
        finally:
            self._in_hand.remove(message)

    def lose(self, wanted: Callable[[Told], bool]) -> Answer:
        """Messages like that never come."""
        self.messages[:] = [each for each in self.messages if not wanted(json.loads(each.body))]
        return None

    def lose_gathers(self) -> Answer:
        return self.lose(is_gather)

    def lose_gathers_but_one(self) -> Answer:
        kept = [each for each in self.messages if is_gather(json.loads(each.body))][:1]
        self.lose(is_gather)
        self.messages.extend(kept)
        return None

    def send(self, told: Told) -> None:
        """A message more."""
        self._source.client.send_message(QueueUrl=self._source.url, MessageBody=json.dumps(told))

    def sweep(self) -> Answer:
        """The clock moves on what is due; the records that follow wait."""
        assert self.cloud._scheduler is not None
        self.cloud._scheduler.run_all()
        return None

    def pass_time(self, seconds: float) -> None:
        """So much later, the clock has moved on what was due, and the stream has told of it."""
        self.clock.shift(seconds)
        self.sweep()
        self.record()

    def end_lease(self, job_id: str) -> None:
        """Whoever holds the job had its lease until a moment ago."""
        from chalicelib.jobs.tables import JobRow
        from chalicelib.times import from_epoch_ms

        if self.head(job_id)["state"] in HELD:
            JobRow(job_id).update(actions=[JobRow.due.set(from_epoch_ms(1))])

    def lose_lease(self, job_id: str) -> None:
        """The lease of whoever works on the job runs out, and the clock takes it back."""
        self.end_lease(job_id)
        self.sweep()
        self.record()

    def lose_evaluation(self) -> Answer:
        self.lose_lease(self.job_id)
        return None

    def hold_batch(self) -> Answer:
        """A stage has claimed the next batch, and is never heard of again."""
        from chalicelib.jobs import staging

        work = staging.next_work("evaluations", uuid.uuid4().hex, 900)
        assert work is not None
        assert work.job.owner == self.job_id
        return None

    def lose_rows(self) -> Answer:
        """The rows of the first batch are not stored any more."""
        evidence.remove_objects([f"evaluations/{self.job_id}/0/rows.jsonl"])
        return None

    def with_one_batch(self) -> Answer:
        self.content = csv_of(2)
        return None

    def with_bad_content(self) -> Answer:
        self.content = b'{"expected": '
        self.name = "rows.jsonl"
        return None

    def finish(self, *, seconds: float = ROUSED_AFTER_AND_A_BIT) -> None:
        """What redelivery, the clock and functions that work make of it, before an hour's lease would run out."""
        for _ in range(ROUNDS):
            self.do_all()
            if self.ended:
                break
            self.pass_time(seconds)
        self.record()
        self.gathers()
        assert not self.messages

    def do_all(self) -> None:
        """The stage is called until no message is left that it does not fail on; of equal ones, one is enough."""
        for _ in range(MOST_DELIVERIES):
            self.record()
            told = [json.loads(each.body) for each in self.messages]
            if not told:
                return
            self.stages()
            self.record()
            if any(map(is_gather, told)):
                self.lose_gathers_but_one()
                self.gathers()

    # --- what there is

    def head(self, job_id: str) -> evidence.Head:
        from chalicelib.jobs.tables import JobRow

        return dict(JobRow.get(job_id, consistent_read=True).attribute_values)

    @property
    def state(self) -> str:
        return str(self.head(self.job_id)["state"])

    @property
    def ended(self) -> bool:
        """Whether the evaluation has, and all of its batches."""
        return all(head["state"] in FINAL for head in self.heads.values())

    @property
    def batches(self) -> dict[str, evidence.Head]:
        """The heads of all jobs that belong to the evaluation, by id."""
        return {job_id: head for job_id, head in self.heads.items() if head["owner"] == self.job_id}

    @property
    def batch_ids(self) -> list[str]:
        return sorted(self.batches, key=lambda job_id: int(job_id.rpartition("-")[2]))

    @property
    def heads(self) -> dict[str, evidence.Head]:
        """Those of the evaluation and its batches, by id: no other jobs are there."""
        from chalicelib.jobs.tables import JobRow

        return {row.job_id: dict(row.attribute_values) for row in JobRow.scan(consistent_read=True)}

    @property
    def outputs(self) -> list[str]:
        return evidence.objects_under(f"output/{self.job_id}/")

    def segments(self, batch_id: str) -> list[str]:
        """The names of the objects that hold what attempts have made of a batch."""
        keys = evidence.objects_under(f"evaluations/{self.job_id}/{batch_id.rpartition('-')[2]}/")
        return [name for key in keys if (name := key.rpartition("/")[2]) != "rows.jsonl"]

    @property
    def messages(self) -> list[Any]:
        """Those in the stage's queue, delayed and received ones included."""
        queue = embedded_sqs._find(self._source.arn)
        assert isinstance(queue, Queue)
        return queue._messages

    def picture(self) -> Any:
        """What is stored and waiting, but for times and for what is random."""
        heads = {
            job_id: {name: value for name, value in head.items() if name in PICTURED}
            for job_id, head in self.heads.items()
        }
        return heads, sorted(each.body for each in self.messages), evidence.objects_under("")

    def moment(self) -> Callable[[], None]:
        """Keeps what is stored and waiting now, but for the stream's records; answers what brings it back."""
        tables = {name: copy.deepcopy(table.items) for name, table in _tables().items()}
        messages, objects = copy.deepcopy(self.messages), evidence.objects_under("")
        told = (times.now(), dict(self.job), dict(self.events), Counter(self.scored))

        def back() -> None:
            self.record()
            for name, table in _tables().items():
                table.items = copy.deepcopy(tables[name])
            self.messages[:] = copy.deepcopy(messages)
            evidence.remove_objects(set(evidence.objects_under("")) - set(objects))
            self.clock.move_to(told[0])
            self.job, self.events, self.scored = dict(told[1]), dict(told[2]), Counter(told[3])
            self.cloud.failures.clear()

        return back

    def first_row(self, batch_id: str) -> int:
        """The number of a batch's first row."""
        from chalicelib.jobs import documents

        return int(documents.get(batch_id, self.head(batch_id)["payload"])["first"]) + 1

    def results(self) -> tuple[bytes, bytes, bytes]:
        """The results in each form as they are downloaded, but for the job's id."""
        found = [self.evaluations.results(self.job, format=form) for form in ("json", "jsonl", "csv")]
        assert [each.status_code for each in found] == [HTTPStatus.OK] * 3
        first, second, third = (each.content.replace(self.job_id.encode(), b"-") for each in found)
        return first, second, third

    # --- what must hold

    def check(self) -> None:
        """What must hold at every moment, also just after a failure."""
        evidence.check_heads(self.heads)

    def check_completed(self) -> None:
        """All is done, and each row is in the results once."""
        found = self._check_ended("completed")
        assert {head["state"] for head in found.values()} == {"completed"}
        told = ok(self.evaluations.results(self.job))
        rows = self.content.count(b"\n") - 1
        assert [row["row"] for row in told["results"]] == list(range(1, rows + 1))
        assert [row["expected"] for row in told["results"]] == [f"answer {number}" for number in range(rows)]
        assert (told["summary"]["total"], told["summary"]["errored"]) == (rows, 0)

    def check_cancelled(self) -> None:
        self._check_ended("cancelled")

    def check_failed(self) -> None:
        self._check_ended("failed")
        assert self.evaluations.read(self.job)["error"]["message"]

    def check_ended(self) -> None:
        """It came to one of its ends; which of them was a race."""
        {"completed": self.check_completed, "cancelled": self.check_cancelled}[self.state]()

    def _check_ended(self, state: str) -> dict[str, evidence.Head]:
        found = self.heads
        evidence.check_heads(found)
        assert evidence.agenda_of(["evaluations", "evaluations-semantic"]) == []
        assert {job_id: head["state"] for job_id, head in found.items() if head["state"] not in FINAL} == {}
        assert found[self.job_id]["state"] == state
        told = {message: event for message, event in self.events.items() if message.startswith(f"{self.job_id}.")}
        assert list(told.values()) == [f"job_{state}"]
        assert told == self.events, "the world was told of a batch"
        outcomes = evidence.histories()
        assert {job_id: len(ends) for job_id, ends in outcomes.items()} == {
            job_id: head["attempt"] for job_id, head in found.items() if head["attempt"]
        }
        assert {end for ends in outcomes.values() for end in ends[:-1]} <= {"expired", "released"}
        return found

    # --- how it is done

    @property
    def _source(self) -> Any:
        return next(source for source in self.cloud._sources if source.queue.endswith("-evaluations"))

    def _forget_messages(self) -> None:
        self.messages.clear()

    def _take_the_clock(self) -> None:
        from chalicelib.jobs import watch

        real = watch.Watch.__call__

        def called(self_: watch.Watch, phase: str, done: float, total: float) -> None:
            def look(seconds: float) -> None:
                self.monotonic += seconds
                real(self_, phase, done, total)

            hook = self.hooks.pop(phase, None)
            if hook:
                hook(look)
            real(self_, phase, done, total)

        still = SimpleNamespace(monotonic=lambda: self.monotonic, sleep=lambda _: None)
        self.patches.setattr(watch.Watch, "__call__", called)
        for module in ("jobs.watch", "jobs.staging"):
            self.patches.setattr(f"chalicelib.{module}.time", still)
        self.patches.setattr("chalicelib.objects.transfers.LOOK_SECONDS", 0.001)

    def _count_scores(self) -> None:
        from chalicelib.engines.evaluation import scoring
        from chalicelib.evaluations import rows

        real = scoring.score_row

        def scored(number: int, *arguments: Any) -> Any:
            if self.before_scoring:
                self.before_scoring(number)
            self.scored[number] += 1
            return real(number, *arguments)

        self.patches.setattr(rows, "score_row", scored)

    def _listen(self) -> None:
        """Keep each event by which a job ends, once however often its record is delivered."""
        from chalicelib.jobs import changes

        real = changes.effects

        def heard(*images: Any) -> list[changes.Effect]:
            found = real(*images)
            for each in found:
                if isinstance(each, changes.ChangeRecord) and each.job.finished:
                    self.events[each.message_id] = each.event
            return found

        self.patches.setattr(changes, "effects", heard)


def _tables() -> dict[str, Any]:
    return {
        name: table for backend in dynamodb_backends["123456789012"].values() for name, table in backend.tables.items()
    }
