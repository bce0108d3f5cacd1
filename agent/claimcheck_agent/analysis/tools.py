"""Runs the tools that look at code, each in a confined process of its own."""

import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from claimcheck_agent.analysis.tree import Tree
from claimcheck_agent.confine.commands import Finished, Limits, OnLine, run

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


class ToolFailed(Exception):
    """A tool gave no answer; the message is for the analysis's owner."""


def run_python(
    name: str,
    arguments: Sequence[str],
    tree: Tree,
    *,
    reads: Sequence[Path] = (),
    writes: Sequence[Path] = (),
    until: float,
    env: Mapping[str, str] | None = None,
    on_line: OnLine | None = None,
) -> Finished:
    """Run a tool that is a Python program, in the folder of the code, which it does not import from.

    `until` says when it is ended, on the monotonic clock.

    Raises:
        ToolFailed: it was ended by a signal, or because it used more than it may.
    """
    seconds = max(0.0, until - time.monotonic())
    finished = run(
        (sys.executable, "-I", *arguments),
        cwd=tree.folder,
        timeout=seconds,
        env=env,
        limits=Limits(cpu=math.ceil(seconds) + 1, reads=reads, writes=writes),
        on_line=on_line,
    )
    if finished.code < 0 or finished.timed_out or finished.too_many_processes:
        raise ToolFailed(f"{name}: {finished.describe()}")
    return finished


def read_report(name: str, report: Path, finished: Finished) -> Any:  # noqa: ANN401  (JSON of many shapes)
    """Read the JSON that a tool has left.

    Raises:
        ToolFailed: it has left none.
    """
    try:
        return json.loads(report.read_bytes())
    except (OSError, ValueError) as error:
        said = finished.output.splitlines() or [finished.describe()]
        raise ToolFailed(f"{name}: {said[-1]}") from error
