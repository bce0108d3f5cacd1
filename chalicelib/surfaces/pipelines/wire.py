"""The pipelines contract's bodies and queries."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from chalicelib.pipelines import words
from chalicelib.pipelines.listing import Listed
from chalicelib.pipelines.records import Place
from chalicelib.surfaces.wire import Model, Moment, Query

JobId = Annotated[str, StringConstraints(pattern=words.JOB_ID)]
NetworkName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^/\\\x00-\x1f\x7f]+$")]
Prompt = Annotated[str, StringConstraints(min_length=4, max_length=20_000, pattern=r"\S")]
Address = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{40}$")]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Type = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


Arguments = Annotated[list[Any], Field(max_length=64), AfterValidator(words.must_be_small)]


class Camel(Model):
    """A body whose fields are in camel case on the wire."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)


class Done(Model):
    """That it was done."""

    ok: Literal[True]


class JobQuery(Query):
    """Which of one's own jobs, newest first; the two parts of the cursor go together."""

    model_config = ConfigDict(alias_generator=to_camel)

    type: Type | None = None
    state: words.Status | None = None
    network: NetworkName | None = None
    q: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        default=None, description="A part of the prompt, the file's name or the title, in any case."
    )
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor_created_at: Moment | None = None
    cursor_id: JobId | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.cursor_created_at is None) != (self.cursor_id is None):
            message = "give cursorCreatedAt and cursorId, or neither"
            raise ValueError(message)
        return self

    @property
    def after(self) -> Place | None:
        """Where the list goes on."""
        return Place(self.cursor_created_at, self.cursor_id) if self.cursor_created_at and self.cursor_id else None

    def wants(self, listed: Listed) -> bool:
        """Whether it asks for this one."""
        record = listed.record
        texts = (record.prompt, record.filename, record.title)
        return (
            self.type in {None, record.type}
            and self.network in {None, record.network}
            and self.state in {None, listed.cache.get("state")}
            and (self.q is None or any(self.q.casefold() in (text or "").casefold() for text in texts))
        )


class CacheView(Model):
    """How a job stands."""

    state: str | None
    progress: int | None
    address: str | None
    fq_name: str | None
    constructor_args: list[Any] | None
    verified: bool | None
    explorer_url: str | None
    completed_at: str | None


class JobView(Model):
    """A job in one's own list."""

    job_id: str
    user_id: str
    type: str
    prompt: str | None
    filename: str | None
    network: str | None
    title: str | None
    description: str | None
    tags: list[str]
    created_at: str
    updated_at: str
    deleted_at: str | None
    last_opened_at: str | None
    cache: CacheView


class OneJob(Model):
    """A job."""

    ok: Literal[True]
    job: JobView


class CursorView(Model):
    """Where the next page begins."""

    created_at: str
    job_id: str


class JobPage(Model):
    """A page of jobs; ``nextCursor`` is null on the last."""

    ok: Literal[True]
    jobs: list[JobView]
    nextCursor: CursorView | None  # noqa: N815  the contract's spelling


class MetaChange(Model):
    """One's own words for a job: the fields that are sent; null is none."""

    title: Annotated[str, StringConstraints(max_length=200)] | None = None
    description: Annotated[str, StringConstraints(max_length=2000)] | None = None
    tags: Annotated[list[Tag], Field(max_length=50)] | None = None

    def words(self) -> dict[str, Any]:
        """The fields that were sent."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Attach(Camel):
    """A job from outside."""

    job_id: JobId
    type: Type = "pipeline"
    prompt: Annotated[str, StringConstraints(max_length=20_000)] | None = None
    filename: FileName | None = None
    network: NetworkName | None = None


class CacheChange(Model):
    """How a job from outside stands: the fields that are sent."""

    jobId: JobId  # noqa: N815  the contract's spelling
    state: words.Status | None = None
    progress: Annotated[int, Field(ge=0, le=100)] | None = None
    address: Address | None = None
    fq_name: Annotated[str, StringConstraints(max_length=512)] | None = None
    constructor_args: Arguments | None = None
    verified: bool | None = None
    explorer_url: Annotated[str, StringConstraints(max_length=2048, pattern="^https?://")] | None = None
    completed_at: Moment | None = None

    def told(self) -> dict[str, Any]:
        """The fields that were sent."""
        return self.model_dump(mode="json", exclude_unset=True, exclude={"jobId"})


class BundleView(Model):
    """All there is of a job; where that is over 5 MB, where to get it."""

    ok: Literal[True]
    job: JobView
    artifacts: dict[str, Any] | None = None
    detail: dict[str, Any] | None = None
    logs: list[dict[str, Any]] | None = None
    bundleUrl: str | None = None  # noqa: N815  the contract's spelling
    size: int | None = None
    expiresAt: str | None = None  # noqa: N815  the contract's spelling


class PipelineCreate(Camel):
    """A contract that is to be written, compiled, tested, deployed and verified."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "prompt": "An ERC20 token named 'MyToken' with symbol 'MTK' and 1 million supply, burnable",
                    "network": "avalanche-fuji",
                }
            ]
        }
    )

    prompt: Prompt
    network: NetworkName
    max_iters: Annotated[int, Field(ge=1, le=50)] = 10
    filename: FileName | None = None
    strict_args: bool = False
    constructor_args: Annotated[Arguments, Field(default_factory=list)]

    def order(self) -> dict[str, Any]:
        """The job's payload; the network's name in the place of the network."""
        return self.model_dump(by_alias=False)


