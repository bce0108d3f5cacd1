"""The file engine beside bare DuckDB and pandas: ``python -m bench.files [megabytes]``.

Every run is a process of its own, with the source in the page cache. Engine and DuckDB have the same threads and
memory, take turns, and each ratio is the median of the pairs: what else the machine does meets both. Where three pairs
say that a budget is missed, six more decide with them. The budget is that of the whole size: smaller files show what a
file costs however small it is.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from .file_cases import CASES, Case
from .file_orders import BYTES_PER_ROW, write_orders
from .file_run import MEMORY_BYTES, Types, Usage
from .report import Row, table

MEGABYTES = 1000
PAIRS, MORE_PAIRS = 3, 6
RATIO = 1.2
TINY_ROWS, TINY_TIMES = 100, 20

_ROOT = Path(__file__).resolve().parent.parent
_HEADINGS = (
    "case", "CPU : DuckDB", "wall : DuckDB", "peak MB", "DuckDB's", "CPU : pandas", "wall : pandas", "pandas' MB",
    "rows/s", "verdict",
)  # fmt: skip
_WIDTHS = (18, 12, 13, 8, 8, 12, 13, 10, 7, 7)

Pair = tuple[Usage, Usage]
"""A run of the engine's, and one of bare DuckDB's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One case, done every way.

    Attributes:
        name: of the case.
        rows: of the source.
        pairs: the engine's runs, each with the one of bare DuckDB's beside it, which knows the types.
        guessing: DuckDB's run with types guessed from the file's beginning; where there are types.
        pandas: its run.
    """

    name: str
    rows: int
    pairs: Sequence[Pair]
    guessing: Usage | None
    pandas: Usage

    @property
    def cpu(self) -> float:
        """The engine's CPU to that of bare DuckDB."""
        return _ratio(self.pairs, "cpu")

    @property
    def wall(self) -> float:
        """The engine's time to that of bare DuckDB."""
        return _ratio(self.pairs, "wall")

    @property
    def peak(self) -> int:
        """The engine's memory at the most, in bytes."""
        return max(own.peak for own, _ in self.pairs)

    @property
    def missed(self) -> list[str]:
        """The budgets that are missed."""
        missed = _too_slow(self.name, self.pairs)
        return [*missed, "memory"] if self.peak > MEMORY_BYTES else missed

    @property
    def cells(self) -> tuple[str, ...]:
        """As the table shows it."""
        cpu, wall = (statistics.median(getattr(own, of) for own, _ in self.pairs) for of in ("cpu", "wall"))
        return (
            self.name, f"{self.cpu:.2f}", f"{self.wall:.2f}",
            _megabytes(self.peak), _megabytes(max(bare.peak for _, bare in self.pairs)),
            f"{cpu / self.pandas.cpu:.2f}", f"{wall / self.pandas.wall:.2f}", _megabytes(self.pandas.peak),
            f"{self.rows / wall / 1e6:.1f} M", f"OVER: {', '.join(self.missed)}" if self.missed else "within",
        )  # fmt: skip


def compare(megabytes: int = MEGABYTES) -> list[Comparison]:
    """Every case over a file of that size."""
    rows = megabytes * 1_000_000 // BYTES_PER_ROW
    with _place() as place:
        source = Path(place, "orders.csv")
        write_orders(source, rows=rows)
        return [_compared(name, case, source, rows) for name, case in CASES.items()]


def rows(comparisons: Iterable[Comparison]) -> list[Row]:
    """What there is to know beside the table of the comparisons."""
    guessed = [
        Row(
            what=f"file engine, {comparison.name}: CPU to that of DuckDB guessing the types",
            measured=statistics.median(own.cpu for own, _ in comparison.pairs) / comparison.guessing.cpu,
        )
        for comparison in comparisons
        if comparison.guessing
    ]
    return guessed + _fixed_rows()


def _fixed_rows() -> list[Row]:
    """What a file costs however small it is."""
    with _place() as place:
        source = Path(place, "orders.csv")
        write_orders(source, rows=TINY_ROWS)
        ways = ["engine", "duckdb"] * PAIRS
        usages = [_tiny_run(way, source) for way in ways]
    engine, bare = usages[::2], usages[1::2]
    wall, bare_wall = (statistics.median(usage.wall for usage in of) for of in (engine, bare))
    importing, bare_importing = (statistics.median(usage.import_cpu for usage in of) for of in (engine, bare))
    return [
        Row(what=f"file engine, a file of {TINY_ROWS} rows", measured=wall * 1000, unit="ms"),
        Row(what="… to bare DuckDB", measured=wall / bare_wall),
        Row(what="… CPU of a process before it begins", measured=importing * 1000, unit="ms"),
        Row(what="… to bare DuckDB's", measured=importing / bare_importing),
    ]


