"""What stands where in a text file: read piece by piece, since a mapped file would count as memory."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from .errors import BadFile
from .progress import Progress

_CHUNK_BYTES = 1 << 22
_SHOWN_BYTES = 2048


def holds(path: Path, byte: bytes, progress: Progress) -> bool:
    """Whether a byte stands anywhere in a file."""
    return _first(path, byte, progress) is not None


def refuse_nul(path: Path, progress: Progress) -> None:
    """Look for NUL bytes.

    Raises:
        BadFile: there is one; names its line.
    """
    place = _first(path, b"\0", progress)
    if place is None:
        return
    [line] = lines_at(path, [place])
    with path.open("rb") as file:
        beginning = file.read(_SHOWN_BYTES)
    hint = "; it may be UTF-16, which must be converted to UTF-8" if beginning.count(b"\0") * 3 > len(beginning) else ""
    raise BadFile(f"line {line} holds a NUL byte{hint}")


def refuse_long_end(path: Path, limit: int) -> None:
    """Look whether the last line is longer than ``limit`` (bytes).

    Raises:
        BadFile: it is; with its number.
    """
    start = path.stat().st_size - limit
    if start <= 0:
        return
    with path.open("rb") as file:
        file.seek(start)
        end = file.read(limit).rstrip(b"\r\n")
    if b"\n" not in end and b"\r" not in end:
        [line] = lines_at(path, [start])
        raise BadFile(f"line {line} is longer than {limit // 1_000_000} MB")


def lines_at(path: Path, places: Sequence[int]) -> list[int]:
    """The numbers of the lines in which these places are.

    Args:
        path: of the file.
        places: bytes from its beginning, ascending.
    """
    lines, feeds, returns, start = [], 0, 0, 0
    with path.open("rb") as file:
        for place in places:
            for chunk in _until(file.read, place - start):
                feeds += chunk.count(b"\n")
                returns += chunk.count(b"\r")
            start = place
            lines.append(1 + (feeds or returns))  # Some files have carriage returns alone.
    return lines


def _first(path: Path, byte: bytes, progress: Progress) -> int | None:
    size, start = path.stat().st_size, 0
    with path.open("rb", buffering=0) as file:
        buffer = bytearray(_CHUNK_BYTES)
        while count := file.readinto(buffer):
            found = buffer.find(byte, 0, count)
            if found >= 0:
                return start + found
            start += count
            progress.tick(start / size)
    return None


def _until(read: Callable[[int], bytes], count: int) -> Iterator[bytes]:
    while count > 0 and (chunk := read(min(_CHUNK_BYTES, count))):
        count -= len(chunk)
        yield chunk
