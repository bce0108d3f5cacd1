"""What an upstream answers, in the contract's words, taken only in the form that it should have."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationError, WrapValidator

from . import words
from .upstream_calls import Answer
from .words import Status


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and abs(value) <= 100 else value  # noqa: PLR2004  percent


def _or_none(value: object, handler: Callable[[object], object]) -> object:
    try:
        return handler(value)
    except ValidationError:
        return None


_OR_NONE = WrapValidator(_or_none)
"""What is not of its form is left out, and the answer is good for the rest of it."""
JobId = Annotated[str, StringConstraints(pattern=words.JOB_ID)]
Percent = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=100)]
Link = Annotated[Annotated[str, StringConstraints(max_length=2048, pattern="^https?://")] | None, _OR_NONE]
Text = Annotated[Annotated[str, StringConstraints(max_length=2048)] | None, _OR_NONE]
Address = Annotated[Annotated[str, StringConstraints(pattern="^0x[0-9a-fA-F]{40}$")] | None, _OR_NONE]
Arguments = Annotated[Annotated[list[Any], AfterValidator(words.must_be_small)] | None, _OR_NONE]
Object = dict[str, Any]


class Made(Answer):
    """A job that there is now."""

    id: JobId


class Created(Answer):
    """That a job has been created."""

    job: Made


class State(Answer):
    """How a job stands."""

    status: Status
    progress: Percent = 0


class Outcome(Answer):
    """What a pipeline has come to, as far as a list of jobs tells of it."""

    address: Address = None
    fq_name: Text = Field(default=None, alias="fqName")
    constructor_args: Arguments = Field(default=None, alias="constructorArgs")
    verified: Annotated[bool | None, _OR_NONE] = None
    explorer_url: Link = Field(default=None, alias="explorerUrl")

    def cached(self) -> dict[str, Any]:
        """What is known of it, by the names of the list."""
        return self.model_dump(exclude_none=True, exclude={"ok"})


class Data(State):
    """How a job stands, with its log and what it has come to."""

    logs: list[Object] = Field(default_factory=list)
    result: Outcome | None = None


class Detail(Answer):
    """All there is to tell of a job: checked by ``Data``, and passed on as it is."""

    data: Object
    magical: list[Object] = Field(default_factory=list)


class Log(Answer):
    """Lines of a log."""

    logs: list[Object]
    more: bool = False


class Files(Answer):
    """What a job has delivered, and the reports on it: those that were asked for."""

    sources: Object | None = None
    abis: Object | None = None
    scripts: Object | None = None
    audit: Object | None = None
    compliance: Object | None = None


class Verified(Answer):
    """Whether a contract is what its source says; a job to ask for, where that is not known yet."""

    verified: bool | None = None
    explorer_url: Link = Field(default=None, alias="explorerUrl")
    reason: Text = None
    job: Made | None = None


class Reported(Answer):
    """What was found; a job to ask for, where that is not known yet."""

    report: Object | None = None
    job: Made | None = None