def _tiny_run(way: str, source: Path) -> Usage:
    with _place() as place:
        return _run(way, "filter → CSV", source, place, times=TINY_TIMES)


def table_of(comparisons: Iterable[Comparison]) -> str:
    """The comparisons in columns, under the budget."""
    budget = f"budget: {RATIO:g} times bare DuckDB for filters and conversions, {_megabytes(MEMORY_BYTES)} MB for all"
    lines = [_HEADINGS, *(comparison.cells for comparison in comparisons)]
    return "\n".join([budget, *(_line(cells) for cells in lines)])


def _line(cells: Sequence[str]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip()


def _megabytes(size: int) -> str:
    return str(round(size / 1_000_000))


def _place() -> AbstractContextManager[str]:
    return tempfile.TemporaryDirectory(prefix="claimcheck-bench-")


def _compared(name: str, case: Case, source: Path, rows: int) -> Comparison:
    with _place() as place:
        own = _run("engine", name, source, place)
        types = _types(own.output) if case.typed else {}
        pairs = [(own, _run("duckdb", name, source, place, types))]
        assert _content(own.output) == _content(pairs[0][1].output), f"{name}: the engine's output is another"
    pairs += [_pair(name, source, types, swapped=number % 2 == 1) for number in range(1, PAIRS)]
    if _too_slow(name, pairs):
        pairs += [_pair(name, source, types, swapped=number % 2 == 1) for number in range(MORE_PAIRS)]
    with _place() as place:
        guessing = _run("duckdb guessing", name, source, place) if case.typed else None
        pandas = _run("pandas", name, source, place)
    return Comparison(name=name, rows=rows, pairs=pairs, guessing=guessing, pandas=pandas)


def _pair(name: str, source: Path, types: Types, *, swapped: bool) -> Pair:
    ways = ("duckdb", "engine") if swapped else ("engine", "duckdb")
    with _place() as place:
        usages = {way: _run(way, name, source, place, types) for way in ways}
    return usages["engine"], usages["duckdb"]


def _ratio(pairs: Sequence[Pair], of: str) -> float:
    ratios: list[float] = [getattr(own, of) / getattr(bare, of) for own, bare in pairs]
    return statistics.median(ratios)


def _too_slow(name: str, pairs: Sequence[Pair]) -> list[str]:
    ratios = {"CPU": _ratio(pairs, "cpu"), "wall": _ratio(pairs, "wall")} if CASES[name].budgeted else {}
    return [what for what, ratio in ratios.items() if ratio > RATIO]


def _run(way: str, name: str, source: Path, place: str, types: Types | None = None, *, times: int = 1) -> Usage:
    folder = Path(place, way)
    folder.mkdir()
    given = [way, name, str(source), str(folder), json.dumps(types or {}), str(times)]
    command = [sys.executable, "-m", "bench.file_run", *given]
    done = subprocess.run(command, cwd=_ROOT, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    usage = Usage(**json.loads(done.stdout))
    print(f"{name}, {way}: CPU {usage.cpu:.1f} s, wall {usage.wall:.1f} s", file=sys.stderr, flush=True)
    return usage


def _types(output: str) -> Types:
    """The columns' types in a Parquet file: a user of DuckDB knows them, the engine has to find them out."""
    with duckdb.connect() as connection:
        described = connection.execute("DESCRIBE FROM read_parquet(?)", [output]).fetchall()
    return {name: kind for name, kind, *_ in described}


def _content(output: str) -> object:
    """What tells files of other rows, or of another order, apart; not how their numbers are written."""
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        numbered = f"SELECT row_number() OVER () AS row, * FROM '{output}'"  # noqa: S608  a path of ours
        return connection.execute(f"SELECT count(*), bit_xor(hash(numbered)) FROM ({numbered}) AS numbered").fetchone()  # noqa: S608


def main() -> int:
    """0 within the budgets, 1 over one."""
    comparisons = compare(int(sys.argv[1]) if sys.argv[1:] else MEGABYTES)
    print(table_of(comparisons), table(rows(comparisons)), sep="\n\n")
    return int(any(comparison.missed for comparison in comparisons))


if __name__ == "__main__":
    sys.exit(main())
