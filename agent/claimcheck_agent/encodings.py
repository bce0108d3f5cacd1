"""The base64 of a secret: whole, within a longer text, and in the pieces into which line breaks cut it."""

import base64
import re
from collections.abc import Iterable, Iterator

SHORTEST_CORE = 4
PIECE = 16  # Characters of the shortest piece that is taken for a secret's.
_HINT = PIECE // 2  # Every piece holds some hint that begins at a multiple of this.
_RUN = re.compile(rf"[A-Za-z0-9+/_-]{{{PIECE},}}")


def base64_forms(data: bytes) -> Iterator[str]:
    """Give base64 of the value alone, and what it becomes inside a longer text (`user:token`).

    There it starts at one of three offsets within a group of three bytes; the characters that also
    depend on its neighbours are left out.
    """
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(data).decode()
        yield whole
        yield whole.rstrip("=")
        for offset in range(3):
            padded = encode(b"\0" * offset + data).decode().rstrip("=")
            end = (offset + len(data)) * 8 // 6
            core = padded[(0, 2, 3)[offset] : end]
            if len(core) >= SHORTEST_CORE:
                yield core


class Pieces:
    """Finds runs of 16 characters or more that are part of a base64 form, wherever its lines are broken.

    `base64` does that at 76 columns, `openssl base64` at 64; the column at which a secret begins is not known.
    """

    def __init__(self) -> None:
        self._known: frozenset[str] = frozenset()
        self._hints: frozenset[str] = frozenset()

    def add(self, forms: Iterable[str]) -> None:
        """Know these forms from now on."""
        self._known |= {window for form in forms for _, window in _windows(form.rstrip("="))}
        self._hints = frozenset(half for window in self._known for half in (window[:_HINT], window[_HINT:]))

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Give where each piece starts and ends, from left to right."""
        for run in _RUN.finditer(text) if self._known else ():
            start = end = -1
            for at, window in _windows(run.group()) if self._is_suspect(run.group()) else ():
                if window not in self._known:
                    continue
                if at > end >= 0:
                    yield run.start() + start, run.start() + end
                start, end = (at if at > end else start), at + PIECE
            if end >= 0:
                yield run.start() + start, run.start() + end

    def _is_suspect(self, run: str) -> bool:
        """Say whether it is worth while to look closely; most long runs are no secrets."""
        run = _usual(run)
        return any(run[at : at + _HINT] in self._hints for at in range(0, len(run), _HINT))


def _usual(text: str) -> str:
    return text.replace("-", "+").replace("_", "/")


def _windows(text: str) -> Iterator[tuple[int, str]]:
    """Give every piece of the shortest length with its place, in the usual alphabet."""
    text = _usual(text)
    for at in range(len(text) - PIECE + 1):
        yield at, text[at : at + PIECE]
