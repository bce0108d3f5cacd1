"""Log entries as they are sent: cleaned, cut to size, encoded once and put into batches."""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

MESSAGE_LIMIT = 32_768  # Characters in one message; the server's rule.
ENTRY_LIMIT = 1_000  # Entries in one append; the server's rule.
BYTE_LIMIT = 350_000  # Bytes in one append; what cannot be compressed must still fit one stored item.

# What strict JSON parsers refuse although Python lets it pass: NUL, and halves of surrogate pairs.
_UNSENDABLE = {0: "\N{SYMBOL FOR NULL}"} | dict.fromkeys(range(55296, 57344), "�")


def now() -> str:
    """Give the time as the contract writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clean(text: str) -> str:
    """Replace the characters that the server would refuse."""
    return text.translate(_UNSENDABLE)


def entries(level: str, message: str, metadata: dict[str, Any] | None, timestamp: str) -> Iterator[bytes]:
    """Encode a message as log entries: one, or as many as its length takes."""
    fields: dict[str, Any] = {"timestamp": timestamp, "level": level}
    if metadata:
        fields["metadata"] = metadata
    for start in range(0, max(1, len(message)), MESSAGE_LIMIT):
        piece = fields | {"message": message[start : start + MESSAGE_LIMIT]}
        yield json.dumps(piece, ensure_ascii=False, allow_nan=False, default=str).encode()


@dataclass(frozen=True)
class Batch:
    """Entries that are appended together. What is sent again is byte for byte what was sent before."""

    entries: tuple[bytes, ...]

    def body(self, segment: int) -> bytes:
        """Encode the request for appending these entries at this segment."""
        return b'{"segment":%d,"entries":[%s]}' % (segment, b",".join(self.entries))

    def halves(self) -> tuple["Batch", "Batch"]:
        """Split a batch that the server finds too large."""
        middle = len(self.entries) // 2
        return Batch(self.entries[:middle]), Batch(self.entries[middle:])


def take_batch(waiting: deque[bytes]) -> Batch:
    """Remove from the queue as many entries as one append may hold."""
    taken: list[bytes] = []
    size = 0
    while waiting and len(taken) < ENTRY_LIMIT:
        size += len(waiting[0]) + 1
        if taken and size > BYTE_LIMIT:
            break
        taken.append(waiting.popleft())
    return Batch(tuple(taken))
