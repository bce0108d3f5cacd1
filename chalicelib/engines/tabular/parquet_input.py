"""Reading Parquet, with its own types."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from .errors import BadFile
from .formats import Target
from .frames import Column, Form, Frame
from .parameters import MAX_COLUMNS
from .running import Runner
from .sources import BadRows

MAX_DIGITS = 38
_NANOSECONDS_UTC = re.compile(r"isAdjustedToUTC=1.*NANOS=Nano")


@dataclass(frozen=True, kw_only=True, slots=True)
class ParquetSource:
    """A Parquet file."""

    columns: tuple[Column, ...]
    path: Path

    @property
    def frame(self) -> Frame:
        """Its rows, as values; columns go by their positions, whatever their names."""
        given = ", ".join(column.sql for column in self.columns)
        return Frame(
            sql=f"SELECT {given} FROM read_parquet($source) AS source({given})",  # noqa: S608
            columns=self.columns,
            parameters={"source": str(self.path)},
        )

    @property
    def written_as(self) -> Target:
        """As Parquet."""
        return Target(format="parquet")

    def beginning(self) -> AbstractContextManager[Mapping[str, object]]:
        """All rows: only what a step has made wide has no type, and that takes all rows to make."""
        return nullcontext({})

    def bad_rows(self, runner: Runner) -> BadRows:  # noqa: ARG002  A Parquet file is whole or damaged.
        """None."""
        return BadRows()

    def refuse_lost_rows(self, runner: Runner) -> None:
        """Parquet says how many rows it has."""

    def explained(self, error: BadFile, runner: Runner) -> BadFile:  # noqa: ARG002  Nothing more is known.
        """The error itself."""
        return error

    def mended(self) -> None:
        """Nothing can be mended."""
        return


def open_parquet(path: Path, connection: duckdb.DuckDBPyConnection) -> ParquetSource:
    """Look at a Parquet file's schema.

    Raises:
        BadFile: the file is damaged or cut short, or has a column that cannot be read exactly; with its name.
    """
    try:
        schema = connection.execute(
            "SELECT name, num_children, precision, logical_type FROM parquet_schema($source)", {"source": str(path)}
        ).fetchall()
        types = connection.execute("SELECT * FROM read_parquet($source) LIMIT 0", {"source": str(path)}).description
    except duckdb.Error as error:
        raise BadFile("the Parquet file is damaged or cut short") from error
    names = [str(name) for name in _top(schema)]
    if len(names) > MAX_COLUMNS:
        raise BadFile(f"the file has {len(names)} columns, and may have at most {MAX_COLUMNS}")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadFile(f"the file has two columns {twice[:100]!r}")
    columns = tuple(
        Column(name=name, sql=f"c{number}", form=Form.VALUE, type=str(column[1]))
        for number, (name, column) in enumerate(zip(names, types or (), strict=True))
    )
    return ParquetSource(columns=columns, path=path)


def _top(schema: Sequence[tuple[Any, ...]]) -> Iterator[str]:
    """The names of the columns, without those that are inside of others; each is looked at."""
    column, inside = "", 0
    for name, children, precision, logical in schema[1:]:
        if not inside:
            yield name
            column = name
        inside += (children or 0) - (1 if inside else 0)
        if (precision or 0) > MAX_DIGITS:
            raise BadFile(f"column {column[:100]!r}: decimals of more than {MAX_DIGITS} digits cannot be read exactly")
        if logical and _NANOSECONDS_UTC.search(logical):
            raise BadFile(f"column {column[:100]!r}: nanoseconds with a time zone cannot be read exactly")
