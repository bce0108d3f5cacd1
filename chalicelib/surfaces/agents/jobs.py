"""Jobs, for people."""

from http import HTTPStatus

from chalicelib import errors
from chalicelib.accounts.permissions import Permission
from chalicelib.projects import tasks
from chalicelib.surfaces.callers import user
from chalicelib.surfaces.calls import IDEMPOTENCY_KEY, Call

from .answers import AttemptList, JobPage, LogPage
from .surface import surface
from .views import AttemptView, JobView, LogEntryView
from .wire import JobCreate, JobPaging, LogPaging


@surface.on(
    "POST",
    "/api/jobs/create",
    auth=user(Permission.JOB_CREATE),
    body=JobCreate,
    status=HTTPStatus.CREATED,
    takes=(IDEMPOTENCY_KEY,),
    gives={"job_id": "/jobId"},
    raises=(errors.ProjectNotFound,),
)
def create_job(call: Call[JobCreate]) -> JobView:
    """Create a job of a project."""
    new = call.body
    names = ("queue", "priority", "max_attempts", "not_before", "deadline")
    terms = tasks.Terms(**{name: getattr(new, name) for name in names})
    return JobView.of_detail(tasks.create(call.user, new.project_id, new.job_type, new.payload, terms, call.seed))


@surface.on("GET", "/api/projects/{project_id}/jobs", auth=user(Permission.JOB_READ), query=JobPaging)
def list_jobs(call: Call[None, JobPaging], project_id: str) -> JobPage:
    """A project's jobs, newest first."""
    wanted = call.query
    page = tasks.list_jobs(
        call.user, project_id, state=wanted.core_state, job_type=wanted.type, limit=wanted.limit, cursor=wanted.cursor
    )
    return JobPage(data=[JobView.of(job) for job in page.jobs], cursor=page.cursor, has_more=page.cursor is not None)


@surface.on(
    "POST",
    "/api/jobs/{job_id}/retry",
    auth=user(Permission.JOB_CREATE),
    raises=(errors.InvalidStateTransition,),
)
def retry_job(call: Call, job_id: str) -> JobView:
    """Make a failed job ready again."""
    return JobView.of_detail(tasks.retry(call.user, job_id))


@surface.on("GET", "/api/jobs/{job_id}/attempts", auth=user(Permission.JOB_READ))
def list_attempts(call: Call, job_id: str) -> AttemptList:
    """Who held a job, when, and how it ended."""
    return AttemptList(data=[AttemptView.of(attempt) for attempt in tasks.list_attempts(call.user, job_id)])


@surface.on("GET", "/api/jobs/{job_id}/logs", auth=user(Permission.JOB_READ), query=LogPaging)
def read_log(call: Call[None, LogPaging], job_id: str) -> LogPage:
    """A page of a job's log; there is more to come until the job has ended and all is read."""
    page = tasks.read_log(call.user, job_id, cursor=call.query.cursor, limit=call.query.limit)
    return LogPage(data=[LogEntryView.of(entry) for entry in page.entries], cursor=str(page.cursor), has_more=page.more)
