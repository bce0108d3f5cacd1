"""The input of a file job: in one request or in parts, and the word that it is there."""

from chalicelib.accounts.permissions import Permission
from chalicelib.files import uploads
from chalicelib.objects.presign import Part
from chalicelib.surfaces.callers import user
from chalicelib.surfaces.calls import IDEMPOTENCY_KEY, Call

from .surface import surface
from .wire import (
    JobView,
    JoinedView,
    MarkUploaded,
    MultipartView,
    Nothing,
    PartsComplete,
    PartsRequest,
    PartsView,
    PartView,
    UploadView,
)

_UPLOADING = user(Permission.JOB_CREATE)
_PARTS = "/api/v1/jobs/{job_id}/multipart-upload"


@surface.on("POST", "/api/v1/jobs/{job_id}/upload-url", auth=_UPLOADING, body=Nothing, body_optional=True)
def sign_upload(call: Call[Nothing], job_id: str) -> UploadView:
    """The presigned URL to PUT the file to."""
    return UploadView(upload_url=uploads.upload_request(call.user, job_id).url)


@surface.on("POST", "/api/v1/jobs/{job_id}/mark-uploaded", auth=_UPLOADING, body=MarkUploaded, takes=(IDEMPOTENCY_KEY,))
def mark_uploaded(call: Call[MarkUploaded], job_id: str) -> JobView:
    """The file is there: process it."""
    return JobView.of(uploads.mark(call.user, job_id, call.body.object_key, call.seed))


@surface.on("POST", _PARTS, auth=_UPLOADING, body=Nothing, body_optional=True)
def begin_multipart_upload(call: Call[Nothing], job_id: str) -> MultipartView:
    """Begin an upload in parts, for a file over 5 GB or one that should survive a bad line."""
    upload_id, part_size, job = uploads.begin_parts(call.user, job_id)
    return MultipartView(upload_id=upload_id, object_key=str(job.input_key), part_size_bytes=part_size)


@surface.on("POST", f"{_PARTS}/parts", auth=_UPLOADING, body=PartsRequest)
def sign_upload_parts(call: Call[PartsRequest], job_id: str) -> PartsView:
    """Presigned URLs to PUT parts to."""
    signed = uploads.sign_parts(call.user, job_id, call.body.upload_id, call.body.part_numbers)
    return PartsView(parts=[PartView(part_number=number, upload_url=request.url) for number, request in signed.items()])


@surface.on("POST", f"{_PARTS}/complete", auth=_UPLOADING, body=PartsComplete)
def complete_multipart_upload(call: Call[PartsComplete], job_id: str) -> JoinedView:
    """Put the parts together; then the file is marked as uploaded like any other."""
    parts = [Part(part.part_number, part.etag) for part in call.body.parts]
    joined = uploads.join_parts(call.user, job_id, call.body.upload_id, parts)
    return JoinedView(object_key=str(joined.input_key))
