"""What remote agents call: claim a job, hold it, report on it, and redeem its token for secrets."""

import random
from http import HTTPStatus

from chalicelib import errors
from chalicelib.errors import InvalidRequest
from chalicelib.jobs import claims, holding, logs
from chalicelib.jobs.model import State
from chalicelib.secrets import release
from chalicelib.settings import settings
from chalicelib.surfaces.callers import agent, claim_token
from chalicelib.surfaces.calls import OF_A_HOLDER, Call
from chalicelib.surfaces.surface import Reply

from .answers import ClaimView, SecretValue, SecretValues
from .surface import surface
from .views import AppendView, HeldView, JobView, TokenView
from .wire import ClaimRequest, JobReport, LogAppend, SecretQuery

MAX_REQUEST_ID = 128


@surface.on(
    "POST",
    "/api/jobs/claim",
    auth=agent,
    body=ClaimRequest,
    body_optional=True,
    takes=("X-Claim-Request-Id",),
    tells=("Retry-After",),
    gives={"job_id": "/job/jobId"},
)
def claim_job(call: Call[ClaimRequest]) -> Reply[ClaimView]:
    """Claim the next job that is due; with no job, ``Retry-After`` says when to ask again."""
    claim = None if call.agent.draining else claims.claim(call.agent, call.body.queues, _request_id(call))
    if claim is None:
        draining = {"draining": True} if call.agent.draining else {}
        return Reply(body=ClaimView(job=None, **draining), headers={"Retry-After": _soon()})
    return Reply(body=ClaimView(job=JobView.of(claim.job, payload=claim.payload), claim_token=claim.token))


@surface.on(
    "PATCH",
    "/api/jobs/{job_id}",
    auth=agent,
    body=JobReport,
    takes=OF_A_HOLDER,
    raises=(errors.InvalidStateTransition,),
)
def report_on_job(call: Call[JobReport], job_id: str) -> HeldView:
    """Say that the job is running, with its progress, or how it ended, with its result."""
    job = holding.report(call.holder, job_id, State(call.body.state), call.body.payload)
    return HeldView.of(job, payload=call.body.payload)


@surface.on("POST", "/api/jobs/{job_id}/renew", auth=agent, takes=OF_A_HOLDER)
def renew_claim(call: Call, job_id: str) -> HeldView:
    """Extend the lease."""
    return HeldView.of(holding.renew(call.holder, job_id))


@surface.on("POST", "/api/jobs/{job_id}/release", auth=agent, takes=OF_A_HOLDER)
def release_job(call: Call, job_id: str) -> HeldView:
    """Give the job back for another agent to take."""
    return HeldView.of(holding.release(call.holder, job_id))


@surface.on("POST", "/api/jobs/{job_id}/claim-token", auth=agent, status=HTTPStatus.CREATED, takes=OF_A_HOLDER)
def mint_claim_token(call: Call, job_id: str) -> TokenView:
    """A new claim token in place of the old one."""
    token = claims.mint_token(call.holder, job_id)
    return TokenView(claim_token=token.plain, expires_at=token.expires)


@surface.on(
    "POST",
    "/api/jobs/{job_id}/logs",
    auth=agent,
    body=LogAppend,
    takes=OF_A_HOLDER,
    raises=(errors.LogSegmentMismatch, errors.LogFull),
)
def append_log(call: Call[LogAppend], job_id: str) -> AppendView:
    """Append one line, or a batch."""
    if call.body.entries is None and call.body.message is None:
        raise InvalidRequest("message: Field required", field="message")
    job, following = logs.append(call.holder, job_id, call.body.to_lines(), call.body.segment)
    return AppendView(
        success=True, next_segment=following, claim_expiry=job.lease_expires, cancel_requested=job.cancel_requested
    )


@surface.on(
    "GET",
    "/api/admin/secrets/{project_id}",
    auth=claim_token,
    query=SecretQuery,
    raises=(errors.Conflict, errors.TooManyRequests, errors.EncryptionUnavailable, errors.SecretNotFound),
)
def redeem_token(call: Call[None, SecretQuery], project_id: str) -> SecretValue | SecretValues:
    """The secrets of a claim's project, once for each token."""
    bearer, types = call.bearer, call.query.types
    found = release.redeem(bearer.agent_id, bearer.token, project_id, types, source_ip=call.source_ip)
    plain = {kind: value.get_secret_value() for kind, value in found.items()}
    return SecretValue(secret=plain[types[0]]) if len(types) == 1 else SecretValues(secrets=plain)


def _request_id(call: Call[ClaimRequest]) -> str | None:
    request_id = call.header("x-claim-request-id")
    if request_id is not None and not (0 < len(request_id) <= MAX_REQUEST_ID and request_id.isprintable()):
        message = f"X-Claim-Request-Id must be 1 to {MAX_REQUEST_ID} printable characters"
        raise InvalidRequest(message, field="X-Claim-Request-Id")
    return request_id


def _soon() -> str:
    """Seconds until the next poll, around the setting, so that agents started together drift apart."""
    seconds = settings().poll_seconds
    return str(random.randint(max(1, seconds // 2), seconds + seconds // 2))  # noqa: S311  spreads load
