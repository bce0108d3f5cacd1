"""A job that waits for its input begins when its owner, or the upload's own event, says that it is there."""

from chalicelib import times
from chalicelib.dynamo import Refused

from . import agenda, lifecycle
from .model import Actor, Input, Job, State
from .tables import JobRow

PREFIX = lifecycle.INPUTS


def job_of(key: str) -> str | None:
    """The id of the job that an input's key names; None where it names none."""
    parts = key.removeprefix(PREFIX).split("/") if key.startswith(PREFIX) else []
    return parts[0] if len(parts) == 2 and all(parts) else None  # noqa: PLR2004  the job and the name


def begin(job: Job, uploaded: Input, *, queue: str, mark: str | None) -> Job:
    """Make a job ready whose input has been uploaded; from now on only the upload that is named here counts.

    Args:
        job: as it was read.
        uploaded: what lies in the store.
        queue: where the job is to wait.
        mark: names the owner's request. None for the event of the upload, which does no more than what the owner
            has forgotten: the owner's request that comes after it is a success, once.

    Raises:
        InvalidStateTransition: the owner has begun it before, or it waits no longer.
    """
    if job.state is State.AWAITING_UPLOAD:
        actions = agenda.wait(job, times.now(), queue=queue)
        actions += [JobRow.input_size.set(uploaded.size), JobRow.input_etag.set(uploaded.etag)]
        actions += [JobRow.marked.set(mark)] if mark else []
        try:
            return lifecycle.move(job, State.READY, Actor.OWNER, actions)
        except Refused as refused:
            job = lifecycle.found(refused)
    return confirm(job, mark) if mark else job


def confirm(job: Job, mark: str) -> Job:
    """The owner's request to begin a job that has begun: once a success, if it was the upload's event that began it.

    Raises:
        InvalidStateTransition: the owner has begun it before, or it never began.
    """
    if job.marked == mark:
        return job  # A retry found the first try's success.
    if job.marked or not job.input_etag:
        raise job.illegal(State.READY, Actor.OWNER)
    try:
        return JobRow.move(job.job_id, actions=[JobRow.marked.set(mark)], condition=JobRow.marked.does_not_exist())
    except Refused as refused:
        return confirm(lifecycle.found(refused), mark)
