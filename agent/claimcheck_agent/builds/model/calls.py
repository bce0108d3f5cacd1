"""The calls of tools in a model's answer: as the API has them, or as JSON in the text of models that know no tools."""

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

FENCE = re.compile(r"```(?:json)?\s*(?=[\[{])")


@dataclass(frozen=True, kw_only=True)
class Call:
    """A tool that the model calls; `arguments` is JSON, or is meant to be. `id` is empty if it stood in the text."""

    tool: str
    arguments: str
    id: str = ""


def calls_in(text: str) -> tuple[Call, ...]:
    """Find the calls in a text: objects `{"tool": …, "arguments": {…}}`, or lists of them, in fences marked as JSON.

    The end of the JSON ends the fence, since the files that a model writes may have fences in them. Text that is
    nothing but JSON needs none.
    """
    return tuple(call for value in _values(text) for call in _calls(value))


def _values(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder(strict=False)  # Line breaks in strings are forgiven.
    text = text.strip()
    starts = [0] if text.startswith(("{", "[")) else [fence.end() for fence in FENCE.finditer(text)]
    done = 0
    for start in starts:
        if start >= done:
            with contextlib.suppress(ValueError, RecursionError):
                value, done = decoder.raw_decode(text, start)
                yield value


def _calls(value: object) -> Iterator[Call]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict) and isinstance(item.get("tool"), str):
            yield Call(tool=item["tool"], arguments=json.dumps(item.get("arguments", {})))
