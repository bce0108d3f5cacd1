"""File jobs as their owners see them: create, read, list, cancel, and the way to the output."""

import json
from dataclasses import dataclass
from typing import Any

from chalicelib import forms, queues
from chalicelib.accounts.sessions import Identity
from chalicelib.errors import Conflict, Forbidden, InvalidRequest, JobNotFound, UploadIncomplete
from chalicelib.jobs import documents, lifecycle
from chalicelib.jobs.model import Job, Kind, NewJob, State
from chalicelib.objects import keys, presign
from chalicelib.settings import settings
from chalicelib.telemetry import audit, trace_parent

TYPE = "file"
# A function that is killed leaves an attempt behind; what kills three is the file's fault.
MAX_ATTEMPTS = 3
PHASES = ("downloading", "processing", "uploading")


@dataclass(frozen=True, slots=True)
class Output:
    """Where an output lies, and what it is called."""

    object_key: str
    file_name: str


class Detail(documents.Detail):
    """A file job with its documents; what became of it is believed of its own job only."""

    @property
    def output(self) -> Output | None:
        """The output of a job that has completed."""
        told = self._told("output") if self.job.state is State.COMPLETED else {}
        key, name = told.get("object_key"), told.get("file_name")
        if not isinstance(key, str) or not key.startswith(keys.outputs_of(self.job.job_id)):
            return None
        return Output(key, name if isinstance(name, str) and name.isprintable() else "output")

    @property
    def report(self) -> dict[str, Any] | None:
        """What was done, once the job has ended."""
        return self._told("report") or None

    @property
    def progress(self) -> dict[str, Any] | None:
        """How far the job is, while somebody works on it: a phase, and the percent of it that are done."""
        told = json.loads(self.job.progress) if self.job.progress and self.job.held else None
        if not isinstance(told, dict) or told.get("phase") not in PHASES:
            return None
        done = int(forms.number(told.get("percent"), 0, 100, clamped=True) or 0)
        return {"phase": told["phase"], "percent": done}

    def _told(self, name: str) -> dict[str, Any]:
        told = self.result.get(name) if isinstance(self.result, dict) else None
        return told if isinstance(told, dict) else {}


def create(user: Identity, order: dict[str, Any], seed: str) -> Detail:
    """Create a job that waits for its upload.

    Args:
        user: the owner.
        order: ``file_name``, ``original_file_size_bytes`` (a hint, or None), ``processing_steps`` and ``options``.
        seed: of the job's id.

    Raises:
        InvalidRequest: the file is larger than what is accepted.
        TooLarge: the order is over 256 KB.
    """
    size = order["original_file_size_bytes"] or 0
    must_fit(size, field="original_file_size_bytes")
    new = NewJob(
        kind=Kind.FILE,
        type=TYPE,
        owner=user.user_id,
        created_by=user.principal,
        payload=order,
        queue=queue_for(size),
        max_attempts=MAX_ATTEMPTS,
        input_name=keys.safe_name(order["file_name"]),
        trace_parent=trace_parent(),
    )
    job = lifecycle.create(new, seed)
    audit("job.created", actor=user.principal, job_id=job.job_id)
    return Detail(job, order, None)


def own(user: Identity, job_id: str) -> Job:
    """A file job, for its owner only.

    Raises:
        JobNotFound: there is no such file job.
        Forbidden: it is somebody else's; this contract says so.
    """
    job = lifecycle.read(job_id)
    if job.kind != Kind.FILE:
        raise JobNotFound(jobId=job_id)
    if job.owner != user.user_id:
        raise Forbidden("the job belongs to another user")
    return job


def read(user: Identity, job_id: str) -> Detail:
    """A job with its order and its result."""
    return Detail.of(own(user, job_id))


def list_own(user: Identity, *, skip: int, limit: int) -> list[Detail]:
    """A user's jobs, newest first, after the first ``skip``."""
    return Detail.of_all(lifecycle.list_of_kind(user.user_id, Kind.FILE, skip=skip, limit=limit))


def cancel(user: Identity, job_id: str) -> Detail:
    """Cancel a job: at once while it waits, by asking its runner while it is processed.

    Raises:
        InvalidStateTransition: it has ended, by an earlier cancel too.
    """
    job = own(user, job_id)
    if job.state is State.CANCELLED:
        raise Conflict("the job has been cancelled already")
    job = lifecycle.cancel(job)
    audit("job.cancelled", actor=user.principal, job_id=job_id, state=job.state)
    return Detail.of(job)


def download(user: Identity, job_id: str) -> str:
    """The URL of the output.

    Raises:
        Conflict: the job has not completed, or its output has been kept long enough.
    """
    found = read(user, job_id)
    if found.output is None:
        told = "its agent delivered none" if found.job.state is State.COMPLETED else f"it is {found.job.state}"
        raise Conflict(f"the job has no output: {told}")
    try:
        presign.look(found.output.object_key)
    except UploadIncomplete as error:
        raise Conflict(f"the output is no longer stored; outputs are kept for {settings().file_days} days") from error
    url, _ = presign.get(found.output.object_key, file_name=found.output.file_name)
    audit("output.download_signed", actor=user.principal, job_id=job_id)
    return url


def must_fit(size: int, *, field: str) -> None:
    """Refuse a file of more bytes than the settings allow.

    Raises:
        InvalidRequest: naming the field that tells of it.
    """
    most = settings().file_max_bytes
    if size > most:
        raise InvalidRequest(f"{field}: the file is {size} bytes, and may be at most {most}", field=field)


def queue_for(size: int) -> str:
    """The queue of a file of so many bytes."""
    return queues.LARGE_FILES if size > settings().file_large_bytes else queues.FILES


def large_ones_are_served() -> bool:
    """Whether there is somebody for files that are too large for a function; without, nothing that large is taken."""
    return settings().file_max_bytes > settings().file_large_bytes
