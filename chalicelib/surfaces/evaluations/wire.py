"""The evaluations contract's bodies and queries."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from chalicelib.engines.evaluation.criteria import Criteria
from chalicelib.engines.evaluation.errors import TemplateError
from chalicelib.engines.evaluation.parameters import stated
from chalicelib.engines.evaluation.template import PATTERN, placeholders
from chalicelib.evaluations.jobs import Detail
from chalicelib.jobs.model import Job, Kind, State
from chalicelib.surfaces.wire import Model, Moment, Query

_WORDS = {
    State.AWAITING_UPLOAD: "queued",
    State.READY: "queued",
    State.CLAIMED: "running",
    State.RUNNING: "running",
    State.CANCELLING: "running",
    State.COMPLETED: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
}
Status = Literal["queued", "running", "completed", "failed", "cancelled"]
AGENT_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
CONTROL = r"^[^\x00-\x1f\x7f]+$"
JOB_ID = rf"^{Kind.EVALUATION.prefix}_[0-9a-z]{{26}}$"


def _template(text: str) -> str:
    try:
        placeholders(text)
    except TemplateError as error:
        raise ValueError(str(error)) from error
    return text


Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=CONTROL)]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=CONTROL)]
Type = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
AgentId = Annotated[str, StringConstraints(pattern=rf"^{AGENT_ID}$")]
Template = Annotated[
    str,
    StringConstraints(min_length=1, max_length=20_000),
    AfterValidator(_template),
    Field(json_schema_extra={"pattern": PATTERN}),
]


class AgentConfiguration(Model):
    """Who answers, and what they are told beside the prompt; without an agent the data set brings the answers."""

    selected_agent_id: AgentId | None = None
    additional_instructions: Annotated[str, StringConstraints(max_length=20_000)] | None = None
    knowledge_source: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=CONTROL)] | None = None


class Configuration(Model):
    """What is evaluated, and how."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                stated("data_source", without=["data_source_blob_ref"]),
                stated("data_source_blob_ref", without=["data_source"]),
            ]
        }
    )

    data_source: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = None
    data_source_blob_ref: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = None
    prompt_template: Template | None = None
    evaluation_criteria: Annotated[Criteria, Field(default_factory=Criteria)]
    agent_configuration: Annotated[AgentConfiguration, Field(default_factory=AgentConfiguration)]

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.data_source is None) == (self.data_source_blob_ref is None):
            message = "give either data_source or data_source_blob_ref"
            raise ValueError(message)
        return self


EXAMPLE: dict[str, Any] = {
    "name": "Financial analysis",
    "description": "Are the answers what the reports say?",
    "type": "bulk_evaluation",
    "configuration": {
        "data_source": "reports.csv",
        "prompt_template": "What does this report say of the margin? {context}",
        "evaluation_criteria": {"similarity_threshold": 0.8, "custom_evaluators": ["numeric_close"]},
    },
}


class JobCreate(Model):
    """An evaluation of a data set that has been uploaded."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: Name
    description: Annotated[str, StringConstraints(max_length=2000)] | None = None
    type: Type
    configuration: Configuration

    def order(self) -> dict[str, Any]:
        """The job's payload: as it was sent, with what it left out."""
        configuration = self.configuration.model_dump(mode="json", exclude_none=True)
        return {"name": self.name, "description": self.description, "type": self.type, "configuration": configuration}


class JobQuery(Query):
    """Which evaluations, newest first."""

    status: Status | None = None
    type: Type | None = None
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        default=None, description="A part of the name, in any case."
    )
    created_after: Moment | None = None
    created_before: Moment | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, StringConstraints(pattern=JOB_ID)] | None = None

    def wants(self, job: Job, order: dict[str, Any]) -> bool:
        """Whether it asks for this one."""
        return (
            self.status in {None, _WORDS[job.state]}
            and self.type in {None, job.type}
            and (self.name is None or self.name.casefold() in str(order.get("name", "")).casefold())
            and (self.created_after is None or job.created_at >= self.created_after)
            and (self.created_before is None or job.created_at < self.created_before)
        )


class ResultQuery(Query):
    """The form of the results."""

    format: Literal["json", "csv", "jsonl"] = "json"


class Progress(Model):
    """How far an evaluation is."""

    phase: Literal["preparing", "evaluating"]
    rows_done: int | None = None
    rows_total: int | None = None
    percent: int | None = None


class Failure(Model):
    """Why an evaluation failed."""

    code: str
    message: str


class EvaluationView(Model):
    """An evaluation as the contract has it; its summary is there when it has completed."""

    id: str
    name: str
    description: str | None
    type: str
    status: Status
    progress: Progress | None
    configuration: dict[str, Any]
    created_at: Moment
    updated_at: Moment
    started_at: Moment | None
    completed_at: Moment | None
    error: Failure | None
    results_url: str | None
    summary: dict[str, Any] | None

    @classmethod
    def of(cls, detail: Detail) -> Self:
        """An evaluation."""
        job, order = detail.job, detail.order
        completed = job.state is State.COMPLETED
        result = detail.result if isinstance(detail.result, dict) else {}
        return cls(
            id=job.job_id,
            name=str(order.get("name", "")),
            description=order.get("description"),
            type=job.type,
            status=_WORDS[job.state],  # type: ignore[arg-type]  # they are those of Status
            progress=_progress(detail.progress),
            configuration=order.get("configuration", {}),
            created_at=job.created_at,
            updated_at=job.updated_at,
            started_at=job.claimed_at,
            completed_at=job.finished_at,
            error=Failure(code=job.error_code, message=str(job.error_message)) if job.error_code else None,
            results_url=f"/api/jobs/{job.job_id}/results" if completed else None,
            summary=result.get("summary") if completed else None,
        )


class EvaluationPage(Model):
    """A page of evaluations; ``next_cursor`` is null on the last."""

    jobs: list[EvaluationView]
    next_cursor: str | None


class ResultsView(Model):
    """The results: the summary, and each row in the data set's order."""

    job_id: str
    summary: dict[str, Any]
    results: list[dict[str, Any]]


class UploadCreate(Model):
    """A data set to upload; one uploaded under the same name takes its place."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"file_name": "reports.csv", "size_bytes": 2048}]})

    file_name: FileName
    size_bytes: Annotated[int, Field(ge=0, le=2**53)] | None = None
    content_type: Annotated[str, StringConstraints(max_length=255, pattern=r"^[\x21-\x7e][\x20-\x7e]*$")] | None = None


class UploadView(Model):
    """Where to upload a data set, and the key to name it by."""

    object_key: str
    upload_url: str
    method: str
    headers: dict[str, str]


def _progress(told: dict[str, Any] | None) -> Progress | None:
    if told is None:
        return None
    if told["phase"] != "evaluating":
        return Progress(phase="preparing")
    done, total = told["rows_done"], told["rows_total"]
    return Progress(phase="evaluating", rows_done=done, rows_total=total, percent=100 * done // total)
