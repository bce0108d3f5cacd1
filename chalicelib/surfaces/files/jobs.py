"""File jobs: create, list, read, cancel, download."""

from http import HTTPStatus

from chalicelib.accounts.permissions import Permission
from chalicelib.files import jobs
from chalicelib.surfaces.callers import user
from chalicelib.surfaces.calls import IDEMPOTENCY_KEY, Call

from .surface import surface
from .wire import DownloadView, JobCreate, JobView, Nothing, Paging


@surface.on(
    "POST",
    "/api/v1/jobs",
    auth=user(Permission.JOB_CREATE),
    body=JobCreate,
    status=HTTPStatus.CREATED,
    takes=(IDEMPOTENCY_KEY,),
    gives={"job_id": "/id"},
)
def create_job(call: Call[JobCreate]) -> JobView:
    """Create a job; its file is uploaded afterwards."""
    return JobView.of(jobs.create(call.user, call.body.order(), call.seed))


@surface.on("GET", "/api/v1/jobs", auth=user(Permission.JOB_READ), query=Paging)
def list_jobs(call: Call[None, Paging]) -> list[JobView]:
    """One's own jobs, newest first."""
    return [JobView.of(job) for job in jobs.list_own(call.user, skip=call.query.skip, limit=call.query.limit)]


@surface.on("GET", "/api/v1/jobs/{job_id}", auth=user(Permission.JOB_READ))
def get_job(call: Call, job_id: str) -> JobView:
    """A job, with the report of what was done."""
    return JobView.with_report(jobs.read(call.user, job_id))


@surface.on("POST", "/api/v1/jobs/{job_id}/cancel", auth=user(Permission.JOB_CANCEL), body=Nothing, body_optional=True)
def cancel_job(call: Call[Nothing], job_id: str) -> JobView:
    """Cancel a job that has not ended."""
    return JobView.of(jobs.cancel(call.user, job_id))


@surface.on(
    "POST", "/api/v1/jobs/{job_id}/download-url", auth=user(Permission.ARTIFACT_READ), body=Nothing, body_optional=True
)
def sign_download(call: Call[Nothing], job_id: str) -> DownloadView:
    """The presigned URL of the output."""
    return DownloadView(download_url=jobs.download(call.user, job_id))
