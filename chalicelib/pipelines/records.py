"""What a user has of each job: their words for it, when they looked at it, and whether they have put it away."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from pynamodb.expressions.update import Action

from chalicelib import times
from chalicelib.dynamo import BACKEND_ERRORS, Refused
from chalicelib.errors import Forbidden, JobNotFound, StorageFailed

from .tables import RecordRow

PAGE = 100
TRIES = 16
_TEXTS = (
    "type", "prompt", "filename", "network", "title", "description", "own", "upstream",
    "audit", "compliance", "verification",
)  # fmt: skip
_TIMES = ("created_at", "updated_at", "deleted_at", "last_opened_at")


class Place(NamedTuple):
    """Where a list goes on: after this job, in the order of creation, newest first."""

    created_at: datetime
    job_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A job in its user's list; see ``RecordRow``."""

    user_id: str
    job_id: str
    type: str
    own: bool
    created_at: datetime
    updated_at: datetime
    prompt: str | None = None
    filename: str | None = None
    network: str | None = None
    title: str | None = None
    description: str | None = None
    tags: list[str] | None = None
    cache: dict[str, Any] = field(default_factory=dict)
    upstream: str | None = None
    audit: str | None = None
    compliance: str | None = None
    verification: str | None = None
    deleted_at: datetime | None = None
    last_opened_at: datetime | None = None

    @property
    def place(self) -> Place:
        """Where it is in the list."""
        return Place(self.created_at, self.job_id)

    @classmethod
    def of(cls, row: RecordRow) -> Self:
        """A row."""
        return cls(
            user_id=row.user_id,
            job_id=row.job_id,
            tags=json.loads(row.tags) if row.tags else None,
            cache=json.loads(row.cache) if row.cache else {},
            **{name: getattr(row, name) for name in (*_TEXTS, *_TIMES)},
        )


def add(user_id: str, job_id: str, *, own: bool, type: str, **told: Any) -> Record:  # noqa: A002, ANN401
    """Put a job into a user's list; one that is there already stays as it is."""
    now = times.now()
    row = RecordRow(user_id, job_id, own=own, type=type, created_at=now, updated_at=now, **told)
    try:
        row.put(RecordRow.job_id.does_not_exist())
    except Refused as refused:
        row = refused.old
    return Record.of(row)


def add_made(user_id: str, job_id: str, upstream: str, *, type: str, **told: Any) -> Record:  # noqa: A002, ANN401
    """Put a job that an upstream has made for a user into their list; one that they have attached before is it now."""
    known = add(user_id, job_id, own=False, type=type, upstream=upstream, **told)
    if known.own or known.upstream == upstream:
        return known
    return _change(user_id, job_id, [RecordRow.upstream.set(upstream)])


def made_by(user_id: str, job_id: str) -> str | None:
    """The URL of the upstream that has made a job for a user; None for every other id there could be."""
    row = RecordRow.read(user_id, job_id)
    return row.upstream if row and row.deleted_at is None else None


def read(user_id: str, job_id: str) -> Record:
    """A job of a user's list.

    Raises:
        JobNotFound: it is not in the list, or was put away.
    """
    row = RecordRow.read(user_id, job_id)
    if row is None or row.deleted_at is not None:
        raise JobNotFound(jobId=job_id)
    return Record.of(row)


def open_(user_id: str, job_id: str) -> Record:
    """The same, and note that its user has looked at it."""
    return _change(user_id, job_id, [RecordRow.last_opened_at.set(times.now())])


def describe(user_id: str, job_id: str, words: dict[str, Any]) -> Record:
    """Change a user's words for a job: those of title, description and tags that are given; null is none."""
    actions: list[Action] = [RecordRow.updated_at.set(times.now())]
    for name, value in words.items():
        attribute = getattr(RecordRow, name)
        kept = json.dumps(value) if name == "tags" and value is not None else value
        actions.append(attribute.remove() if kept is None else attribute.set(kept))
    return _change(user_id, job_id, actions)


def put_away(user_id: str, job_id: str) -> None:
    """Take a job out of its user's list; ``bring_back`` undoes it."""
    now = times.now()
    _change(user_id, job_id, [RecordRow.deleted_at.set(now), RecordRow.updated_at.set(now)])


def bring_back(user_id: str, job_id: str) -> Record:
    """Put a job back into its user's list; one that is there stays.

    Raises:
        JobNotFound: the user never had it.
    """
    actions = [RecordRow.deleted_at.remove(), RecordRow.updated_at.set(times.now())]
    try:
        return Record.of(RecordRow.change(user_id, job_id, actions=actions, condition=RecordRow.job_id.exists()))
    except Refused as refused:
        raise JobNotFound(jobId=job_id) from refused


def cache(user_id: str, job_id: str, told: dict[str, Any]) -> None:
    """Keep what a client says of a job from outside.

    Raises:
        JobNotFound: it is not in the user's list.
        Forbidden: it is a job of ours, of which we know better.
    """
    known = read(user_id, job_id)
    if known.own:
        raise Forbidden("this job is run here: how it stands is not for others to say")
    _keep(known, lambda old: {**old, **told})


def refresh(user_id: str, job_id: str, told: dict[str, Any], *, once: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Keep what the upstream of a job says of it, where that is anything new.

    Args:
        user_id: whose list it is in.
        job_id: its id.
        told: what is said now.
        once: what holds since it was first said.

    Raises:
        JobNotFound: it is not in the user's list.
    """
    _keep(read(user_id, job_id), lambda old: {**once, **old, **told})


def note_verified(user_id: str, job_id: str, explorer_url: str | None) -> None:
    """Keep that the contract of a job was found to be what its source says."""
    _keep(read(user_id, job_id), lambda old: {**old, "verified": True, "explorer_url": explorer_url})


def link(user_id: str, job_id: str, name: str, other: str) -> None:
    """Note the last ``audit``, ``compliance`` or ``verification`` of a job."""
    _change(user_id, job_id, [getattr(RecordRow, name).set(other)])


def newest(user_id: str, after: Place | None) -> Iterator[Record]:
    """A user's jobs, newest first, with those that were put away."""
    last = None
    if after:
        moment = {"N": str(times.to_epoch_ms(after.created_at))}
        last = {"user_id": {"S": user_id}, "created_at": moment, "job_id": {"S": after.job_id}}
    try:
        rows = RecordRow.by_created.query(
            user_id, scan_index_forward=False, consistent_read=True, last_evaluated_key=last, page_size=PAGE
        )
        for row in rows:
            yield Record.of(row)
    except BACKEND_ERRORS as error:
        raise StorageFailed from error


def _keep(known: Record, merged: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Keep what comes of the old by what is new; where others have written meanwhile, of theirs."""
    for _ in range(TRIES):
        found = merged(known.cache)
        if found == known.cache:
            return
        # Later than what was read, so that of two that were based on the same only one is written.
        now = max(times.now(), known.updated_at + timedelta(milliseconds=1))
        actions = [RecordRow.cache.set(json.dumps(found)), RecordRow.updated_at.set(now)]
        try:
            RecordRow.change(
                known.user_id, known.job_id, actions=actions, condition=RecordRow.updated_at == known.updated_at
            )
        except Refused:
            known = read(known.user_id, known.job_id)
        else:
            return
    raise StorageFailed


def _change(user_id: str, job_id: str, actions: list[Action]) -> Record:
    there = RecordRow.job_id.exists() & RecordRow.deleted_at.does_not_exist()
    try:
        return Record.of(RecordRow.change(user_id, job_id, actions=actions, condition=there))
    except Refused as refused:
        raise JobNotFound(jobId=job_id) from refused
