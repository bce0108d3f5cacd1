"""How many mistakes mypy finds in the code's types."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claimcheck_agent.analysis.tools import ToolFailed, run_python
from claimcheck_agent.analysis.tree import Tree

MOST_ROUNDS = 10
BLOCKED = 2  # Mypy's exit code when something keeps it from checking the types of anything.
ARGUMENTS = (
    # No settings of the project's, whose plugins would be run.
    *("-m", "mypy", "--config-file=", "--no-incremental", "--cache-dir=/dev/null"),
    # Packages that are installed here are not the project's; what is not there counts as Any.
    *("--no-site-packages", "--disable-error-code=import"),
    # Scripts of one name in two folders are two modules.
    *("--namespace-packages", "--explicit-package-bases"),
    *("--no-error-summary", "--output=json", "."),
)


@dataclass(frozen=True, kw_only=True, order=True)
class TypeMistake:
    """One mistake: the file, the line (1 if it concerns all of the file), what is wrong, and mypy's code for it."""

    file: str
    line: int
    message: str
    code: str


def check_types(tree: Tree) -> list[TypeMistake]:
    """Check all files of a tree, which loses those that mypy cannot check at all; by file and line.

    Raises:
        ToolFailed: mypy gave no answer.
    """
    _drop_impossible_packages(tree)
    mistakes: set[TypeMistake] = set()
    for _ in range(MOST_ROUNDS):
        code, found = _run(tree)
        mistakes.update(found)
        if code != BLOCKED:
            return sorted(mistakes)
        # Mypy ends at the first file that it cannot take: one that has the name of a module that it builds upon, say.
        for file in {mistake.file for mistake in found}:
            (tree.folder / file).unlink(missing_ok=True)
    raise ToolFailed(f"mypy: it cannot take the project's files, the last of them {max(mistakes).file}")


def _drop_impossible_packages(tree: Tree) -> None:
    """Have folders that no import statement could name be taken for plain folders; mypy refuses them as packages."""
    for file in tree.files:
        path = tree.folder / file
        if path.stem == "__init__" and path.parent != tree.folder and not path.parent.name.isidentifier():
            path.unlink(missing_ok=True)


def _run(tree: Tree) -> tuple[int, list[TypeMistake]]:
    said: list[dict[str, Any]] = []

    def read(line: str) -> None:
        if line.startswith("{"):
            said.append(json.loads(line))

    sources = [folder for folder in (tree.folder / "src",) if folder.is_dir() and not (folder / "__init__.py").exists()]
    env = {"MYPYPATH": str(sources[0])} if sources else {}
    finished = run_python("mypy", ARGUMENTS, tree, env=env, on_line=read)
    found = [
        TypeMistake(
            file=Path(item["file"]).as_posix(),
            line=max(1, item["line"]),
            message=item["message"],
            code=item["code"] or "error",
        )
        for item in said
        if item["severity"] == "error"
    ]
    if finished.code == BLOCKED and not found:
        last = finished.output.splitlines() or [finished.describe()]
        raise ToolFailed(f"mypy: {last[-1]}")
    return finished.code, found
