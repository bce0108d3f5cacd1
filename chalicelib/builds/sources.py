"""What an analysis is of: an uploaded archive, a repository, or what a project's last build has delivered."""

from dataclasses import dataclass
from typing import Any

from chalicelib.accounts.sessions import Identity
from chalicelib.errors import InvalidRequest, NotFound, UploadIncomplete
from chalicelib.jobs import documents, lifecycle
from chalicelib.jobs.model import Input, Job, Kind, State
from chalicelib.objects import artifacts, keys, presign
from chalicelib.objects.artifacts import Artifact
from chalicelib.projects.registry import Project
from chalicelib.settings import settings

DELIVERED = "sources.tar.gz"
"""The artifact that a build delivers its project as."""
ARCHIVE = {"kind": "archive"}
PAGE = 50
LOOKED_AT = 500
"""So many of a user's builds are looked at for the last one of a project."""


@dataclass(frozen=True, slots=True)
class Source:
    """What the agent is told of the source, and the object that it is given as the job's input."""

    told: dict[str, Any]
    given: Input | None = None


def find(user: Identity, project_name: str, project: Project | None, named: dict[str, Any] | None) -> Source:
    """The source that a request names; without a name the last build's, or else the registered project's repository.

    Raises:
        InvalidRequest: naming the field; there is no such upload.
        NotFound: the project has no sources.
    """
    if named is None:
        return _latest(user, project_name, project)
    if named.get("object_key"):
        return Source(ARCHIVE, _uploaded(user, named["object_key"]))
    return _repository(named["repository"], named.get("ref"), project)


def delivered(job_id: str) -> Artifact | None:
    """The sources that a build has delivered; those of its last attempt."""
    found = [artifact for artifact in artifacts.list_of_job(job_id, job_id) if artifact.file_name == DELIVERED]
    return found[-1] if found else None


def _latest(user: Identity, project_name: str, project: Project | None) -> Source:
    for skip in range(0, LOOKED_AT, PAGE):
        jobs = lifecycle.list_of_kind(user.user_id, Kind.BUILD, skip=skip, limit=PAGE)
        for job in _completed(jobs, project_name):
            if (given := _stored(job)) is not None:
                return Source(ARCHIVE, given)
        if len(jobs) < PAGE:
            break
    if project and project.repo:
        return _repository(project.repo, project.default_branch, project)
    raise NotFound(f"{project_name} has no completed build whose sources are still stored; build it, or name a source")


def _completed(jobs: list[Job], project_name: str) -> list[Job]:
    ended = [job for job in jobs if job.state is State.COMPLETED]
    orders = documents.get_many([(job.job_id, job.payload) for job in ended if job.payload])
    named = {job_id for (job_id, _), order in orders.items() if order["project_name"] == project_name}
    return [job for job in ended if job.job_id in named]


def _stored(job: Job) -> Input | None:
    artifact = delivered(job.job_id)
    try:
        return _given(artifact.object_key) if artifact else None
    except UploadIncomplete:
        return None


def _uploaded(user: Identity, source: str) -> Input:
    field = "source.object_key"
    try:
        given = _given(keys.uploaded(user.user_id, source))
    except UploadIncomplete as error:
        text = "you have uploaded nothing there; upload it to the URL that POST /api/uploads answers"
        raise InvalidRequest(f"{field}: {text}", field=field) from error
    most = settings().source_max_bytes
    if not 0 < given.size <= most:
        raise InvalidRequest(f"{field}: it has {given.size} bytes, and may have 1 to {most}", field=field)
    return given


def _given(key: str) -> Input:
    stored = presign.look(key)
    return Input(key=key, size=stored.size, etag=stored.etag)


def _repository(url: str, ref: str | None, project: Project | None) -> Source:
    # A project's own token is for its own repository, and for no other that somebody names.
    own = project is not None and url.removesuffix(".git") == project.repo.removesuffix(".git")
    return Source({"kind": "repository", "url": url, "ref": ref, "secret": "github" if own else None})
