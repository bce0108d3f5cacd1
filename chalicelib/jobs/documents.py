"""Payloads and results: JSON beside the head, in DynamoDB while small and in S3 beyond 64 KB.

A document is written before the head that names it, and is invisible until then. Its name comes from its content,
so that nobody can change a document that a head already names; one whose head never came ages out.
"""

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import aws, times
from chalicelib.dynamo import expiry, read_together
from chalicelib.errors import StorageFailed, TooLarge
from chalicelib.settings import settings

from .model import Job
from .tables import DocumentRow

MAX_BYTES = 256 * 1024
INLINE_BYTES = 64 * 1024
MAX_TOGETHER = 100


@dataclass(frozen=True, slots=True)
class Detail:
    """A job with its documents: what was ordered (empty where that has aged out), and what it has come to, if anything.

    What it has come to is told by its runner, which may be an agent: see ``forms``.
    """

    job: Job
    order: dict[str, Any]
    result: Any

    @classmethod
    def of(cls, job: Job) -> Self:
        """A job with its documents."""
        return cls.of_all([job])[0]

    @classmethod
    def of_all(cls, jobs: Sequence[Job]) -> list[Self]:
        """Jobs with their documents, which are read together."""
        found = get_many([(job.job_id, name) for job in jobs for name in (job.payload, job.result) if name])
        return [
            cls(job, found.get((job.job_id, str(job.payload))) or {}, found.get((job.job_id, str(job.result))))
            for job in jobs
        ]


@dataclass(frozen=True, slots=True)
class Found:
    """A document's value, and the key of the object that holds it where it is too large for the table."""

    value: Any
    object_key: str | None


def encode(value: object) -> bytes:
    """Compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def put(job_id: str, value: object, *, field: str) -> str | None:
    """Store a document and answer its name; None, and nothing written, for None.

    Raises:
        TooLarge: the JSON is over 256 KB; ``field`` is what the caller calls it.
    """
    if value is None:
        return None
    content = encode(value)
    if len(content) > MAX_BYTES:
        raise TooLarge(f"{field} may be at most {MAX_BYTES} bytes of JSON", field=field, size=len(content))
    name = f"{field}-{hashlib.sha256(content).hexdigest()[:32]}"
    packed = zlib.compress(content)
    row = DocumentRow(job_id, name, expires=expiry(times.now() + timedelta(days=settings().retention_days)))
    if len(packed) > INLINE_BYTES:
        row.object_key = f"documents/{job_id}/{name}"
        _upload(row.object_key, packed)
    else:
        row.data = packed
    row.put()
    return name


def get(job_id: str, name: str | None) -> Any:  # noqa: ANN401  any JSON
    """The document's value; None where the head names none.

    Raises:
        KeyError: the head names a document that has aged out.
    """
    if name is None:
        return None
    row = DocumentRow.read(job_id, name)
    if row is None:
        raise KeyError(name)
    return _value(row)


def find(job_id: str, name: str) -> Found | None:
    """A document with where it lies; None where it has aged out."""
    row = DocumentRow.read(job_id, name)
    return Found(_value(row), row.object_key) if row else None


def get_many(wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    """Documents by job and name, read together; those that have aged out are left out."""
    found: dict[tuple[str, str], Any] = {}
    for start in range(0, len(wanted), MAX_TOGETHER):
        rows = read_together(*((DocumentRow, key) for key in wanted[start : start + MAX_TOGETHER]))
        found.update({(row.job_id, row.name): _value(row) for row in rows if row})
    return found


def _value(row: DocumentRow) -> Any:  # noqa: ANN401  any JSON
    packed = row.data if row.data is not None else _download(str(row.object_key))
    return json.loads(zlib.decompress(packed))


def _upload(key: str, content: bytes) -> None:
    try:
        aws.s3().put_object(Bucket=settings().bucket, Key=key, Body=content)
    except (BotoCoreError, ClientError) as error:
        raise StorageFailed from error


def _download(key: str) -> bytes:
    try:
        return bytes(aws.s3().get_object(Bucket=settings().bucket, Key=key)["Body"].read())
    except (BotoCoreError, ClientError) as error:
        raise StorageFailed from error
