"""What this machine has for heavy work: memory and processors, as far as a container lets us have them."""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
SIZE = re.compile(r"(?P<number>\d+(\.\d+)?)\s*(?P<unit>[KMGT]?)(i?B)?", re.IGNORECASE)
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def memory_bytes() -> int:
    """Give the memory of the machine, or of the container if that is less."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([physical, *(int(limit) for limit in _limits("memory.max") if limit.isdigit())])


def processors() -> int:
    """Give the number of processors that may be used; at least 1."""
    shares = [len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1]
    for limit in _limits("cpu.max"):
        quota, period = limit.split()
        if quota.isdigit():
            shares.append(int(quota) // int(period))
    return max(1, min(shares))


def parse_size(text: str) -> int:
    """Read a size in bytes, such as `512M` or `1.5G` (powers of 1024).

    Raises:
        ValueError: it is none, or less than one byte.
    """
    found = SIZE.fullmatch(text.strip())
    size = int(float(found["number"]) * UNITS[found["unit"].upper()]) if found else 0
    if size < 1:
        raise ValueError(f"not a size: {text!r}")
    return size


def format_size(size: int) -> str:
    """Write a size as `parse_size` reads it, in the largest unit that leaves no fraction."""
    unit = next(name for name in reversed(UNITS) if size % UNITS[name] == 0)
    return f"{size // UNITS[unit]}{unit}"


def be_the_first_to_go() -> None:
    """When the machine runs out of memory, Linux is to end this process and not the agent."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _limits(name: str) -> Iterator[str]:
    """Give a limit (cgroups version 2) of each group that this process is in, up to the machine or container."""
    try:
        own = Path("/proc/self/cgroup").read_text(encoding="utf-8").partition("0::/")[2].splitlines()
    except OSError:
        return
    group = CGROUPS / (own[0] if own else "")
    for folder in [group, *group.parents]:
        if folder.is_relative_to(CGROUPS):
            try:
                yield (folder / name).read_text(encoding="ascii").strip()
            except OSError:
                continue
