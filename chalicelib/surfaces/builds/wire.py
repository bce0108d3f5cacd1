"""The builds contract's bodies and queries."""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from chalicelib.builds import words
from chalicelib.builds.jobs import Download
from chalicelib.engines.evaluation.parameters import stated
from chalicelib.jobs import logs, progress
from chalicelib.jobs.documents import Detail
from chalicelib.surfaces.wire import Model, Moment, Query

MAX_PARAMETERS_BYTES = 16_384
MAX_OFFSET = 10_000
REPOSITORY = r"^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?/[A-Za-z0-9./_~%-]+$"


def _small(value: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(value, ensure_ascii=False).encode()) > MAX_PARAMETERS_BYTES:
        message = f"parameters: may be at most {MAX_PARAMETERS_BYTES} bytes of JSON"
        raise ValueError(message)
    return value


def _once(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


Uuid = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
ProjectName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Goal = Annotated[str, StringConstraints(min_length=1, max_length=10_000, pattern=r"\S")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=64)]
AnalysisType = Literal["quality", "security", "types", "coverage"]


class Parameters(Model):
    """How to build; what else there is, is for the agent, which may know of more than these."""

    model_config = ConfigDict(extra="allow")

    framework: Word | None = None
    database: Word | None = None
    include_tests: bool = True


class BuildCreate(Model):
    """Code that is to be written."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "project_name": "shop",
                    "goal": "A service that keeps a list of products",
                    "parameters": {"framework": "fastapi", "database": "sqlite", "include_tests": True},
                }
            ]
        }
    )

    project_name: ProjectName
    goal: Goal
    parameters: Annotated[Parameters, Field(default_factory=Parameters)]

    @model_validator(mode="after")
    def _not_too_much(self) -> Self:
        _small(self.parameters.model_dump())
        return self

    def order(self) -> dict[str, Any]:
        """The job's payload, less what was left out."""
        parameters = self.parameters.model_dump(exclude_none=True)
        return {"project_name": self.project_name, "goal": self.goal, "parameters": parameters}


class Source(Model):
    """What to analyse: an uploaded archive, or a Git repository on one of the hosts that the agent may clone from."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                stated("object_key", without=["repository", "ref"]),
                stated("repository", without=["object_key"]),
            ],
            "examples": [
                {"object_key": "shop.tar.gz"},
                {"repository": "https://github.com/octocat/shop", "ref": "main"},
            ],
        }
    )

    object_key: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = Field(
        default=None,
        description="The key that `POST /api/uploads` answered, or the name that it was given, of a `.tar.gz`, `.tar` "
        "or `.zip`.",
    )
    repository: Annotated[str, StringConstraints(max_length=500, pattern=REPOSITORY)] | None = Field(
        default=None, description="An https URL without a user."
    )
    ref: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}$")] | None = Field(
        default=None, description="A branch or a tag of the repository; its own choice unless given."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.object_key is None) == (self.repository is None):
            message = "give either object_key or repository"
            raise ValueError(message)
        if self.object_key is not None and self.ref is not None:
            message = "ref is of a repository"
            raise ValueError(message)
        return self


class AnalysisCreate(Model):
    """What is to be analysed: a project's latest sources unless a source is named."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"project_name": "shop", "analysis_types": ["quality", "security", "types"]}],
        }
    )

    project_name: ProjectName
    analysis_types: Annotated[
        list[AnalysisType],
        AfterValidator(_once),
        Field(min_length=1, max_length=10, default_factory=lambda: ["quality", "security", "types"]),
    ]
    source: Source | None = None

    def order(self) -> dict[str, Any]:
        """The job's payload, less its source."""
        return {"project_name": self.project_name, "analysis_types": self.analysis_types}

    def named(self) -> dict[str, Any] | None:
        """The source, where one is named."""
        return self.source.model_dump() if self.source else None