class CreatedId(Model):
    """A new job's id."""

    id: str


class Created(Model):
    """That a job has been created."""

    ok: Literal[True]
    job: CreatedId


class DetailQuery(Query):
    """What of a job."""

    model_config = ConfigDict(alias_generator=to_camel)

    include_magical: bool = False


class DetailView(Model):
    """How a job stands, with its log; and what can be read out of both, where that is asked for."""

    ok: Literal[True]
    data: dict[str, Any]
    magical: list[dict[str, Any]] | None = None


class StatusView(Model):
    """How a job stands."""

    ok: Literal[True]
    status: words.Status
    progress: int


class StreamQuery(Query):
    """Which lines: those after this one."""

    model_config = ConfigDict(alias_generator=to_camel)

    after_index: Annotated[int, Field(ge=-1, le=10**9)] = -1


class LogQuery(StreamQuery):
    """Which lines, and how many of them at most."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 500


class LogView(Model):
    """Lines of a log; ``more`` says that more may come."""

    ok: Literal[True]
    logs: list[dict[str, Any]]
    more: bool


class StreamEvent(Model):
    """An event of a stream; ``data`` is JSON."""

    event: Literal["log", "progress", "error", "end", "ping"]
    id: str
    data: str


class ArtifactQuery(Query):
    """Whose artifacts."""

    model_config = ConfigDict(alias_generator=to_camel)

    job_id: JobId


class Artifacts(Model):
    """What a job has delivered: those that were asked for."""

    ok: Literal[True]
    sources: dict[str, Any] | None = None
    abis: dict[str, Any] | None = None
    scripts: dict[str, Any] | None = None
    audit: dict[str, Any] | None = None
    compliance: dict[str, Any] | None = None


class VerifyByJob(Camel):
    """The contract of a job; network and name are those of the job."""

    job_id: JobId
    network: NetworkName | None = None
    fully_qualified_name: Annotated[str, StringConstraints(max_length=512)] | None = None


class VerifyByAddress(Camel):
    """A contract by its address, and the source that it is said to be made from."""

    address: Address
    network: NetworkName
    source_code: Annotated[str, StringConstraints(min_length=1, max_length=500_000)]
    contract_name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_$][A-Za-z0-9_$]{0,127}$")]
    constructor_args: Annotated[Arguments, Field(default_factory=list)]


class VerifyQuery(Query):
    """A contract by its address."""

    address: Address
    network: NetworkName


class Verdict(Model):
    """Whether a contract is what its source says; ``job`` to ask for later, where it is not known yet."""

    ok: Literal[True]
    verified: bool | None
    explorerUrl: str | None  # noqa: N815  the contract's spelling
    reason: str | None = None
    job: CreatedId | None = None


class Examine(Camel):
    """A job's contract, and how to look at it; the name of a model asks for its review, where the agent has one."""

    model_config = ConfigDict(protected_namespaces=())

    job_id: JobId
    model: Annotated[str, StringConstraints(max_length=200)] | None = None
    policy: Annotated[dict[str, Any], Field(default_factory=dict)]


class ReportView(Model):
    """What was found; ``job`` to ask for later, where nothing is known yet."""

    ok: Literal[True]
    report: dict[str, Any] | None
    job: CreatedId | None = None
