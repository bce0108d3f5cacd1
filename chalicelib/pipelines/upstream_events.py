"""The events of an upstream's stream, passed on in finite answers, each cut after a whole event.

The ids are the upstream's, so that it knows where to go on. One that gives its events none is told by the index of the
last line where to go on, in ids of ours; what it tells again nevertheless is left out.
https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib import times
from chalicelib.errors import InvalidRequest

from .stream import END, RECONNECT_MILLISECONDS
from .upstream_calls import MAX_EVENT_BYTES, unusable

_LINE_BREAK = re.compile("\r\n|\n|\r")
# What can come back as a header, and as it was.
_ID = re.compile("[!-~](?:[ -~]{0,254}[!-~])?")
MOST_LINES = 10**9
_OURS = re.compile(r"after-(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Heard:
    """How far a reader has come: the id that they name, or the index of the last line where that is one of ours."""

    last: str | None
    index: int

    @classmethod
    def of(cls, last: str | None, after: int) -> "Heard":
        """From the id of the last event that arrived, or without one from the line ``after`` which to begin.

        Raises:
            InvalidRequest: no event that was passed on has such an id.
        """
        if last and not _ID.fullmatch(last):
            raise InvalidRequest("Last-Event-ID is not that of an event of this stream", field="Last-Event-ID")
        ours = _OURS.fullmatch(last or "")
        return cls(last or None, int(ours[1]) if ours else after)

    @property
    def theirs(self) -> str | None:
        """The id of the upstream's; None where it has given none."""
        return None if _OURS.fullmatch(self.last or "") else self.last


@dataclass(frozen=True, slots=True)
class _Event:
    name: str
    event_id: str | None
    data: list[str]

    @property
    def index(self) -> int | None:
        """Of the line of a log."""
        try:
            told = json.loads("\n".join(self.data)) if self.name == "log" else None
        except (ValueError, RecursionError):
            return None
        found = told.get("index") if isinstance(told, dict) else None
        return found if type(found) is int and 0 <= found < MOST_LINES else None

    def text(self, event_id: str | None) -> str:
        """As it goes over the wire."""
        lines = [f"event: {self.name}"] if self.name else []
        lines += [f"id: {event_id}"] if event_id else []
        return "\n".join([*lines, *(f"data: {line}" for line in self.data)]) + "\n\n"


def passed_on(content: bytes, heard: Heard) -> str:
    """The whole events of what has come, or a ``ping`` where none of them is new.

    Raises:
        UpstreamUnreachable: one of them is too large to get past.
    """
    found = list(_parsed(content.decode("utf-8-sig", "replace")))
    if not found and len(content) >= MAX_EVENT_BYTES:
        raise unusable(f"an event of more than {MAX_EVENT_BYTES} bytes")
    text = "".join(_told(found, heard))
    if not text:
        text = _Event("ping", None, [json.dumps({"ts": times.to_epoch_ms(times.now())})]).text(heard.last)
    return f"retry: {RECONNECT_MILLISECONDS}\n\n{text}"


def _told(found: list[_Event], heard: Heard) -> Iterator[str]:
    index, ours = heard.index, heard.theirs is None
    for event in found:
        event_id = event.event_id
        if event_id is not None:
            ours = False
        elif ours:
            if event.index is not None and event.index <= index:
                continue
            index = event.index if event.index is not None else index
            event_id = END if event.name == END else f"after-{index}" if index >= 0 else None
        yield event.text(event_id)


def _parsed(text: str) -> Iterator[_Event]:
    name, event_id, data = _nothing()
    # What follows the last line break is no whole line.
    for line in _LINE_BREAK.split(text)[:-1]:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield _Event(name, event_id, data)
            name, event_id, data = _nothing()
        elif field == "event":
            name = value
        elif field == "id":
            event_id = value if _ID.fullmatch(value) else None
        elif field == "data":
            data.append(value)


def _nothing() -> tuple[str, str | None, list[str]]:
    return "", None, []
