"""All there is of a job, in one piece: its record, its files, how it stands, and its log."""

import json
from collections.abc import Sequence
from typing import Any

from chalicelib import times
from chalicelib.accounts.sessions import Identity
from chalicelib.jobs import logs, progress
from chalicelib.jobs.logs import Entry
from chalicelib.jobs.model import Job
from chalicelib.objects import contents, keys, presign

from . import jobs, listing, records, upstream, words
from .jobs import Detail
from .listing import Listed
from .records import Record

LARGE_BYTES = 5 * 1024 * 1024
"""More than this is handed out by S3: a function's answer is 6 MB at most."""
ANSWER_BYTES = 2 * 1024 * 1024
"""The most of a log that an answer has, beside what else is in it."""
LINES = 1000


def detail(found: Detail, lines: Sequence[Entry]) -> dict[str, Any]:
    """How a job of ours stands, with those lines of its log and its result."""
    job = found.job
    return {
        "id": job.job_id,
        "status": words.status(job),
        "progress": progress.percent(job),
        "stage": words.stage(job),
        "logs": [words.line(entry) for entry in lines],
        "result": words.outcome(job, found.outcome) or None,
        "error": {"code": job.error_code, "message": job.error_message} if job.error_code else None,
    }


def entries(job: Job, *, most: int | None = None) -> list[Entry]:
    """The lines of a job's log from its beginning: all, or so many, and of these no more than an answer holds."""
    found: list[Entry] = []
    size = 0
    # A page may hold fewer lines than asked for and not be the last, but none has no lines before the last.
    while (page := logs.read(job, cursor=len(found), limit=LINES)).entries:
        for entry in page.entries:
            size += len(entry.message.encode())
            if most is not None and (len(found) == most or size > ANSWER_BYTES):
                return found
            found.append(entry)
    return found


def bundle(user: Identity, job_id: str) -> dict[str, Any]:
    """The bundle of a job: its parts, or where to get them where they are large.

    Raises:
        JobNotFound: it is not in the user's list.
        UpstreamUnreachable: the upstream that has made it gives no answer.
    """
    record = records.read(user.user_id, job_id)
    artifacts, told = _known(user, record)
    if told and not record.own:
        # What an upstream has told is in the list by now.
        record = records.read(user.user_id, job_id)
    parts = {
        "job": view(listing.listed(record)),
        "artifacts": artifacts,
        "logs": told.pop("logs") if told else [],
        "detail": told,
    }
    content = json.dumps(parts).encode()
    if len(content) <= LARGE_BYTES:
        return parts
    return {"job": parts["job"], **_stored(job_id, content)}


def _known(user: Identity, record: Record) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """What a job has delivered, and how it stands; nothing of one from outside that no upstream has made for us."""
    if record.own:
        found = jobs.read(user, record.job_id)
        return jobs.contents_of(jobs.delivered(record.job_id)), detail(found, entries(found.job))
    if upstream.has_made(user, record.job_id):
        told = upstream.detail(user, record.job_id, lines=None, with_insights=False)
        return upstream.artifacts(user, record.job_id, tuple(jobs.DELIVERED)), told.data
    return {name: {} for name in jobs.DELIVERED}, None


def _stored(job_id: str, content: bytes) -> dict[str, Any]:
    key = keys.bundle(job_id)
    contents.write(key, content, "application/json")
    url, expires = presign.get(key, file_name=f"{job_id}.json")
    return {"bundleUrl": url, "size": len(content), "expiresAt": times.iso(expires)}


def view(listed: Listed) -> dict[str, Any]:
    """A job in its user's list, as the contract has it."""
    record = listed.record
    names = ("job_id", "user_id", "type", "prompt", "filename", "network", "title", "description")
    moments = ("created_at", "updated_at", "deleted_at", "last_opened_at")
    return {
        **{name: getattr(record, name) for name in names},
        "tags": record.tags or [],
        **{name: times.iso(at) if (at := getattr(record, name)) else None for name in moments},
        "cache": listed.cache,
    }
