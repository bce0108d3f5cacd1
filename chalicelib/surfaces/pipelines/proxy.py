"""Pipelines: create, how they stand, their logs by polling and by stream, cancel."""

from http import HTTPStatus

from chalicelib.accounts.permissions import Permission
from chalicelib.errors import InvalidStateTransition, UpstreamUnreachable
from chalicelib.pipelines.jobs import UnsupportedNetwork
from chalicelib.pipelines.service import service, service_of
from chalicelib.surfaces.calls import IDEMPOTENCY_KEY, Call
from chalicelib.surfaces.cookies import CookieSession
from chalicelib.surfaces.limits import PIPELINE_CREATIONS, PIPELINE_READS, PIPELINE_STREAMS
from chalicelib.surfaces.surface import Reply

from .surface import READING, surface
from .wire import (
    Created,
    CreatedId,
    DetailQuery,
    DetailView,
    Done,
    LogQuery,
    LogView,
    PipelineCreate,
    StatusView,
    StreamEvent,
    StreamQuery,
)

READS = CookieSession(Permission.JOB_READ)
CREATES = CookieSession(Permission.JOB_CREATE, changes=True)
CANCELS = CookieSession(Permission.JOB_CANCEL, changes=True)
EVENTS = "text/event-stream"
LINES = 1000
PROXIED = (UpstreamUnreachable,)


@surface.on(
    "POST",
    "/u/proxy/ai/pipeline",
    auth=CREATES,
    body=PipelineCreate,
    limits=(PIPELINE_CREATIONS,),
    takes=(IDEMPOTENCY_KEY,),
    raises=(UnsupportedNetwork, UpstreamUnreachable),
    gives={"id": "/job/id"},
)
def create_pipeline(call: Call[PipelineCreate]) -> Created:
    """Create a pipeline, which waits for an agent."""
    job_id = service().create(call.user, call.body.order(), call.seed)
    return Created(ok=True, job=CreatedId(id=job_id))


@surface.on("GET", "/u/proxy/job/{id}", auth=READS, query=DetailQuery, limits=READING, raises=PROXIED)
def read_pipeline(call: Call[None, DetailQuery], id: str) -> DetailView:  # noqa: A002  the contract's word
    """How a job stands, with the first thousand lines of its log."""
    with_insights = call.query.include_magical
    told = service_of(call.user, id).detail(call.user, id, lines=LINES, with_insights=with_insights)
    if told.insights is None:
        return DetailView(ok=True, data=told.data)
    return DetailView(ok=True, data=told.data, magical=told.insights)


@surface.on("GET", "/u/proxy/job/{id}/status", auth=READS, limits=READING, raises=PROXIED)
def read_status(call: Call, id: str) -> StatusView:  # noqa: A002  the contract's word
    """How a job stands."""
    told = service_of(call.user, id).status(call.user, id)
    return StatusView(ok=True, status=told.status, progress=told.progress)


@surface.on("GET", "/u/proxy/job/{id}/logs", auth=READS, query=LogQuery, limits=READING, raises=PROXIED)
def poll_log(call: Call[None, LogQuery], id: str) -> LogView:  # noqa: A002  the contract's word
    """Lines of a job's log."""
    wanted = call.query
    told = service_of(call.user, id).logs(call.user, id, after=wanted.after_index, limit=wanted.limit)
    return LogView(ok=True, logs=told.lines, more=told.more)


@surface.on(
    "GET",
    "/u/proxy/job/{id}/logs/stream",
    auth=READS,
    query=StreamQuery,
    takes=("Last-Event-ID",),
    produces=(EVENTS,),
    also=(HTTPStatus.NO_CONTENT,),
    returns=StreamEvent,
    raises=PROXIED,
)
def stream_log(call: Call[None, StreamQuery], id: str) -> Reply:  # noqa: A002  the contract's word
    """A job's log as Server-Sent Events, each answer finite: ``log``, ``progress``, ``error``, ``end`` and ``ping``."""
    last = call.header("last-event-id")
    # One stream is one read, however often its connection has to be made anew.
    call.limited(PIPELINE_STREAMS if last else PIPELINE_READS)
    text = service_of(call.user, id).events(call.user, id, after=call.query.after_index, last=last)
    # A browser that gets a 204 does not ask again.
    return Reply(body=text or "", status=HTTPStatus.NO_CONTENT if text is None else None, media_type=EVENTS)


@surface.on("DELETE", "/u/proxy/job/{id}", auth=CANCELS, raises=(InvalidStateTransition, UpstreamUnreachable))
def cancel_pipeline(call: Call, id: str) -> Done:  # noqa: A002  the contract's word
    """Cancel a job that has not ended."""
    service_of(call.user, id).cancel(call.user, id)
    return Done(ok=True)
