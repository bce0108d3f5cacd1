"""The agents contract's bodies as they go out; null where a field has no value, absent where it does not apply."""

import json
from typing import Any, Self

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from chalicelib.accounts import agents
from chalicelib.jobs import logs
from chalicelib.jobs.attempts import Attempt
from chalicelib.jobs.fleet import Member
from chalicelib.jobs.model import Job
from chalicelib.objects.artifacts import Artifact, Download, Upload
from chalicelib.objects.presign import Request
from chalicelib.projects.chats import Chat, Message
from chalicelib.projects.registry import Project
from chalicelib.projects.tasks import Detail
from chalicelib.secrets.store import Description
from chalicelib.surfaces.wire import Moment

from .words import state_word


class View(BaseModel):
    """Fields by their camelCase names on the wire, and by their own in the code that fills them."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, frozen=True, hide_input_in_errors=True, defer_build=True
    )


class ErrorView(View):
    """Why a job failed."""

    code: str
    message: str


class JobView(View):
    """A job; lists leave out ``payload`` and ``result``, which are documents of their own."""

    job_id: str
    project_id: str | None
    type: str
    state: str
    payload: Any = None
    claimed_by: str | None
    claim_expiry: Moment | None
    created_at: Moment
    updated_at: Moment
    queue: str
    priority: int
    attempt: int
    max_attempts: int
    progress: Any
    result: Any = None
    error: ErrorView | None
    cancel_requested: bool
    not_before: Moment | None
    deadline: Moment | None
    finished_at: Moment | None
    created_by: str
    chat_id: str | None
    log_truncated: bool

    @classmethod
    def of(cls, job: Job, **documents: Any) -> Self:  # noqa: ANN401  any JSON
        """A job's head, with the documents that are given."""
        same = ("job_id", "type", "created_at", "updated_at", "queue", "priority", "attempt",
                "max_attempts", "not_before", "deadline", "finished_at", "created_by", "chat_id",
                "cancel_requested")  # fmt: skip
        same_values: dict[str, Any] = {name: getattr(job, name) for name in same}
        return cls(
            **same_values,
            # For its agent it is the project whose secrets it may ask for.
            project_id=job.secrets_project or job.project_id,
            state=state_word(job.state),
            claimed_by=agents.id_of(job.agent) if job.agent else None,
            claim_expiry=job.lease_expires,
            progress=json.loads(job.progress) if job.progress else None,
            error=ErrorView(code=job.error_code, message=job.error_message or "") if job.error_code else None,
            log_truncated=bool(job.log_full),
            **documents,
        )

    @classmethod
    def of_detail(cls, detail: Detail) -> Self:
        """A job with its payload and result."""
        return cls.of(detail.job, payload=detail.payload, result=detail.result)


class HeldView(View):
    """What every answer to a job's holder tells it."""

    job_id: str
    state: str
    payload: Any = None
    updated_at: Moment
    claim_expiry: Moment | None
    cancel_requested: bool

    @classmethod
    def of(cls, job: Job, **payload: Any) -> Self:  # noqa: ANN401  any JSON
        """The job as its holder needs to know it."""
        return cls(
            job_id=job.job_id,
            state=state_word(job.state),
            updated_at=job.updated_at,
            claim_expiry=job.lease_expires,
            cancel_requested=job.cancel_requested,
            **payload,
        )


class AppendView(View):
    """That a log was appended to, and what its writer ought to know."""

    success: bool
    next_segment: int
    claim_expiry: Moment | None
    cancel_requested: bool


class TokenView(View):
    """A claim token."""

    claim_token: str
    expires_at: Moment


class LogEntryView(View):
    """A line of a log."""

    segment: int
    timestamp: Moment
    level: str
    message: str
    metadata: dict[str, Any] | None = None

    @classmethod
    def of(cls, entry: logs.Entry) -> Self:
        """With metadata only where there is some."""
        extra: dict[str, Any] = {"metadata": entry.metadata} if entry.metadata else {}
        return cls(segment=entry.segment, timestamp=entry.timestamp, level=entry.level, message=entry.message, **extra)


class AttemptView(View):
    """One claim of a job."""

    attempt: int
    agent_id: str
    claimed_at: Moment
    ended_at: Moment | None
    outcome: str
    error: ErrorView | None

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """From the core's."""
        code = attempt.error_code
        return cls(
            attempt=attempt.attempt,
            agent_id=agents.id_of(attempt.agent),
            claimed_at=attempt.claimed_at,
            ended_at=attempt.ended_at,
            outcome=attempt.outcome,
            error=ErrorView(code=code, message=attempt.error_message or "") if code else None,
        )


