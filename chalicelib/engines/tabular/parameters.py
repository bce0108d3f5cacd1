"""What the parameters of the steps have in common: names, plain values, and errors that read as sentences."""

from collections.abc import Collection
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

MAX_NAME_CHARACTERS = 1_000
MAX_COLUMNS = 2_000
MAX_TEXT_CHARACTERS = 10_000
MAX_DIGITS = 1_000


class Model(BaseModel):
    """Parameters: unknown ones are refused, a number is not a text, and what was sent is not repeated in errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, defer_build=True)


def stated(*given: str, without: Collection[str] = (), **more: object) -> dict[str, Any]:
    """The JSON Schema of parameters of which some are given and others are not; null is as if left out.

    The models' own validators say the same in words. ``more`` are the schemas of further fields.
    """
    fields = {**{name: {"not": {"type": "null"}} for name in given}, **{name: {"type": "null"} for name in without}}
    return {"properties": {**fields, **more}, **({"required": [*given]} if given else {})}


NOT_EMPTY: dict[str, Any] = {"minItems": 1}


def wrong(message: str) -> PydanticCustomError:
    """The error of a field's validator, to be raised."""
    return PydanticCustomError("invalid", message)


def wrong_at(field: str, message: str) -> ValidationError:
    """The error of a model's validator, to be raised; it names one of the model's fields."""
    return ValidationError.from_exception_data(field, [_problem("invalid", (field,), message)])


def untagged(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    """Errors of a union by a tag, placed as in the document: the tag is no part of it."""
    try:
        return handler(value)
    except ValidationError as error:
        raise ValidationError.from_exception_data(
            error.title, [_without_tag(found) for found in error.errors()]
        ) from error


def _without_tag(problem: ErrorDetails) -> InitErrorDetails:
    kind = problem["type"]
    if kind == "union_tag_invalid":
        known = str(problem["ctx"]["expected_tags"]).replace("'", "")
        return _problem("type", (*problem["loc"], "type"), f"must be one of {known}")
    if kind == "union_tag_not_found":
        return _problem("type", (*problem["loc"], "type"), "is required")
    if kind in {"model_type", "model_attributes_type"}:
        return _problem(kind, problem["loc"][1:], "must be an object")
    # The first place is the tag, except where no tag was found.
    return _problem(kind, problem["loc"][1:], problem["msg"])


def _problem(kind: str, place: tuple[int | str, ...], message: str) -> InitErrorDetails:
    # The text is no template: without a context nothing is put into it.
    return InitErrorDetails(type=PydanticCustomError(kind, message), loc=place, input=None)


Item = TypeVar("Item")


def at_least_one(values: tuple[Item, ...]) -> tuple[Item, ...]:
    """The values, of which there must be one."""
    if not values:
        raise wrong("must not be empty")
    return values


def unique(values: tuple[str, ...]) -> tuple[str, ...]:
    """The values, none of which may come twice."""
    for number, value in enumerate(values):
        if value in values[:number]:
            raise wrong(f"names {value!r} twice")
    return values


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise wrong("must not hold the character NUL")
    return text


INEXACT = "inexact"
_TOO_EXACT = "has more digits than a JSON number keeps; give it as a text"


def _plain(value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> object:
    # What the numbers were written as is known only to who parsed them.
    if isinstance(value, float) and value in (info.context or {}).get(INEXACT, ()):
        raise PydanticCustomError(INEXACT, _TOO_EXACT)
    try:
        return handler(value)
    except ValidationError as error:
        # Without this, each type that the value might have had would bring an error of its own.
        raise wrong(_what_is_wrong_with(value)) from error


def _what_is_wrong_with(value: object) -> str:
    if value is None:
        return "must not be null; nulls are found with the operator is_null and made with fill_null or replace"
    if isinstance(value, str):
        return f"must be a text of at most {MAX_TEXT_CHARACTERS} characters"
    if isinstance(value, int | float):
        return f"must be a finite number of at most {MAX_DIGITS} digits"
    return "must be a text, a number, true or false"


def _short(number: int) -> int:
    if abs(number) >= 10**MAX_DIGITS:
        raise wrong("too long")
    return number


_WITHOUT_NUL = {"pattern": r"^[^\x00]*$"}
Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_NAME_CHARACTERS),
    AfterValidator(_without_nul),
    Field(json_schema_extra={**_WITHOUT_NUL}),
]
"""A column's name."""

Names = Annotated[
    tuple[Name, ...],
    Field(strict=False, max_length=MAX_COLUMNS, json_schema_extra={**NOT_EMPTY, "uniqueItems": True}),
    AfterValidator(at_least_one),
    AfterValidator(unique),
]
"""One or more columns, each once."""

Text = Annotated[
    str,
    StringConstraints(max_length=MAX_TEXT_CHARACTERS),
    AfterValidator(_without_nul),
    Field(json_schema_extra={**_WITHOUT_NUL}),
]
Whole = Annotated[int, AfterValidator(_short)]
Scalar = Annotated[
    bool | Whole | Annotated[float, Field(allow_inf_nan=False)] | Text,
    WrapValidator(_plain),
]
"""A text, a number, true or false."""


OnError = Literal["fail", "null"]
"""What a value that does not fit does: it fails the job, or becomes null."""


ONE_OF_BOTH: dict[str, Any] = {"anyOf": [stated("column", without=["columns"]), stated("columns", without=["column"])]}


class OnColumns(Model):
    """Parameters of a step that works on one column (``column``) or on several (``columns``)."""

    model_config = ConfigDict(json_schema_extra=ONE_OF_BOTH)

    column: Name | None = None
    columns: Names | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.column is None) == (self.columns is None):
            raise wrong_at("column", "give either column or columns")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, however they were given."""
        return self.columns if self.columns is not None else (self.column or "",)
