"""A job stays within its memory and its space, tells how far it is, and stops when it is told to."""

import functools
import gzip
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest

from chalicelib.engines.tabular.errors import BadFile, NotEnoughMemory, NotEnoughSpace
from chalicelib.engines.tabular.problems import translated
from tests.engine.running import LIMITS, MEGABYTE, Run, converting, filtering

SORT = {"type": "sort", "params": {"by": ["text"]}}
# A pause this long is one that a person would notice; on a busy machine a thread may come late.
LONG_PAUSE_SECONDS = 0.6


@functools.cache
def table(rows: int) -> bytes:
    return b"n,text\n" + b"".join(b"%d,%d some text\n" % (n, n * 7_919 % 1_000_003) for n in range(rows))


@functools.cache
def documents(rows: int) -> bytes:
    return b"".join(b'{"n":%d,"text":"%d some text"}\n' % (n, n * 7_919 % 1_000_003) for n in range(rows))


@functools.cache
def compressed(rows: int) -> bytes:
    return gzip.compress(table(rows), 1)


@functools.cache
def array(rows: int) -> bytes:
    return b"[" + b",".join(documents(rows).splitlines()) + b"]"


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class Recorder:
    """A monitor that remembers what it was told, and raises at a moment of its choice."""

    def __init__(self, stop: Callable[[float], bool] = lambda _: False) -> None:
        self.told: list[tuple[float, float]] = []
        self.raised_at = 0.0
        self._stop = stop

    def __call__(self, fraction: float, /) -> None:
        self.told.append((time.monotonic(), fraction))
        if self._stop(fraction):
            self.raised_at = time.monotonic()
            raise Stop

    @property
    def longest_pause(self) -> float:
        times = [moment for moment, _ in self.told]
        return max(after - before for before, after in pairwise(times))


class Stop(BaseException):
    """The caller wants no more of it."""


WORK: dict[str, tuple[str, Callable[[], bytes], list[dict[str, Any]]]] = {
    "a query": ("table.csv", lambda: table(1_500_000), [SORT]),
    "expanding": ("table.csv.gz", lambda: compressed(1_500_000), [filtering("n", "lt", 10)]),
    "staging": ("table.jsonl", lambda: documents(500_000), [filtering("n", "lt", 10)]),
    "an array": ("table.json", lambda: array(300_000), []),
    "a compressed output": ("table.csv", lambda: table(1_000_000), [converting("csv", compression="gzip")]),
}


@pytest.mark.parametrize("kind", WORK)
def test_progress_is_told_all_the_time_and_never_falls(run: Run, kind: str) -> None:
    name, content, steps = WORK[kind]
    recorder = Recorder()

    run(content(), *steps, name=name, monitor=recorder)

    fractions = [fraction for _, fraction in recorder.told]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert recorder.longest_pause < LONG_PAUSE_SECONDS
    elapsed = recorder.told[-1][0] - recorder.told[0][0]
    assert len(recorder.told) > 2 * elapsed  # Four times a second, if the machine has nothing else to do.


@pytest.mark.parametrize("moment", [0.0, 0.02, 0.2, 0.31, 0.6])
@pytest.mark.parametrize("kind", WORK)
def test_what_the_monitor_raises_stops_the_work_and_comes_out(run: Run, kind: str, moment: float) -> None:
    name, content, steps = WORK[kind]
    recorder = Recorder(lambda fraction: fraction >= moment)
    threads, files = set(threading.enumerate()), open_files()

    with pytest.raises(Stop):
        run(content(), *steps, name=name, monitor=recorder)

    assert time.monotonic() - recorder.raised_at < 5 * LONG_PAUSE_SECONDS
    assert set(threading.enumerate()) == threads
    assert open_files() == files


@pytest.mark.parametrize("name", ["table.csv", "table.jsonl"])
def test_nothing_is_left_open_after_a_bad_file(run: Run, name: str) -> None:
    threads, files = set(threading.enumerate()), open_files()

    with pytest.raises(BadFile):
        run(b'n,text\n"', name=name)

    assert set(threading.enumerate()) == threads
    assert open_files() == files


@pytest.mark.parametrize(
    ("name", "content", "steps"),
    [
        ("table.csv", table(50_000), [SORT]),
        ("table.csv", table(100_000), []),
        ("table.csv.gz", gzip.compress(table(100_000)), []),
        ("table.jsonl", documents(50_000), []),
        ("table.csv", table(50_000), [converting("json")]),
    ],
    ids=["sort", "output", "expanding", "staging", "longer output"],
)
def test_space_is_asked_for_before_the_work_begins(
    run: Run, name: str, content: bytes, steps: list[dict[str, Any]], tmp_path: Path
) -> None:
    with pytest.raises(NotEnoughSpace, match=r"about 0\.\d+ GB of temporary space is needed; there is 0\.0015 GB"):
        run(content, *steps, name=name, limits=replace(LIMITS, temp_bytes=1_500_000))

    assert not [path for path in tmp_path.rglob("work-*/*") if path.name != "source"]


def test_an_output_that_outgrows_its_space_is_stopped(run: Run) -> None:
    derived = [
        {"type": "derive", "params": {"column": f"c{n}", "expression": "concat(text, text, text)"}} for n in range(9)
    ]

    # With memory enough that DuckDB itself wants no space.
    limits = replace(LIMITS, temp_bytes=40 * MEGABYTE, memory_bytes=1_200 * MEGABYTE)

    with pytest.raises(NotEnoughSpace, match=r"more than 0\.04 GB of temporary space"):
        run(table(800_000), *derived, limits=limits)


def test_memory_stays_within_its_limit_when_rows_are_sorted(tmp_path: Path) -> None:
    source, folder = tmp_path / "source.csv", tmp_path / "work"
    folder.mkdir()
    with source.open("wb") as file:
        file.write(b"n,text,more\n")
        for start in range(0, 1_500_000, 50_000):
            numbers = range(start, start + 50_000)
            file.write(b"".join(b"%d,%d some text,%s\n" % (n, n * 7_919 % 1_000_003, b"x" * 100) for n in numbers))
    script = f"""
import json
from pathlib import Path
from tests.engine.running import *
sort = {json.dumps(SORT)}
limits = Limits(memory_bytes=800 * MEGABYTE, temp_bytes=4_000 * MEGABYTE, expanded_bytes=MEGABYTE, threads=2)
report = run_in(Path({str(folder)!r}), Path({str(source)!r}), [sort], limits=limits).report
# Not of getrusage: that remembers what the process was before it became this one.
peak = next(line.split()[1] for line in Path("/proc/self/status").open() if line.startswith("VmHWM"))
print(report["rows_out"], int(peak) * 1024)
"""

    done = subprocess.run(  # noqa: S603  The script is the one above.
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    rows, peak = map(int, done.stdout.split())
    assert rows == 1_500_000
    assert peak < 800 * MEGABYTE


def test_too_little_memory_is_told_as_such() -> None:
    with pytest.raises(NotEnoughMemory, match="not enough memory"), translated():
        raise duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block of size 256.0 KiB")
    with pytest.raises(NotEnoughSpace, match="not enough temporary space"), translated():
        raise duckdb.OutOfMemoryException("failed to offload data block. This limit was set by max_temp_directory_size")
    with pytest.raises(NotEnoughSpace), translated():
        raise OSError(28, "No space left on device")
