"""Artifacts: what a job delivers. Announced by its holder, uploaded straight to S3, checked there, then visible."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from chalicelib import times
from chalicelib.dynamo import Refused, expiry
from chalicelib.errors import ArtifactNotFound, InvalidRequest, NotFound, TooLarge, UploadIncomplete, UploadMismatch
from chalicelib.jobs.holding import Holder, read_held
from chalicelib.jobs.model import Job, Kind
from chalicelib.settings import settings
from chalicelib.telemetry import audit

from . import presign
from .keys import output_folder, safe_name
from .presign import Part, Request
from .table import ArtifactRow

# An announced upload may begin at the last second of its URL and take a while.
ANNOUNCED_FOR = timedelta(days=2)
MAX_PARTS = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Announcement:
    """A file that an agent means to upload: size in bytes, SHA-256 in hex."""

    file_name: str
    size: int
    sha256: str
    content_type: str
    build_number: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """A file that was uploaded and checked."""

    artifact_id: str
    project_id: str
    job_id: str
    file_name: str
    object_key: str
    size: int
    sha256: str
    content_type: str
    build_number: str
    uploaded_at: datetime


@dataclass(frozen=True, slots=True)
class Upload:
    """How to upload: one request, or ``part_count`` parts of ``part_size`` bytes, each asked for by its digest."""

    artifact_id: str
    request: Request | None
    part_size: int = 0
    part_count: int = 0


@dataclass(frozen=True, slots=True)
class Download:
    """A job's input: its size in bytes, and the request that gets it as it was when it was marked as uploaded."""

    file_name: str
    size: int
    request: Request


def input_of(holder: Holder, job_id: str) -> Download:
    """The input of a job that the caller holds.

    Raises:
        NotFound: the job has none.
        JobNotFound, JobAlreadyClaimed, ClaimLost: the caller does not hold the job.
    """
    job = read_held(holder, job_id)
    if not job.input_key or not job.input_etag:
        raise NotFound("the job has no input", jobId=job_id)
    name = job.input_key.rpartition("/")[2]
    return Download(name, job.input_size or 0, presign.get_exactly(job.input_key, job.input_etag))


def announce(holder: Holder, job_id: str, file: Announcement, seed: str) -> Upload:
    """Reserve an artifact of a job that the caller holds, and say how to upload it.

    Raises:
        TooLarge: the file is over the limit of the settings.
        JobNotFound, JobAlreadyClaimed, ClaimLost: the caller does not hold the job.
    """
    if file.size > settings().artifact_max_bytes:
        raise TooLarge(f"an artifact may be at most {settings().artifact_max_bytes} bytes", field="size")
    job = read_held(holder, job_id)
    artifact_id = f"artifact_{seed}"
    key = f"{_folder(job)}{artifact_id}/{safe_name(file.file_name)}"
    in_parts = file.size > settings().multipart_threshold_bytes
    row = ArtifactRow(
        _shelf(job),
        artifact_id,
        job_id=job_id,
        file_name=file.file_name,
        object_key=key,
        size=file.size,
        sha256=file.sha256,
        content_type=file.content_type,
        build_number=file.build_number or str(job.attempt),
        upload_id=presign.begin_multipart(key, file.content_type) if in_parts else None,
        created_at=times.now(),
        expires=expiry(times.now() + ANNOUNCED_FOR),
    )
    try:
        row.put(ArtifactRow.artifact_id.does_not_exist())
    except Refused as refused:
        row = refused.old
    return _upload(row)


def sign_parts(holder: Holder, job_id: str, artifact_id: str, digests: dict[int, str]) -> dict[int, Request]:
    """Requests for parts of an upload, by their numbers; ``digests`` are the parts' SHA-256 in hex.

    Raises:
        ArtifactNotFound: the job has announced no such artifact, or it is not uploaded in parts.
        InvalidRequest: a part number outside the upload.
    """
    row = _announced(holder, job_id, artifact_id)
    if row.upload_id is None:
        raise ArtifactNotFound("that artifact is not uploaded in parts", artifactId=artifact_id)
    count = _part_count(row.size)
    if any(number > count for number in digests):
        raise InvalidRequest(f"the upload has {count} parts", field="partNumber")
    return {number: presign.part(row.object_key, row.upload_id, number, digest) for number, digest in digests.items()}


def complete(holder: Holder, job_id: str, artifact_id: str, parts: list[Part]) -> Artifact:
    """Make an artifact visible after S3 says that what was announced is there; again, it answers the same.

    Raises:
        ArtifactNotFound: the job has announced no such artifact.
        UploadIncomplete: S3 has nothing, or not all of the parts.
        UploadMismatch: what S3 has is of another size or checksum.
    """
    row = _announced(holder, job_id, artifact_id)
    if row.uploaded_at is None:
        if row.upload_id:
            _join(row, parts)
        _compare(row, presign.look(row.object_key), parts)
        # Joining parts may take minutes: whoever lost the job meanwhile delivers nothing.
        read_held(holder, job_id)
        row = _confirm(row)
        audit("artifact.uploaded", actor=holder.agent.principal, job_id=job_id, artifact_id=artifact_id, size=row.size)
    return _artifact(row)


