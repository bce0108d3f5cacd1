"""Unpacks an archive that anybody may have made: `python -I -S unpack.py ARCHIVE FOLDER`.

Run as a file in a confined process of its own, since reading an archive can take as much memory as its maker likes;
so it imports the standard library only. Only folders and plain files come out of it: no links, no devices, nothing
outside the folder, and no more than the limits below. What is wrong is the last line on standard output.
"""

import shutil
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from stat import S_ISDIR, S_ISREG
from typing import IO

MOST_ENTRIES = 50_000  # Folders that only the entries within them name count too.
DEEPEST = 64  # Parts of a path.
LARGEST = 500 << 20  # Bytes that come out.
LARGEST_RATIO = 100  # Of what comes out to what went in;
FREE_OF_RATIO = 10 << 20  # beyond so many bytes.


class Refused(Exception):
    """The archive is not unpacked; the message is for its owner."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing in an archive; `plain` if it is a file and nothing else. `size` is in bytes."""

    name: str
    folder: bool
    plain: bool
    size: int
    open: Callable[[], IO[bytes] | None]


def main(archive: str, folder: str) -> int:
    """Unpack the archive into the folder; gives the exit code."""
    try:
        left_out = unpack(Path(archive), Path(folder))
    except Refused as error:
        print(error)  # noqa: T201  (this is the protocol)
        return 1
    except Exception as error:  # noqa: BLE001  (whatever a bad archive makes of what reads it)
        # What the system says of a file, and not where that is on this machine.
        why = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
        print(f"The archive cannot be read: {' '.join(why.split())}")  # noqa: T201  (this is the protocol)
        return 1
    if left_out:
        print(f"left out {left_out} links, devices or files with unprintable names")  # noqa: T201  (for the log)
    return 0


def unpack(archive: Path, folder: Path) -> int:
    """Unpack a tar archive, plain or compressed, or a zip archive; gives how many entries were left out.

    Raises:
        Refused: it is neither, leads out of the folder or is too large.
        Others: it is broken.
    """
    left_out = files = size = 0
    folders: set[PurePosixPath] = set()
    largest = min(LARGEST, max(FREE_OF_RATIO, LARGEST_RATIO * archive.stat().st_size))
    for number, entry in enumerate(_entries(archive), 1):
        size += entry.size
        path = _relative(entry.name)
        unwanted = not entry.name.isprintable() or not (entry.folder or entry.plain)
        left_out += unwanted
        files += not entry.folder
        folders.update(() if unwanted else (path, *path.parents) if entry.folder else path.parents)
        # The folder that all is unpacked into is no entry.
        if max(number, files + len(folders) - 1) > MOST_ENTRIES:
            raise Refused(f"The archive has more than {MOST_ENTRIES} entries.")
        if size > largest:
            raise Refused(f"The archive holds more than {largest >> 20} MB, or is compressed more than code can be.")
        if not unwanted:
            _write(entry, folder / path)
    return left_out


def _relative(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise Refused(f"The archive has an entry that leads out of it: {name[:100]!a}.")
    if len(path.parts) > DEEPEST:
        raise Refused(f"The archive has paths of more than {DEEPEST} parts.")
    return path


def _write(entry: Entry, target: Path) -> None:
    try:
        (target if entry.folder else target.parent).mkdir(parents=True, exist_ok=True)
        source = None if entry.folder else entry.open()
        if source is not None:
            with source, target.open("wb") as file:
                shutil.copyfileobj(source, file)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise Refused(f"The archive has both a file and a folder of one name: {entry.name[:100]!a}.") from error


def _entries(archive: Path) -> Iterator[Entry]:
    # Tar first: one whose last file is a zip archive would be taken for that.
    try:
        tar = tarfile.open(archive, "r|*")  # noqa: SIM115  (closed below)
    except tarfile.ReadError as error:
        if not zipfile.is_zipfile(archive):
            raise Refused("The source is neither a tar nor a zip archive.") from error
        with zipfile.ZipFile(archive) as opened:
            yield from map(_ZipEntries(opened).entry, opened.infolist())
        return
    with tar:
        yield from map(_TarEntries(tar).entry, tar)


@dataclass(frozen=True)
class _TarEntries:
    tar: tarfile.TarFile

    def entry(self, member: tarfile.TarInfo) -> Entry:
        return Entry(
            name=member.name,
            folder=member.isdir(),
            plain=member.isreg(),
            size=member.size,
            open=lambda: self.tar.extractfile(member),
        )


@dataclass(frozen=True)
class _ZipEntries:
    zip: zipfile.ZipFile

    def entry(self, member: zipfile.ZipInfo) -> Entry:
        # Zero where the archive was not made on a POSIX system.
        mode = member.external_attr >> 16
        return Entry(
            name=member.filename,
            folder=member.is_dir() or S_ISDIR(mode),
            plain=not mode or S_ISREG(mode) or not mode & 0o170000,
            size=member.file_size,
            open=lambda: self.zip.open(member),
        )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
