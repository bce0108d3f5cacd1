"""What can be done to a file, as its user writes it down: the steps in order, and how the file is to be read.

A step is ``{"type": …, "params": {…}}``. All that can be known without the file is checked here.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, WrapValidator, model_validator
from pydantic_core import PydanticCustomError

from .conditions import Condition, check_size
from .parameters import MAX_COLUMNS, Model, Name, Names, stated, unique, untagged, wrong, wrong_at
from .row_steps import Aggregate, Deduplicate, Limit, Sample, Sort
from .value_steps import Cast, Derive, FillNull, Replace, Trim

Format = Literal["csv", "json", "jsonl", "parquet"]
Compression = Literal["none", "gzip", "zstd"]


def _separates(character: str) -> str:
    if character in '"\r\n\0' or not character.isascii():
        raise wrong("must be an ASCII character, and no quote, line break or NUL")
    return character


Delimiter = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1),
    AfterValidator(_separates),
    Field(json_schema_extra={"pattern": r"^[\x01-\x09\x0b\x0c\x0e-!#-\x7f]$"}),
]


class Options(Model):
    """How a file is read and written, beside the steps."""

    on_bad_row: Literal["fail", "skip"] = "fail"
    escape_formulas: bool = False
    input_format: Format | None = None
    delimiter: Delimiter | None = None
    column_names: Names | None = None


class Select(Model):
    """Keep these columns, in this order."""

    columns: Names


class Drop(Model):
    """Leave these columns out."""

    columns: Names


Renames = Annotated[dict[Name, Name], Field(min_length=1, max_length=MAX_COLUMNS)]


class Rename(Model):
    """Give columns other names: the present name and the new one."""

    columns: Renames

    @model_validator(mode="after")
    def _new_names_differ(self) -> Self:
        try:
            unique(tuple(self.columns.values()))
        except PydanticCustomError as error:
            raise wrong_at("columns", error.message()) from error
        return self


class ConvertFormat(Model):
    """Write the result in another format; without ``compression``, as the input was compressed."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [stated(without=["delimiter"]), stated(to_format={"const": "csv"})]}
    )

    to_format: Format
    compression: Compression | None = None
    delimiter: Delimiter | None = None

    @model_validator(mode="after")
    def _delimits_csv(self) -> Self:
        if self.delimiter is not None and self.to_format != "csv":
            raise wrong_at("delimiter", "belongs to the format csv only")
        return self


class FilterStep(Model):
    """The step ``filter``."""

    type: Literal["filter"]
    params: Annotated[Condition, AfterValidator(check_size)]


class SelectStep(Model):
    """The step ``select``."""

    type: Literal["select"]
    params: Select


class DropStep(Model):
    """The step ``drop``."""

    type: Literal["drop"]
    params: Drop


class RenameStep(Model):
    """The step ``rename``."""

    type: Literal["rename"]
    params: Rename


class CastStep(Model):
    """The step ``cast``."""

    type: Literal["cast"]
    params: Cast


class DeriveStep(Model):
    """The step ``derive``."""

    type: Literal["derive"]
    params: Derive


class FillNullStep(Model):
    """The step ``fill_null``."""

    type: Literal["fill_null"]
    params: FillNull


class ReplaceStep(Model):
    """The step ``replace``."""

    type: Literal["replace"]
    params: Replace


class TrimStep(Model):
    """The step ``trim``."""

    type: Literal["trim"]
    params: Trim


class SortStep(Model):
    """The step ``sort``."""

    type: Literal["sort"]
    params: Sort


class DeduplicateStep(Model):
    """The step ``deduplicate``."""

    type: Literal["deduplicate"]
    params: Deduplicate


class AggregateStep(Model):
    """The step ``aggregate``."""

    type: Literal["aggregate"]
    params: Aggregate


class LimitStep(Model):
    """The step ``limit``."""

    type: Literal["limit"]
    params: Limit


class SampleStep(Model):
    """The step ``sample``."""

    type: Literal["sample"]
    params: Sample


class ConvertFormatStep(Model):
    """The step ``convert_format``."""

    type: Literal["convert_format"]
    params: ConvertFormat


AnyStep = (
    FilterStep
    | SelectStep
    | DropStep
    | RenameStep
    | CastStep
    | DeriveStep
    | FillNullStep
    | ReplaceStep
    | TrimStep
    | SortStep
    | DeduplicateStep
    | AggregateStep
    | LimitStep
    | SampleStep
    | ConvertFormatStep
)

Step = Annotated[Annotated[AnyStep, Field(discriminator="type")], WrapValidator(untagged)]
"""A step; its errors are placed as in the document: ``params.operator``, without the type between."""

__all__ = [
    "Aggregate", "AnyStep", "Cast", "Compression", "ConvertFormat", "ConvertFormatStep", "Deduplicate", "Derive",
    "Drop", "FillNull", "Format", "Limit", "Options", "Rename", "Replace", "Sample", "Select", "Sort", "Step", "Trim",
]  # fmt: skip