def list_of_project(project_id: str, *, limit: int, cursor: str | None) -> tuple[list[Artifact], str | None]:
    """A project's artifacts, newest first, and the cursor of the next page."""
    older = ArtifactRow.artifact_id < cursor if cursor else None
    rows = ArtifactRow.query(project_id, older, ArtifactRow.uploaded_at.exists(), scan_index_forward=False)
    found = ArtifactRow.page(islice(rows, limit + 1))
    return [_artifact(row) for row in found[:limit]], found[limit - 1].artifact_id if len(found) > limit else None


def list_of_job(project_id: str, job_id: str) -> list[Artifact]:
    """What a job delivered, oldest first."""
    uploaded = ArtifactRow.uploaded_at.exists() & (ArtifactRow.job_id == job_id)
    # Ids are ordered by time and an artifact is younger than its job, so older ones need not be read.
    younger = ArtifactRow.artifact_id >= f"artifact_{job_id.rpartition('_')[2]}"
    return [_artifact(row) for row in ArtifactRow.page(ArtifactRow.query(project_id, younger, uploaded))]


def download(project_id: str, artifact_id: str) -> tuple[str, datetime]:
    """The URL of an artifact, and when it ends.

    Raises:
        ArtifactNotFound: the project has no such artifact.
    """
    row = ArtifactRow.read(project_id, artifact_id)
    if row is None or row.uploaded_at is None:
        raise ArtifactNotFound(artifactId=artifact_id)
    return presign.get(row.object_key, file_name=row.file_name)


def _announced(holder: Holder, job_id: str, artifact_id: str) -> ArtifactRow:
    job = read_held(holder, job_id)
    row = ArtifactRow.read(_shelf(job), artifact_id)
    if row is None or row.job_id != job_id:
        raise ArtifactNotFound(artifactId=artifact_id)
    return row


def _shelf(job: Job) -> str:
    """Under what an artifact is kept: its project where the project's team owns the job, else its job."""
    return job.project_id if job.kind == Kind.TASK and job.project_id else job.job_id


def _folder(job: Job) -> str:
    shelf = _shelf(job)
    return output_folder(shelf, job.attempt) if shelf == job.job_id else f"artifacts/{shelf}/{job.job_id}/"


def _join(row: ArtifactRow, parts: list[Part]) -> None:
    if len(parts) != _part_count(row.size):
        raise UploadIncomplete(f"the upload has {_part_count(row.size)} parts", field="parts")
    try:
        presign.finish_multipart(row.object_key, row.upload_id, parts)
    except UploadIncomplete:
        # An earlier call may have joined them and lost its answer; then the object is there to look at.
        presign.look(row.object_key)


def _compare(row: ArtifactRow, stored: presign.Stored, parts: list[Part]) -> None:
    expected = _joined_digest(parts) if row.upload_id else presign.digest_header(row.sha256)
    if stored.size != row.size:
        raise UploadMismatch("the upload is of another size than announced", expected=row.size, actual=stored.size)
    if (stored.checksum or "").partition("-")[0] != expected:
        raise UploadMismatch("the upload has another SHA-256 than announced", field="sha256")


def _joined_digest(parts: list[Part]) -> str:
    """S3's checksum of an object made of parts: the SHA-256 of their digests one after the other."""
    digest = hashlib.sha256(
        b"".join(bytes.fromhex(part.sha256 or "") for part in sorted(parts, key=lambda part: part.number))
    )
    return base64.b64encode(digest.digest()).decode()


def _confirm(row: ArtifactRow) -> ArtifactRow:
    now = times.now()
    kept_until = expiry(now + timedelta(days=_days(row)))
    actions = [ArtifactRow.uploaded_at.set(now), ArtifactRow.expires.set(kept_until)]
    # Once only, so that its time does not move when the call is repeated; and only what has not aged out.
    condition = ArtifactRow.uploaded_at.does_not_exist() & ArtifactRow.job_id.exists()
    try:
        return ArtifactRow.change(row.project_id, row.artifact_id, actions=actions, condition=condition)
    except Refused as refused:
        if refused.old is None:
            raise ArtifactNotFound(artifactId=row.artifact_id) from refused
        confirmed: ArtifactRow = refused.old
        return confirmed


def _days(row: ArtifactRow) -> int:
    """How long it is kept; what is no project's is an output, which goes as all of them do."""
    return settings().file_days if row.project_id == row.job_id else settings().retention_days


def _upload(row: ArtifactRow) -> Upload:
    if row.upload_id:
        return Upload(row.artifact_id, None, settings().multipart_part_bytes, _part_count(row.size))
    request = presign.put(row.object_key, size=row.size, content_type=row.content_type, sha256=row.sha256)
    return Upload(row.artifact_id, request)


def _part_count(size: int) -> int:
    return -(-size // settings().multipart_part_bytes)


def _artifact(row: ArtifactRow) -> Artifact:
    return Artifact(**{name: getattr(row, name) for name in Artifact.__dataclass_fields__})
