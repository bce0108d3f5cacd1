"""How complex and how maintainable each file is, as measured by radon; and which cannot be read at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claimcheck_agent.analysis.tools import read_report, run_python
from claimcheck_agent.analysis.tree import Tree

# Not imported, since it runs in a process of its own, and with radon.
MEASURE = Path(__file__).with_name("measure.py")

COMPLEX = 10  # Radon's ranks A and B are up to this; a function beyond it is worth splitting.
VERY_COMPLEX = 20
TOO_COMPLEX = 40


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function or method: its name, where it begins, its cyclomatic complexity and its lines of code."""

    name: str
    file: str
    line: int
    complexity: int
    lines: int


@dataclass(frozen=True, kw_only=True)
class FileMetrics:
    """A file: its lines of code, its maintainability index (0 to 100) with radon's rank of it, and its functions."""

    file: str
    lines: int
    maintainability: float
    rank: str
    functions: tuple[Function, ...]


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A file that is not Python: what is wrong, at which line, and how many of its lines are not blank."""

    file: str
    problem: str
    line: int
    lines: int


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """All files of a project, by path."""

    files: tuple[FileMetrics, ...]
    unreadable: tuple[Unreadable, ...]

    @property
    def lines(self) -> int:
        """The lines of code of all files that can be read."""
        return sum(file.lines for file in self.files)

    @property
    def complex_functions(self) -> list[Function]:
        """The functions that are worth splitting, the most complex first."""
        found = [item for file in self.files for item in file.functions if item.complexity > COMPLEX]
        return sorted(found, key=lambda item: (-item.complexity, item.file, item.line))

    @property
    def hard_to_maintain(self) -> list[FileMetrics]:
        """The files below radon's best rank, the worst first."""
        return sorted(
            (item for item in self.files if item.rank != "A"), key=lambda item: (item.maintainability, item.file)
        )


def measure_files(tree: Tree, reports: Path, *, until: float) -> Metrics:
    """Measure all files of a tree; `until` says when it is given up, on the monotonic clock.

    Raises:
        ToolFailed: they could not be measured.
    """
    report = reports / "metrics.json"
    arguments = (str(MEASURE), str(tree.folder), str(report))
    finished = run_python("radon", arguments, tree, reads=(MEASURE,), writes=(reports,), until=until)
    said = read_report("radon", report, finished)
    files = [(file, said[file]) for file in tree.files]
    return Metrics(
        files=tuple(_metrics(file, found) for file, found in files if "error" not in found),
        unreadable=tuple(
            Unreadable(file=file, problem=found["error"], line=found["line"], lines=found["lines"])
            for file, found in files
            if "error" in found
        ),
    )


def _metrics(file: str, found: Mapping[str, Any]) -> FileMetrics:
    return FileMetrics(
        file=file,
        lines=found["lines"],
        maintainability=found["maintainability"],
        rank=found["rank"],
        functions=tuple(Function(file=file, **function) for function in found["functions"]),
    )
