"""The messages of the builds contract's WebSockets: ``connected``, ``progress``, ``completion`` and ``error``."""

import json
from functools import cached_property
from typing import Any

from chalicelib import times
from chalicelib.jobs import documents, progress
from chalicelib.jobs.model import Job, Kind, State

from . import words

MAX_BYTES = 100_000
"""API Gateway takes 128 KB."""


class News:
    """How a job stands, and the message that tells it, made once for all watchers."""

    def __init__(self, job: Job, *, fresh: bool) -> None:
        """``fresh``: whether the job has got on, and not only somebody new begun to watch it."""
        self.job = job
        self.fresh = fresh

    @cached_property
    def text(self) -> str:
        """The message, as JSON."""
        return _message(self.job)


def connected(job: Job) -> str:
    """The first message on a connection, as JSON."""
    text = f"Connected to {job.kind} updates"
    told = {"type": "connected", "task_id": words.uuid(job), "message": text, "timestamp": times.iso(times.now())}
    return json.dumps(told)


def _message(job: Job) -> str:
    common = {"task_id": words.uuid(job), "status": words.status(job), "timestamp": times.iso(job.updated_at)}
    if job.state is State.COMPLETED:
        return _completion(job, common)
    if words.ended(job):
        return json.dumps({"type": "error", **common, "error": words.error(job)})
    return json.dumps({"type": "progress", **common, "progress": progress.percent(job), "data": _data(job)})


def _data(job: Job) -> dict[str, Any]:
    step = {"current_step": words.step(job)}
    return {**step, "files_created": words.files_created(job)} if job.kind == Kind.BUILD else step


def _completion(job: Job, common: dict[str, Any]) -> str:
    text = json.dumps({"type": "completion", **common, "results": words.results(job, _result(job))})
    # What is too large to be told is there to be asked for.
    return text if len(text) <= MAX_BYTES else json.dumps({"type": "completion", **common, "results": None})


def _result(job: Job) -> Any:  # noqa: ANN401  any JSON
    try:
        return documents.get(job.job_id, job.result)
    except KeyError:
        return None
