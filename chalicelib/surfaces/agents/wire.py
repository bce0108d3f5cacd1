"""The agents contract's bodies as they come in: camelCase, strict, with the limits of each field."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, StringConstraints, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from chalicelib import times
from chalicelib.accounts.users import normalize
from chalicelib.jobs import documents, holding, logs
from chalicelib.jobs.model import DEFAULT_QUEUE, MAX_ATTEMPTS, MAX_PRIORITY, State
from chalicelib.surfaces.wire import Email, Model, Moment, Password

from .words import WORDS, state_of

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
TypeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def _fits_a_payload(text: str) -> str:
    # A user's message becomes the payload of a job, which must not be refused after the message was kept.
    if len(documents.encode(text)) > MAX_TEXT_BYTES:
        message = f"may be at most {MAX_TEXT_BYTES} bytes of JSON"
        raise ValueError(message)
    return text


Text = Annotated[str, StringConstraints(min_length=1, max_length=100_000), AfterValidator(_fits_a_payload)]
Cursor = Annotated[str, StringConstraints(pattern=r"^[a-z]+_[0-9a-z]{26}$")]

# RFC 6838, with parameters; it becomes a header.
_MEDIA_TYPE = r"^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(; ?[A-Za-z0-9_.+=-]+)*$"

# A job that is to wait longer than its payload is kept could never be run.
MAX_DELAY = timedelta(days=90)
MAX_MESSAGE_CHARACTERS = 32_768
MAX_PARTS_AT_ONCE = 100
MAX_TEXT_BYTES = documents.MAX_BYTES - 2048
MAX_MEMBERS_BYTES = 200_000


class CamelModel(Model):
    """Fields by their camelCase names, as this contract has them."""

    model_config = ConfigDict(alias_generator=to_camel)


class Paging(CamelModel):
    """Where a page begins, and how long it may be."""

    model_config = ConfigDict(extra="ignore", strict=False)

    cursor: Cursor | None = None
    limit: int = Field(default=50, ge=1, le=100)


class JobPaging(Paging):
    """A page of jobs, filtered."""

    state: Annotated[str | None, Field(json_schema_extra={"enum": list(WORDS)})] = None
    type: TypeName | None = None

    @field_validator("state")
    @classmethod
    def _known(cls, word: str | None) -> str | None:
        if word is not None and word not in WORDS:
            message = f"must be one of {', '.join(WORDS)}"
            raise ValueError(message)
        return word

    @property
    def core_state(self) -> State | None:
        """The core's state for the word."""
        return state_of(self.state) if self.state else None


class LogPaging(CamelModel):
    """Where to read a log from: the number of an entry."""

    model_config = ConfigDict(extra="ignore", strict=False)

    cursor: int = Field(default=0, ge=0, le=10**9)
    limit: int = Field(default=1000, ge=1, le=5000)


class ChatCreate(CamelModel):
    """A new chat, with the message that begins it."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    llm_mode: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "custom"
    initial_message: Text | None = None


class MessageCreate(CamelModel):
    """A new message; only a user's makes a job."""

    content: Text
    role: Literal["user", "assistant"] = "user"


class JobCreate(CamelModel):
    """A new job; ``notBefore`` delays it, ``deadline`` fails it when it is not finished by then."""

    project_id: Identifier
    job_type: TypeName
    payload: Any = None
    queue: TypeName = DEFAULT_QUEUE
    priority: int = Field(default=0, ge=0, le=MAX_PRIORITY)
    max_attempts: int = Field(default=1, ge=1, le=MAX_ATTEMPTS)
    not_before: Moment | None = None
    deadline: Moment | None = None

    @field_validator("not_before")
    @classmethod
    def _soon_enough(cls, moment: Moment | None) -> Moment | None:
        if moment is not None and moment > times.now() + MAX_DELAY:
            message = f"may lie at most {MAX_DELAY.days} days ahead"
            raise ValueError(message)
        return moment

    @field_validator("deadline")
    @classmethod
    def _ahead(cls, moment: Moment | None, info: ValidationInfo) -> Moment | None:
        if moment is not None and moment <= (info.data.get("not_before") or times.now()):
            message = "must lie ahead, and after notBefore"
            raise ValueError(message)
        return moment


class ClaimRequest(CamelModel):
    """The queues that an agent serves, in the order it prefers them."""

    queues: Annotated[list[TypeName], Field(min_length=1, max_length=10, default_factory=lambda: [DEFAULT_QUEUE])]


class JobReport(CamelModel):
    """An agent's word on its job."""

    state: Literal[tuple(str(state) for state in holding.REPORTABLE)]  # type: ignore[valid-type]
    payload: Any = None


