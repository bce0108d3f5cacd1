"""Artifacts: announced and confirmed by agents, listed and downloaded by people."""

from http import HTTPStatus

from chalicelib import errors
from chalicelib.accounts.permissions import Permission
from chalicelib.objects import artifacts
from chalicelib.objects.artifacts import Announcement
from chalicelib.objects.presign import Part
from chalicelib.projects import tasks
from chalicelib.surfaces.callers import agent, user
from chalicelib.surfaces.calls import IDEMPOTENCY_KEY, OF_A_HOLDER, Call
from chalicelib.surfaces.surface import Reply

from .answers import PartsView
from .paging import CURSOR_HEADER, listed
from .surface import surface
from .views import ArtifactView, DownloadView, InputView, PartRequestView, UploadView
from .wire import ArtifactComplete, ArtifactCreate, Paging, PartsRequest


@surface.on(
    "POST",
    "/api/jobs/{job_id}/artifacts",
    auth=agent,
    body=ArtifactCreate,
    status=HTTPStatus.CREATED,
    takes=(*OF_A_HOLDER, IDEMPOTENCY_KEY),
    gives={"artifact_id": "/artifactId"},
)
def announce_artifact(call: Call[ArtifactCreate], job_id: str) -> UploadView:
    """Announce a file, and learn how to upload it."""
    file = Announcement(**{name: getattr(call.body, name) for name in ArtifactCreate.model_fields})
    return UploadView.of(artifacts.announce(call.holder, job_id, file, call.seed))


@surface.on(
    "POST", "/api/jobs/{job_id}/artifacts/{artifact_id}/parts", auth=agent, body=PartsRequest, takes=OF_A_HOLDER
)
def sign_parts(call: Call[PartsRequest], job_id: str, artifact_id: str) -> PartsView:
    """Requests for parts of an upload."""
    digests = {part.part_number: part.sha256 for part in call.body.parts}
    signed = artifacts.sign_parts(call.holder, job_id, artifact_id, digests)
    return PartsView(
        parts=[
            PartRequestView(part_number=number, method=request.method, url=request.url, headers=request.headers)
            for number, request in signed.items()
        ]
    )


@surface.on(
    "POST",
    "/api/jobs/{job_id}/artifacts/{artifact_id}/complete",
    auth=agent,
    body=ArtifactComplete,
    body_optional=True,
    takes=OF_A_HOLDER,
)
def complete_artifact(call: Call[ArtifactComplete], job_id: str, artifact_id: str) -> ArtifactView:
    """Confirm an upload: it is looked at, and then visible."""
    parts = [Part(part.part_number, part.etag, part.sha256) for part in call.body.parts]
    return ArtifactView.of(artifacts.complete(call.holder, job_id, artifact_id, parts))


@surface.on("GET", "/api/jobs/{job_id}/input", auth=agent, takes=OF_A_HOLDER, raises=(errors.Conflict,))
def get_input(call: Call, job_id: str) -> InputView:
    """What was uploaded for the job, for its holder to download."""
    return InputView.of(artifacts.input_of(call.holder, job_id))


@surface.on("GET", "/api/jobs/{job_id}/artifacts", auth=user(Permission.ARTIFACT_READ))
def list_job_artifacts(call: Call, job_id: str) -> list[ArtifactView]:
    """What a job delivered."""
    return [ArtifactView.of(artifact) for artifact in tasks.job_artifacts(call.user, job_id)]


@surface.on(
    "GET",
    "/api/projects/{project_id}/artifacts",
    auth=user(Permission.ARTIFACT_READ),
    query=Paging,
    tells=(CURSOR_HEADER,),
)
def list_project_artifacts(call: Call[None, Paging], project_id: str) -> Reply[list[ArtifactView]]:
    """What a project's jobs delivered, newest first."""
    found, cursor = tasks.project_artifacts(call.user, project_id, limit=call.query.limit, cursor=call.query.cursor)
    return listed([ArtifactView.of(artifact) for artifact in found], cursor)


@surface.on("GET", "/api/projects/{project_id}/artifacts/{artifact_id}/download", auth=user(Permission.ARTIFACT_READ))
def download_artifact(call: Call, project_id: str, artifact_id: str) -> DownloadView:
    """The presigned URL of an artifact."""
    url, expires = tasks.download(call.user, project_id, artifact_id)
    return DownloadView(download_url=url, expires_at=expires)
