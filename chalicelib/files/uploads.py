"""The input of a file job: how to upload it, and the word that it is there."""

import math

from chalicelib.accounts.sessions import Identity
from chalicelib.errors import Conflict, InvalidRequest, UploadIncomplete
from chalicelib.jobs import documents, inputs, lifecycle
from chalicelib.jobs.model import Input, Job, Kind, State
from chalicelib.objects import leftovers, presign
from chalicelib.objects.presign import Part, Request
from chalicelib.settings import settings
from chalicelib.telemetry import audit, logger

from . import jobs

# S3's limits: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
MAX_SINGLE_BYTES = 5 * 1024**3
MAX_PARTS = 10_000


def upload_request(user: Identity, job_id: str) -> Request:
    """A request that uploads the input. It may be asked for again until something has been uploaded.

    Raises:
        Conflict: the job does not wait for an upload, or it has come; or the file needs to be uploaded in parts.
    """
    job = _waiting(user, job_id)
    if _announced(job) > MAX_SINGLE_BYTES:
        raise Conflict("a file over 5 GB is uploaded in parts: POST to multipart-upload instead")
    return presign.put_any(_key(job))


def begin_parts(user: Identity, job_id: str) -> tuple[str, int, Job]:
    """Begin an upload in parts: its id, the bytes of each part but the last, and the job.

    Raises:
        Conflict: the job does not wait for an upload, or it has come.
    """
    job = _waiting(user, job_id)
    part_size = max(settings().multipart_part_bytes, math.ceil(_announced(job) / MAX_PARTS))
    return presign.begin_multipart(_key(job)), part_size, job


def sign_parts(user: Identity, job_id: str, upload_id: str, numbers: list[int]) -> dict[int, Request]:
    """Requests for parts of an upload, by their numbers.

    Raises:
        Conflict: the job does not wait for an upload, or it has come.
    """
    job = _waiting(user, job_id)
    return {number: presign.part(_key(job), upload_id, number) for number in numbers}


def join_parts(user: Identity, job_id: str, upload_id: str, parts: list[Part]) -> Job:
    """Put the parts together; the file still has to be marked as uploaded.

    Raises:
        Conflict: the job does not wait for an upload.
        UploadIncomplete: S3 has not all of those parts.
    """
    job = _awaiting(jobs.own(user, job_id))
    try:
        presign.finish_multipart(_key(job), upload_id, sorted(parts, key=lambda part: part.number))
    except UploadIncomplete as error:
        # An earlier call may have joined them and lost its answer; then the file is there.
        if not _is_there(job):
            raise UploadIncomplete("the store has not all of these parts of that upload") from error
    return job


def mark(user: Identity, job_id: str, object_key: str, request: str) -> jobs.Detail:
    """The owner's word that the input is there; the store is asked, and the job begins.

    Args:
        user: the owner.
        job_id: the job.
        object_key: as the upload's URL has it.
        request: names this request; one and the same for a request that is repeated.

    Raises:
        InvalidRequest: the key is not the job's, or the file is too large.
        InvalidStateTransition: the job waits for no upload.
        UploadIncomplete: nothing has been uploaded.
    """
    job = jobs.own(user, job_id)
    if object_key != job.input_key:
        raise InvalidRequest("object_key: is not the key that the upload's URL names", field="object_key")
    if job.state is State.AWAITING_UPLOAD:
        job = _begin(job, request)
        audit("input.uploaded", actor=user.principal, job_id=job_id, size=job.input_size)
    elif job.marked and job.marked != request:
        raise Conflict("the file has been marked as uploaded already")
    else:
        job = inputs.confirm(job, request)
    return jobs.Detail.of(job)


def arrived(key: str) -> None:
    """An input was uploaded: begin its job unless its owner has, and delete what no job waits for any more."""
    job_id = inputs.job_of(key)
    if job_id is None:
        logger.warning("input.unknown", key=key)
        return
    job = _found(job_id)
    if job and job.state is State.AWAITING_UPLOAD and job.input_key == key:
        job = _begin_quietly(job)
    if job is None or (job.finished and not job.input_etag):
        leftovers.delete(key)


def _begin_quietly(job: Job) -> Job:
    try:
        return _begin(job, None)
    except (InvalidRequest, UploadIncomplete) as error:
        # Its owner is told when they ask; an upload that nobody asks about expires.
        logger.warning("input.refused", job_id=job.job_id, reason=error.message)
        return job


def _begin(job: Job, request: str | None) -> Job:
    stored = presign.look(_key(job))
    jobs.must_fit(stored.size, field="object_key")
    queue = jobs.queue_for(max(stored.size, _announced(job)))
    return inputs.begin(job, Input(key=_key(job), size=stored.size, etag=stored.etag), queue=queue, mark=request)


def _found(job_id: str) -> Job | None:
    job = lifecycle.find(job_id)
    return job if job and job.kind == Kind.FILE else None


def _waiting(user: Identity, job_id: str) -> Job:
    """The job, if nothing has been uploaded for it yet."""
    job = _awaiting(jobs.own(user, job_id))
    if _is_there(job):
        raise Conflict("the file has been uploaded already: mark it as uploaded")
    return job


def _is_there(job: Job) -> bool:
    try:
        presign.look(_key(job))
    except UploadIncomplete:
        return False
    return True


def _awaiting(job: Job) -> Job:
    if job.state is not State.AWAITING_UPLOAD:
        raise Conflict(f"the job does not wait for an upload: it is {job.state}")
    return job


def _announced(job: Job) -> int:
    order = documents.get(job.job_id, job.payload)
    return int(order["original_file_size_bytes"] or 0)


def _key(job: Job) -> str:
    return str(job.input_key)
