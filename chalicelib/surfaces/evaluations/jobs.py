"""Evaluations: submit, list, results. Reading and cancelling one are in ``surfaces.shared``."""

import json
from http import HTTPStatus

from chalicelib.accounts.permissions import Permission
from chalicelib.errors import Conflict
from chalicelib.evaluations import jobs
from chalicelib.surfaces.callers import user
from chalicelib.surfaces.calls import IDEMPOTENCY_KEY, Call
from chalicelib.surfaces.limits import EVALUATION_SUBMISSIONS
from chalicelib.surfaces.surface import Reply

from .surface import surface
from .wire import EvaluationPage, EvaluationView, JobCreate, JobQuery, ResultQuery, ResultsView

MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


@surface.on(
    "POST",
    "/api/jobs",
    auth=user(Permission.JOB_CREATE),
    body=JobCreate,
    status=HTTPStatus.CREATED,
    limits=(EVALUATION_SUBMISSIONS,),
    takes=(IDEMPOTENCY_KEY,),
    tells=("Location",),
    gives={"job_id": "/id"},
)
def submit_evaluation(call: Call[JobCreate]) -> Reply[EvaluationView]:
    """Submit an evaluation."""
    view = EvaluationView.of(jobs.submit(call.user, call.body.order(), call.seed))
    return Reply(body=view, headers={"Location": f"/api/jobs/{view.id}"})


@surface.on("GET", "/api/jobs", auth=user(Permission.JOB_READ), query=JobQuery)
def list_evaluations(call: Call[None, JobQuery]) -> EvaluationPage:
    """One's own evaluations, newest first."""
    wanted = call.query
    found, cursor = jobs.list_own(call.user, wanted.wants, limit=wanted.limit, cursor=wanted.cursor)
    return EvaluationPage(jobs=[EvaluationView.of(detail) for detail in found], next_cursor=cursor)


@surface.on(
    "GET",
    "/api/jobs/{job_id}/results",
    auth=user(Permission.JOB_READ),
    query=ResultQuery,
    produces=("application/json", "text/csv", "application/x-ndjson"),
    also=(HTTPStatus.FOUND,),
    tells=("Location",),
    raises=(Conflict,),
    returns=ResultsView,
)
def read_results(call: Call[None, ResultQuery], job_id: str) -> Reply:
    """The results of a completed evaluation; large ones by a redirect to where they are stored."""
    found = jobs.results(call.user, job_id, call.query.format)
    if found.content is None:
        return Reply(body={}, status=HTTPStatus.FOUND, headers={"Location": str(found.url)})
    if call.query.format == "json":
        return Reply(body=json.loads(found.content))
    return Reply(body=found.content, media_type=MEDIA_TYPES[call.query.format])
