"""Zip files that come out the same, byte for byte, from the same contents: an unchanged layer is not uploaded again."""

import zipfile
from pathlib import Path

# The earliest time a zip file can hold.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_READABLE = 0o100644 << 16


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip file into a folder."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)


def pack(folder: Path, archive: Path) -> None:
    """Write a zip file of a folder's files, in order of their names, all of one time and readable by anybody."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name in sorted(path.relative_to(folder).as_posix() for path in files(folder)):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = _UNIX
            entry.external_attr = _READABLE
            entry.compress_type = zipfile.ZIP_DEFLATED
            opened.writestr(entry, (folder / name).read_bytes())


def files(folder: Path) -> list[Path]:
    """Every file in a folder and its folders."""
    return [path for path in folder.rglob("*") if path.is_file()]


def size(folder: Path) -> int:
    """The bytes of a folder's files."""
    return sum(path.stat().st_size for path in files(folder))
