"""How many mistakes mypy finds in the code's types."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from claimcheck_agent.analysis.tools import ToolFailed, run_python
from claimcheck_agent.analysis.tree import Tree

MOST_ROUNDS = 10
DUPLICATE = ("Duplicate module named", "Source file found twice")
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


def check_types(tree: Tree, *, until: float) -> list[TypeMistake]:
    """Check all files of a tree; by file and line. `until` says when it is given up, on the monotonic clock.

    The tree is of no use to others afterwards: it loses files that mypy cannot check at all, and some get other names.

    Raises:
        ToolFailed: mypy gave no answer.
    """
    _drop_impossible_packages(tree)
    mistakes: set[TypeMistake] = set()
    names: Mapping[str, str] | None = None
    sources = True
    for _ in range(MOST_ROUNDS):
        code, found = _run(tree, until, sources=sources)
        if code == BLOCKED and sources and any(mistake.message.startswith(DUPLICATE) for mistake in found):
            # First the folders get names; if that does not do, `src` becomes a folder like others.
            sources = names is None
            names = _rename_folders(tree) if names is None else names
            continue
        mistakes.update(replace(mistake, file=(names or {}).get(mistake.file, mistake.file)) for mistake in found)
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


def _rename_folders(tree: Tree) -> Mapping[str, str]:
    """Have no two files be the same module; gives what files were called by what they are called now.

    What is below a folder that no import statement could name, mypy takes for a project of its own, and so it knows
    only one `handler` of all `functions/do-this/handler.py`. With other names such folders are packages like others.
    """
    names: dict[str, str] = {}
    folders: dict[PurePosixPath, PurePosixPath] = {PurePosixPath(): PurePosixPath()}
    for file in tree.files:
        path = PurePosixPath(file)
        for folder in reversed(path.parents):
            name = folder.name if folder.name.isidentifier() else f"renamed_{len(folders)}"
            folders.setdefault(folder, folders[folder.parent] / name)
        new = folders[path.parent] / path.name
        if new != path and (tree.folder / file).exists():
            names[new.as_posix()] = file
            (tree.folder / new).parent.mkdir(parents=True, exist_ok=True)
            (tree.folder / file).rename(tree.folder / new)
    return names


def _run(tree: Tree, until: float, *, sources: bool) -> tuple[int, list[TypeMistake]]:
    said: list[dict[str, Any]] = []

    def read(line: str) -> None:
        if line.startswith("{"):
            said.append(json.loads(line))

    source = tree.folder / "src"
    env = {"MYPYPATH": str(source)} if sources and source.is_dir() and not (source / "__init__.py").exists() else {}
    finished = run_python("mypy", ARGUMENTS, tree, until=until, env=env, on_line=read)
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
