"""What criteria and the parameters of evaluators have in common."""

from collections.abc import Collection
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

MAX_TEXT_CHARACTERS = 10_000
MAX_TEXTS = 100


class Model(BaseModel):
    """Parameters: unknown ones are refused, a number is not a text, and what was sent is not repeated in errors."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        defer_build=True,
        validate_by_name=False,
        serialize_by_alias=True,
    )


Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT_CHARACTERS)]
Texts = Annotated[tuple[Text, ...], Field(strict=False, min_length=1, max_length=MAX_TEXTS)]
Tolerance = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=10_000_000)]


def stated(*given: str, without: Collection[str] = ()) -> dict[str, Any]:
    """The JSON Schema of parameters of which some are given and others are not; null is as if left out.

    The models' own validators say the same in words.
    """
    fields = {**{name: {"not": {"type": "null"}} for name in given}, **{name: {"type": "null"} for name in without}}
    return {"properties": fields, **({"required": [*given]} if given else {})}


def wrong(message: str) -> PydanticCustomError:
    """The error of a field's validator, to be raised."""
    return PydanticCustomError("invalid", "{message}", {"message": message})


def wrong_at(field: str, message: str) -> ValidationError:
    """The error of a model's validator, to be raised; it names one of the model's fields."""
    return ValidationError.from_exception_data(field, [InitErrorDetails(type=wrong(message), loc=(field,), input=None)])
