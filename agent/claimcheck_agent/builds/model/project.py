"""The project's folder, as the only thing that a model can change, and within which limits."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from claimcheck_agent.builds.model.settings import Budget
from claimcheck_agent.confine.paths import inside

RESERVED = frozenset({".git", ".venv", "__pycache__"})  # Not of a project that is handed over.


class Refused(ValueError):
    """The project does not take this; the message is for the model."""


class Project:
    """The files of a project, by their relative POSIX paths. Nobody else may write in its folder."""

    def __init__(self, folder: Path, budget: Budget) -> None:
        self._folder = folder
        self._budget = budget

    def files(self) -> list[str]:
        """Give the paths of all files, sorted."""
        return sorted(path.relative_to(self._folder).as_posix() for path in self._paths())

    def size(self, path: str) -> int:
        """Give the bytes of a file."""
        return (self._folder / path).stat().st_size

    def write(self, path: str, content: str) -> None:
        """Write a text file, with the folders that it is in.

        Raises:
            Refused, OutsideProject: it is not taken.
        """
        file = inside(self._folder, path)
        if RESERVED.intersection(file.relative_to(self._folder.resolve()).parts):
            raise Refused(f"{path}: this name is reserved")
        data = _encoded(path, content)
        self._check(file, path, len(data))
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise Refused(f"{path}: a file would have to be a folder, or a folder a file") from error

    def read(self, path: str) -> str:
        """Give a file's text.

        Raises:
            Refused, OutsideProject: there is no such file.
        """
        return self._file(path).read_text(encoding="utf-8")

    def delete(self, path: str) -> None:
        """Delete a file.

        Raises:
            Refused, OutsideProject: there is no such file.
        """
        self._file(path).unlink()

    def digest(self) -> str:
        """Give a value that is another for another project."""
        told = hashlib.sha256()
        for path in self.files():
            told.update(f"{path}\0".encode() + hashlib.sha256((self._folder / path).read_bytes()).digest())
        return told.hexdigest()

    def _check(self, file: Path, path: str, size: int) -> None:
        if size > self._budget.file_bytes:
            raise Refused(f"{path}: {size} bytes are too many, a file may have {self._budget.file_bytes}")
        others = [other.stat().st_size for other in self._paths() if other.resolve() != file]
        if len(others) >= self._budget.files:
            raise Refused(f"{path}: the project has {self._budget.files} files already, which is the most it may have")
        if sum(others) + size > self._budget.project_bytes:
            raise Refused(f"{path}: with it the project would be larger than {self._budget.project_bytes} bytes")

    def _file(self, path: str) -> Path:
        file = inside(self._folder, path)
        if not file.is_file():
            raise Refused(f"{path}: there is no such file")
        return file

    def _paths(self) -> Iterator[Path]:
        return (path for path in self._folder.rglob("*") if path.is_file() and not path.is_symlink())


def _encoded(path: str, content: str) -> bytes:
    try:
        return content.encode()
    except UnicodeEncodeError as error:
        raise Refused(f"{path}: the content is not valid Unicode") from error
