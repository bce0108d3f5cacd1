"""A user's list of jobs: their own words, beside how each job stands."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from chalicelib import times
from chalicelib.accounts.sessions import Identity
from chalicelib.jobs import lifecycle, progress

from . import records, words
from .jobs import Detail
from .records import Place, Record

LOOKED_AT = 1000
PAGE_BYTES = 3 * 1024 * 1024
CHUNK = 50
CACHED = (
    "state", "progress", "address", "fq_name", "constructor_args", "verified", "explorer_url", "completed_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listed:
    """A job in its user's list, and what is known of how it stands."""

    record: Record
    cache: dict[str, Any]


Wanted = Callable[[Listed], bool]


def page(user_id: str, wanted: Wanted, *, limit: int, after: Place | None) -> tuple[list[Listed], Place | None]:
    """A user's jobs, newest first, and where the next page begins; None after the last.

    With filters that few pass, a page may hold fewer than ``limit`` and still have a next one.
    """
    found: list[Listed] = []
    last: Place | None = None
    size = 0
    for looked, (record, stands) in enumerate(_looked_at(records.newest(user_id, after))):
        if len(found) == limit or looked == LOOKED_AT or size > PAGE_BYTES:
            return found, last
        if stands and wanted(stands):
            found.append(stands)
            size += len((record.prompt or "").encode()) + len(json.dumps(stands.cache))
        last = record.place
    return found, None


def attach(user: Identity, job_id: str, *, type: str, **told: Any) -> Listed:  # noqa: A002, ANN401  see ``records.add``
    """Put a job from outside into a user's list: one that was put away comes back, one that is there stays as it is.

    Raises:
        JobNotFound: it is a job of ours, and not in this user's list.
    """
    if lifecycle.find(job_id):
        return listed(records.read(user.user_id, job_id))
    made = records.add(user.user_id, job_id, own=False, type=type, **told)
    return listed(records.bring_back(user.user_id, job_id) if made.deleted_at else made)


def listed(record: Record) -> Listed:
    """One job, with how it stands."""
    _, found = next(_looked_at(iter([record])))
    return found or Listed(record, _outside(record))


def _looked_at(found: Iterator[Record]) -> Iterator[tuple[Record, Listed | None]]:
    """Records with how their jobs stand; None for one put away, and where its job has aged out or never came to be."""
    while chunk := list(islice(found, CHUNK)):
        ours = [record.job_id for record in chunk if record.own and record.deleted_at is None]
        known = {detail.job.job_id: detail for detail in Detail.of_all(lifecycle.read_many(ours))}
        for record in chunk:
            if record.own:
                detail = known.get(record.job_id)
                yield record, Listed(record, _inside(record, detail)) if detail else None
            else:
                yield record, None if record.deleted_at else Listed(record, _outside(record))


def _outside(record: Record) -> dict[str, Any]:
    return {name: record.cache.get(name) for name in CACHED}


def _inside(record: Record, detail: Detail) -> dict[str, Any]:
    job, told = detail.job, words.result(detail.outcome)
    verified = bool(told.get("verified")) or bool(record.cache.get("verified"))
    return {
        "state": words.status(job),
        "progress": progress.percent(job),
        "address": told.get("address"),
        "fq_name": told.get("fqName"),
        "constructor_args": told.get("constructorArgs"),
        "verified": verified if told else None,
        "explorer_url": told.get("explorerUrl") or record.cache.get("explorer_url"),
        "completed_at": times.iso(job.finished_at) if job.finished_at else None,
    }
