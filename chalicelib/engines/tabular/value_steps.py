"""The parameters of the steps that make or change values: cast, derive, fill_null, replace, trim."""

import re
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from .conditions import check_pattern
from .expressions import MAX_CHARACTERS, parse
from .parameters import (
    MAX_COLUMNS,
    ONE_OF_BOTH,
    Model,
    Name,
    Names,
    OnColumns,
    OnError,
    Scalar,
    Text,
    stated,
    wrong_at,
)
from .terms import BadExpression

MAX_REPLACEMENTS = 1_000
MAX_PRECISION = 38
DIRECTIVES = "YymdbBHIMSfpj"
# One directive at least, and no per cent sign that is neither of one nor doubled.
_FORMAT = rf"^([^%]|%%)*%[{DIRECTIVES}]([^%]|%%|%[{DIRECTIVES}])*$"

CastType = Literal["integer", "decimal", "float", "boolean", "date", "timestamp", "text"]

_OTHER_TYPES = [name for name in get_args(CastType) if name != "decimal"]
_FITTING: dict[str, Any] = {
    "allOf": [
        ONE_OF_BOTH,
        {
            "anyOf": [
                stated("precision", "scale", to={"const": "decimal"}),
                stated(without=["precision", "scale"], to={"enum": _OTHER_TYPES}),
            ]
        },
        {
            "anyOf": [
                stated(without=["format"]),
                stated(to={"enum": ["date", "timestamp"]}, format={"type": "string", "pattern": _FORMAT}),
            ]
        },
    ]
}


class Cast(OnColumns):
    """Make values of a type; what cannot become one fails the job, or becomes null."""

    model_config = ConfigDict(json_schema_extra=_FITTING)

    to: CastType
    precision: Annotated[int, Field(ge=1, le=MAX_PRECISION)] | None = None
    scale: Annotated[int, Field(ge=0, le=MAX_PRECISION)] | None = None
    format: Annotated[str, StringConstraints(min_length=2, max_length=100)] | None = None
    on_error: OnError = "fail"

    @model_validator(mode="after")
    def _fits_the_type(self) -> Self:
        if self.to == "decimal":
            self._check_decimal()
        elif self.precision is not None or self.scale is not None:
            given = "precision" if self.precision is not None else "scale"
            raise wrong_at(given, "belongs to the type decimal only")
        if self.format is not None:
            self._check_format(self.format)
        return self

    def _check_decimal(self) -> None:
        for field in ("precision", "scale"):
            if getattr(self, field) is None:
                raise wrong_at(field, "is required for the type decimal")
        if (self.scale or 0) > (self.precision or 0):
            raise wrong_at("scale", "must not be greater than the precision")

    def _check_format(self, pattern: str) -> None:
        if self.to not in {"date", "timestamp"}:
            raise wrong_at("format", "belongs to the types date and timestamp only")
        if not re.fullmatch(_FORMAT, pattern):
            known = " ".join(f"%{one}" for one in DIRECTIVES)
            raise wrong_at("format", f"must be made of {known}, as in %d/%m/%Y")


class Derive(Model):
    """Add a column, or replace one, with what an expression gives for each row."""

    column: Name
    expression: Annotated[str, StringConstraints(min_length=1, max_length=MAX_CHARACTERS)]
    on_error: OnError = "fail"

    @model_validator(mode="after")
    def _can_be_parsed(self) -> Self:
        try:
            parse(self.expression)
        except BadExpression as error:
            raise wrong_at("expression", str(error)) from error
        return self


class FillNull(Model):
    """Put a value where there is none: one ``value`` for ``column`` or ``columns``, or ``values`` for each column."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                stated("column", "value", without=["columns", "values"]),
                stated("columns", "value", without=["column", "values"]),
                stated("values", without=["column", "columns", "value"]),
            ]
        }
    )

    column: Name | None = None
    columns: Names | None = None
    value: Scalar | None = None
    values: Annotated[dict[Name, Scalar], Field(min_length=1, max_length=MAX_COLUMNS)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(given is not None for given in (self.column, self.columns, self.values)) != 1:
            raise wrong_at("column", "give one of column, columns and values")
        if (self.value is None) != (self.values is not None):
            raise wrong_at("value", "is required with column and columns, and must be left out with values")
        return self

    @property
    def filling(self) -> dict[str, bool | int | float | str]:
        """The value for each column."""
        if self.values is not None:
            return dict(self.values)
        names = self.columns if self.columns is not None else (self.column or "",)
        return dict.fromkeys(names, self.value if self.value is not None else "")


_WHOLE = {"const": "whole"}
_REPLACING: dict[str, Any] = {
    "anyOf": [
        {**stated("old", without=["mapping"], match=_WHOLE), "required": ["old", "new"]},
        stated(
            "old", "new", "match",
            without=["mapping"],
            old={"type": "string", "minLength": 1},
            new={"type": "string"},
            match={"enum": ["part", "pattern"]},
        ),
        stated("mapping", without=["old"], new=False, match=_WHOLE),
    ]
}  # fmt: skip


class Replace(OnColumns):
    """Replace whole values, parts of texts, or what a pattern matches; null as ``new`` makes nulls."""

    model_config = ConfigDict(json_schema_extra={"allOf": [ONE_OF_BOTH, _REPLACING]})

    old: Scalar | None = None
    new: Scalar | None = None
    mapping: Annotated[dict[Text, Scalar | None], Field(min_length=1, max_length=MAX_REPLACEMENTS)] | None = None
    match: Literal["whole", "part", "pattern"] = "whole"

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.old is None) == (self.mapping is None):
            raise wrong_at("old", "give either old and new, or mapping")
        if self.mapping is not None:
            self._check_mapping()
        elif "new" not in self.model_fields_set:
            raise wrong_at("new", "is required (null makes nulls)")
        elif self.match != "whole":
            self._check_texts()
        return self

    def _check_mapping(self) -> None:
        if self.match != "whole":
            raise wrong_at("match", "must be whole with a mapping")
        if "new" in self.model_fields_set:
            raise wrong_at("new", "must be left out with a mapping")

    def _check_texts(self) -> None:
        for field in ("old", "new"):
            if not isinstance(getattr(self, field), str):
                raise wrong_at(field, f"must be a text with match {self.match}")
        if not self.old:
            raise wrong_at("old", f"must not be empty with match {self.match}")
        if self.match == "pattern":
            try:
                check_pattern(str(self.old))
            except PydanticCustomError as error:
                raise wrong_at("old", error.message()) from error

    @property
    def replacements(self) -> tuple[tuple[bool | float | str, bool | float | str | None], ...]:
        """The old values, each with its new one."""
        if self.mapping is not None:
            return tuple(self.mapping.items())
        return ((self.old if self.old is not None else "", self.new),)


class Trim(Model):
    """Take white space off the ends of texts, in all columns unless some are named."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [stated(without=["column"]), stated(without=["columns"])]})

    column: Name | None = None
    columns: Names | None = None
    side: Literal["both", "left", "right"] = "both"
    characters: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        if self.column is not None and self.columns is not None:
            raise wrong_at("column", "give column or columns, not both")
        return self

    @property
    def names(self) -> tuple[str, ...] | None:
        """The columns, or None for all."""
        return (self.column,) if self.column is not None else self.columns
