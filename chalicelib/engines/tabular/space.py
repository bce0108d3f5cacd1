"""Temporary space: what a job will need, and what it has taken."""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import zstandard

from .errors import NotEnoughSpace
from .formats import Compression, Format
from .limits import Limits
from .progress import Monitor
from .steps import AnyStep

GIGABYTE = 1e9
# Compressed text of which nothing is known grows so many times; rows that are spilled take more than they did as text.
_EXPANSION = 5
_SPILLED = 2
_SPILLING = frozenset({"sort", "deduplicate", "aggregate", "sample"})
_WRITTEN = {
    ("csv", "json"): 3,
    ("csv", "jsonl"): 3,
    ("parquet", "csv"): 4,
    ("parquet", "json"): 8,
    ("parquet", "jsonl"): 8,
}


def expanded_size(source: Path, compression: Compression) -> int:
    """How large a file will be without its compression, in bytes: what its header or its end says, else a guess."""
    size = source.stat().st_size
    with source.open("rb") as file:
        beginning = file.read(64)
        file.seek(max(0, size - 4))
        end = file.read(4)
    # With gzip it is modulo 4 GiB, and of the last of several members.
    told = _told_by_zstd(beginning) if compression == "zstd" else int.from_bytes(end, "little")
    return told if told > size else size * _EXPANSION


def _told_by_zstd(beginning: bytes) -> int:
    try:
        return zstandard.frame_content_size(beginning)
    except zstandard.ZstdError:  # Damaged, which is found out when it is expanded.
        return -1


def require_to_expand(folder: Path, limits: Limits, size: int) -> None:
    """Refuse a compressed file that will not fit the folder beside an output of its size.

    Raises:
        NotEnoughSpace: it will not.
    """
    _require(folder, limits, min(size, limits.expanded_bytes) * 2)


def require_to_process(
    folder: Path, limits: Limits, size: int, kinds: tuple[Format, Format], steps: Sequence[AnyStep]
) -> None:
    """Refuse a file for whose rows there will not be enough space.

    Args:
        folder: where it is processed.
        limits: how much may be written there, with what is there already.
        size: of the file without compression, in bytes.
        kinds: the formats of input and output.
        steps: of which some may have to spill rows.

    Raises:
        NotEnoughSpace: there will not be.
    """
    staged = size if kinds[0] in {"json", "jsonl"} else 0
    spilled = _SPILLED * size if any(step.type in _SPILLING for step in steps) else 0
    _require(folder, limits, taken(folder) + staged + spilled + _WRITTEN.get(kinds, 1) * size)


def within_space(monitor: Monitor, folder: Path, limits: Limits) -> Monitor:
    """A monitor that also stops the work once it has taken more space than it may."""

    def watch(fraction: float, /) -> None:
        if taken(folder) > limits.temp_bytes:
            raise NotEnoughSpace(f"more than {limits.temp_bytes / GIGABYTE:.3g} GB of temporary space is needed")
        monitor(fraction)

    return watch


def taken(folder: Path) -> int:
    """How many bytes the files in a folder have; what links lead to is not counted."""
    return sum(_sizes(folder))


def _sizes(folder: Path) -> Iterator[int]:
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                yield (Path(path) / name).lstat().st_size
            except FileNotFoundError:  # DuckDB deletes what it no longer needs.
                continue


def _require(folder: Path, limits: Limits, size: int) -> None:
    free = min(limits.temp_bytes, shutil.disk_usage(folder).free)
    if size > free:
        raise NotEnoughSpace(
            f"about {size / GIGABYTE:.3g} GB of temporary space is needed; there is {free / GIGABYTE:.3g} GB"
        )
