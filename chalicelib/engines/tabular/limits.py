"""How much a job may take."""

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much of the machine is given to one file.

    Attributes:
        memory_bytes: for the whole process.
        temp_bytes: for everything written to the folder, the output included; the source is not counted.
        expanded_bytes: for a compressed source once it is expanded.
        threads: that DuckDB may use.
    """

    memory_bytes: int
    temp_bytes: int
    expanded_bytes: int
    threads: int = 2
