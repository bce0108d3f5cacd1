"""What ruff finds in the code, by rules that are ours and not the project's."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from claimcheck_agent.analysis.tools import VERSION, read_report, run_python
from claimcheck_agent.analysis.tree import Tree, is_test

LIKELY_BUGS = (
    *("E7", "E9", "F", "W6"),  # What Python or pycodestyle warns of; pyflakes.
    *("ASYNC", "B", "BLE", "PLE", "PLW", "T10"),  # Blocking in async code, bugbear, blind excepts, pylint, debuggers.
)
STYLE = (
    *("A001", "A002", "C4", "E4", "ERA", "PERF", "PGH", "PIE", "PLC", "RET", "SIM"),
    *("D101", "D103"),  # Public classes and functions without a docstring.
)
IGNORED = (
    "PLC0415",  # An import within a function may have its reasons.
    "SIM108",  # So may an if statement.
)
DOCSTRINGS = re.compile(r"D\d")
UNREADABLE = "invalid-syntax"
BUGS = re.compile(rf"({'|'.join(LIKELY_BUGS)})\d|{UNREADABLE}")


@dataclass(frozen=True, kw_only=True, order=True)
class Smell:
    """One finding: the file, the line, the rule's code, what is wrong, and what ruff would do about it, if anything."""

    file: str
    line: int
    rule: str
    message: str
    fix: str | None = field(default=None, compare=False)

    @property
    def likely_bug(self) -> bool:
        """Whether it most likely is a mistake, and not a matter of style."""
        return BUGS.match(self.rule) is not None

    @property
    def about_docstrings(self) -> bool:
        """Whether it asks for a docstring."""
        return DOCSTRINGS.match(self.rule) is not None


def find_smells(tree: Tree, reports: Path, *, until: float) -> list[Smell]:
    """Look for smells in all files, also where comments ask not to; by file and line.

    `until` says when it is given up, on the monotonic clock.

    Raises:
        ToolFailed: ruff gave no answer.
    """
    report = reports / "ruff.json"
    arguments = (
        *("-m", "ruff", "check", "--isolated", "--no-cache", "--ignore-noqa", "--no-respect-gitignore"),
        *("--config", "exclude = []", "--per-file-ignores", "__init__.py:F401"),
        *("--select", ",".join(LIKELY_BUGS + STYLE), "--ignore", ",".join(IGNORED)),
        *("--target-version", f"py{VERSION.replace('.', '')}"),
        *("--output-format", "json", "--output-file", str(report), "--exit-zero", "."),
    )
    finished = run_python("ruff", arguments, tree, writes=(reports,), until=until)
    # The kernel's name of the folder, which ruff's paths begin with.
    folder = tree.folder.resolve()
    smells = (
        Smell(
            file=Path(found["filename"]).relative_to(folder).as_posix(),
            line=found["location"]["row"],
            rule=found["code"] or UNREADABLE,
            message=found["message"],
            fix=found["fix"]["message"] if found["fix"] else None,
        )
        for found in read_report("ruff", report, finished)
    )
    return sorted(smell for smell in smells if not (smell.about_docstrings and is_test(smell.file)))
