"""Verification, audit and compliance of contracts: what an agent is given to look at, and what it has found."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from chalicelib.accounts.sessions import Identity
from chalicelib.errors import Conflict, InvalidRequest, JobNotFound
from chalicelib.jobs.model import Job, Kind, State

from . import jobs, records, words
from .jobs import Detail
from .records import Record

NAMES = {Kind.AUDIT: "audit", Kind.COMPLIANCE: "compliance", Kind.VERIFY: "verification"}


class ExaminationFailed(Conflict):
    """The contract could not be looked at."""

    code = "EXAMINATION_FAILED"


@dataclass(frozen=True, slots=True)
class Examined:
    """The job that looks at a contract, and what it has found; None while it has not ended."""

    job_id: str
    told: dict[str, Any] | None


def examine(user: Identity, kind: Kind, job_id: str, model: str | None, policy: dict[str, Any], seed: str) -> Examined:
    """Audit a job's contract, or check its compliance.

    Raises:
        JobNotFound: the user has no such pipeline.
        Conflict: it has made no contract, or the agent could not look at it.
    """
    records.read(user.user_id, job_id)
    pipeline = _pipeline(user, job_id)
    if not (contract := pipeline.outcome.get("contract")):
        raise Conflict("the job has no contract: it has not completed")
    order = {"contract": contract, "model": model, "policy": policy}
    files = jobs.delivered(job_id)
    given = {
        "job_id": job_id,
        **jobs.contents_of(files, ("sources",)),
        "standard_input": jobs.standard_input(files),
        **order,
    }
    job = jobs.ask(user, kind, order, given, seed)
    records.link(user.user_id, job_id, NAMES[kind], job.job_id)
    return _examined(jobs.awaited(job))


def verify_job(user: Identity, job_id: str, network: str | None, name: str | None, seed: str) -> Examined:
    """Compare the contract that a job has deployed with its source.

    Raises:
        InvalidRequest: the network or the name is not the job's.
        Conflict: it has deployed nothing, or the agent could not compare it.
    """
    records.read(user.user_id, job_id)
    pipeline = _pipeline(user, job_id)
    told, network_name = words.result(pipeline.outcome), pipeline.order["network"]["name"]
    if "address" not in told:
        raise Conflict("the job has deployed no contract")
    _must_be(network, network_name, "network")
    _must_be(name, told.get("fqName"), "fullyQualifiedName")
    order = {
        "network": jobs.network_of(network_name),
        "address": told["address"],
        "contract": told.get("contract"),
        "constructor_args": told.get("constructorArgs", []),
        "tx_hash": told.get("txHash"),
        "job_id": job_id,
    }
    job = jobs.ask(user, Kind.VERIFY, order, {"standard_input": jobs.standard_input(jobs.delivered(job_id))}, seed)
    records.link(user.user_id, job_id, NAMES[Kind.VERIFY], job.job_id)
    return _verdict(job)


def verify_address(user: Identity, told: dict[str, Any], seed: str) -> Examined:
    """Compare a deployed contract with a source.

    Raises:
        UnsupportedNetwork: naming those that there are.
        Conflict: the agent could not compare it.
    """
    order = {
        "network": jobs.network_of(told["network"]),
        "address": told["address"],
        "contract": told["contract_name"],
        "constructor_args": told["constructor_args"],
    }
    return _verdict(jobs.ask(user, Kind.VERIFY, order, {"source_code": told["source_code"]}, seed))


def settle(found: Detail) -> None:
    """Note what a completed verification has found: for everybody, and in the list of the job's owner."""
    told, order = words.verdict(found.outcome), found.order
    if not told["verified"] or "address" not in order:
        return
    jobs.note_verified(order["network"]["name"], order["address"], told["explorer_url"])
    if pipeline := order.get("job_id"):
        with suppress(JobNotFound):  # It has been put away since.
            records.note_verified(found.job.owner, pipeline, told["explorer_url"])


def last_report(user: Identity, record: Record, name: str) -> dict[str, Any] | None:
    """What the last ``audit`` or ``compliance`` of a job has found; None where there is none, or not yet."""
    examining = getattr(record, name)
    try:
        found = jobs.read(user, examining).outcome if examining else {}
    except JobNotFound:  # It has aged out.
        found = {}
    return words.plain(found) if found else None


def _pipeline(user: Identity, job_id: str) -> Detail:
    found = jobs.read(user, job_id)
    if found.job.kind != Kind.PIPELINE:
        raise JobNotFound(jobId=job_id)
    return found


def _must_be(given: str | None, known: str | None, field: str) -> None:
    if given is not None and given != known:
        raise InvalidRequest(f"{field}: the job's is {known}", field=field)


def _verdict(job: Job) -> Examined:
    found = jobs.awaited(job)
    examined = _examined(found)
    if examined.told is None:
        return examined
    # The stream does it too; who has waited for it is to find it at once.
    settle(found)
    return Examined(job.job_id, words.verdict(examined.told))


def _examined(found: Detail) -> Examined:
    job = found.job
    if not words.ended(job):
        return Examined(job.job_id, None)
    if job.state is not State.COMPLETED:
        raise ExaminationFailed(job.error_message or f"the {job.kind} was cancelled", jobId=job.job_id)
    if not found.outcome:
        raise ExaminationFailed("the agent has delivered nothing", jobId=job.job_id)
    return Examined(job.job_id, found.outcome)