class LogLine(CamelModel):
    """A line of a log."""

    timestamp: Moment | None = None
    level: Literal["debug", "info", "warn", "warning", "error", "critical"] = "info"
    message: Annotated[str, StringConstraints(max_length=MAX_MESSAGE_CHARACTERS)]
    metadata: dict[str, Any] | None = None

    def to_line(self) -> logs.Line:
        """The core's form of it."""
        return logs.Line(level=self.level, message=self.message, timestamp=self.timestamp, metadata=self.metadata)


_ONE_LINE: JsonDict = {"required": ["message"], "properties": {"message": {"type": "string"}}}
_BATCH: JsonDict = {"required": ["entries"], "properties": {"entries": {"type": "array"}}}


class LogAppend(CamelModel):
    """A line, as the contract has it, or a batch of them under ``entries``."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [_ONE_LINE, _BATCH],
            "not": {"allOf": [_ONE_LINE, _BATCH]},
        },
    )

    timestamp: Moment | None = None
    level: Literal["debug", "info", "warn", "warning", "error", "critical"] = "info"
    message: Annotated[str, StringConstraints(max_length=MAX_MESSAGE_CHARACTERS)] | None = None
    metadata: dict[str, Any] | None = None
    entries: Annotated[list[LogLine], Field(min_length=1, max_length=logs.MAX_ENTRIES)] | None = None
    segment: Annotated[int, Field(ge=0, le=10**9)] | None = None

    @field_validator("entries")
    @classmethod
    def _not_both(cls, entries: list[LogLine] | None, info: ValidationInfo) -> list[LogLine] | None:
        if entries is not None and info.data.get("message") is not None:
            message = "a batch has no message of its own"
            raise ValueError(message)
        return entries

    def to_lines(self) -> list[logs.Line]:
        """The core's form of what was sent."""
        if self.entries is not None:
            return [entry.to_line() for entry in self.entries]
        single = LogLine(timestamp=self.timestamp, level=self.level, message=self.message or "", metadata=self.metadata)
        return [single.to_line()]


class ArtifactCreate(CamelModel):
    """A file that an agent means to upload."""

    file_name: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^/\\\x00-\x1f]+$")]
    size: int = Field(ge=0)
    sha256: Sha256
    content_type: Annotated[str, StringConstraints(max_length=127, pattern=_MEDIA_TYPE)] = "application/octet-stream"
    build_number: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None


class PartDigest(CamelModel):
    """A part that an agent is about to upload."""

    part_number: int = Field(ge=1, le=10_000)
    sha256: Sha256


class PartsRequest(CamelModel):
    """The parts for which requests are wanted."""

    parts: Annotated[list[PartDigest], Field(min_length=1, max_length=MAX_PARTS_AT_ONCE)]


class UploadedPart(PartDigest):
    """A part that was uploaded, with the ETag that S3 answered."""

    etag: Annotated[str, StringConstraints(min_length=1, max_length=128)]


class ArtifactComplete(CamelModel):
    """The parts of an upload in parts; nothing for any other."""

    parts: Annotated[list[UploadedPart], Field(max_length=10_000, default_factory=list)]


class SecretCreate(CamelModel):
    """A secret to keep."""

    type: TypeName
    project_id: Identifier
    value: Annotated[SecretStr, Field(min_length=1, max_length=65_536)]


class SecretQuery(CamelModel):
    """The types that are wanted: one, or several with commas between."""

    model_config = ConfigDict(extra="ignore", strict=False)

    type: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}(,[a-z][a-z0-9_-]{0,31}){0,9}$")]

    @property
    def types(self) -> list[str]:
        """Each type once, in order."""
        return list(dict.fromkeys(self.type.split(",")))


class ProjectQuery(CamelModel):
    """Which project's."""

    model_config = ConfigDict(extra="ignore", strict=False)

    project_id: Identifier


class RewrapRequest(CamelModel):
    """Where rewrapping goes on."""

    cursor: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^/]+/[^/]+$")] | None = None


class ProjectCreate(CamelModel):
    """A project to register by hand; no members means every user."""

    project_id: Identifier
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    repo: Annotated[str, StringConstraints(min_length=1, max_length=2048)]
    default_branch: Annotated[str, StringConstraints(min_length=1, max_length=255)] = "main"
    drive_folder_id: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    members: Annotated[list[Email], Field(max_length=1000, default_factory=list)]

    @field_validator("members")
    @classmethod
    def _fit_an_item(cls, members: list[str]) -> list[str]:
        if sum(len(normalize(member).encode()) for member in members) > MAX_MEMBERS_BYTES:
            message = f"may be at most {MAX_MEMBERS_BYTES} bytes together"
            raise ValueError(message)
        return members


class AgentCreate(CamelModel):
    """An agent to register."""

    agent_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]


class DrainRequest(CamelModel):
    """Whether an agent is to get no new jobs."""

    draining: bool = True


class UserCreate(CamelModel):
    """A user to add."""

    email: Email
    password: Password
    role: Literal["user", "admin", "viewer"] = "user"


class RoleChange(CamelModel):
    """A user's new role."""

    role: Literal["user", "admin", "viewer"]
