"""The JobMessage: one event of one job, as it is published."""

import json
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PlainSerializer, WithJsonSchema

from chalicelib import times
from chalicelib.jobs import documents
from chalicelib.jobs.changes import ChangeRecord, Event
from chalicelib.jobs.model import Job, State
from chalicelib.objects import contents

from . import blobs
from . import content as contents_of_jobs
from .blobs import BlobReference
from .content import Content

MAX_BYTES = 256 * 1024
"""Of a message with its attributes: what SNS takes (https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html)."""
LARGE = "messages/"
"""What the keys of results begin with that do not fit their messages."""

Timestamp = Annotated[
    datetime,
    PlainSerializer(times.iso, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""UTC, ISO 8601 with milliseconds and ``Z``."""


class JobError(BaseModel):
    """Why a job failed: a code for programs and a sentence for people."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    code: str
    message: str


class JobMessage(BaseModel):
    """One event of one job.

    ``message_id`` is the same for every delivery of the same event, and ``sequence`` orders a job's events: of two,
    the one with the greater number happened later. ``status`` is the job's state at that time. ``result`` is there
    when the job has completed and its result fits; where it does not, the first of ``blob_references`` is the
    result, and the others are what the job has put out. A job's payload is not part of any message.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, title="JobMessage")

    message_id: Annotated[str, Field(min_length=1, max_length=128)]
    message_type: Event
    job_id: Annotated[str, Field(min_length=1, max_length=64)]
    sequence: Annotated[int, Field(ge=0)]
    timestamp: Timestamp
    trace_parent: str | None
    trace_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None
    kind: str
    type: str
    owner: str
    created_by: str
    project_id: str | None
    status: State
    attempt: Annotated[int, Field(ge=0)]
    progress: JsonValue
    error: JobError | None
    result: JsonValue
    blob_references: list[BlobReference]

    @property
    def attributes(self) -> dict[str, str]:
        """What subscribers can filter by without reading the message."""
        return {name: str(getattr(self, name)) for name in ("message_type", "kind", "owner", "type")}

    def to_json(self) -> str:
        """The message as it is sent: in ASCII, because SQS takes not every character that JSON does."""
        return self.model_dump_json(ensure_ascii=True)

    @property
    def size(self) -> int:
        """In bytes, as SNS counts: names, types and values of the attributes too."""
        attributes = sum(len(name) + len("String") + len(value.encode()) for name, value in self.attributes.items())
        return len(self.to_json()) + attributes


def of(change: ChangeRecord) -> JobMessage:
    """The message of a change; the same change gives the same message but for the URLs in it.

    Raises:
        StorageFailed: what the job has put out could not be looked at.
    """
    bare = _bare(change)
    if change.event is not Event.COMPLETED:
        return bare
    return _with(bare, contents_of_jobs.of(change.job))


def _with(bare: JobMessage, content: Content) -> JobMessage:
    """The message with the job's result in it, or beside it where that is too large."""
    if content.kept:
        return _filled(bare, None, [content.kept, *content.outputs])
    whole = _filled(bare, content.result, content.outputs)
    if whole.size <= MAX_BYTES:
        return whole
    key = f"{LARGE}{bare.job_id}/{bare.sequence}.json"
    # The same event writes the same result under the same key, however often it comes.
    stored = contents.write(key, documents.encode(content.result), blobs.JSON)
    return _filled(bare, None, [blobs.reference(key, content_type=blobs.JSON, size=stored.size), *content.outputs])


def _filled(bare: JobMessage, result: JsonValue, references: list[BlobReference]) -> JobMessage:
    return JobMessage(**{**dict(bare), "result": result, "blob_references": references})


def _error(job: Job) -> JobError | None:
    if job.state is not State.FAILED or job.error_code is None:
        return None
    return JobError(code=job.error_code, message=job.error_message or "")


def _bare(change: ChangeRecord) -> JobMessage:
    job = change.job
    named = {name: getattr(job, name) for name in ("job_id", "kind", "type", "owner", "created_by", "project_id")}
    return JobMessage(
        message_id=change.message_id,
        message_type=change.event,
        sequence=change.sequence,
        timestamp=job.updated_at,
        trace_parent=job.trace_parent,
        trace_id=job.trace_parent.split("-")[1] if job.trace_parent else None,
        status=job.state,
        attempt=job.attempt,
        progress=json.loads(job.progress) if job.progress else None,
        error=_error(job),
        result=None,
        blob_references=[],
        **named,
    )
