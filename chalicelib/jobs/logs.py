"""A job's log: appended in numbered chunks by its holder, read from any cursor.

An append is one write of one chunk, however many entries it brings. The entries of a chunk are numbered on from its
key, so the log has no counter of its own: the next number is the last chunk's key plus its count. The lease is
checked by a strong read just before; an agent that loses it between the two has said its line while it held the job.
"""

import hashlib
import json
import uuid
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib import times
from chalicelib.dynamo import Refused, expiry
from chalicelib.errors import Conflict, LogFull, LogSegmentMismatch, TooLarge
from chalicelib.settings import settings

from .holding import Holder, read_held
from .model import Job
from .tables import JobRow, LogRow

MAX_ENTRIES = 1000
# An item may hold 400 KB, its other attributes included.
MAX_CHUNK_BYTES = 380 * 1024
PAGE_BYTES = 1024 * 1024
TRIES = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A line of a log; ``segment`` is its number, from 0."""

    segment: int
    timestamp: datetime
    level: str
    message: str
    metadata: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line on its way in; the server's time stands in for a missing one."""

    level: str
    message: str
    timestamp: datetime | None = None
    metadata: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Entries in order, and the number of the first one after them."""

    entries: list[Entry]
    cursor: int
    more: bool


def append(holder: Holder, job_id: str, lines: list[Line], segment: int | None) -> tuple[Job, int]:
    """Append lines to the log of a job that the caller holds; answers the job and the next segment.

    With ``segment``, the number of the first line, the same append again changes nothing and succeeds.

    Raises:
        LogSegmentMismatch: ``segment`` leaves a gap or lies inside what is there.
        LogFull: the log has reached its limit; the job is marked.
        TooLarge: the lines are too many bytes for one append.
        JobNotFound, JobAlreadyClaimed, ClaimLost: the caller does not hold the job.
    """
    job = read_held(holder, job_id)
    content = _pack(lines)
    for _ in range(TRIES):
        last = None if segment == 0 else _last_chunk(job_id, segment)
        following = _end(last)
        if segment is not None and segment != following:
            return job, _repeated(job, last, segment, lines)
        chunk = _chunk(job, following, lines, content, last.size if last else 0)
        try:
            # A chunk is written once: what two appends both took for the next number, one of them gets.
            chunk.put(LogRow.job_id.does_not_exist())
        except Refused as refused:
            if refused.old.write_id == chunk.write_id:
                return job, _end(chunk)
            if segment is not None:
                return job, _repeated(job, refused.old, segment, lines)
        else:
            return job, _end(chunk)
    raise Conflict("too many appends to this log at once", jobId=job_id)


def read(job: Job, *, cursor: int, limit: int) -> Page:
    """Entries from number ``cursor`` on, by whole chunks, until there are ``limit`` of them or a megabyte.

    ``more`` stays true while the job is unfinished, so that who reads until there is no more has read it all.
    """
    entries: list[Entry] = []
    size = 0
    for chunk in _chunks_from(job.job_id, cursor):
        text = zlib.decompress(chunk.data)
        size += len(text)
        entries += [entry for entry in _unpack(text, chunk.segment) if entry.segment >= cursor]
        if len(entries) >= limit or size >= PAGE_BYTES:
            page = entries[:limit]
            return Page(page, page[-1].segment + 1, more=True)
    return Page(entries, entries[-1].segment + 1 if entries else cursor, more=not job.finished)


def _pack(lines: list[Line]) -> bytes:
    now = times.now()
    return "\n".join(
        json.dumps(_record(line, now), ensure_ascii=False, separators=(",", ":")) for line in lines
    ).encode()


def _record(line: Line, now: datetime) -> list[Any]:
    record: list[Any] = [times.to_epoch_ms(line.timestamp or now), line.level, line.message]
    return [*record, line.metadata] if line.metadata else record


def _unpack(text: bytes, segment: int) -> Iterator[Entry]:
    # Split at the line feeds that joined them: splitlines() would also cut at those which messages may hold.
    for number, record in enumerate(text.decode().split("\n"), start=segment):
        moment, level, message, *metadata = json.loads(record)
        yield Entry(
            segment=number,
            timestamp=times.from_epoch_ms(moment),
            level=level,
            message=message,
            metadata=metadata[0] if metadata else None,
        )


def _chunk(job: Job, segment: int, lines: list[Line], content: bytes, before: int) -> LogRow:
    size = before + len(content)
    if size > settings().log_max_bytes:
        _mark_full(job)
        raise LogFull(jobId=job.job_id, limit=settings().log_max_bytes)
    packed = zlib.compress(content)
    if len(packed) > MAX_CHUNK_BYTES:
        raise TooLarge("too much for one append; send fewer entries at a time", field="entries")
    expires = expiry(times.now() + timedelta(days=settings().retention_days))
    return LogRow(
        job.job_id,
        segment,
        entries=len(lines),
        size=size,
        data=packed,
        attempt=job.attempt,
        write_id=uuid.uuid4().hex,
        digest=_digest(lines),
        expires=expires,
    )


def _repeated(job: Job, there: LogRow | None, segment: int, lines: list[Line]) -> int:
    """The next segment, if the chunk that is there is this very append made before, in this attempt."""
    if there is not None and (there.segment, there.attempt, there.digest) == (
        segment,
        job.attempt,
        _digest(lines),
    ):
        return _end(there)
    raise LogSegmentMismatch(expectedSegment=_end(_last_chunk(job.job_id, None)), field="segment")


def _digest(lines: list[Line]) -> bytes:
    """What tells one append from another: its lines as they were sent, without the time that the server added."""
    return hashlib.sha256(repr(lines).encode()).digest()


def _end(chunk: LogRow | None) -> int:
    """The number of the first entry after a chunk."""
    return chunk.segment + chunk.entries if chunk else 0


def _last_chunk(job_id: str, segment: int | None) -> LogRow | None:
    """The chunk after which an append comes: the last one, or the last that begins no later than its segment."""
    upto = LogRow.segment <= segment if segment is not None else None
    rows = LogRow.page(LogRow.query(job_id, upto, scan_index_forward=False, limit=1, consistent_read=True))
    return rows[0] if rows else None


def _chunks_from(job_id: str, cursor: int) -> Iterable[LogRow]:
    """Chunks in order from the one that holds ``cursor``; cursors that were given out begin a chunk."""
    later = LogRow.rows(LogRow.query(job_id, LogRow.segment >= cursor, consistent_read=True, page_size=50))
    first = next(later, None)
    if cursor > 0 and (first is None or first.segment > cursor):
        inside = _last_chunk(job_id, cursor)
        if inside is not None:
            yield inside
    if first is not None:
        yield first
        yield from later


def _mark_full(job: Job) -> None:
    if not job.log_full:
        JobRow.move(job.job_id, actions=[JobRow.log_full.set(True)], condition=JobRow.job_id.exists())
