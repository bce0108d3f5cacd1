"""Reading JSON Lines and JSON arrays: staged as rows of tokens, which DuckDB then reads as texts."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .errors import BadFile
from .first_lines import first_lines
from .formats import Compression, Target
from .frames import Column, Form, Frame
from .json_elements import elements
from .json_rows import SEPARATOR, BadObject, StagedRows
from .progress import Progress
from .quoting import literal, struct
from .running import Runner
from .sources import BadRow, BadRows
from .steps import Options

CHUNK_BYTES = 1 << 20
MAX_LINE_BYTES = 20_000_000
BOM = b"\xef\xbb\xbf"
_STAGED_LINE_BYTES = 2 * MAX_LINE_BYTES


@dataclass(frozen=True, kw_only=True, slots=True)
class JsonSource:
    """A JSON document that was staged."""

    path: Path
    names: tuple[str, ...]
    ragged: bool
    format: Literal["json", "jsonl"]
    compression: Compression
    left_out: BadRows

    @property
    def frame(self) -> Frame:
        """Its rows, as tokens."""
        columns = tuple(Column(name=name, sql=f"c{number}", form=Form.JSON) for number, name in enumerate(self.names))
        given = ", ".join(column.sql for column in columns)
        read = struct([("before", "VARCHAR"), *((column.sql, "VARCHAR") for column in columns)])
        sizes = f"max_line_size = {_STAGED_LINE_BYTES}, buffer_size = {_STAGED_LINE_BYTES}"
        sql = (
            f"SELECT {given} FROM read_csv($source, auto_detect = false, header = false, quote = '', escape = '',"  # noqa: S608
            f" delim = {literal(SEPARATOR.decode())}, {sizes}, columns = {read},"
            f" null_padding = {'true' if self.ragged else 'false'})"
        )
        return Frame(sql=sql, columns=columns, parameters={"source": str(self.path)})

    @property
    def written_as(self) -> Target:
        """As the same kind of JSON."""
        return Target(format=self.format, compression=self.compression)

    def beginning(self) -> AbstractContextManager[Mapping[str, object]]:
        """The first rows, in a file of their own."""
        return first_lines(self.path, quoted=False)

    def bad_rows(self, runner: Runner) -> BadRows:  # noqa: ARG002  They were found when the document was staged.
        """The lines or elements that were left out."""
        return self.left_out

    def refuse_lost_rows(self, runner: Runner) -> None:
        """Every row was read by us."""

    def explained(self, error: BadFile, runner: Runner) -> BadFile:  # noqa: ARG002  Nothing more is known.
        """The error itself."""
        return error

    def mended(self) -> None:
        """Nothing can be mended."""
        return


def open_json(
    path: Path, kind: Literal["json", "jsonl"], compression: Compression, options: Options, progress: Progress
) -> JsonSource:
    """Stage a JSON document beside itself.

    Raises:
        BadFile: it is not JSON, or holds something else than objects; with the line.
    """
    staged, left_out = path.with_name("staged"), BadRows()
    skipping = options.on_bad_row == "skip"
    with staged.open("wb") as file:
        rows = StagedRows(file)
        for number, content in _lines(path, progress) if kind == "jsonl" else elements(path, progress):
            try:
                rows.add(content)
            except BadObject as error:
                if not skipping:
                    raise BadFile(f"line {number}: {error}") from error
                left_out.add(BadRow(line=number, reason=str(error)))
        rows.flush()
    path.unlink()
    if not rows.names:
        raise BadFile("the file holds no objects with keys")
    return JsonSource(
        path=staged,
        names=tuple(rows.names),
        ragged=rows.ragged,
        format=kind,
        compression=compression,
        left_out=left_out,
    )


def _lines(path: Path, progress: Progress) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers."""
    size, number, rest = path.stat().st_size, 0, b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            progress.tick(file.tell() / size)
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                number += 1
                if line and not line.isspace():
                    yield number, line if number > 1 else line.removeprefix(BOM)
            if len(rest) > MAX_LINE_BYTES:
                raise BadFile(f"line {number + 1} is longer than {MAX_LINE_BYTES // 1_000_000} MB")
    if rest.strip():
        yield number + 1, rest if number else rest.removeprefix(BOM)
