"""Compressed files: expanded into the folder as a stream, and not beyond the limit."""

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import zstandard

from .errors import BadFile, TooLarge
from .formats import Compression
from .limits import MEBIBYTE
from .progress import Progress

# So few that even the densest data does not fill the memory at one go: gzip expands up to 1,032-fold, zstd 32,768-fold.
_READ_BYTES: dict[Compression, int] = {"gzip": 64 * 1024, "zstd": 2 * 1024}
_MAX_WINDOW_BYTES = 128 * MEBIBYTE


class _Decoder(Protocol):
    """What zlib and zstandard have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def expand(source: Path, target: Path, compression: Compression, limit: int, progress: Progress) -> None:
    """Write what a compressed file holds to another file.

    Args:
        source: the compressed file.
        target: to be written.
        compression: of the source.
        limit: bytes that the target may have.
        progress: is told how much of the source was read.

    Raises:
        BadFile: the data is damaged or cut short.
        TooLarge: it would be more than the limit.
    """
    written = 0
    with target.open("wb") as file:
        for chunk in _expanded(source, compression, progress):
            written += len(chunk)
            if written > limit:
                raise TooLarge(f"the file grows beyond {limit / 1e9:.3g} GB when it is expanded")
            file.write(chunk)


def _expanded(source: Path, compression: Compression, progress: Progress) -> Iterator[bytes]:
    new = _decoders(compression)
    size, done, decoder = source.stat().st_size, 0, new()
    with source.open("rb") as file:
        while data := file.read(_READ_BYTES[compression]):
            done += len(data)
            progress.tick(done / size)
            while data:
                if decoder.eof:  # Files may be made of several that were joined.
                    decoder = new()
                try:
                    yield decoder.decompress(data)
                except (zlib.error, zstandard.ZstdError) as error:
                    raise BadFile(f"the {compression} data is damaged") from error
                data = decoder.unused_data if decoder.eof else b""
    if not decoder.eof:
        raise BadFile(f"the {compression} data is cut short")


def _decoders(compression: Compression) -> Callable[[], _Decoder]:
    if compression == "gzip":
        return lambda: zlib.decompressobj(wbits=31)
    context = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
    return context.decompressobj
