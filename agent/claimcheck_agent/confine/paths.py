"""Names of files that somebody else chose, and the folder that they must not lead out of."""

import os
import unicodedata
from pathlib import Path, PurePosixPath

LONGEST_PATH = 512  # Characters.
LONGEST_NAME = 255  # Bytes; what common file systems can hold.
DEEPEST = 32  # Folders within each other.


class OutsideProject(ValueError):
    """The path does not lead to a place within the project."""


def inside(root: Path, relative: str) -> Path:
    """Give the file or folder of a project that a relative POSIX path names, whether it is there or not.

    The answer holds for the project as it is now: nothing else may be changing it.

    Raises:
        OutsideProject: the path is absolute, empty or too long, has `..`, a control character or a backslash in it,
            or leads through a symbolic link to somewhere else. The message is for whoever chose the path.
    """
    path = PurePosixPath(_checked(relative))
    if path.is_absolute() or ".." in path.parts:
        raise OutsideProject(f"{_shown(relative)}: paths are relative to the project's folder and have no '..'")
    if not path.parts:
        raise OutsideProject("the path is empty")
    if len(path.parts) > DEEPEST or any(len(os.fsencode(part)) > LONGEST_NAME for part in path.parts):
        raise OutsideProject(f"{_shown(relative)}: the path is too long")
    real_root = root.resolve()
    found = real_root / path
    try:
        real = found.resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: links that go round in a circle.
        raise OutsideProject(f"{_shown(relative)}: the path cannot be followed") from error
    if real == real_root or not real.is_relative_to(real_root):
        raise OutsideProject(f"{_shown(relative)}: the path leads out of the project's folder")
    return real


def _checked(relative: str) -> str:
    if len(relative) > LONGEST_PATH:
        raise OutsideProject(f"{_shown(relative)}: the path is too long")
    # Cc: NUL and line breaks; Cs: halves of surrogate pairs, which no file system takes.
    if "\\" in relative or any(unicodedata.category(character) in {"Cc", "Cs"} for character in relative):
        raise OutsideProject(f"{_shown(relative)}: the path has a control character or a backslash in it")
    return relative


def _shown(relative: str) -> str:
    return ascii(relative[:80])
