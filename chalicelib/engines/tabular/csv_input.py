"""Reading CSV: every field as the text that it is, by DuckDB, with columns told by their positions."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from .csv_header import MAX_LINE_BYTES, Layout, read_layout, with_plain_header
from .csv_quotes import Quotes
from .errors import BadFile, BadValue
from .first_lines import first_lines
from .formats import Compression, Target
from .frames import Column, Form, Frame
from .line_breaks import even_out, long_row, mixes_line_breaks, unclosed_quote
from .progress import Progress
from .quoting import literal, struct
from .running import Runner
from .sources import LISTED_ROWS, BadRow, BadRows
from .steps import Options
from .texts import holds, lines_at, refuse_long_end

_REJECTED = "rejected"
_LOOKED_AT_BYTES = 1 << 16
_USUAL_LINE_BYTES = 2_000_000
# By their places: where the file is read more than once, the same rows are rejected again.
_COUNT_REJECTED = f"SELECT count(DISTINCT line_byte_position) FROM {_REJECTED}"  # noqa: S608
_FIRST_REJECTED = (
    "SELECT line_byte_position, arg_min(error_type, byte_position), arg_min(error_message, byte_position)"  # noqa: S608
    f" FROM {_REJECTED} GROUP BY 1 ORDER BY 1 LIMIT {LISTED_ROWS}"
)
_REASONS = {
    "UNQUOTED VALUE": "a quote is not closed, or something follows it",
    "INVALID ENCODING": "it is not UTF-8",
    "INVALID STATE": "quotes or line breaks are not as in RFC 4180",
    "LINE SIZE OVER MAXIMUM": f"it is longer than {MAX_LINE_BYTES // 1_000_000} MB",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvSource:
    """A CSV file whose layout is known.

    Attributes:
        path: of the file, not compressed.
        layout: of the file.
        compression: that it had.
        skipping: bad rows are left out.
        progress: is told how far looking through the file is.
        parallel: several threads begin to read at different places. In the middle of a quoted field that looks like
            rows one may go astray. That is noticed, and the file is refused, except where bad rows are left out.
        mendable: nothing was tried yet against its being refused.
        longest: row in bytes that is read; few files have rows that need as much memory as the longest that may be.
    """

    path: Path
    layout: Layout
    compression: Compression
    skipping: bool
    progress: Progress
    parallel: bool
    mendable: bool = True
    longest: int = MAX_LINE_BYTES

    @property
    def frame(self) -> Frame:
        """Its rows, as texts."""
        columns = tuple(
            Column(name=name, sql=f"c{number}", form=Form.TEXT) for number, name in enumerate(self.layout.names)
        )
        return Frame(sql=self._select(columns, rejecting=self.skipping), columns=columns, parameters=self._parameters)

    @property
    def written_as(self) -> Target:
        """As CSV with the same delimiter."""
        return Target(
            format="csv",
            compression=self.compression,
            delimiter=self.layout.delimiter,
            newline=self.layout.newline,
        )

    def beginning(self) -> AbstractContextManager[Mapping[str, object]]:
        """The first rows, in a file of their own."""
        return first_lines(self.path, quoted=True)

    def bad_rows(self, runner: Runner) -> BadRows:
        """The rows that DuckDB has rejected while it read the frame.

        Raises:
            BadFile: a quote is not closed and no rows may be left out, or a row is so long that others are lost.
        """
        self._refuse_long_rows()
        unclosed = self._unclosed()
        if not self.skipping:
            if unclosed:
                raise BadFile(f"line {unclosed[0].line}: {unclosed[0].reason}")
            return BadRows()
        [(count,)] = runner.run(_COUNT_REJECTED, {})
        listed = [*self._first_rejected(runner), *unclosed][:LISTED_ROWS]
        return BadRows(count=count + len(unclosed), first=listed)

    def _refuse_long_rows(self) -> None:
        # Several threads that leave out no rows refuse the file by themselves.
        error = None if self.parallel and not self.skipping else self._long_row()
        if error:
            raise error

    def _long_row(self) -> BadFile | None:
        place = long_row(self._quotes, MAX_LINE_BYTES)
        if place is None:
            return None
        [line] = self._lines_at([place])
        size = MAX_LINE_BYTES // 1_000_000
        return BadFile(f"line {line}, or one soon after, is longer than {size} MB, or a quote in it is not closed")

    def _unclosed(self) -> list[BadRow]:
        """The last row, if a quote in it is not closed: a single thread leaves it out and says nothing."""
        place = None if self.parallel else unclosed_quote(self._quotes)
        if place is None:
            return []
        return [BadRow(line=line, reason=_REASONS["UNQUOTED VALUE"]) for line in self._lines_at([place])]

    def explained(self, error: BadFile, runner: Runner) -> BadFile:
        """The error with the first line that DuckDB rejects, found by reading the file once more."""
        too_long = self._long_row()
        if too_long:  # Of what it is made of, every line would be rejected.
            return too_long
        columns = self.frame.columns
        counts = ", ".join(f"count({column.sql})" for column in columns)
        rows = self._select(columns, rejecting=True)
        runner.run(f"SELECT {counts} FROM ({rows})", self._parameters)  # noqa: S608
        first = self._first_rejected(runner)
        return BadFile(f"line {first[0].line}: {first[0].reason}") if first else error

    def mended(self) -> "CsvSource | None":
        """The file with longer rows, with all line breaks alike if they were not, or read by a single thread."""
        return replace(self, longest=MAX_LINE_BYTES) if self.longest < MAX_LINE_BYTES else self.evened()

    def evened(self) -> "CsvSource | None":
        """The file with all line breaks alike if they were not, or read by a single thread if it was not."""
        if not self.mendable:
            return None
        quoted = holds(self.path, b'"', self.progress)
        if mixes_line_breaks(self._quotes):
            path = self.path.with_name("evened")
            even_out(self._quotes, path)
            return replace(self, path=path, parallel=not quoted, mendable=False)
        return replace(self, parallel=False, mendable=False) if self.parallel and quoted else None

    @property
    def _quotes(self) -> Quotes:
        return Quotes(self.path, self.layout.delimiter, self.progress)

    @property
    def _parameters(self) -> dict[str, object]:
        return {"source": str(self.path)}

    def _select(self, columns: Sequence[Column], *, rejecting: bool) -> str:
        options = {
            "auto_detect": "false",
            "header": "true" if self.layout.rows_from else "false",
            "skip": str(self.layout.blank_lines),
            "delim": literal(self.layout.delimiter),
            "quote": "'\"'",
            "escape": "'\"'",
            "strict_mode": "true",
            "parallel": "true" if self.parallel else "false",
            "allow_quoted_nulls": "false",
            # DuckDB's buffers are sixteen times as long, and there are several. A buffer_size of our own would lose
            # rows that lie across the end of one, without a word.
            "max_line_size": str(self.longest),
            "columns": struct((column.sql, "VARCHAR") for column in columns),
        }
        if rejecting:
            options |= {"store_rejects": "true", "rejects_table": literal(_REJECTED), "rejects_limit": "0"}
        given = ", ".join(f"{name} = {value}" for name, value in options.items())
        return f"SELECT * FROM read_csv($source, {given})"  # noqa: S608  Of literals that are ours or quoted.

    def _first_rejected(self, runner: Runner) -> list[BadRow]:
        found = runner.run(_FIRST_REJECTED, {})
        lines = self._lines_at([position for position, _, _ in found])
        return [
            BadRow(line=line, reason=self._reason(kind, text))
            for line, (_, kind, text) in zip(lines, found, strict=True)
        ]

    def _lines_at(self, places: Sequence[int]) -> list[int]:
        return [line + self.layout.lines_less for line in lines_at(self.path, places)]

    def refuse_lost_rows(self, runner: Runner) -> None:
        """Look why no row was read: there may be none.

        Raises:
            BadFile: there is something after the header.
        """
        with self.path.open("rb") as file:
            file.seek(self.layout.rows_from)
            has_rows = bool(file.read(_LOOKED_AT_BYTES).strip(b"\xef\xbb\xbf\r\n"))
        if has_rows and not runner.run(f"SELECT 1 FROM ({self.frame.sql}) LIMIT 1", self._parameters):  # noqa: S608
            raise BadFile("no rows could be read after the header; are its line breaks of another kind?")

    def _reason(self, kind: str, text: str) -> str:
        if kind in _REASONS:
            return _REASONS[kind]
        fields = text.rpartition("Found: ")[2].strip()
        by = "the header has" if self.layout.has_header else "there are names for"
        return f"it has {fields} fields, but {by} {len(self.layout.names)}" if fields.isdigit() else "it cannot be read"


def open_csv(path: Path, compression: Compression, options: Options, progress: Progress) -> CsvSource:
    """Look at a CSV file's first lines.

    Raises:
        BadFile: it is empty, or its header cannot be used.
        BadValue: the delimiter cannot be one.
    """
    if options.delimiter is not None and len(options.delimiter.encode()) > 1:
        raise BadValue(f"the delimiter {options.delimiter!r} is not an ASCII character")
    skipping = options.on_bad_row == "skip"
    layout = read_layout(path, options.delimiter, options.column_names)
    if layout.is_broken:
        copy = path.with_name("headed")
        path, layout = copy, with_plain_header(path, copy, layout)
    refuse_long_end(path, MAX_LINE_BYTES)
    source = CsvSource(
        path=path,
        layout=layout,
        compression=compression,
        skipping=skipping,
        progress=progress,
        parallel=not (skipping and holds(path, b'"', progress)),
        longest=MAX_LINE_BYTES if skipping else _USUAL_LINE_BYTES,
    )
    # Where the file begins with a blank line of one kind, DuckDB finds no rows in lines of another kind.
    return (source.evened() or source) if source.layout.blank_lines else source
