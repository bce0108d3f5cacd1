"""Pipelines and what is asked of their contracts: jobs that agents do, and that their users have in their lists."""

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import queues, strict_json, times
from chalicelib.accounts.sessions import Identity
from chalicelib.errors import Conflict, InvalidRequest, JobNotFound, UploadIncomplete
from chalicelib.jobs import documents, lifecycle, logs
from chalicelib.jobs.model import Input, Job, Kind, NewJob, State
from chalicelib.objects import artifacts, contents, keys
from chalicelib.objects.artifacts import Artifact
from chalicelib.settings import settings
from chalicelib.telemetry import audit, trace_parent

from . import records, words
from .tables import VerifiedRow

TYPES = {
    Kind.PIPELINE: "contract-pipeline",
    Kind.AUDIT: "contract-audit",
    Kind.COMPLIANCE: "contract-compliance",
    Kind.VERIFY: "contract-verify",
}
"""What the handlers of agents are found by."""
DELIVERED = {"sources": "sources.json", "abis": "abis.json", "scripts": "scripts.json"}
STANDARD_INPUT = "standard-input.json"
Files = Mapping[str, Artifact]
# An agent that goes away leaves an attempt behind. A pipeline deploys, which is not to be done twice.
ATTEMPTS = {Kind.PIPELINE: 1}
LOOK_SECONDS = 0.5
MOST_BYTES = 1_300_000
"""Of one of a contract's files; three of them go into an answer, of which a function can give 6 MB."""


class UnsupportedNetwork(InvalidRequest):
    """There is no such network here."""

    code = "UNSUPPORTED_NETWORK"


class Detail(documents.Detail):
    """A job of this contract with its documents."""

    @property
    def outcome(self) -> dict[str, Any]:
        """What a completed one has come to, in its agent's words; empty before."""
        return self.result if self.job.state is State.COMPLETED and isinstance(self.result, dict) else {}


def create(user: Identity, order: dict[str, Any], seed: str) -> Job:
    """Create a pipeline.

    Args:
        user: the owner.
        order: ``prompt``, ``filename``, ``network`` (its name), ``max_iters``, ``strict_args``, ``constructor_args``.
        seed: of the job's id.

    Raises:
        UnsupportedNetwork: naming those that there are.
    """
    network = network_of(order["network"])
    job_id = Kind.PIPELINE.job_id(seed)
    # Before the job, as a document of it: without a job of its id nobody sees it.
    told = {name: order[name] for name in ("prompt", "filename", "network")}
    records.add(user.user_id, job_id, own=True, type="pipeline", **told)
    return _start(user, Kind.PIPELINE, {**order, "network": network}, seed)


def network_of(name: str) -> dict[str, Any]:
    """A network as agents are told of it.

    Raises:
        UnsupportedNetwork: naming those that there are.
    """
    known = settings().networks
    if name not in known:
        raise UnsupportedNetwork(f"network: {name} is none of {', '.join(sorted(known))}", field="network")
    found = known[name]
    verifier = {"kind": found.verifier_kind, "api_url": found.verifier_url} if found.verifier_url else None
    told = found.model_dump(include={"chain_id", "rpc_url", "explorer_url", "local"})
    return {"name": name, **told, "verifier": verifier}


def own(user: Identity, job_id: str) -> Job:
    """A job of ours, of any kind of this contract, for its owner.

    Raises:
        JobNotFound: this user has none of that id.
    """
    job = lifecycle.read(job_id)
    if job.kind not in words.KINDS or job.owner != user.user_id:
        raise JobNotFound(jobId=job_id)
    return job


def read(user: Identity, job_id: str) -> Detail:
    """The same, with its documents."""
    return Detail.of(own(user, job_id))


def read_log(user: Identity, job_id: str, *, cursor: int, limit: int) -> logs.Page:
    """A page of a job's log."""
    return logs.read(own(user, job_id), cursor=cursor, limit=limit)


def cancel(user: Identity, job_id: str) -> Job:
    """Cancel a job: at once while it waits, through its agent while it runs.

    Raises:
        InvalidStateTransition: it has completed or failed.
    """
    job = lifecycle.cancel(own(user, job_id))
    audit("job.cancelled", actor=user.principal, job_id=job_id, state=job.state)
    return job


def delivered(job_id: str) -> Files:
    """The files that a pipeline has delivered, by name."""
    return {artifact.file_name: artifact for artifact in artifacts.list_of_job(job_id, job_id)}


def contents_of(files: Files, names: Iterable[str] = DELIVERED) -> dict[str, Any]:
    """What a pipeline has delivered of ``sources``, ``abis`` and ``scripts``, by name; empty what it has not."""
    return {name: _json(files.get(DELIVERED[name])) for name in names}


def standard_input(files: Files) -> dict[str, Any]:
    """The compiler's input that a pipeline's contract was made from.

    Raises:
        Conflict: the job has delivered none.
    """
    told = _json(files.get(STANDARD_INPUT))
    if not told:
        raise Conflict("the job has no contract yet: it has not come so far, or its files are no longer stored")
    return told


def ask(user: Identity, kind: Kind, order: dict[str, Any], given: dict[str, Any], seed: str) -> Job:
    """Have an agent look at a contract.

    Args:
        user: the owner.
        kind: AUDIT, COMPLIANCE or VERIFY.
        order: the job's payload.
        given: what the agent is to look at; the job's input, as JSON.
        seed: of the job's id.
    """
    content = json.dumps(given).encode()
    stored = contents.write(keys.contract_input(kind.job_id(seed)), content, "application/json")
    return _start(user, kind, order, seed, stored)


def awaited(job: Job) -> Detail:
    """A job once it has ended, or as it stands when the settings' patience is at its end."""
    until = time.monotonic() + settings().pipeline_wait_seconds
    while not words.ended(job) and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
        job = lifecycle.read(job.job_id)
    return Detail.of(job)


def note_verified(network: str, address: str, explorer_url: str | None) -> None:
    """Remember that a contract was verified."""
    VerifiedRow(_contract(network, address), explorer_url=explorer_url, verified_at=times.now()).put()


def verified(network: str, address: str) -> VerifiedRow | None:
    """What is known of a contract's verification; None where nobody has verified it here."""
    network_of(network)
    return VerifiedRow.read(_contract(network, address))


def _contract(network: str, address: str) -> str:
    return f"{network}#{address.lower()}"


def _json(artifact: Artifact | None) -> dict[str, Any]:
    """What a file of an agent's holds; nothing where it is no object in JSON, or too large for an answer."""
    if artifact is None or artifact.size > MOST_BYTES:
        return {}
    try:
        found = strict_json.parse(contents.read(artifact.object_key))
    except (UploadIncomplete, InvalidRequest):
        return {}
    return found if isinstance(found, dict) else {}


def _start(user: Identity, kind: Kind, order: dict[str, Any], seed: str, given: Input | None = None) -> Job:
    new = NewJob(
        kind=kind,
        type=TYPES[kind],
        owner=user.user_id,
        created_by=user.principal,
        secrets_project=settings().pipeline_secrets_project,
        payload=order,
        queue=queues.PIPELINES,
        max_attempts=ATTEMPTS.get(kind, 3),
        given=given,
        trace_parent=trace_parent(),
    )
    job = lifecycle.create(new, seed)
    audit("job.created", actor=user.principal, job_id=job.job_id)
    return job
