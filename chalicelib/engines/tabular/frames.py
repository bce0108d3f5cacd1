"""Rows on their way through the steps: a SELECT, and the columns that it gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto

TEXT_TYPE = "VARCHAR"


class Form(StrEnum):
    """How a column's values lie in the frame."""

    TEXT = auto()
    """As they stood in a CSV file: NULL where a field was empty, the empty string where it was quoted and empty."""
    JSON = auto()
    """As they stood in a JSON document, quotes included: one token; NULL where the object has no such key."""
    VALUE = auto()
    """As values of a DuckDB type: from Parquet, or made by a step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column: the name that its users know, and the identifier under which the frame's SELECT gives it."""

    name: str
    sql: str
    form: Form
    type: str = TEXT_TYPE


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """A SELECT that gives exactly these columns, with the named parameters that are bound in it."""

    sql: str
    columns: tuple[Column, ...]
    parameters: Mapping[str, object] = field(default_factory=dict)
