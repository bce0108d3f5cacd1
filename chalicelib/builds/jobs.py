"""Builds and analyses as their owners see them: create, read, list, cancel, and the way to the sources."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib import queues
from chalicelib.accounts.permissions import Role
from chalicelib.accounts.sessions import Identity
from chalicelib.errors import Conflict, Forbidden, JobNotFound, UploadIncomplete
from chalicelib.jobs import lifecycle, logs
from chalicelib.jobs.documents import Detail
from chalicelib.jobs.model import Actor, Job, Kind, NewJob, State
from chalicelib.objects import presign
from chalicelib.projects import registry
from chalicelib.projects.registry import Project
from chalicelib.settings import settings
from chalicelib.telemetry import audit, trace_parent

from . import sources
from .sources import Source

TYPES = {Kind.BUILD: "code-build", Kind.ANALYSIS: "code-analysis"}
"""What the handlers of agents are found by."""
# An agent that goes away leaves an attempt behind; what takes three agents with it is the job's own fault.
MAX_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Download:
    """The sources of a build: the URL that gets them, and until when; their size in bytes, their SHA-256 in hex."""

    url: str
    expires: datetime
    file_name: str
    size: int
    sha256: str


def build(user: Identity, order: dict[str, Any], seed: str) -> Detail:
    """Create a build.

    Args:
        user: the owner.
        order: ``project_name``, ``goal`` and ``parameters``.
        seed: of the job's id.

    Raises:
        TooLarge: the order is over 256 KB.
    """
    return _create(user, Kind.BUILD, order, registry.known(user, order["project_name"]), seed)


def analyse(user: Identity, order: dict[str, Any], named: dict[str, Any] | None, seed: str) -> Detail:
    """Create an analysis.

    Args:
        user: the owner.
        order: ``project_name`` and ``analysis_types``.
        named: the source to analyse: its ``object_key``, or a ``repository`` and its ``ref``; None for the project's
            latest sources.
        seed: of the job's id.

    Raises:
        InvalidRequest: naming the field; there is no such upload.
        NotFound: the project has no sources.
    """
    if made := lifecycle.find(Kind.ANALYSIS.job_id(seed)):
        return Detail.of(made)  # Whatever has become of the sources since.
    project = registry.known(user, order["project_name"])
    source = sources.find(user, order["project_name"], project, named)
    return _create(user, Kind.ANALYSIS, {**order, "source": source.told}, project, seed, source)


def read(user: Identity, kind: Kind, job_id: str) -> Detail:
    """A build or an analysis; see ``visible``."""
    return Detail.of(visible(user, kind, job_id))


def visible(user: Identity, kind: Kind, job_id: str) -> Job:
    """The head of a build or an analysis that the user may see.

    Raises:
        JobNotFound: there is none of that id.
        Forbidden: it is another user's; this contract says so.
    """
    job = lifecycle.read(job_id)
    if job.kind != kind:
        raise JobNotFound(jobId=job_id)
    if job.owner != user.user_id and user.role is not Role.ADMIN:
        raise Forbidden(f"the {kind} belongs to another user")
    return job


def history(user: Identity, kind: Kind, *, skip: int, limit: int) -> tuple[list[Detail], int]:
    """A user's own, an administrator's everybody's: newest first, after the first ``skip``; and how many there are."""
    if user.role is Role.ADMIN:
        total, jobs = lifecycle.count_everybodys(kind), lifecycle.list_everybodys(kind, skip=skip, limit=limit)
    else:
        total = lifecycle.count_of_kind(user.user_id, kind)
        jobs = lifecycle.list_of_kind(user.user_id, kind, skip=skip, limit=limit)
    return Detail.of_all(jobs), total


def cancel(user: Identity, kind: Kind, job_id: str) -> None:
    """Cancel: at once while it waits, through its agent while it runs.

    Raises:
        InvalidStateTransition: it has ended, by an earlier cancel too.
    """
    job = visible(user, kind, job_id)
    if job.cancel_requested:
        raise job.illegal(State.CANCELLED, Actor.OWNER)
    job = lifecycle.cancel(job)
    audit("job.cancelled", actor=user.principal, job_id=job_id, state=job.state)


def download(user: Identity, job_id: str) -> Download:
    """The sources that a build has delivered.

    Raises:
        Conflict: it has delivered none yet, or they have been kept long enough.
    """
    job = visible(user, Kind.BUILD, job_id)
    artifact = sources.delivered(job_id)
    if artifact is None:
        raise Conflict(f"the build has delivered no sources; it is {job.state}")
    try:
        presign.look(artifact.object_key)
    except UploadIncomplete as error:
        kept = settings().file_days
        raise Conflict(f"the sources are no longer stored; they are kept for {kept} days") from error
    url, expires = presign.get(artifact.object_key, file_name=artifact.file_name)
    audit("output.download_signed", actor=user.principal, job_id=job_id)
    return Download(url, expires, artifact.file_name, artifact.size, artifact.sha256)


def read_log(user: Identity, kind: Kind, job_id: str, *, after: int, limit: int) -> logs.Page:
    """Lines of the log of a build or an analysis, those after a number."""
    return logs.read(visible(user, kind, job_id), cursor=after + 1, limit=limit)


def _create(
    user: Identity,
    kind: Kind,
    order: dict[str, Any],
    project: Project | None,
    seed: str,
    source: Source | None = None,
) -> Detail:
    payload = {**order, "created_by": user.email}
    new = NewJob(
        kind=kind,
        type=TYPES[kind],
        owner=user.user_id,
        created_by=user.principal,
        project_id=project.project_id if project else None,
        secrets_project=None if project or kind is not Kind.BUILD else settings().build_secrets_project,
        payload=payload,
        queue=queues.BUILDS,
        max_attempts=MAX_ATTEMPTS,
        given=source.given if source else None,
        trace_parent=trace_parent(),
    )
    job = lifecycle.create(new, seed)
    audit("job.created", actor=user.principal, job_id=job.job_id)
    return Detail(job, payload, None)
