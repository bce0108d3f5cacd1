"""Packs a project so that the same files make the same bytes."""

import gzip
import stat
import tarfile
from collections.abc import Iterable
from pathlib import Path

from claimcheck_agent.confine.paths import OutsideProject, inside

NAME = "sources.tar.gz"
LONG_AGO = 315_532_800  # 1980-01-01, the earliest time that every archive format can hold.


def pack(folder: Path, files: Iterable[str], target: Path, *, top: str) -> list[str]:
    """Write a .tar.gz of a project's files (relative POSIX paths) under one top folder; gives what is in it, sorted.

    Times, owners and modes are the same for all, but for whether a file is executable. What is no file within the
    folder is left out. Nobody else may be changing the folder.
    """
    with (
        target.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=LONG_AGO) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        return [name for name in sorted(files) if _add(archive, folder, name, top)]


def _add(archive: tarfile.TarFile, folder: Path, name: str, top: str) -> bool:
    try:
        path = inside(folder, name)
    except OutsideProject:
        return False
    if not path.is_file():
        return False
    status = path.stat()
    entry = tarfile.TarInfo(f"{top}/{name}")
    entry.size, entry.mtime = status.st_size, LONG_AGO
    entry.mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
    with path.open("rb") as file:
        archive.addfile(entry, file)
    return True
