"""One file job from its making to its end, by a client that repeats what was not answered and functions that fail.

Nothing happens by itself: each step delivers what it says, in the test's own thread, and the watch that a stage keeps
beside its work sees a clock that only the test moves.
"""

import hashlib
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, Self

import pytest
import requests
from moto.dynamodb.models import dynamodb_backends

from chalicelib.errors import StorageFailed
from local import embedded_sqs
from local.cloud import LocalCloud
from local.messages import Source
from tests.faults import evidence
from tests.faults.faults import Killed, KilledAtOnce, Proceed
from tests.faults.story import ok_
from tests.support.api import TIMEOUT, Caller, ok
from tests.support.files import NEW_YORK, PEOPLE, Files, key_of, refusal

Answer = requests.Response | None
Look = Callable[[float], None]
"""Lets so many seconds pass for the watch, which then looks at its job."""
Hook = Callable[[Look], None]

NEW_YORKERS = b"name,city,age\nAlice,New York,30\nCharlie,New York,35\n"
BAD = b"name,city,age\nAlice,New York\n"
ROUNDS = 8
PATIENCE_SECONDS = 30


class FileStory:
    """What happened so far, and the steps that take it on; a step answers the response, or None where no one asks."""

    def __init__(self, cloud: LocalCloud, user: Caller, agent: Caller) -> None:
        self.cloud = cloud
        self.files = Files(user)
        self.agent = agent
        self.key = uuid.uuid4().hex
        self.job: dict[str, Any] = {}
        self.url = ""
        self.steps = [NEW_YORK]
        self.content, self.expected = PEOPLE, NEW_YORKERS
        self.clock = 0.0
        self.hooks: dict[str, Hook] = {}
        self.events: dict[str, str] = {}
        self.patches = pytest.MonkeyPatch()
        self._parts_may_stay = False

    @classmethod
    @contextmanager
    def told(cls, cloud: LocalCloud, user: Caller, agent: Caller) -> Iterator[Self]:
        """A story in a cloud that holds nothing else for the stages."""
        story = cls(cloud, user, agent)
        story._take_the_clock()
        story._listen()
        try:
            yield story
        finally:
            story.patches.undo()
            empty_tables()

    @property
    def job_id(self) -> str:
        return str(self.job["id"])

    def begin(self) -> Self:
        """Up to where a stage has been woken, and nothing has been claimed yet."""
        for step in (FileStory.create, FileStory.ask_for_url, FileStory.put, FileStory.mark, FileStory.record):
            ok_(step(self))
        self.cloud.failures.clear()
        return self

    # --- the client's steps

    def create(self) -> Answer:
        told = {"file_name": "people.csv", "original_file_size_bytes": 10240, "processing_steps": self.steps}
        response = self.files.user.post("/api/v1/jobs", told, headers=self._once("job"))
        if response.ok:
            self.job = response.json()
        return response

    def ask_for_url(self) -> Answer:
        response = self.files.post(self.job, "upload-url")
        if response.ok:
            self.url = response.json()["upload_url"]
        return response

    def put(self) -> Answer:
        return requests.put(self.url, data=self.content, timeout=TIMEOUT)

    def mark(self) -> Answer:
        return self.files.mark(self.job, key_of(self.url), headers=self._once("mark"))

    def cancel(self) -> Answer:
        return self.files.post(self.job, "cancel")

    def cancel_again(self) -> Answer:
        """That it has been cancelled already is as good an answer as the one that was lost."""
        response = self.cancel()
        if response is not None and response.status_code == HTTPStatus.BAD_REQUEST:
            assert "cancelled" in refusal(response)[1]
            return None
        return response

    def cancel_until_answered(self) -> None:
        response = self.cancel()
        if response is not None and not response.ok:
            assert response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
            ok_(self.cancel_again())

    def ask_for_output(self) -> Answer:
        return self.files.post(self.job, "download-url")

    # --- what AWS does

    def record(self) -> Answer:
        """The stream delivers what the jobs table has written, and the messages that follow wait."""
        with self.cloud.queues_paused():
            self.cloud.drain()
        return None

    def stage(self) -> Answer:
        """The stage is called with each of its messages."""
        self._deliver("files")
        return None

    def stage_killed_at_its_last_word(self) -> Answer:
        """Its output is in the store, and nothing tells of it."""

        def killed(*_: Any) -> None:
            raise KilledAtOnce

        with pytest.MonkeyPatch.context() as broken:
            broken.setattr("chalicelib.jobs.staging.end", killed)
            return self.stage()

    def arrive(self) -> Answer:
        """The event of the upload comes at last."""
        self._deliver("uploads")
        return None

    def end_lease(self) -> Answer:
        """Whoever holds the job had its lease until a moment ago."""
        from chalicelib.jobs.tables import JobRow
        from chalicelib.times import from_epoch_ms

        if self.head["state"] in {"claimed", "running", "cancelling"}:
            JobRow(self.job_id).update(actions=[JobRow.due.set(from_epoch_ms(1))])
        return None

    def sweep(self) -> Answer:
        """The clock moves on what is due; the records that follow wait."""
        assert self.cloud._scheduler is not None
        self.cloud._scheduler.run_all()
        return None

    def finish(self) -> None:
        """What a minute's clock, the queues' redelivery, and a machine for large files make of the job in the end."""
        for _ in range(ROUNDS):
            self.cloud.hurry()
            if self.head["state"] in {"completed", "failed", "cancelled"}:
                break
            self._serve_large()
            self.end_lease()
            self.cloud.sweep()
        assert self._messages == 0

    def wake(self) -> Answer:
        """One message more than was needed."""
        from chalicelib import queues

        queues.wake("files")
        return None

    def lose_lease(self) -> None:
        """The lease of whoever works on the job runs out, and another stage does it meanwhile."""
        self.end_lease()
        self.cloud.sweep()
        assert self.head["state"] == "completed"

    # --- variants of a story

    def with_looks(self) -> Answer:
        """In the midst of the work the watch reports, reads, and renews the lease."""

        def look(seconds: Look) -> None:
            for passed in (1, 1, 20):
                seconds(passed)

        self.hooks["processing"] = look
        return None

    def with_bad_file(self) -> Answer:
        self.content = BAD
        return None

    def with_little_time(self) -> Answer:
        """For the next stage alone."""

        def late(look: Look) -> None:
            look(900)

        self.hooks["processing"] = late
        return None

    def with_parts(self) -> Answer:
        """The output is uploaded in parts, which here are small."""
        from s3transfer.manager import TransferConfig

        small = TransferConfig(multipart_threshold=32, multipart_chunksize=32, max_request_concurrency=1)
        adjuster = SimpleNamespace(adjust_chunksize=lambda size, _: size)
        self.patches.setattr("chalicelib.objects.transfers._IN_PARTS", small)
        self.patches.setattr("s3transfer.upload.ChunksizeAdjuster", lambda: adjuster)
        self.patches.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)
        return None

    def with_cancel_while_processing(self) -> Answer:
        def cancelling(look: Look) -> None:
            self.cancel_until_answered()
            look(1)

        self.hooks["processing"] = cancelling
        return None

    # --- what must hold

    @property
    def head(self) -> evidence.Head:
        from chalicelib.jobs.tables import JobRow

        return dict(JobRow.get(self.job_id, consistent_read=True).attribute_values)

    @property
    def outputs(self) -> list[str]:
        return evidence.objects_under(f"output/{self.job_id}/")

    @property
    def parts_left(self) -> list[str]:
        return evidence.uploads_under(f"output/{self.job_id}/")

    @property
    def outcomes(self) -> list[str]:
        """How each attempt ended."""
        return evidence.history_of(self.job_id)

    def check(self) -> None:
        """What must hold at every moment, also just after a failure."""
        if not self.job:
            return
        found = evidence.heads([self.job_id])
        evidence.check_heads(found)
        evidence.check_agenda(found)
        job = self.files.read(self.job)
        assert (job["output_object_key"] is None) == (job["status"] != "COMPLETED")
        if job["status"] == "COMPLETED":
            assert self.files.download(job) == self.expected

    def check_completed(self) -> None:
        """It completed once, with the output of one attempt and nothing beside it."""
        self._check_ended("completed")
        assert self.outputs == [self.files.read(self.job)["output_object_key"]]

    def check_completed_in_parts(self) -> None:
        """As ``check_completed``, but for an upload in parts whose beginning was never answered: S3 alone knows it."""
        self._parts_may_stay = True
        self.check_completed()

    def check_cancelled(self) -> None:
        self._check_ended("cancelled")
        assert self.outputs == []

    def check_failed(self) -> None:
        self._check_ended("failed")
        assert self.outputs == []
        assert self.files.read(self.job)["error_message"]

    def check_ended(self) -> None:
        """It came to one of its ends; which of them was a race."""
        {"completed": self.check_completed, "cancelled": self.check_cancelled}[self.head["state"]]()

    def _check_ended(self, state: str) -> None:
        self.check()
        head = self.head
        assert head["state"] == state
        events = [event for message, event in self.events.items() if message.startswith(f"{self.job_id}.")]
        assert events == [f"job_{state}"]
        outcomes = self.outcomes
        assert len(outcomes) == head["attempt"]
        assert set(outcomes[:-1]) <= {"expired", "released"}
        assert not outcomes or outcomes[-1] in {state, "expired", "released"}
        assert outcomes.count("completed") == (state == "completed")
        assert self.parts_left == [] or self._parts_may_stay
        if not head.get("input_etag"):
            assert evidence.objects_under(f"input/{self.job_id}/") == []

    # --- how it is done

    def _once(self, what: str) -> dict[str, str]:
        return {"Idempotency-Key": f"{self.key}-{what}"}

    def _deliver(self, queue: str) -> None:
        source = self._source(queue)
        embedded_sqs.make_visible(source.arn)
        self.cloud._queues._deliver_all(source)

    def _source(self, queue: str) -> Source:
        return next(source for source in self.cloud._sources if source.queue.endswith(f"-{queue}"))

    def _serve_large(self) -> None:
        """An agent on a bigger machine does what has been handed over to it."""
        if self.head["state"] != "ready" or self.head["queue"] != "files-large":
            return
        claim = ok(self.agent.post("/api/jobs/claim", {"queues": ["files-large"]}))["job"]
        assert claim["jobId"] == self.job_id
        path = f"/api/jobs/{self.job_id}"
        given = ok(self.agent.get(f"{path}/input"))["download"]
        assert requests.get(given["url"], headers=given["headers"], timeout=TIMEOUT).content == self.content
        ok(self.agent.patch(path, {"state": "running", "payload": None}))
        told = {"output": self._upload_large(path), "report": {}}
        ok(self.agent.patch(path, {"state": "completed", "payload": told}))

    def _upload_large(self, path: str) -> dict[str, Any]:
        name, sha256 = "people_processed.csv", hashlib.sha256(self.expected).hexdigest()
        told = {"fileName": name, "size": len(self.expected), "sha256": sha256}
        begun = ok(self.agent.post(f"{path}/artifacts", told))
        upload = begun["upload"]
        assert requests.put(upload["url"], data=self.expected, headers=upload["headers"], timeout=TIMEOUT).ok
        done = ok(self.agent.post(f"{path}/artifacts/{begun['artifactId']}/complete"))
        return {"object_key": done["drivePath"], "file_name": name, "size": len(self.expected)}

    def _take_the_clock(self) -> None:
        from chalicelib.jobs import watch
        from chalicelib.objects import transfers

        real = watch.Watch.__call__

        def called(self_: watch.Watch, phase: str, done: float, total: float) -> None:
            def look(seconds: float) -> None:
                self.clock += seconds
                real(self_, phase, done, total)

            hook = self.hooks.pop(phase, None)
            if hook:
                hook(look)
            real(self_, phase, done, total)

        still = SimpleNamespace(monotonic=lambda: self.clock)
        self.patches.setattr(watch.Watch, "__call__", called)
        self.patches.setattr(watch, "time", still)
        self.patches.setattr("chalicelib.jobs.staging.time", still)
        self.patches.setattr(transfers, "LOOK_SECONDS", 0.001)

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

    @property
    def _messages(self) -> int:
        """How many there are in all queues, delayed and received ones included."""
        found = [embedded_sqs._find(source.arn) for source in self.cloud._sources]
        return sum(len(queue._messages) for queue in found if queue)


