"""The first line of a CSV file: how its fields are separated, and what the columns are called."""

import csv
import io
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import BadFile
from .parameters import MAX_COLUMNS

DELIMITERS = (",", ";", "\t", "|")
MAX_LINE_BYTES = 20_000_000
SAMPLE_BYTES = 256 * 1024
SAMPLE_ROWS = 100

# The module's own limit is 128 KiB; it is one for the whole process.
csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES))


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How a CSV file is laid out.

    Attributes:
        delimiter: between fields.
        names: of the columns.
        has_header: the first record has the names.
        newline: at the end of the first record.
        blank_lines: that come before everything else.
        rows_from: where the rows begin, in bytes.
        is_broken: the first record holds a line break, of which DuckDB may think that it ends lines.
        lines_less: so many lines more has the file as it was uploaded, before its rows.
    """

    delimiter: str
    names: tuple[str, ...]
    has_header: bool
    newline: str
    blank_lines: int
    rows_from: int
    is_broken: bool
    lines_less: int = 0


def read_layout(path: Path, delimiter: str | None, names: Sequence[str] | None) -> Layout:
    """The layout of a CSV file in UTF-8.

    Args:
        path: of the file, not compressed.
        delimiter: between fields; None to find it out.
        names: of the columns of a file without a header line; None to read them from the header.

    Raises:
        BadFile: the file is empty, its header is not UTF-8, or it leaves a column without a name or names two the same.
    """
    text, end = _beginning(path)
    chosen = delimiter or _detected(text)
    header = tuple(names) if names is not None else _header(text, chosen)
    _check_names(header)
    blank = text[: len(text) - len(text.lstrip("\r\n"))]
    after = end.break_at + len(end.newline)
    return Layout(
        delimiter=chosen,
        names=header,
        has_header=names is None,
        newline="\r\n" if end.newline == b"\r\n" else "\n",
        blank_lines=len(blank.splitlines()),
        rows_from=after if names is None else 0,
        is_broken=end.lines > 1,
    )


def with_plain_header(path: Path, target: Path, layout: Layout) -> Layout:
    """Copy a file with a first line of our own, of which DuckDB takes nothing but how it ends; its layout.

    Args:
        path: of the file.
        target: of the copy.
        layout: of the file.
    """
    line = layout.delimiter.join(f"c{number}" for number in range(len(layout.names))) + layout.newline
    with path.open("rb") as file, target.open("wb") as copy:
        taken = file.read(layout.rows_from)
        copy.write(line.encode())
        shutil.copyfileobj(file, copy)
    lines = len(taken.splitlines()) if layout.has_header else 0
    return replace(layout, blank_lines=0, rows_from=len(line), is_broken=False, lines_less=lines - 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class _End:
    """Where the first record ends: at which byte, by which line break, after how many lines."""

    break_at: int
    newline: bytes
    lines: int


def _beginning(path: Path) -> tuple[str, _End]:
    """Enough of the file to hold its first record whole, and where that ends."""
    size = SAMPLE_BYTES
    while True:
        with path.open("rb") as file:
            content = file.read(size)
        whole = len(content) < size
        end = _end_of_first_record(content)
        if end or whole:
            return _decoded(content, whole=whole), end or _End(break_at=len(content), newline=b"", lines=1)
        if size >= MAX_LINE_BYTES:
            raise BadFile(f"line 1 is longer than {MAX_LINE_BYTES // 1_000_000} MB, or a quote in it is not closed")
        size = min(size * 4, MAX_LINE_BYTES)


def _end_of_first_record(content: bytes) -> _End | None:
    """The first line break outside of quotes, after something."""
    position, quotes = len(content) - len(content.lstrip(b"\xef\xbb\xbf\r\n")), 0
    for lines, found in enumerate(re.compile(rb"\r\n|\r|\n").finditer(content, position), start=1):
        quotes += content.count(b'"', position, found.start())
        position = found.start()
        if quotes % 2 == 0:
            return _End(break_at=position, newline=found[0], lines=lines)
    return None


def _decoded(content: bytes, *, whole: bool) -> str:
    if not content.strip(b"\xef\xbb\xbf \t\r\n"):
        raise BadFile("the file is empty")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if not whole and error.start > len(content) - 4:  # A character cut through at the end of the sample.
            return content[: error.start].decode("utf-8-sig")
        line = content.count(b"\n", 0, error.start) + 1
        if line > 1:  # Said by the reader of the rows, who may skip it.
            return content[: content.rfind(b"\n", 0, error.start) + 1].decode("utf-8-sig")
        raise BadFile("line 1 is not UTF-8") from error


def _records(text: str, delimiter: str, *, strict: bool = False) -> Iterator[list[str]]:
    # One space before a quoted field is no part of it, as in the rows.
    spaced = re.search(f'{re.escape(delimiter)} "', text.split("\n", 1)[0]) is not None
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=spaced, strict=strict)
    return (row for row in rows if row)


def _header(text: str, delimiter: str) -> tuple[str, ...]:
    try:
        return tuple(next(_records(text, delimiter, strict=True)))
    except csv.Error as error:
        raise BadFile("line 1: a quote is not closed, or something follows it") from error


def _detected(text: str) -> str:
    """The delimiter by which most rows have as many fields as the first."""
    return max(DELIMITERS, key=lambda each: _regularity(text, each))


def _regularity(text: str, delimiter: str) -> tuple[float, int]:
    rows = [row for row, _ in zip(_records(text, delimiter), range(SAMPLE_ROWS), strict=False)]
    width = len(rows[0]) if rows else 0
    if width < 2:  # noqa: PLR2004  One column: nothing is separated.
        return (0.0, 0)
    return (sum(len(row) == width for row in rows) / len(rows), width)


def _check_names(names: tuple[str, ...]) -> None:
    if len(names) > MAX_COLUMNS:
        raise BadFile(f"the file has {len(names)} columns, and may have at most {MAX_COLUMNS}")
    seen: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if not name:
            raise BadFile(f"the header has no name for column {number}")
        first = seen.setdefault(name, number)
        if first != number:
            raise BadFile(f"the header has the name {name[:100]!r} twice: columns {first} and {number}")
