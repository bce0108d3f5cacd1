"""The elements of a JSON array, one after the other, from a file that need not fit into the memory."""

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from .errors import BadFile
from .progress import Progress

CHUNK_BYTES = 1 << 20
MAX_ELEMENT_CHARACTERS = 20_000_000

_NOT_WHITE = re.compile(r"[^ \t\n\r]")
# Only where an element ends is asked here; its numbers are not made into numbers.
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, object_pairs_hook=len)


def elements(path: Path, progress: Progress) -> Iterator[tuple[int, bytes]]:
    """Each element, as it stood, with the number of the line that it begins in.

    Raises:
        BadFile: the file is no JSON array, or not UTF-8; with the line.
    """
    with path.open("rb") as file:
        text = _Text(file, path.stat().st_size, progress)
        text.expect("[", "a JSON array must begin with [")
        if text.next() != "]":
            yield text.element()
            while text.next() == ",":
                text.skip()
                yield text.element()
        text.expect("]", "a comma or ] is missing after an element")
        if text.next():
            raise BadFile(f"line {text.line}: something follows the array")


class _Text:
    """What is left to read of a file, of which a part is in the memory."""

    def __init__(self, file: BinaryIO, size: int, progress: Progress) -> None:
        self._file = file
        self._size = size
        self._progress = progress
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")()
        self._text = ""
        self._place = 0
        self._ended = False
        self.line = 1

    def next(self) -> str:
        """The next character that is not white space; none at the end."""
        while True:
            found = _NOT_WHITE.search(self._text, self._place)
            self._advance(found.start() if found else len(self._text))
            if self._place < len(self._text) or not self._read():
                return self._text[self._place : self._place + 1]

    def skip(self) -> None:
        """Pass over a character."""
        self._advance(self._place + 1)

    def expect(self, character: str, problem: str) -> None:
        """Pass over this character, which must be next."""
        found = self.next()
        if found != character:
            raise BadFile(f"line {self.line}: {problem}" if found else f"line {self.line}: the array ends too early")
        self.skip()

    def element(self) -> tuple[int, bytes]:
        """The next element and its line."""
        self.next()
        line, end = self.line, self._end()
        content = self._text[self._place : end].encode()
        self._advance(end)
        return line, content

    def _end(self) -> int:
        """Where the element ends that begins here."""
        while True:
            try:
                _, end = _DECODER.raw_decode(self._text, self._place)
                if end < len(self._text) or not self._read():  # A number may go on.
                    return int(end)
            except json.JSONDecodeError as error:
                if len(self._text) - self._place > MAX_ELEMENT_CHARACTERS:
                    raise BadFile(f"line {self.line}: an element is not valid JSON, or longer than 20 MB") from error
                if not self._read():
                    line = self.line + self._text.count("\n", self._place, error.pos)
                    raise BadFile(f"line {line}: it is not valid JSON: {error.msg.lower()}") from error
            except RecursionError as error:
                raise BadFile(f"line {self.line}: values are nested too deeply") from error

    def _advance(self, place: int) -> None:
        self.line += self._text.count("\n", self._place, place)
        self._place = place

    def _read(self) -> bool:
        """Bring more of the file into the memory; whether there was more."""
        if self._ended:
            return False
        # As much again as there is, so that a long element is not looked at over and over.
        chunk = self._file.read(max(CHUNK_BYTES, len(self._text) - self._place))
        self._progress.tick(self._file.tell() / self._size)
        self._ended = not chunk
        try:
            more = self._utf8.decode(chunk, final=self._ended)
        except UnicodeDecodeError as error:
            line = self.line + self._text.count("\n", self._place) + chunk.count(b"\n", 0, error.start)
            raise BadFile(f"line {line}: it is not UTF-8") from error
        self._text, self._place = self._text[self._place :] + more, 0
        return True
