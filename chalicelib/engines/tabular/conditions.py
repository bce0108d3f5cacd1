"""The conditions of a filter: one column against values, or several conditions together."""

import re
from collections.abc import Collection
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from .parameters import INEXACT, NOT_EMPTY, Model, Name, Scalar, at_least_one, stated, untagged, wrong, wrong_at

Operator = Literal[
    "eq", "ne", "gt", "gte", "lt", "lte", "in", "not_in", "contains", "starts_with", "ends_with", "matches",
    "is_null", "not_null", "between",
]  # fmt: skip
OPERATORS: tuple[str, ...] = get_args(Operator)
ORDERED = frozenset({"gt", "gte", "lt", "lte"})
TEXTUAL = frozenset({"contains", "starts_with", "ends_with", "matches"})
LISTED = frozenset({"in", "not_in"})
WITHOUT_VALUE = frozenset({"is_null", "not_null"})
FOLDABLE = TEXTUAL | LISTED | {"eq", "ne"}

MAX_VALUES = 10_000
MAX_CONDITIONS = 100
MAX_DEPTH = 5
MAX_PATTERN_CHARACTERS = 1_000

# RE2 runs in linear time because it has none of these: look-around, atomic groups, conditionals, back-references.
_NOT_IN_RE2 = re.compile(r"\(\?(?:[=!>(]|<[=!]|P=)|\\[1-9]|\\k[<{']")
_ESCAPED = re.compile(r"\\[^1-9k]")


def check_pattern(pattern: str) -> None:
    """Refuse what RE2 is known not to have; whether the rest is a pattern is seen when the file is processed.

    Raises:
        PydanticCustomError: the pattern is too long, or uses look-around, back-references or atomic groups.
    """
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise wrong(f"a pattern may have at most {MAX_PATTERN_CHARACTERS} characters")
    if _NOT_IN_RE2.search(_ESCAPED.sub("", pattern)):
        raise wrong("is not an RE2 pattern: look-around, back-references and atomic groups are not supported")


