"""Which parts of a CSV file are quoted, found out without reading its fields one by one."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .progress import Progress

CHUNK_BYTES = 1 << 20
# Stands for a quote that is a character.
_CHARACTER = b"x"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A part of a file: what lies between its quotes, every other piece of it quoted.

    Attributes:
        pieces: which make the part when they are joined by quotes.
        first: the place among them of the first that is not quoted, 0 or 1.
    """

    pieces: list[bytes]
    first: int

    @property
    def unquoted(self) -> list[bytes]:
        """The pieces that are not quoted."""
        return self.pieces[self.first :: 2]


class Quotes:
    """A CSV file in parts.

    A quote opens a field only where the field begins, one space before it allowed; elsewhere outside of quotes it is a
    character, and stays one in the pieces. Two in a row inside of a field end one quoted piece and begin another, with
    nothing between. After all parts, ``opened`` is where a quote stands that nothing closes; None if there is none.
    """

    def __init__(self, path: Path, delimiter: str, progress: Progress) -> None:
        self._path = path
        self._progress = progress
        separator = re.escape(delimiter.encode())
        self._stray = re.compile(rb'(?<![\n\r"' + separator + rb"])(?<!" + separator + rb' )"')
        self._last_opened = 0
        self.opened: int | None = None

    def __iter__(self) -> Iterator[Part]:
        before, place = b"\n", 0
        for chunk in self._chunks():
            quoted = self.opened is not None
            pieces = chunk.split(b'"')
            before = b'"' if quoted else before
            part = Part(pieces=self._without_strays(pieces, before, quoted=quoted), first=int(quoted))
            yield part
            self._note_opened(part, before, place)
            before = _ending(part, before)
            place += len(chunk)

    def _chunks(self) -> Iterator[bytes]:
        size = self._path.stat().st_size
        with self._path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                if chunk.endswith(b"\r"):  # Its line feed may be the next byte.
                    chunk += file.read(1)
                self._progress.tick(file.tell() / size)
                yield chunk

    def _without_strays(self, pieces: list[bytes], before: bytes, *, quoted: bool) -> list[bytes]:
        """The pieces, with those joined that a quote divides which is only a character."""
        followed = pieces[int(quoted) : -1 : 2]
        if not followed or not self._stray.search(before + b'"'.join(followed) + b'"', len(before)):
            return pieces
        made: list[list[bytes]] = [[pieces[0]]]
        for piece in pieces[1:]:
            follows = _CHARACTER if len(made[-1]) > 1 else before if len(made) == 1 else b'"'
            lead = (follows + made[-1][-1])[-2:]
            if not quoted and self._stray.search(lead + b'"', len(lead)):
                made[-1].append(piece)
            else:
                quoted = not quoted
                made.append([piece])
        return [b'"'.join(each) for each in made]

    def _note_opened(self, part: Part, before: bytes, place: int) -> None:
        opener = _opener(part, continued=before.endswith(b'"'))
        if opener is not None:
            self._last_opened = place + sum(map(len, part.pieces[: opener + 1])) + opener
        ends_quoted = (len(part.pieces) - 1 - part.first) % 2 == 1
        self.opened = self._last_opened if ends_quoted else None


def _ending(part: Part, before: bytes) -> bytes:
    """The last bytes of a part, in which a quote is one that closes a field."""
    last = part.pieces[-1]
    if last.endswith(b'"'):
        return _CHARACTER
    return ((before if len(part.pieces) == 1 else b'"') + last)[-2:]


def _opener(part: Part, *, continued: bool) -> int | None:
    """The last unquoted piece that a quote follows which opens a field, and is no character of the field before it.

    Args:
        part: of a file.
        continued: the part follows a quote, so that a quote at its beginning is a character.
    """
    last = len(part.pieces) - 2
    for place in range(last - (last - part.first) % 2, -1, -2):
        if part.pieces[place] or (place == 0 and not continued):
            return place
    return None


def joined(pieces: Sequence[bytes]) -> bytes:
    """What the pieces are made of."""
    return b'"'.join(pieces)
