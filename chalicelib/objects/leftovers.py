"""Deleting what lies in the store and belongs to nobody any more."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import aws
from chalicelib.errors import StorageFailed
from chalicelib.settings import settings

from .keys import output_folder


def delete(key: str) -> None:
    """Delete an object; once more changes nothing.

    Raises:
        StorageFailed: S3 did not answer.
    """
    try:
        aws.s3().delete_object(Bucket=settings().bucket, Key=key)
    except (BotoCoreError, ClientError) as error:
        raise StorageFailed from error


def discard_output(job_id: str, attempt: int) -> None:
    """Delete what an attempt has put into the store, whole or in parts; once more changes nothing.

    Raises:
        StorageFailed: S3 did not answer.
    """
    place = {"Bucket": settings().bucket, "Prefix": output_folder(job_id, attempt)}
    try:
        keys = [item["Key"] for item in _listed("list_objects_v2", "Contents", place)]
        uploads = _listed("list_multipart_uploads", "Uploads", place)
        for upload in uploads:
            which = {"Key": upload["Key"], "UploadId": upload["UploadId"]}
            aws.s3().abort_multipart_upload(Bucket=settings().bucket, **which)
    except (BotoCoreError, ClientError) as error:
        raise StorageFailed from error
    for key in keys:
        delete(key)


def _listed(operation: str, what: str, place: dict[str, str]) -> list[dict[str, Any]]:
    pages = aws.s3().get_paginator(operation).paginate(**place)
    return [item for page in pages for item in page.get(what, ())]
