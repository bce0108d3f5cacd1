"""One way of doing one case, in a process of its own.

``python -m bench.file_run <way> <case> <source> <folder> <types> <times>`` prints what it took, as JSON.
"""

import importlib
import json
import re
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .file_cases import CASES, Case

# Both sides get as much: the engine keeps a part of its memory for what is not DuckDB's.
MEMORY_BYTES = 1_000_000_000
THREADS = 2

Work = Callable[[Path], Path]
Types = dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What one run took; seconds, and bytes of memory at the most, what was imported included.

    ``import_cpu`` is what it took to get ready, and is in none of the others.
    """

    cpu: float
    wall: float
    import_cpu: float
    peak: int
    output: str


def main() -> None:
    """Get ready, do the work, and tell what it took."""
    way, name, source, folder, types, times = sys.argv[1:]
    work = WAYS[way](CASES[name], Path(source), json.loads(types))
    print(json.dumps(asdict(_used_by(work, Path(folder), int(times)))))


def _used_by(work: Work, folder: Path, times: int) -> Usage:
    """The usage of one run; with several times, their mean."""
    folders = [folder / str(number) for number in range(times)]
    for each in folders:
        each.mkdir()
    import_cpu, began = time.process_time(), time.perf_counter()
    for each in folders:
        output = work(each)
    wall, cpu = time.perf_counter() - began, time.process_time() - import_cpu
    return Usage(cpu=cpu / times, wall=wall / times, import_cpu=import_cpu, peak=_peak(), output=str(output))


def _peak() -> int:
    """The most memory that this program has held; what ``getrusage`` tells begins with what its parent held."""
    status = Path("/proc/self/status")
    if not status.exists():  # Not Linux.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    assert found
    return int(found[1]) * 1024


def _engine(case: Case, source: Path, _types: Types) -> Work:
    from pydantic import TypeAdapter  # noqa: PLC0415  each process imports what its way needs

    from chalicelib.engines.tabular.process import Limits, Plan, process  # noqa: PLC0415
    from chalicelib.engines.tabular.steps import AnyStep, Options, Step  # noqa: PLC0415

    steps: list[AnyStep] = TypeAdapter(list[Step]).validate_python(case.steps)
    plan = Plan(file_name=source.name, steps=steps, options=Options())
    limits = Limits(memory_bytes=MEMORY_BYTES, temp_bytes=10**11, expanded_bytes=10**11, threads=THREADS)
    return lambda folder: process(source, folder, plan, limits, lambda _fraction: None).path


def _knowing(case: Case, source: Path, types: Types) -> Work:
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in types.items())
    return _duckdb(case, source, f"columns={{{columns}}}" if types else "all_varchar=true")


def _guessing(case: Case, source: Path, _types: Types) -> Work:
    return _duckdb(case, source, "auto_detect=true")


def _duckdb(case: Case, source: Path, reading: str) -> Work:
    import duckdb  # noqa: PLC0415

    from chalicelib.engines.tabular.session import COUNTED_SHARE  # noqa: PLC0415

    def work(folder: Path) -> Path:
        target = folder / f"output{case.suffix}"
        with duckdb.connect() as connection:
            connection.execute(f"SET threads = {THREADS}; SET memory_limit = '{int(MEMORY_BYTES * COUNTED_SHARE)}B'")
            connection.execute(f"SET temp_directory = '{folder}/spill'")
            read = f"WITH orders AS (FROM read_csv($source, {reading}))"
            sql = f"COPY ({read} {case.sql}) TO $target (FORMAT {case.suffix[1:]})"
            connection.execute(sql, {"source": str(source), "target": str(target)})
        return target

    return work


def _pandas(case: Case, source: Path, _types: Types) -> Work:
    # It has no types, and importing it here by name would have them asked for.
    pandas: Any = importlib.import_module("pandas")

    def work(folder: Path) -> Path:
        target = folder / f"output{case.suffix}"
        case.pandas(pandas, source, target)
        return target

    return work


WAYS: dict[str, Callable[[Case, Path, Types], Work]] = {
    "engine": _engine,
    "duckdb": _knowing,
    "duckdb guessing": _guessing,
    "pandas": _pandas,
}


if __name__ == "__main__":
    main()