class Paging(Query):
    """A page of a list."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    offset: Annotated[int, Field(ge=0, le=MAX_OFFSET)] = 0


class LogQuery(Query):
    """Which lines of a log: those after this one."""

    after: Annotated[int, Field(ge=-1, le=10**9)] = -1
    limit: Annotated[int, Field(ge=1, le=1000)] = 500


class LineView(Model):
    """A line of a log."""

    index: int
    timestamp: Moment
    level: str
    message: str


class LogView(Model):
    """Lines of a log, oldest first; ``more`` says that more may come."""

    lines: list[LineView]
    more: bool

    @classmethod
    def of(cls, page: logs.Page) -> Self:
        """A page of a log."""
        lines = [
            LineView(index=line.segment, timestamp=line.timestamp, level=line.level, message=line.message)
            for line in page.entries
        ]
        return cls(lines=lines, more=page.more)


class BuildCreated(Model):
    """That a build has been created."""

    task_id: Uuid
    status: words.Status
    message: str

    @classmethod
    def of(cls, detail: Detail) -> Self:
        """The answer to its creator."""
        job = detail.job
        return cls(task_id=words.uuid(job), status=words.status(job), message="Build task created successfully")


class BuildResults(Model):
    """What a build has come to; the tests are null where none were asked for. ``test_coverage`` is in percent."""

    generated_files: list[str]
    tests_passed: int | None
    tests_failed: int | None
    test_coverage: float | None
    written_by: str | None


class BuildView(Model):
    """A build."""

    task_id: Uuid
    project_name: str
    status: words.Status
    progress: int
    created_at: Moment
    created_by: str
    goal: str
    results: BuildResults | None
    error: str | None

    @classmethod
    def of(cls, detail: Detail) -> Self:
        """A build."""
        job, order = detail.job, detail.order
        status = words.status(job)
        return cls(
            task_id=words.uuid(job),
            project_name=str(order.get("project_name", "")),
            status=status,
            progress=progress.percent(job),
            created_at=job.created_at,
            created_by=str(order.get("created_by", "")),
            goal=str(order.get("goal", "")),
            results=BuildResults(**words.results(job, detail.result)) if status == "completed" else None,
            error=words.error(job),
        )


class BuildHistory(Model):
    """A page of builds, and how many there are in all."""

    total: int
    limit: int
    offset: int
    builds: list[BuildView]


class SourcesView(Model):
    """Where the sources of a build can be downloaded from, and until when; size in bytes, SHA-256 in hex."""

    download_url: str
    expires_at: Moment
    file_name: str
    size: int
    sha256: str

    @classmethod
    def of(cls, found: Download) -> Self:
        """Of a download."""
        return cls(
            download_url=found.url,
            expires_at=found.expires,
            file_name=found.file_name,
            size=found.size,
            sha256=found.sha256,
        )


class AnalysisView(Model):
    """An analysis; what has not been found out yet, or was not asked for, is null."""

    analysis_id: Uuid
    project_name: str
    status: words.Status
    progress: int
    timestamp: Moment
    performed_by: str
    quality_score: float | None
    security_issues: list[dict[str, Any]] | None
    code_smells: int | None
    type_errors: int | None
    coverage_percent: float | None
    recommendations: list[str] | None
    error: str | None

    @classmethod
    def of(cls, detail: Detail) -> Self:
        """An analysis."""
        job, order = detail.job, detail.order
        status = words.status(job)
        found = words.results(job, detail.result)
        return cls(
            analysis_id=words.uuid(job),
            project_name=str(order.get("project_name", "")),
            status=status,
            progress=progress.percent(job),
            timestamp=job.created_at,
            performed_by=str(order.get("created_by", "")),
            **(found if status == "completed" else dict.fromkeys(found)),
            error=words.error(job),
        )


class AnalysisHistory(Model):
    """A page of analyses, and how many there are in all."""

    total: int
    limit: int
    offset: int
    analyses: list[AnalysisView]


class Message(Model):
    """That something was done."""

    message: str
