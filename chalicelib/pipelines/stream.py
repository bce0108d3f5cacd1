"""The events of a job's log, as Server-Sent Events: a series of finite answers, each going on where the last ended.

The id of an event is how far its reader has come: the number of the next line, the percent and the stage that were
told. So whoever connects again gets what is new and nothing twice; after the end there is nothing new for ever.
https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
import re
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from chalicelib import times
from chalicelib.accounts.sessions import Identity
from chalicelib.errors import InvalidRequest
from chalicelib.jobs import logs, progress
from chalicelib.jobs.model import Job, State
from chalicelib.settings import settings

from . import jobs, words

RECONNECT_MILLISECONDS = 1000
LOOK_SECONDS = 0.5
LINES = 500
ANSWER_BYTES = 1024 * 1024
END = "end"
_ID = re.compile(r"(?P<cursor>\d{1,9})-(?P<percent>\d{1,3})-(?P<stage>[a-z]{0,16})")


class Heard(NamedTuple):
    """How far a reader has come."""

    cursor: int = 0
    percent: int = -1
    stage: str = ""

    @classmethod
    def of(cls, event_id: str) -> "Heard":
        """From the id of the last event that arrived.

        Raises:
            InvalidRequest: no event of ours has such an id.
        """
        found = _ID.fullmatch(event_id)
        if found is None:
            raise InvalidRequest("Last-Event-ID is not that of an event of this stream", field="Last-Event-ID")
        return cls(int(found["cursor"]), int(found["percent"]), found["stage"])

    @property
    def event_id(self) -> str:
        """As an event's id."""
        return f"{self.cursor}-{max(self.percent, 0)}-{self.stage}"


def events(user: Identity, job_id: str, heard: Heard) -> str:
    """What is new since then; waits a little where nothing is.

    Raises:
        JobNotFound: this user has no such job.
    """
    until = time.monotonic() + settings().stream_wait_seconds
    text = f"retry: {RECONNECT_MILLISECONDS}\n\n"
    while not (new := "".join(_new(user, job_id, heard))):
        if time.monotonic() >= until:
            return text + _event("ping", {"ts": times.to_epoch_ms(times.now())}, heard.event_id)
        time.sleep(LOOK_SECONDS)
    return text + new


def _new(user: Identity, job_id: str, heard: Heard) -> Iterator[str]:
    # The job first: what is in the log once it has ended is all there will be.
    job = jobs.own(user, job_id)
    first, size = heard.cursor, 0
    while lines := logs.read(job, cursor=heard.cursor, limit=LINES).entries:
        for entry in lines:
            size += len(entry.message.encode())
            if size > ANSWER_BYTES and heard.cursor > first:
                return
            heard = heard._replace(cursor=entry.segment + 1)
            yield _event("log", words.line(entry), heard.event_id)
        if heard.cursor - first >= LINES:
            return  # There may be more of them, and they come before whatever else there is to tell.
    stage, percent = _stage(job), progress.percent(job)
    if (percent, stage) != (heard.percent, heard.stage) and not words.ended(job) and (percent or stage):
        heard = heard._replace(percent=percent, stage=stage)
        yield _event("progress", {"progress": percent, "stage": stage or None}, heard.event_id)
    if words.ended(job):
        yield from _end(job, heard)


def _end(job: Job, heard: Heard) -> Iterator[str]:
    if job.state is State.FAILED:
        code = f"{_stage(job) or 'job'}_error"
        yield _event("error", {"message": job.error_message, "code": code}, heard.event_id)
    told = words.outcome(job, jobs.Detail.of(job).outcome)
    yield _event(END, {"status": words.status(job), "result": told or None}, END)


def _stage(job: Job) -> str:
    found = (words.stage(job) or "").lower()
    return found if re.fullmatch("[a-z]{0,16}", found) else ""


def _event(name: str, data: dict[str, Any], event_id: str) -> str:
    text = json.dumps(data)
    return f"event: {name}\nid: {event_id}\ndata: {text}\n\n"
