"""JSON objects as rows of tokens, each byte for byte as it stood, staged in a file that DuckDB reads in parallel."""

import json
import re
from collections.abc import Sequence
from typing import Any, BinaryIO

import msgspec

from .errors import BadFile

# Neither can stand in a JSON token, once the white space inside of nested values has no line breaks.
SEPARATOR = b"\x01"
MAX_KEYS = 2_000
FLUSHED_BYTES = 1 << 20

_DECODER = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BREAKS = bytes.maketrans(b"\r\n", b"  ")
_PLACE = re.compile(r" \(byte \d+\)$")


class BadObject(ValueError):
    """This is no JSON object that can be a row; the text says why."""


class StagedRows:
    """Writes rows, one a line, with a column for each key in the order in which the keys come up.

    A line begins with a separator, so that none is empty; it ends after the keys that were known when it was written.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lines: list[bytes] = []
        self._size = 0
        self._any = False
        self._names: tuple[str, ...] = ()
        self._colons = 0
        self.ragged = False

    @property
    def names(self) -> Sequence[str]:
        """The keys so far."""
        return self._names

    def add(self, content: bytes) -> None:
        """Take an object in.

        Raises:
            BadObject: it is none, or has a key twice.
            BadFile: there are too many different keys.
        """
        row = _decoded(content)
        if tuple(row) == self._names:
            tokens, colons = SEPARATOR.join(row.values()), self._colons
        else:
            self._learn(row)
            tokens = SEPARATOR.join([row.get(name, b"") for name in self._names])
            colons = sum(name.count(":") for name in row)
        # As many colons as there are keys, besides those inside of keys and values; else something was lost: a key
        # that stands twice. (An escaped colon in a key is counted wrongly too, so look.)
        if content.count(b":") != len(row) + tokens.count(b":") + colons:
            _refuse_repeated(content)
        if b"\n" in tokens or b"\r" in tokens:
            tokens = tokens.translate(_BREAKS)
        self._any = True
        self._lines.append(tokens)
        self._size += len(tokens)
        if self._size > FLUSHED_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what was taken in."""
        if self._lines:
            self._file.write(SEPARATOR + (b"\n" + SEPARATOR).join(self._lines) + b"\n")
            self._lines.clear()
            self._size = 0

    def _learn(self, row: dict[str, Any]) -> None:
        new = tuple(name for name in row if name not in self._names)
        if not new:
            return
        if len(self._names) + len(new) > MAX_KEYS:
            raise BadFile(f"the objects have more than {MAX_KEYS} different keys")
        self.ragged = self.ragged or self._any
        self._names += new
        self._colons = sum(name.count(":") for name in self._names)


def _decoded(content: bytes) -> dict[str, Any]:
    try:
        if not content.isascii():
            content.decode()  # The decoder leaves texts as they are.
        return _DECODER.decode(content)
    except msgspec.ValidationError as error:
        found = str(error).rpartition("got ")[2].strip("`.")
        raise BadObject(f"it is not a JSON object but {found}") from error
    except msgspec.DecodeError as error:
        reason = _PLACE.sub("", str(error)).removeprefix("JSON is malformed: ")
        reason = "it ends too early" if "truncated" in reason else reason
        raise BadObject(f"it is not valid JSON: {reason}") from error
    except RecursionError as error:
        raise BadObject("its values are nested too deeply") from error
    except UnicodeDecodeError as error:
        raise BadObject("it is not UTF-8") from error


def _refuse_repeated(content: bytes) -> None:
    # The outermost object is the last that the hook is called for.
    try:
        pairs: list[tuple[str, Any]] = json.loads(content, object_pairs_hook=list, parse_int=str, parse_float=str)
    except RecursionError as error:
        raise BadObject("its values are nested too deeply") from error
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadObject(f"it has the key {twice[:100]!r} twice")