def _one_of_its_kinds(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    try:
        return handler(value)
    except ValidationError as error:
        if isinstance(value, list | tuple) and len(value) > MAX_VALUES:
            raise wrong(f"may list at most {MAX_VALUES} values") from error
        for found in error.errors(include_url=False, include_input=False):
            if found["type"] == INEXACT:
                raise wrong(found["msg"]) from error
        raise wrong("must be a text, a finite number, true, false, or a list of these, without null") from error


Value = Annotated[
    Scalar | Annotated[tuple[Scalar, ...], Field(strict=False, max_length=MAX_VALUES)] | None,
    WrapValidator(_one_of_its_kinds),
]


def _with(operators: Collection[str], value: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of a comparison by one of these operators."""
    folds = {} if FOLDABLE.issuperset(operators) else {"ignore_case": {"const": False}}
    return stated("value", operator={"enum": sorted(operators)}, **folds, value=value)


def _pair(kind: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": kind}, "minItems": 2, "maxItems": 2}


_MATCHES = frozenset({"matches"})
# What ``_check_value`` says in words; that there is a pattern of RE2's in a text, a schema cannot say.
_FITTING: dict[str, Any] = {
    "anyOf": [
        stated(without=["value"], operator={"enum": sorted(WITHOUT_VALUE)}, ignore_case={"const": False}),
        _with(LISTED, {"type": "array", "minItems": 1}),
        _with({"between"}, {"anyOf": [_pair("number"), _pair("string")]}),
        _with(TEXTUAL - _MATCHES, {"type": "string"}),
        _with(_MATCHES, {"type": "string", "maxLength": MAX_PATTERN_CHARACTERS, "format": "regex"}),
        _with(ORDERED, {"type": ["number", "string"]}),
        _with({"eq", "ne"}, {"type": ["boolean", "number", "string"]}),
    ]
}


class Comparison(Model):
    """A column's values against a value, a list (``in``, ``not_in``) or two bounds (``between``, both included)."""

    model_config = ConfigDict(json_schema_extra=_FITTING)

    column: Name
    operator: Operator
    value: Value = None
    ignore_case: bool = False

    @model_validator(mode="after")
    def _value_fits_the_operator(self) -> Self:
        try:
            _check_value(self.operator, self.value)
        except PydanticCustomError as error:
            raise wrong_at("value", error.message()) from error
        if self.ignore_case and self.operator not in FOLDABLE:
            raise wrong_at("ignore_case", f"has no meaning with the operator {self.operator}")
        return self


def _check_value(operator: str, value: object) -> None:
    if operator in WITHOUT_VALUE:
        if value is not None:
            raise wrong(f"must be left out with the operator {operator}")
    elif operator in LISTED:
        if not isinstance(value, tuple) or not value:
            raise wrong(f"must be a list of at least one value with the operator {operator}")
    elif operator == "between":
        _check_bounds(value)
    else:
        _check_single(operator, value)


def _check_single(operator: str, value: object) -> None:
    if value is None:
        raise wrong(f"is required with the operator {operator}; nulls are found with is_null and not_null")
    if isinstance(value, tuple):
        raise wrong(f"must be one value with the operator {operator}, not a list")
    if operator in TEXTUAL and not isinstance(value, str):
        raise wrong(f"must be a text with the operator {operator}")
    if operator in ORDERED and isinstance(value, bool):
        raise wrong(f"must be a number or a text with the operator {operator}")
    if operator == "matches":
        check_pattern(str(value))


def _check_bounds(value: object) -> None:
    if not isinstance(value, tuple) or len(value) != 2 or any(isinstance(bound, bool) for bound in value):  # noqa: PLR2004
        raise wrong("must be a list of two numbers or two texts with the operator between")
    if isinstance(value[0], str) != isinstance(value[1], str):
        raise wrong("must be two numbers or two texts with the operator between, not one of each")


Conditions = Annotated[
    tuple["Condition", ...],
    Field(strict=False, max_length=MAX_CONDITIONS, json_schema_extra=NOT_EMPTY),
    AfterValidator(at_least_one),
]


class AllOf(Model):
    """Every one of the conditions."""

    all: Conditions


class AnyOf(Model):
    """At least one of the conditions."""

    any: Conditions


def kind_of(value: object) -> str:
    """Which condition is meant: by the key that only this one has."""
    for kind in ("all", "any"):
        if (isinstance(value, dict) and kind in value) or hasattr(value, kind):
            return kind
    return "comparison"


Condition = Annotated[
    Annotated[Comparison, Tag("comparison")] | Annotated[AllOf, Tag("all")] | Annotated[AnyOf, Tag("any")],
    Discriminator(kind_of),
    WrapValidator(untagged),
]


def depth_of(condition: Comparison | AllOf | AnyOf) -> int:
    """How many levels of ``all`` and ``any`` there are."""
    if isinstance(condition, Comparison):
        return 0
    return 1 + max(depth_of(inner) for inner in parts_of(condition))


def parts_of(condition: AllOf | AnyOf) -> tuple[Comparison | AllOf | AnyOf, ...]:
    """The conditions inside."""
    return condition.all if isinstance(condition, AllOf) else condition.any


def count_of(condition: Comparison | AllOf | AnyOf) -> int:
    """How many comparisons there are in all."""
    return 1 if isinstance(condition, Comparison) else sum(count_of(inner) for inner in parts_of(condition))


def check_size(condition: Comparison | AllOf | AnyOf) -> Comparison | AllOf | AnyOf:
    """The condition, unless it is nested too deeply or is too long.

    Raises:
        PydanticCustomError: it is.
    """
    if depth_of(condition) > MAX_DEPTH:
        raise wrong(f"conditions may be nested at most {MAX_DEPTH} deep")
    if count_of(condition) > MAX_CONDITIONS:
        raise wrong(f"a filter may have at most {MAX_CONDITIONS} comparisons")
    return condition