class ProjectView(View):
    """A project."""

    project_id: str
    name: str
    repo: str
    default_branch: str
    drive_folder_id: str | None = None
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, project: Project) -> Self:
        """With its Drive folder only where it has one."""
        names = ("project_id", "name", "repo", "default_branch", "created_at", "updated_at")
        folder: dict[str, Any] = {"drive_folder_id": project.drive_folder_id} if project.drive_folder_id else {}
        return cls(**{name: getattr(project, name) for name in names}, **folder)


class ChatView(View):
    """A chat."""

    chat_id: str
    project_id: str
    title: str
    llm_mode: str
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, chat: Chat) -> Self:
        """From the core's."""
        return cls(**{name: getattr(chat, name) for name in cls.model_fields})


class MessageView(View):
    """A message of a chat; ``jobId`` where a job belongs to it."""

    message_id: str
    chat_id: str
    role: str
    content: str
    timestamp: Moment
    job_id: str | None = None

    @classmethod
    def of(cls, message: Message) -> Self:
        """From the core's."""
        names = ("message_id", "chat_id", "role", "content")
        job = {"job_id": message.job_id} if message.job_id else {}
        return cls(**{name: getattr(message, name) for name in names}, timestamp=message.sent_at, **job)


class ArtifactView(View):
    """An artifact; ``drivePath`` is its key in the bucket."""

    artifact_id: str
    project_id: str
    job_id: str
    drive_path: str
    file_name: str
    sha256: str
    build_number: str
    size: int
    content_type: str
    uploaded_at: Moment

    @classmethod
    def of(cls, artifact: Artifact) -> Self:
        """From the core's."""
        same = {name: getattr(artifact, name) for name in cls.model_fields if name != "drive_path"}
        return cls(drive_path=artifact.object_key, **same)


class RequestView(View):
    """An HTTP request to send as it is."""

    method: str
    url: str
    headers: dict[str, str]

    @classmethod
    def of(cls, request: Request) -> Self:
        """From the core's."""
        return cls(method=request.method, url=request.url, headers=request.headers)


class InputView(View):
    """A job's input, and the request that downloads it."""

    file_name: str
    size: int
    download: RequestView

    @classmethod
    def of(cls, found: Download) -> Self:
        """From the core's."""
        return cls(file_name=found.file_name, size=found.size, download=RequestView.of(found.request))


class PartRequestView(RequestView):
    """The request that uploads one part."""

    part_number: int


class PartedUploadView(View):
    """An upload in parts: how many, and of how many bytes each but the last."""

    method: str = "PUT"
    part_size: int
    part_count: int


class UploadView(View):
    """How to upload an announced artifact."""

    artifact_id: str
    upload: RequestView | PartedUploadView

    @classmethod
    def of(cls, upload: Upload) -> Self:
        """From the core's."""
        if upload.request:
            return cls(artifact_id=upload.artifact_id, upload=RequestView.of(upload.request))
        parted = PartedUploadView(method="PUT", part_size=upload.part_size, part_count=upload.part_count)
        return cls(artifact_id=upload.artifact_id, upload=parted)


class DownloadView(View):
    """A presigned download."""

    download_url: str
    expires_at: Moment


class SecretView(View):
    """What may be said of a secret."""

    type: str
    project_id: str
    version: int
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, secret: Description) -> Self:
        """From the core's."""
        return cls(**{name: getattr(secret, name) for name in cls.model_fields})


class AgentView(View):
    """An agent as an administrator sees it."""

    agent_id: str
    registered: bool
    draining: bool
    revoked_at: Moment | None
    created_at: Moment
    last_seen: Moment | None
    current_job: str | None
    job_ids: list[str]

    @classmethod
    def of(cls, member: Member) -> Self:
        """From the core's; an agent usually holds one job, and then that is the current one."""
        names = ("agent_id", "registered", "draining", "revoked_at", "created_at", "last_seen")
        held = list(member.job_ids)
        return cls(
            **{name: getattr(member, name) for name in names}, current_job=held[0] if held else None, job_ids=held
        )


class RestoredView(View):
    """A job that is in its user's list again."""

    job_id: str
    user_id: str


class UserView(View):
    """A user as an administrator sees one."""

    id: str
    email: str
    role: str
