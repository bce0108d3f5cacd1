"""The Python files of a project, copied to where the tools find them and nothing else of the project."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

SUFFIXES = (".py", ".pyi")
LARGEST_FILE = 1 << 20  # Bytes; what is larger was not written by people.
# What version control, environments, tools and package managers make; ruff leaves out the same by default.
GENERATED = frozenset(
    {
        *(".bzr", ".direnv", ".eggs", ".git", ".git-rewrite", ".hg", ".ipynb_checkpoints", ".mypy_cache", ".nox"),
        *(".pants.d", ".pyenv", ".pytest_cache", ".pytype", ".ruff_cache", ".svn", ".tox", ".venv", ".vscode"),
        *("__pycache__", "__pypackages__", "buck-out", "node_modules", "site-packages"),
    }
)
# These are left out too, unless they are packages.
GENERATED_UNLESS_PACKAGE = frozenset({"_build", "build", "dist", "env", "venv"})


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A folder with the Python files of a project under the paths that they have in it (POSIX, sorted).

    `left_out` are those that are not in it since they are too large.
    """

    folder: Path
    files: tuple[str, ...]
    left_out: tuple[str, ...]

    @classmethod
    def copy(cls, project: Path, folder: Path) -> "Tree":
        """Copy the Python files of a project into a new folder. The tools' settings stay behind, and so have no say."""
        files, left_out = [], []
        for path in _python_files(project):
            relative = path.relative_to(project).as_posix()
            if path.stat().st_size > LARGEST_FILE:
                left_out.append(relative)
                continue
            target = folder / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            files.append(relative)
        return cls(folder=folder, files=tuple(sorted(files)), left_out=tuple(sorted(left_out)))

    def without(self, files: frozenset[str]) -> "Tree":
        """Take these files away."""
        for file in files:
            (self.folder / file).unlink()
        return Tree(
            folder=self.folder,
            files=tuple(file for file in self.files if file not in files),
            left_out=self.left_out,
        )


def is_test(file: str) -> bool:
    """Say whether a file belongs to a project's tests, by the names that pytest and unittest look for."""
    path = PurePosixPath(file)
    if {"test", "tests"} & set(path.parts[:-1]):
        return True
    return path.name.startswith("test_") or path.stem.endswith("_test") or path.name == "conftest.py"


def is_generated(folder: Path) -> bool:
    """Say whether a folder holds what tools have made or fetched, and not what a project's authors have written."""
    if folder.name in GENERATED or folder.name.endswith(".egg-info") or (folder / "pyvenv.cfg").exists():
        return True
    return folder.name in GENERATED_UNLESS_PACKAGE and not (folder / "__init__.py").exists()


def _python_files(project: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(project):
        folders[:] = [name for name in folders if not is_generated(Path(folder) / name)]
        for name in files:
            if name.endswith(SUFFIXES):
                yield Path(folder) / name
