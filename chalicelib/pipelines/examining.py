"""Verification, audit and compliance of contracts: what an agent is given to look at, and what it has found."""

from dataclasses import dataclass
from typing import Any

from chalicelib.accounts.sessions import Identity
from chalicelib.errors import Conflict, InvalidRequest, JobNotFound
from chalicelib.jobs.model import Job, Kind

from . import jobs, records, words
from .jobs import Detail

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
    pipeline = _pipeline(user, job_id)
    order = {"contract": pipeline.outcome.get("contract"), "model": model, "policy": policy}
    given = {
        "job_id": job_id,
        "sources": jobs.delivered(job_id)["sources"],
        "standard_input": jobs.standard_input(job_id),
        **order,
    }
    job = jobs.ask(user, kind, order, given, seed)
    records.link(user.user_id, job_id, NAMES[kind], job.job_id)
    return _examined(job)


def verify_job(user: Identity, job_id: str, network: str | None, name: str | None, seed: str) -> Examined:
    """Compare the contract that a job has deployed with its source.

    Raises:
        InvalidRequest: the network or the name is not the job's.
        Conflict: it has deployed nothing, or the agent could not compare it.
    """
    told = words.result(_pipeline(user, job_id).outcome)
    if "address" not in told or "network" not in told:
        raise Conflict("the job has deployed no contract")
    _must_be(network, told["network"], "network")
    _must_be(name, told.get("fqName"), "fullyQualifiedName")
    order = {
        "network": jobs.network_of(told["network"]),
        "address": told["address"],
        "contract": told.get("contract"),
        "constructor_args": told.get("constructorArgs", []),
        "tx_hash": told.get("txHash"),
    }
    job = jobs.ask(user, Kind.VERIFY, order, {"standard_input": jobs.standard_input(job_id)}, seed)
    records.link(user.user_id, job_id, NAMES[Kind.VERIFY], job.job_id)
    found = _examined(job)
    if found.told and found.told.get("verified") is True:
        records.note_verified(user.user_id, job_id, _text(found.told.get("explorer_url")))
        jobs.note_verified(told["network"], told["address"], _text(found.told.get("explorer_url")))
    return found


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
    found = _examined(jobs.ask(user, Kind.VERIFY, order, {"source_code": told["source_code"]}, seed))
    if found.told and found.told.get("verified") is True:
        jobs.note_verified(told["network"], told["address"], _text(found.told.get("explorer_url")))
    return found


def last_report(user: Identity, job_id: str, name: str) -> dict[str, Any] | None:
    """What the last ``audit`` or ``compliance`` of a job has found; None where there is none, or not yet.

    Raises:
        JobNotFound: it is not in the user's list.
    """
    examining = getattr(records.read(user.user_id, job_id), name)
    try:
        found = jobs.read(user, examining).outcome if examining else {}
    except JobNotFound:  # It has aged out.
        found = {}
    return plain(found) if found else None


def plain(told: dict[str, Any]) -> dict[str, Any]:
    """A report without its rendering."""
    return {name: value for name, value in told.items() if name != "markdown"}


def _pipeline(user: Identity, job_id: str) -> Detail:
    found = jobs.read(user, job_id)
    if found.job.kind != Kind.PIPELINE:
        raise JobNotFound(jobId=job_id)
    return found


def _must_be(given: str | None, known: str | None, field: str) -> None:
    if given is not None and given != known:
        raise InvalidRequest(f"{field}: the job's is {known}", field=field)


def _examined(job: Job) -> Examined:
    found = jobs.awaited(job)
    if not words.ended(found.job):
        return Examined(job.job_id, None)
    if not found.outcome:
        raise ExaminationFailed(found.job.error_message or f"the {found.job.kind} was cancelled", jobId=job.job_id)
    return Examined(job.job_id, found.outcome)


def _text(value: Any) -> str | None:  # noqa: ANN401  what an agent has told
    return value if isinstance(value, str) else None
