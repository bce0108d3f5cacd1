"""The parameters of the steps that choose, order or group rows: sort, deduplicate, aggregate, limit, sample."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from .parameters import NOT_EMPTY, Model, Name, Names, OnError, at_least_one, stated, unique, wrong_at

MAX_ROWS = 10**15
MAX_SAMPLE_ROWS = 10_000_000
MAX_SORT_COLUMNS = 100
MAX_AGGREGATES = 100

Function = Literal["count", "count_distinct", "sum", "mean", "min", "max", "median"]


class SortKey(Model):
    """A column to sort by."""

    column: Name
    direction: Literal["asc", "desc"] = "asc"
    nulls: Literal["first", "last"] = "last"


def _named(key: object) -> object:
    return {"column": key} if isinstance(key, str) else key


class Sort(Model):
    """Put the rows in order; rows that are equal in every key stay in the order they are in."""

    by: Annotated[
        tuple[Annotated[SortKey, BeforeValidator(_named, json_schema_input_type=Name | SortKey)], ...],
        Field(strict=False, max_length=MAX_SORT_COLUMNS, json_schema_extra=NOT_EMPTY),
        AfterValidator(at_least_one),
    ]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        try:
            unique(tuple(key.column for key in self.by))
        except PydanticCustomError as error:
            raise wrong_at("by", error.message()) from error
        return self


class Deduplicate(Model):
    """Of rows that are equal in these columns (all, unless some are named), keep the first or the last in the file."""

    columns: Names | None = None
    keep: Literal["first", "last"] = "first"


class Aggregated(Model):
    """A number to compute for each group; it is called ``name``, or after its function and column."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {"anyOf": [stated("column"), stated(function={"const": "count"})]},
                {"anyOf": [stated(on_error={"const": "fail"}), stated(function={"enum": ["sum", "mean", "median"]})]},
            ]
        }
    )

    function: Function
    column: Name | None = None
    name: Name | None = None
    on_error: OnError = "fail"

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if self.column is None and self.function != "count":
            raise wrong_at("column", f"is required for {self.function}")
        if self.on_error == "null" and self.function not in {"sum", "mean", "median"}:
            raise wrong_at("on_error", f"has no meaning for {self.function}")
        return self

    @property
    def title(self) -> str:
        """What the result is called."""
        if self.name is not None:
            return self.name
        return self.function if self.column is None else f"{self.function}_{self.column}"


class Aggregate(Model):
    """One row for each group, or one for all rows where ``group_by`` is left out."""

    group_by: Names | None = None
    aggregates: Annotated[
        tuple[Aggregated, ...],
        Field(strict=False, max_length=MAX_AGGREGATES, json_schema_extra=NOT_EMPTY),
        AfterValidator(at_least_one),
    ]

    @model_validator(mode="after")
    def _titles_differ(self) -> Self:
        try:
            unique((*(self.group_by or ()), *(one.title for one in self.aggregates)))
        except PydanticCustomError as error:
            raise wrong_at("aggregates", f"{error.message()}; give the results other names") from error
        return self


class Limit(Model):
    """Keep the first rows, after passing over ``offset`` of them."""

    rows: Annotated[int, Field(ge=1, le=MAX_ROWS)]
    offset: Annotated[int, Field(ge=0, le=MAX_ROWS)] = 0


class Sample(Model):
    """Keep some rows, chosen by ``seed``: each with the probability ``fraction``, or just ``rows`` of them."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [stated("fraction", without=["rows"]), stated("rows", without=["fraction"])]}
    )

    fraction: Annotated[float, Field(gt=0, le=1, strict=False)] | None = None
    rows: Annotated[int, Field(ge=1, le=MAX_SAMPLE_ROWS)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.fraction is None) == (self.rows is None):
            raise wrong_at("fraction", "give either fraction or rows")
        return self
