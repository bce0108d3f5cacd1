"""Jobs, for people."""

from http import HTTPStatus
from typing import Any

from chalicelib.accounts.permissions import Permission
from chalicelib.projects import tasks
from chalicelib.surfaces.callers import user
from chalicelib.surfaces.calls import Call

from .paging import paged
from .surface import surface
from .views import AttemptView, JobView, LogEntryView
from .wire import JobCreate, JobPaging, LogPaging


@surface.on("POST", "/api/jobs/create", auth=user(Permission.JOB_CREATE), body=JobCreate, status=HTTPStatus.CREATED)
def create_job(call: Call[JobCreate]) -> JobView:
    """Create a job of a project."""
    new = call.body
    names = ("queue", "priority", "max_attempts", "not_before", "deadline")
    terms = tasks.Terms(**{name: getattr(new, name) for name in names})
    return JobView.of_detail(tasks.create(call.user, new.project_id, new.job_type, new.payload, terms, call.seed))


@surface.on("GET", "/api/projects/{project_id}/jobs", auth=user(Permission.JOB_READ), query=JobPaging)
def list_jobs(call: Call[None, JobPaging], project_id: str) -> dict[str, Any]:
    """A project's jobs, newest first."""
    wanted = call.query
    page = tasks.list_jobs(
        call.user, project_id, state=wanted.core_state, job_type=wanted.type, limit=wanted.limit, cursor=wanted.cursor
    )
    return paged([JobView.of(job) for job in page.jobs], page.cursor, more=page.cursor is not None)


@surface.on("GET", "/api/jobs/{job_id}", auth=user(Permission.JOB_READ))
def read_job(call: Call, job_id: str) -> JobView:
    """A job with its payload and result."""
    return JobView.of_detail(tasks.read(call.user, job_id))


@surface.on("DELETE", "/api/jobs/{job_id}", auth=user(Permission.JOB_CANCEL))
def cancel_job(call: Call, job_id: str) -> JobView:
    """Cancel a job: at once while it waits, through its agent while it is held."""
    return JobView.of_detail(tasks.cancel(call.user, job_id))


@surface.on("POST", "/api/jobs/{job_id}/retry", auth=user(Permission.JOB_CREATE))
def retry_job(call: Call, job_id: str) -> JobView:
    """Make a failed job ready again."""
    return JobView.of_detail(tasks.retry(call.user, job_id))


@surface.on("GET", "/api/jobs/{job_id}/attempts", auth=user(Permission.JOB_READ))
def list_attempts(call: Call, job_id: str) -> dict[str, Any]:
    """Who held a job, when, and how it ended."""
    return {"data": [AttemptView.of(attempt) for attempt in tasks.list_attempts(call.user, job_id)]}


@surface.on("GET", "/api/jobs/{job_id}/logs", auth=user(Permission.JOB_READ), query=LogPaging)
def read_log(call: Call[None, LogPaging], job_id: str) -> dict[str, Any]:
    """A page of a job's log; there is more to come until the job has ended and all is read."""
    page = tasks.read_log(call.user, job_id, cursor=call.query.cursor, limit=call.query.limit)
    return paged([LogEntryView.of(entry) for entry in page.entries], str(page.cursor), more=page.more)
