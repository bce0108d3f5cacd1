"""A DuckDB that can do nothing but read and write in one folder, within its limits."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from .limits import MEBIBYTE, Limits
from .quoting import literal

SPILL = "spill"
# The rest is for Python and for what DuckDB does not count: memory that it has freed and its allocator still holds is
# a quarter more while rows are sorted on disk, and for moments a third where threads wait for a processor.
COUNTED_SHARE = 0.55
_LEAST_BYTES = 128 * MEBIBYTE

# With filters pushed into the scan, or left out by what statistics say, there would be nothing to count rows at.
_KEPT_APART = (
    "filter_pushdown,filter_pullup,statistics_propagation,empty_result_pullup,late_materialization,"
    "top_n_window_elimination"
)
_COUNTED = '{"OPERATOR_CARDINALITY": "true", "OPERATOR_TYPE": "true", "EXTRA_INFO": "true"}'


@contextmanager
def open_session(source: Path, folder: Path, limits: Limits) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that is closed at the end, and that sees only ``folder`` and ``source``."""
    connection = duckdb.connect(":memory:")
    try:
        for name, value in _settings(source, folder, limits).items():
            connection.execute(f"SET {name} = {value}")
        yield connection
    finally:
        connection.close()


def _settings(source: Path, folder: Path, limits: Limits) -> dict[str, str]:
    memory = max(int(limits.memory_bytes * COUNTED_SHARE), _LEAST_BYTES)
    return {
        "threads": str(limits.threads),
        "memory_limit": literal(f"{memory}B"),
        # Blocks are used again from here. Freed one by one, they would stay with the allocator: half as much once more.
        "block_allocator_memory": literal(f"{memory}B"),
        "temp_directory": literal(str(folder / SPILL)),
        "max_temp_directory_size": literal(f"{limits.temp_bytes}B"),
        "TimeZone": "'UTC'",
        "enable_progress_bar": "true",
        "enable_progress_bar_print": "false",
        "progress_bar_time": "0",
        "enable_profiling": "'no_output'",
        "custom_profiling_settings": literal(_COUNTED),
        "disabled_optimizers": literal(_KEPT_APART),
        "python_enable_replacements": "false",
        "allow_persistent_secrets": "false",
        "allow_community_extensions": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        # A link in the folder may lead to the source: DuckDB looks at where it leads.
        "allowed_paths": f"[{literal(str(source.resolve()))}]",
        "allowed_directories": f"[{literal(str(folder))}]",
        "enable_external_access": "false",
        # Last: nothing can be changed after it.
        "lock_configuration": "true",
    }
