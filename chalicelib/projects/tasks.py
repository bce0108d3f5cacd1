"""Task jobs as a project's members see them: the team owns them, so who asks must be on it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib import queues
from chalicelib.accounts.sessions import Identity
from chalicelib.errors import InvalidRequest, JobNotFound, ProjectNotFound
from chalicelib.jobs import attempts, documents, lifecycle, logs
from chalicelib.jobs.attempts import Attempt
from chalicelib.jobs.model import DEFAULT_QUEUE, Job, Kind, NewJob, State
from chalicelib.objects import artifacts
from chalicelib.objects.artifacts import Artifact
from chalicelib.telemetry import audit, trace_parent

from . import registry


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What a creator may say of how a job is to be run."""

    queue: str = DEFAULT_QUEUE
    priority: int = 0
    max_attempts: int = 1
    not_before: datetime | None = None
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class Detail:
    """A job with its documents."""

    job: Job
    payload: Any
    result: Any


def create(user: Identity, project_id: str, job_type: str, payload: object, terms: Terms, seed: str) -> Detail:
    """Create a job of a project.

    Raises:
        InvalidRequest: the queue is for jobs of another kind.
        ProjectNotFound: the user is not a member of such a project.
        TooLarge: the payload is over 256 KB.
    """
    if terms.queue in queues.RESERVED:
        raise InvalidRequest(f"queue: {terms.queue} is for jobs of another kind", field="queue")
    registry.member(user, project_id)
    return Detail(start(user, project_id, job_type, payload, seed=seed, terms=terms), payload, None)


def start(
    user: Identity,
    project_id: str,
    job_type: str,
    payload: object,
    *,
    seed: str,
    terms: Terms | None = None,
    chat_id: str | None = None,
) -> Job:
    """Create a job for a user who is known to be a member."""
    terms = terms or Terms()
    new = NewJob(
        kind=Kind.TASK,
        type=job_type,
        owner=_team(project_id),
        created_by=user.principal,
        project_id=project_id,
        chat_id=chat_id,
        payload=payload,
        queue=terms.queue,
        priority=terms.priority,
        max_attempts=terms.max_attempts,
        not_before=terms.not_before,
        deadline=terms.deadline,
        trace_parent=trace_parent(),
    )
    job = lifecycle.create(new, seed)
    audit("job.created", actor=user.principal, job_id=job.job_id, project_id=project_id)
    return job


def read(user: Identity, job_id: str) -> Detail:
    """A job with its payload and result.

    Raises:
        JobNotFound: there is no such job for this user.
    """
    return _detail(_visible(user, job_id))


def list_jobs(
    user: Identity, project_id: str, *, state: State | None, job_type: str | None, limit: int, cursor: str | None
) -> lifecycle.Page:
    """A project's jobs, newest first; with filters a page may hold fewer than ``limit`` and still have a next one.

    Raises:
        ProjectNotFound: the user is not a member of such a project.
    """
    registry.member(user, project_id)
    page = lifecycle.list_owned(_team(project_id), limit=limit, cursor=cursor)
    wanted = [job for job in page.jobs if state in (None, job.state) and job_type in (None, job.type)]
    return lifecycle.Page(wanted, page.cursor)


def cancel(user: Identity, job_id: str) -> Detail:
    """Cancel a job; see ``lifecycle.cancel``."""
    job = lifecycle.cancel(_visible(user, job_id))
    audit("job.cancelled", actor=user.principal, job_id=job_id, state=job.state)
    return _detail(job)


def retry(user: Identity, job_id: str) -> Detail:
    """Make a failed job ready again; see ``lifecycle.retry``."""
    job = lifecycle.retry(_visible(user, job_id))
    audit("job.retried", actor=user.principal, job_id=job_id)
    return _detail(job)


def read_log(user: Identity, job_id: str, *, cursor: int, limit: int) -> logs.Page:
    """A page of a job's log."""
    return logs.read(_visible(user, job_id), cursor=cursor, limit=limit)


def list_attempts(user: Identity, job_id: str) -> list[Attempt]:
    """The history of a job's claims."""
    return attempts.history(_visible(user, job_id))


def job_artifacts(user: Identity, job_id: str) -> list[Artifact]:
    """What a job delivered."""
    job = _visible(user, job_id)
    return artifacts.list_of_job(str(job.project_id), job_id)


def project_artifacts(
    user: Identity, project_id: str, *, limit: int, cursor: str | None
) -> tuple[list[Artifact], str | None]:
    """What a project's jobs delivered, newest first, and the cursor of the next page."""
    registry.member(user, project_id)
    return artifacts.list_of_project(project_id, limit=limit, cursor=cursor)


def download(user: Identity, project_id: str, artifact_id: str) -> tuple[str, datetime]:
    """The URL of an artifact, and when it ends."""
    registry.member(user, project_id)
    signed = artifacts.download(project_id, artifact_id)
    audit("artifact.download_signed", actor=user.principal, project_id=project_id, artifact_id=artifact_id)
    return signed


def _visible(user: Identity, job_id: str) -> Job:
    job = lifecycle.read(job_id)
    if job.kind != Kind.TASK or job.project_id is None:
        raise JobNotFound(jobId=job_id)
    try:
        registry.member(user, job.project_id)
    except ProjectNotFound as error:
        raise JobNotFound(jobId=job_id) from error
    return job


def _detail(job: Job) -> Detail:
    return Detail(job, _document(job, job.payload), _document(job, job.result))


def _document(job: Job, name: str | None) -> Any:  # noqa: ANN401  any JSON
    try:
        return documents.get(job.job_id, name)
    except KeyError:  # It has aged out; the head says what is left to say.
        return None


def _team(project_id: str) -> str:
    return f"project:{project_id}"
