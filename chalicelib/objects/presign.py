"""Presigned requests: what a client may do with one object, for a while, without credentials of its own."""

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import aws, times
from chalicelib.errors import StorageFailed, UploadIncomplete
from chalicelib.settings import settings

_ABSENT = {"404", "NoSuchKey", "NotFound", "NoSuchUpload", "InvalidPart", "InvalidPartOrder", "EntityTooSmall"}


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request to send as it is; the headers are part of the signature."""

    method: str
    url: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """An uploaded part as its client tells it; S3 compares both with what it has."""

    number: int
    etag: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What S3 says of an object; ``checksum`` is its SHA-256 in base64, of the parts' digests for a multipart one."""

    size: int
    checksum: str | None
    etag: str


def put(key: str, *, size: int, content_type: str, sha256: str) -> Request:
    """An upload of exactly this length, type and SHA-256 (hex), all three in the signature."""
    described = {"ContentLength": size, "ContentType": content_type}
    url = _url("put_object", settings().upload_url_seconds, Key=key, **described, **_checksum(sha256))
    headers = {"Content-Length": str(size), "Content-Type": content_type, **_checksum_headers(sha256)}
    return Request("PUT", url, headers)


def put_any(key: str) -> Request:
    """An upload of anything: only the key is signed."""
    return Request("PUT", _url("put_object", settings().upload_url_seconds, Key=key), {})


def part(key: str, upload_id: str, number: int, sha256: str | None = None) -> Request:
    """An upload of one part, of exactly this SHA-256 (hex) where it is given."""
    which = {"Key": key, "UploadId": upload_id, "PartNumber": number}
    checksum, headers = (_checksum(sha256), _checksum_headers(sha256)) if sha256 else ({}, {})
    return Request("PUT", _url("upload_part", settings().upload_url_seconds, **which, **checksum), headers)


def get_exactly(key: str, etag: str) -> Request:
    """A download of an object as it was when it had this ETag; S3 refuses it once it has changed."""
    return Request("GET", _url("get_object", settings().upload_url_seconds, Key=key, IfMatch=etag), {"If-Match": etag})


def get(key: str, *, file_name: str) -> tuple[str, datetime]:
    """A download's URL and when it ends; browsers save it under ``file_name`` instead of showing it."""
    lasts = settings().download_url_seconds
    disposition = f"attachment; filename*=UTF-8''{quote(file_name, safe='')}"
    url = _url("get_object", lasts, Key=key, ResponseContentDisposition=disposition)
    return url, times.now() + timedelta(seconds=lasts)


def begin_multipart(key: str, content_type: str | None = None) -> str:
    """Begin an upload in parts; answers its id. With a type, each part has to come with its SHA-256."""
    described = {"ContentType": content_type, "ChecksumAlgorithm": "SHA256"} if content_type else {}
    made = _call("create_multipart_upload", Key=key, **described)
    return str(made["UploadId"])


def finish_multipart(key: str, upload_id: str, parts: list[Part]) -> None:
    """Put the parts together; a part that is not there or differs is refused by S3.

    Raises:
        UploadIncomplete: S3 has not all of those parts.
    """
    listed = [{"PartNumber": part.number, "ETag": part.etag, **_known(part)} for part in parts]
    _call("complete_multipart_upload", Key=key, UploadId=upload_id, MultipartUpload={"Parts": listed})


def look(key: str) -> Stored:
    """What is stored under a key.

    Raises:
        UploadIncomplete: nothing.
    """
    head = _call("head_object", Key=key, ChecksumMode="ENABLED")
    return Stored(head["ContentLength"], head.get("ChecksumSHA256"), head["ETag"])


def digest_header(sha256: str) -> str:
    """A hex digest as S3's header has it: base64."""
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def _known(part: Part) -> dict[str, str]:
    return {"ChecksumSHA256": digest_header(part.sha256)} if part.sha256 else {}


def _checksum(sha256: str) -> dict[str, str]:
    return {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": digest_header(sha256)}


def _checksum_headers(sha256: str) -> dict[str, str]:
    return {"x-amz-sdk-checksum-algorithm": "SHA256", "x-amz-checksum-sha256": digest_header(sha256)}


def _url(operation: str, lasts: int, **parameters: Any) -> str:  # noqa: ANN401  botocore's parameters
    wanted = {"Bucket": settings().bucket, **parameters}
    return str(aws.s3().generate_presigned_url(operation, Params=wanted, ExpiresIn=lasts))


def _call(operation: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401  botocore's parameters
    try:
        answer: dict[str, Any] = getattr(aws.s3(), operation)(Bucket=settings().bucket, **parameters)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _ABSENT:
            raise UploadIncomplete from error
        raise StorageFailed from error
    except BotoCoreError as error:
        raise StorageFailed from error
    return answer
