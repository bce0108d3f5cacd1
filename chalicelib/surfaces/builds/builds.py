"""Builds: create, list, read, cancel, and the way to the sources."""

from http import HTTPStatus

from chalicelib.accounts.permissions import Permission
from chalicelib.builds import jobs, words
from chalicelib.errors import Conflict, InvalidShape, InvalidStateTransition
from chalicelib.jobs.model import Kind
from chalicelib.surfaces.callers import user
from chalicelib.surfaces.calls import IDEMPOTENCY_KEY, Call
from chalicelib.surfaces.limits import BUILD_CREATIONS
from chalicelib.surfaces.surface import Reply

from .surface import surface
from .wire import BuildCreate, BuildCreated, BuildHistory, BuildView, LogQuery, LogView, Message, Paging, SourcesView


@surface.on(
    "POST",
    "/api/build",
    auth=user(Permission.BUILD_CREATE),
    body=BuildCreate,
    status=HTTPStatus.ACCEPTED,
    limits=(BUILD_CREATIONS,),
    takes=(IDEMPOTENCY_KEY,),
    tells=("Location",),
    gives={"task_id": "/task_id"},
    raises=(InvalidShape,),
)
def create_build(call: Call[BuildCreate]) -> Reply[BuildCreated]:
    """Create a build, which waits for an agent."""
    view = BuildCreated.of(jobs.build(call.user, call.body.order(), call.seed))
    return Reply(body=view, headers={"Location": f"/api/build/{view.task_id}"})


@surface.on("GET", "/api/build", auth=user(Permission.BUILD_READ), query=Paging, raises=(InvalidShape,))
def list_builds(call: Call[None, Paging]) -> BuildHistory:
    """One's own builds, newest first; an administrator sees everybody's."""
    wanted = call.query
    found, total = jobs.history(call.user, Kind.BUILD, skip=wanted.offset, limit=wanted.limit)
    builds = [BuildView.of(detail) for detail in found]
    return BuildHistory(total=total, limit=wanted.limit, offset=wanted.offset, builds=builds)


@surface.on("GET", "/api/build/{task_id}", auth=user(Permission.BUILD_READ))
def read_build(call: Call, task_id: str) -> BuildView:
    """A build: how far it is, what it has come to, or why it failed."""
    return BuildView.of(jobs.read(call.user, Kind.BUILD, words.job_id(Kind.BUILD, task_id)))


@surface.on("DELETE", "/api/build/{task_id}", auth=user(Permission.BUILD_CANCEL), raises=(InvalidStateTransition,))
def cancel_build(call: Call, task_id: str) -> Message:
    """Cancel a build that has not ended."""
    jobs.cancel(call.user, Kind.BUILD, words.job_id(Kind.BUILD, task_id))
    return Message(message="Build task cancelled successfully")


@surface.on(
    "GET", "/api/build/{task_id}/logs", auth=user(Permission.BUILD_READ), query=LogQuery, raises=(InvalidShape,)
)
def read_build_log(call: Call[None, LogQuery], task_id: str) -> LogView:
    """What the agent and the tests of the project have said."""
    job_id, wanted = words.job_id(Kind.BUILD, task_id), call.query
    return LogView.of(jobs.read_log(call.user, Kind.BUILD, job_id, after=wanted.after, limit=wanted.limit))


@surface.on("GET", "/api/build/{task_id}/sources", auth=user(Permission.BUILD_READ), raises=(Conflict,))
def sign_sources(call: Call, task_id: str) -> SourcesView:
    """The presigned URL of the project that a build has written, as a ``.tar.gz``."""
    return SourcesView.of(jobs.download(call.user, words.job_id(Kind.BUILD, task_id)))
