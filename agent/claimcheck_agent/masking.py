"""Keeps secret values out of everything that leaves the machine as text."""

import base64
import json
import re
import threading
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST_VALUE = 4  # Masking a shorter value would only make the log unreadable.
SHORTEST_LINE = 8  # Lines of a longer secret: `{` and `}` are no secrets.
SHORTEST_LEAF = 16  # Strings inside a secret that is itself JSON, as service-account keys are.


class Masker:
    """Replaces secret values, and the forms in which programs print them, by `***`. Thread-safe."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._longest = 0
        self.add(values)

    def add(self, values: Iterable[str]) -> None:
        """Mask these values from now on."""
        with self._lock:
            for value in values:
                self._forms.update(_forms_of_secret(value))
            # The longest first, so that a whole value goes before a part of it does.
            ordered = sorted(self._forms, key=len, reverse=True)
            self._longest = len(ordered[0]) if ordered else 0
            self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def mask(self, text: str) -> str:
        """Give the text without secrets."""
        return self._pattern.sub(MASK, text) if self._pattern else text

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
        for found in self._pattern.finditer(text) if self._pattern else ():
            if found.start() < cut < found.end():
                return found.start()
        return cut


def _forms_of_secret(value: str) -> Iterator[str]:
    value = value.strip()
    if len(value) < SHORTEST_VALUE:
        return
    yield from _forms(value)
    lines = value.splitlines()
    if len(lines) > 1:
        for line in lines:
            if len(line.strip()) >= SHORTEST_LINE:
                yield from _forms(line.strip())
    for leaf in _json_strings(value):
        if leaf.strip() != value and len(leaf) >= SHORTEST_LEAF:
            yield from _forms_of_secret(leaf)


def _forms(text: str) -> Iterator[str]:
    yield text
    # Shells and programs on other systems end lines differently; so does their base64.
    for variant in {text, text + "\n", text.replace("\n", "\r\n")}:
        yield from _base64_forms(variant.encode())
    for quoted in (quote(text), quote(text, safe=""), quote_plus(text), quote_plus(text, safe="/")):
        yield quoted
        yield re.sub(r"%[0-9A-F]{2}", lambda found: found.group().lower(), quoted)
    for ascii_only in (True, False):
        escaped = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield escaped
        yield escaped.replace("/", r"\/")


def _base64_forms(data: bytes) -> Iterator[str]:
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
            if len(core) >= SHORTEST_VALUE:
                yield core


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