class Upload:
    """Holds the upload of the output up until the stage has looked, and says when it is over."""

    def __init__(self, *, arrives: bool = True) -> None:
        self.begun, self.may_go, self.gone = threading.Event(), threading.Event(), threading.Event()
        self._arrives = arrives

    def __call__(self, proceed: Proceed) -> object:
        self.begun.set()
        assert self.may_go.wait(PATIENCE_SECONDS)
        try:
            if not self._arrives:
                raise Killed
            return proceed()
        finally:
            self.gone.set()

    def release(self) -> None:
        """Let it go on, once it has been sent off."""
        assert self.begun.wait(PATIENCE_SECONDS)
        self.may_go.set()

    def finish(self) -> None:
        """Let it come to its end."""
        self.release()
        assert self.gone.wait(PATIENCE_SECONDS)


def clear(cloud: LocalCloud) -> None:
    """Take off the queues of file jobs what other tests have left there."""
    from chalicelib.jobs import agenda, lifecycle

    with cloud.queues_paused():
        for slot in [*agenda.queue_slots("files"), *agenda.queue_slots("files-large"), *agenda.upload_slots()]:
            while entry := agenda.first_in(slot):
                lifecycle.cancel(lifecycle.read(entry.job_id))
        cloud.drain()
        for source in cloud._sources:
            embedded_sqs.make_visible(source.arn)
            while messages := source.receive():
                source.delete(messages)


def empty_tables() -> None:
    """But for the users: moto answers a query by looking at every item there is."""
    for backend in dynamodb_backends["123456789012"].values():
        for name, table in backend.tables.items():
            if not name.endswith("-users"):
                table.items.clear()


def unless_storage_failed(step: Callable[[FileStory], Answer], story: FileStory) -> Answer:
    """A step by somebody who has nobody to answer: the clock's handler fails as a whole, and runs a minute later."""
    try:
        return step(story)
    except StorageFailed:
        return None
