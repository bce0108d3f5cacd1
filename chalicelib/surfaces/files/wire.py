"""The files contract's bodies."""

from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints

from chalicelib.engines.tabular.steps import Options, Step
from chalicelib.files.jobs import Detail
from chalicelib.jobs.model import State
from chalicelib.surfaces.wire import Email, Model, Moment, Password, Query

MAX_STEPS = 100
MAX_SIZE = 2**53
MAX_PARTS = 10_000
SIGNED_AT_ONCE = 100

_WORDS = {
    State.AWAITING_UPLOAD: "PENDING",
    State.READY: "QUEUED",
    State.CLAIMED: "RUNNING",
    State.RUNNING: "RUNNING",
    State.COMPLETED: "COMPLETED",
    State.FAILED: "FAILED",
    State.CANCELLING: "CANCELLATION_REQUESTED",
    State.CANCELLED: "CANCELLED",
}

FileName = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
UploadId = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[\x21-\x7e]+$")]
PartNumber = Annotated[int, Field(ge=1, le=MAX_PARTS)]


class Registration(Model):
    """Who wants an account."""

    email: Email
    password: Password


class UserView(Model):
    """A user."""

    id: str
    email: str
    role: str


class Nothing(Model):
    """An empty object."""


class JobCreate(Model):
    """What is to be done with a file; its size is a hint."""

    file_name: FileName
    original_file_size_bytes: Annotated[int, Field(ge=0, le=MAX_SIZE)] | None = None
    processing_steps: Annotated[list[Step], Field(max_length=MAX_STEPS, default_factory=list)]
    options: Annotated[Options, Field(default_factory=Options)]

    def order(self) -> dict[str, Any]:
        """The job's payload: the steps and options as they were sent."""
        return {
            "file_name": self.file_name,
            "original_file_size_bytes": self.original_file_size_bytes,
            "processing_steps": [step.model_dump(mode="json", exclude_unset=True) for step in self.processing_steps],
            "options": self.options.model_dump(mode="json", exclude_unset=True),
        }


class MarkUploaded(Model):
    """The key that was uploaded to."""

    object_key: Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class PartsRequest(Model):
    """Parts to upload."""

    upload_id: UploadId
    part_numbers: Annotated[list[PartNumber], Field(min_length=1, max_length=SIGNED_AT_ONCE)]


class UploadedPart(Model):
    """A part that S3 has taken, by the ETag of its answer."""

    part_number: PartNumber
    etag: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]


class PartsComplete(Model):
    """All parts of an upload."""

    upload_id: UploadId
    parts: Annotated[list[UploadedPart], Field(min_length=1, max_length=MAX_PARTS)]


class Paging(Query):
    """Which of the jobs, newest first."""

    skip: Annotated[int, Field(ge=0, le=100_000)] = 0
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class UploadView(Model):
    """Where to PUT the file."""

    upload_url: str


class MultipartView(Model):
    """An upload in parts: each of this many bytes, the last one of what is left."""

    upload_id: str
    object_key: str
    part_size_bytes: int


class PartView(Model):
    """Where to PUT one part."""

    part_number: int
    upload_url: str


class PartsView(Model):
    """Where to PUT each part."""

    parts: list[PartView]


class JoinedView(Model):
    """The key of the parts put together, to mark as uploaded."""

    object_key: str


class DownloadView(Model):
    """Where to GET the output."""

    download_url: str


class JobView(Model):
    """A job as the contract has it, with how far it is."""

    id: str
    user_id: str
    file_name: str
    original_file_size_bytes: int | None
    status: str
    processing_steps: list[Any]
    options: dict[str, Any]
    created_at: Moment
    updated_at: Moment
    input_object_key: str | None
    output_object_key: str | None
    error_message: str | None
    progress: dict[str, Any] | None
    report: dict[str, Any] | None = None

    @classmethod
    def of(cls, detail: Detail, **report: Any) -> Self:  # noqa: ANN401  any JSON
        """A job; its report where it is given."""
        job, order = detail.job, detail.order
        output = detail.output
        return cls(
            id=job.job_id,
            user_id=job.owner,
            file_name=str(order.get("file_name", "")),
            original_file_size_bytes=order.get("original_file_size_bytes"),
            status=_WORDS[job.state],
            processing_steps=order.get("processing_steps", []),
            options=order.get("options", {}),
            created_at=job.created_at,
            updated_at=job.updated_at,
            input_object_key=job.input_key if job.input_etag else None,
            output_object_key=output.object_key if output else None,
            error_message=job.error_message,
            progress=detail.progress,
            **report,
        )

    @classmethod
    def with_report(cls, detail: Detail) -> Self:
        """A job with the report of what was done."""
        return cls.of(detail, report=detail.report)
