"""Evaluations as their owners see them: submit, read, list, cancel, and the way to the results."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib import queues
from chalicelib.accounts.sessions import Identity
from chalicelib.engines.evaluation.criteria import Criteria
from chalicelib.engines.evaluation.errors import DataSetError
from chalicelib.errors import AgentNotFound, Conflict, InvalidRequest, JobNotFound, UploadIncomplete
from chalicelib.jobs import documents, lifecycle
from chalicelib.jobs.model import Input, Job, Kind, NewJob, State
from chalicelib.objects import contents, keys, presign
from chalicelib.settings import settings
from chalicelib.telemetry import audit, trace_parent

from . import answering, datasets, semantic

# A function that is killed leaves an attempt behind, and so does an hour of waiting for those who score a batch.
MAX_ATTEMPTS = 12
LOOKED_AT = 200
FORMATS = ("json", "csv", "jsonl")


class Detail(documents.Detail):
    """An evaluation with its documents."""

    @property
    def progress(self) -> dict[str, Any] | None:
        """How far it is, while it runs: the phase, and the rows that are done of all."""
        told = json.loads(self.job.progress) if self.job.progress and self.job.held else None
        return told if isinstance(told, dict) else None

    def output(self, wanted: str) -> dict[str, Any] | None:
        """Where the results of a completed evaluation lie, in one of ``FORMATS``: ``object_key`` and ``size``."""
        if self.job.state is not State.COMPLETED or not isinstance(self.result, dict):
            return None
        found: dict[str, Any] | None = self.result["outputs"].get(wanted)
        return found


@dataclass(frozen=True, slots=True)
class Results:
    """The results of an evaluation: their content where that is small, else where to get them."""

    content: str | None
    url: str | None


Wanted = Callable[[Job, dict[str, Any]], bool]
"""Whether a job with its order belongs into a list."""


def submit(user: Identity, order: dict[str, Any], seed: str) -> Detail:
    """Submit an evaluation of a data set that has been uploaded.

    Args:
        user: the owner.
        order: ``name``, ``description``, ``type`` and ``configuration``, as the contract has them.
        seed: of the job's id.

    Raises:
        InvalidRequest: naming the field: there is no such data set or agent, a column is missing, or nobody here
            gives semantic scores.
        TooLarge: the order is over 256 KB.
    """
    if made := lifecycle.find(Kind.EVALUATION.job_id(seed)):
        return Detail.of(made)  # Whatever has become of the data set since.
    configuration = order["configuration"]
    criteria = Criteria.model_validate(configuration["evaluation_criteria"])
    data = datasets.find(user, configuration.get("data_source"), configuration.get("data_source_blob_ref"))
    scorer = semantic.scorer() if criteria.use_semantic_scoring else None
    _check_agent(configuration)
    _check_columns(data, configuration)
    new = NewJob(
        kind=Kind.EVALUATION,
        type=order["type"],
        owner=user.user_id,
        created_by=user.principal,
        payload={**order, "scorer": scorer},
        queue=queues.EVALUATIONS,
        max_attempts=MAX_ATTEMPTS,
        given=data,
        trace_parent=trace_parent(),
    )
    job = lifecycle.create(new, seed)
    audit("job.created", actor=user.principal, job_id=job.job_id)
    return Detail(job, order, None)


def own(user: Identity, job_id: str) -> Job:
    """An evaluation, for its owner only.

    Raises:
        JobNotFound: this user has no such evaluation.
    """
    job = lifecycle.read(job_id)
    if job.kind != Kind.EVALUATION or job.owner != user.user_id:
        raise JobNotFound(jobId=job_id)
    return job


def read(user: Identity, job_id: str) -> Detail:
    """An evaluation with its order and its result."""
    return Detail.of(own(user, job_id))


def list_own(user: Identity, wanted: Wanted, *, limit: int, cursor: str | None) -> tuple[list[Detail], str | None]:
    """A user's evaluations, newest first, and the cursor of the next page.

    With a filter that few pass, a page may hold fewer than ``limit`` and still have a next one.
    """
    found: list[Detail] = []
    looked = 0
    while looked < LOOKED_AT:
        page = lifecycle.list_kind(user.user_id, Kind.EVALUATION, limit=limit, cursor=cursor)
        looked += limit
        for detail in Detail.of_all(page.jobs):
            if wanted(detail.job, detail.order):
                found.append(detail)
            cursor = detail.job.job_id
            if len(found) == limit:
                last = page.cursor is None and detail.job is page.jobs[-1]
                return found, None if last else cursor
        if page.cursor is None:
            return found, None
        cursor = page.cursor
    return found, cursor


def cancel(user: Identity, job_id: str) -> Detail:
    """Cancel an evaluation: at once while it waits, and within seconds while it runs.

    Raises:
        InvalidStateTransition: it has completed or failed.
    """
    job = lifecycle.cancel(own(user, job_id))
    audit("job.cancelled", actor=user.principal, job_id=job_id, state=job.state)
    return Detail.of(job)


def results(user: Identity, job_id: str, wanted: str) -> Results:
    """The results in one of ``FORMATS``.

    Raises:
        Conflict: it has not completed, or its results have been kept long enough.
    """
    found = read(user, job_id)
    output = found.output(wanted)
    if output is None:
        raise Conflict("the evaluation has no results: it has not completed", jobId=job_id)
    key = output["object_key"]
    try:
        if output["size"] <= settings().evaluation_inline_bytes:
            return Results(contents.read(key).decode(), None)
        presign.look(key)
    except UploadIncomplete as error:
        kept = settings().file_days
        raise Conflict(f"the results are no longer stored; they are kept for {kept} days", jobId=job_id) from error
    url, _ = presign.get(key, file_name=f"{keys.safe_name(found.order['name'])}.{wanted}")
    audit("output.download_signed", actor=user.principal, job_id=job_id)
    return Results(None, url)


def _check_agent(configuration: dict[str, Any]) -> None:
    agent_id = configuration["agent_configuration"].get("selected_agent_id")
    try:
        if agent_id:
            answering.read(agent_id)
    except AgentNotFound as error:
        field = "configuration.agent_configuration.selected_agent_id"
        raise InvalidRequest(f"{field}: no agent of that id is registered", field=field) from error


def _check_columns(data: Input, configuration: dict[str, Any]) -> None:
    """Refuse at once what is known to fail later."""
    columns = datasets.columns_of(data)
    try:
        if columns is not None:
            datasets.check(columns, configuration)
    except DataSetError as error:
        raise InvalidRequest(f"configuration: {error}", field="configuration") from error
