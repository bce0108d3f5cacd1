"""Verification, audit and compliance: an agent looks at a contract, and is waited for as long as a request may last."""

from http import HTTPStatus

from chalicelib.accounts.permissions import Permission
from chalicelib.errors import Conflict, JobNotFound, UpstreamUnreachable
from chalicelib.jobs.model import Kind
from chalicelib.pipelines import answers
from chalicelib.pipelines.jobs import UnsupportedNetwork
from chalicelib.pipelines.service import service, service_of
from chalicelib.surfaces.calls import IDEMPOTENCY_KEY, Call
from chalicelib.surfaces.cookies import CookieSession
from chalicelib.surfaces.limits import PIPELINE_VERIFICATIONS
from chalicelib.surfaces.surface import Reply

from .surface import READING, surface
from .wire import CreatedId, Examine, ReportView, Verdict, VerifyByAddress, VerifyByJob, VerifyQuery

READS = CookieSession(Permission.JOB_READ)
ASKS = CookieSession(Permission.JOB_CREATE, changes=True)
MARKDOWN = "text/markdown"
VERIFYING = (PIPELINE_VERIFICATIONS,)
FOUND = (Conflict, JobNotFound, UpstreamUnreachable)
KNOWN = (UnsupportedNetwork, *FOUND)


@surface.on(
    "POST", "/u/proxy/verify/byJob", auth=ASKS, body=VerifyByJob, limits=VERIFYING, takes=(IDEMPOTENCY_KEY,),
    also=(HTTPStatus.ACCEPTED,), raises=KNOWN,
)  # fmt: skip
def verify_by_job(call: Call[VerifyByJob]) -> Reply[Verdict]:
    """Compare the deployed contract of a job with its source; 202 with a job to ask for where it takes long."""
    told, runs = call.body, service_of(call.user, call.body.job_id)
    return _verdict(runs.verify_job(call.user, told.job_id, told.network, told.fully_qualified_name, call.seed))


@surface.on(
    "POST", "/u/proxy/verify/byAddress", auth=ASKS, body=VerifyByAddress, limits=VERIFYING, takes=(IDEMPOTENCY_KEY,),
    also=(HTTPStatus.ACCEPTED,), raises=KNOWN,
)  # fmt: skip
def verify_by_address(call: Call[VerifyByAddress]) -> Reply[Verdict]:
    """Compare a deployed contract with a source; 202 with a job to ask for where it takes long."""
    return _verdict(service().verify_address(call.user, call.body.model_dump(by_alias=False), call.seed))


@surface.on(
    "GET",
    "/u/proxy/verify/status",
    auth=READS,
    query=VerifyQuery,
    limits=READING,
    raises=(UnsupportedNetwork, UpstreamUnreachable),
)
def read_verification(call: Call[None, VerifyQuery]) -> Verdict:
    """Whether a contract has been verified here."""
    found = service().verification(call.query.network, call.query.address)
    return Verdict(ok=True, verified=found.verified, explorerUrl=found.explorer_url)


@surface.on(
    "POST", "/u/proxy/audit/byJob", auth=ASKS, body=Examine, limits=VERIFYING, takes=(IDEMPOTENCY_KEY,),
    also=(HTTPStatus.ACCEPTED,), produces=("application/json", MARKDOWN), returns=ReportView,
    raises=FOUND,
)  # fmt: skip
def audit_job(call: Call[Examine]) -> Reply:
    """Audit the contract of a job; 202 with a job to ask for where it takes long. Also as Markdown, by ``Accept``."""
    return _report(call, Kind.AUDIT)


@surface.on(
    "POST", "/u/proxy/compliance/byJob", auth=ASKS, body=Examine, limits=VERIFYING, takes=(IDEMPOTENCY_KEY,),
    also=(HTTPStatus.ACCEPTED,), produces=("application/json", MARKDOWN), returns=ReportView,
    raises=FOUND,
)  # fmt: skip
def check_compliance(call: Call[Examine]) -> Reply:
    """Check the contract of a job against standards and a policy; else as an audit."""
    return _report(call, Kind.COMPLIANCE)


def _verdict(found: answers.Verdict) -> Reply[Verdict]:
    if found.job_id:
        later = Verdict(ok=True, verified=None, explorerUrl=None, job=CreatedId(id=found.job_id))
        return Reply(body=later, status=HTTPStatus.ACCEPTED)
    return Reply(body=Verdict(ok=True, verified=found.verified, explorerUrl=found.explorer_url, reason=found.reason))


def _report(call: Call[Examine], kind: Kind) -> Reply:
    job_id, markdown = call.body.job_id, MARKDOWN in str(call.header("accept") or "").lower()
    order = {"model": call.body.model, "policy": call.body.policy}
    found = service_of(call.user, job_id).examine(call.user, kind, job_id, order, call.seed, markdown=markdown)
    if found.job_id:
        later = ReportView(ok=True, report=None, job=CreatedId(id=found.job_id))
        return Reply(body=later, status=HTTPStatus.ACCEPTED)
    if found.markdown is not None:
        return Reply(body=found.markdown, media_type=f"{MARKDOWN}; charset=utf-8")
    return Reply(body=ReportView(ok=True, report=found.report))
