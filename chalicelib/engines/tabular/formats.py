"""The formats of files: what they are called, and how they are written at the end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .steps import AnyStep, ConvertFormatStep

Format = Literal["csv", "json", "jsonl", "parquet"]
Compression = Literal["none", "gzip", "zstd"]

_CONTENT_TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}
_COMPRESSED = {"gzip": (".gz", "application/gzip"), "zstd": (".zst", "application/zstd")}


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """How the output is written.

    Attributes:
        format: of the file.
        compression: around the file, or inside of it with Parquet; None leaves Parquet's to DuckDB (Snappy).
        delimiter: between fields of CSV.
        newline: after a row of CSV.
    """

    format: Format
    compression: Compression | None = None
    delimiter: str = ","
    newline: str = "\n"

    @property
    def suffix(self) -> str:
        """What the file's name ends with."""
        return f".{self.format}{self._around[0]}"

    @property
    def content_type(self) -> str:
        """The media type of the file."""
        return self._around[1]

    @property
    def _around(self) -> tuple[str, str]:
        plain = ("", _CONTENT_TYPES[self.format])
        return plain if self.format == "parquet" else _COMPRESSED.get(self.compression or "none", plain)


def target_of(steps: Sequence[AnyStep], source: Target) -> Target:
    """How the output is written: as the source was, unless a ``convert_format`` says otherwise; the last one wins."""
    wanted = next((step.params for step in reversed(steps) if isinstance(step, ConvertFormatStep)), None)
    if wanted is None:
        return source
    inherited = None if "parquet" in {wanted.to_format, source.format} else source.compression
    return Target(
        format=wanted.to_format,
        compression=wanted.compression or inherited,
        delimiter=wanted.delimiter or source.delimiter,
        newline=source.newline,
    )
