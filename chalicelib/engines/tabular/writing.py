"""Writing the last frame in the target's format."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import zstandard

from .errors import TabularError
from .formats import Target
from .frames import Column, Form, Frame
from .inference import Inferred, infer, is_inferable
from .output import Copy, csv_copy, json_copy, parquet_copy
from .problems import NotAsInferred
from .running import Runner
from .sources import Source
from .steps import Options


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """The file that was written, the number of its rows, and its columns: names, and types if the format has types."""

    path: Path
    rows: int
    columns: tuple[tuple[str, str | None], ...]


class Writer:
    """Writes frames made of a source to the folder."""

    def __init__(self, runner: Runner, source: Source, target: Target, folder: Path, options: Options) -> None:
        self._runner = runner
        self._source = source
        self._target = target
        self._path = folder / f"output{target.suffix}"
        self._options = options

    def write(self, frame: Frame) -> Written:
        """Write the frame's rows.

        Texts get their types where the target has types and the source none: guessed from the first rows and proven
        while all are written; where a guess is wrong, inferred from all rows, which are then written once more.
        """
        if self._target.format == "csv":
            return self._as_csv(frame)
        try:
            return self._typed(frame, self._guessed(frame))
        except NotAsInferred:
            return self._typed(frame, self._infer(frame, frame.parameters))

    def _as_csv(self, frame: Frame) -> Written:
        copy = csv_copy(self._runner, frame, self._target, escape_formulas=self._options.escape_formulas)
        rows = copy.run(self._runner, self._path)
        if not rows:  # DuckDB writes the line break between the header and a first row.
            self._write_whole(str(copy.parameters["prefix"]).encode())
        return self._written(rows, copy)

    def _typed(self, frame: Frame, inferred: Mapping[str, Inferred]) -> Written:
        if self._target.format == "parquet":
            copy = parquet_copy(frame, self._target, inferred)
        else:
            copy = json_copy(self._runner, frame, self._target, inferred)
        return self._written(copy.run(self._runner, self._path), copy)

    def _guessed(self, frame: Frame) -> Mapping[str, Inferred]:
        try:
            with self._source.beginning() as parameters:
                return self._infer(frame, {**frame.parameters, **parameters})
        except TabularError:  # Whatever it was, it will be met again where all rows are read, and be told from there.
            return self._infer(frame, frame.parameters)

    def _infer(self, frame: Frame, parameters: Mapping[str, object]) -> Mapping[str, Inferred]:
        columns = [column for column in frame.columns if self._lacks_type(column)]
        found = infer(self._runner, frame, columns, parameters)
        return {column.sql: each for column, each in zip(columns, found, strict=True)}

    def _lacks_type(self, column: Column) -> bool:
        return is_inferable(column) if self._target.format == "parquet" else column.form is Form.TEXT

    def _written(self, rows: int, copy: Copy) -> Written:
        return Written(path=self._path, rows=rows, columns=copy.columns)

    def _write_whole(self, content: bytes) -> None:
        if self._target.compression == "gzip":
            content = gzip.compress(content)
        elif self._target.compression == "zstd":
            content = zstandard.compress(content)
        self._path.write_bytes(content)
