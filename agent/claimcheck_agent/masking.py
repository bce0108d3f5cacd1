"""Keeps secret values out of everything that leaves the machine as text."""

import json
import re
import threading
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from claimcheck_agent.encodings import Pieces, base64_forms

MASK = "***"
SHORTEST_VALUE = 4  # Masking a shorter value would only make the log unreadable.
SHORTEST_LINE = 8  # Lines of a longer secret: `{` and `}` are no secrets.
SHORTEST_LEAF = 16  # Strings inside a secret that is itself JSON, as service-account keys are.


class Masker:
    """Replaces secret values, and the forms in which programs print them, by `***`. Thread-safe."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._forms: set[str] = set()
        self._pieces = Pieces()
        self._pattern: re.Pattern[str] | None = None
        self._longest = 0
        self.add(values)

    def add(self, values: Iterable[str]) -> None:
        """Mask these values from now on."""
        with self._lock:
            for text in (text for value in values for text in _texts(value)):
                encoded = set(_encoded(text))
                self._forms |= encoded.union(_printed(text))
                self._pieces.add(encoded)
            # The longest first, so that a whole value goes before a part of it does.
            ordered = sorted(self._forms, key=len, reverse=True)
            self._longest = len(ordered[0]) if ordered else 0
            self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def mask(self, text: str) -> str:
        """Give the text without secrets."""
        told, done = [], 0
        for start, end in self._spans(text):
            told += [text[done:start], MASK]
            done = end
        return "".join(told) + text[done:]

    def mask_json(self, value: Any) -> Any:  # noqa: ANN401  (any JSON value)
        """Give a JSON value without secrets, in keys and values alike."""
        if isinstance(value, str):
            return self.mask(value)
        if isinstance(value, dict):
            return {self.mask(str(key)): self.mask_json(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.mask_json(item) for item in value]
        if isinstance(value, int | float) and self.mask(str(value)) != str(value):
            return MASK
        return value

    def safe_cut(self, text: str) -> int:
        """Say where text that goes on may be cut so that no secret is left in two halves.

        What follows the cut may be the beginning of a secret and has to wait for the rest.
        """
        cut = max(0, len(text) - self._longest)
        for start, end in self._spans(text):
            if start < cut < end:
                return start
        return cut

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Give where secrets start and end, from left to right; overlapping ones are one."""
        whole = [found.span() for found in self._pattern.finditer(text)] if self._pattern else []
        last = None
        for start, end in sorted([*whole, *self._pieces.spans(text)]):
            if last and start < last[1]:
                last = last[0], max(last[1], end)
                continue
            if last:
                yield last
            last = start, end
        if last:
            yield last


def _texts(value: str) -> Iterator[str]:
    """Give a secret and the parts of it that are secret by themselves."""
    value = value.strip()
    if len(value) < SHORTEST_VALUE:
        return
    yield value
    lines = value.splitlines()
    if len(lines) > 1:
        for line in lines:
            if len(line.strip()) >= SHORTEST_LINE:
                yield line.strip()
    for leaf in _json_strings(value):
        if leaf.strip() != value and len(leaf) >= SHORTEST_LEAF:
            yield from _texts(leaf)


def _encoded(text: str) -> Iterator[str]:
    # Shells and programs on other systems end lines differently; so does their base64.
    for variant in {text, text + "\n", text.replace("\n", "\r\n")}:
        yield from base64_forms(variant.encode())


def _printed(text: str) -> Iterator[str]:
    yield text
    for quoted in (quote(text), quote(text, safe=""), quote_plus(text), quote_plus(text, safe="/")):
        yield quoted
        yield re.sub(r"%[0-9A-F]{2}", lambda found: found.group().lower(), quoted)
    for ascii_only in (True, False):
        escaped = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield escaped
        yield escaped.replace("/", r"\/")


def _json_strings(text: str) -> Iterator[str]:
    if not text.startswith(("{", "[")):
        return
    try:
        waiting = [json.loads(text)]
    except (ValueError, RecursionError):
        return
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict | list):
            waiting.extend(item.values() if isinstance(item, dict) else item)
