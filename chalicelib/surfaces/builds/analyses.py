"""Analyses: create, list, read, cancel."""

from http import HTTPStatus

from chalicelib.accounts.permissions import Permission
from chalicelib.builds import jobs, words
from chalicelib.errors import InvalidShape, InvalidStateTransition, NotFound
from chalicelib.jobs.model import Kind
from chalicelib.surfaces.callers import user
from chalicelib.surfaces.calls import IDEMPOTENCY_KEY, Call
from chalicelib.surfaces.limits import ANALYSIS_CREATIONS
from chalicelib.surfaces.surface import Reply

from .surface import surface
from .wire import AnalysisCreate, AnalysisHistory, AnalysisView, LogQuery, LogView, Message, Paging


@surface.on(
    "POST",
    "/api/analysis",
    auth=user(Permission.ANALYSIS_CREATE),
    body=AnalysisCreate,
    status=HTTPStatus.ACCEPTED,
    limits=(ANALYSIS_CREATIONS,),
    takes=(IDEMPOTENCY_KEY,),
    tells=("Location",),
    gives={"analysis_id": "/analysis_id"},
    raises=(InvalidShape, NotFound),
)
def create_analysis(call: Call[AnalysisCreate]) -> Reply[AnalysisView]:
    """Create an analysis of a project's latest sources, or of those that are named."""
    wanted = call.body
    view = AnalysisView.of(jobs.analyse(call.user, wanted.order(), wanted.named(), call.seed))
    return Reply(body=view, headers={"Location": f"/api/analysis/{view.analysis_id}"})


@surface.on("GET", "/api/analysis", auth=user(Permission.ANALYSIS_READ), query=Paging, raises=(InvalidShape,))
def list_analyses(call: Call[None, Paging]) -> AnalysisHistory:
    """One's own analyses, newest first; an administrator sees everybody's."""
    wanted = call.query
    found, total = jobs.history(call.user, Kind.ANALYSIS, skip=wanted.offset, limit=wanted.limit)
    analyses = [AnalysisView.of(detail) for detail in found]
    return AnalysisHistory(total=total, limit=wanted.limit, offset=wanted.offset, analyses=analyses)


@surface.on("GET", "/api/analysis/{analysis_id}", auth=user(Permission.ANALYSIS_READ))
def read_analysis(call: Call, analysis_id: str) -> AnalysisView:
    """An analysis; its results are null until there are some."""
    return AnalysisView.of(jobs.read(call.user, Kind.ANALYSIS, words.job_id(Kind.ANALYSIS, analysis_id)))


@surface.on(
    "GET",
    "/api/analysis/{analysis_id}/logs",
    auth=user(Permission.ANALYSIS_READ),
    query=LogQuery,
    raises=(InvalidShape,),
)
def read_analysis_log(call: Call[None, LogQuery], analysis_id: str) -> LogView:
    """What the agent and its tools have said."""
    job_id, wanted = words.job_id(Kind.ANALYSIS, analysis_id), call.query
    return LogView.of(jobs.read_log(call.user, Kind.ANALYSIS, job_id, after=wanted.after, limit=wanted.limit))


@surface.on(
    "DELETE",
    "/api/analysis/{analysis_id}",
    auth=user(Permission.ANALYSIS_CREATE),
    raises=(InvalidStateTransition,),
)
def cancel_analysis(call: Call, analysis_id: str) -> Message:
    """Cancel an analysis that has not ended."""
    jobs.cancel(call.user, Kind.ANALYSIS, words.job_id(Kind.ANALYSIS, analysis_id))
    return Message(message="Analysis task cancelled successfully")
