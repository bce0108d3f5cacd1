"""The evaluators there are. ``docs/evaluations.md`` says how one is added."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, Union, get_args

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError, ValidatorFunctionWrapHandler
from pydantic_core import CoreSchema, core_schema

from .parameters import Model, wrong, wrong_at

EVALUATORS: dict[str, type["Evaluator"]] = {}
"""By name; ``register`` adds to it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an evaluator says of an answer: 0 to 1, and what is wrong with it below 1."""

    score: float
    reason: str | None = None


PASS = Verdict(1.0)


def fail(reason: str) -> Verdict:
    """Nothing of what was asked for is there."""
    return Verdict(0.0, reason)


class Evaluator(Model, ABC):
    """One way to judge an answer; its fields are its parameters, and ``name`` is a literal with itself as default."""

    @abstractmethod
    def evaluate(self, expected: str, actual: str) -> Verdict:
        """Judge an answer.

        It never raises, and takes bounded time whatever the texts are; they are well formed, and of any length.
        """


Kind = TypeVar("Kind", bound=Evaluator)


def register(kind: type[Kind]) -> type[Kind]:
    """Make an evaluator known under its ``name``.

    Raises:
        ValueError: it has no name, or another evaluator has it.
    """
    field = kind.model_fields.get("name")
    if field is None or get_args(field.annotation) != (field.default,):
        raise ValueError(f"{kind.__name__} needs a field: name: Literal['…'] = '…'")
    if EVALUATORS.setdefault(field.default, kind) is not kind:
        raise ValueError(f"there is an evaluator {field.default!r} already")
    return kind


def name_of(evaluator: Evaluator) -> str:
    """The name that an evaluator is registered under."""
    return str(type(evaluator).model_fields["name"].default)


def _read(value: object) -> Evaluator:
    """An evaluator from its name, or from an object with its name and its parameters."""
    if isinstance(value, Evaluator):
        return value
    if isinstance(value, str):
        return _bare(value)
    if not isinstance(value, dict):
        raise wrong("must be the name of an evaluator, or an object with its name and its parameters")
    if "name" not in value:
        raise wrong_at("name", "is required")
    kind = EVALUATORS.get(value["name"]) if isinstance(value["name"], str) else None
    if kind is None:
        raise wrong_at("name", _known())
    return kind.model_validate(value)


def _bare(name: str) -> Evaluator:
    kind = EVALUATORS.get(name)
    if kind is None:
        raise wrong(_known())
    try:
        return kind.model_validate({"name": name})
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, problem["loc"]))
        message = f"{name} needs parameters; give an object with its name and them ({place}: {problem['msg']})"
        raise wrong(message) from error


def _known() -> str:
    return f"must be one of the evaluators there are: {', '.join(sorted(EVALUATORS))}"


def _read_as(value: object, _: ValidatorFunctionWrapHandler) -> Evaluator:
    # The union would say of an unknown name what it says of a missing one, and put tags into the places of errors.
    return _read(value)


class _AsRegistered:
    """Makes pydantic read evaluators as ``_read`` does, and describe them as a union by their names."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        # Made at first use, so that what is registered after the import is known too.
        union: Any = Annotated[Union[tuple(EVALUATORS.values())], Field(discriminator="name")]  # noqa: UP007  at run time
        return core_schema.no_info_wrap_validator_function(_read_as, handler.generate_schema(union))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        bare = [name for name, kind in EVALUATORS.items() if _needs_nothing(kind)]
        return {"anyOf": [{"type": "string", "enum": sorted(bare)}, handler(schema)]}


def _needs_nothing(kind: type[Evaluator]) -> bool:
    try:
        kind.model_validate({"name": kind.model_fields["name"].default})
    except ValidationError:
        return False
    return True


AnyEvaluator = Annotated[Evaluator, _AsRegistered()]
"""A registered evaluator: its name, or an object with its name and its parameters."""
