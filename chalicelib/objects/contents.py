"""Objects that are small enough to be held whole."""

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import aws
from chalicelib.errors import StorageFailed, UploadIncomplete
from chalicelib.jobs.model import Input
from chalicelib.settings import settings


def write(key: str, content: bytes, content_type: str) -> Input:
    """Store an object; what lay under the key before is gone.

    Raises:
        StorageFailed: S3 did not take it.
    """
    try:
        stored = aws.s3().put_object(Bucket=settings().bucket, Key=key, Body=content, ContentType=content_type)
    except (BotoCoreError, ClientError) as error:
        raise StorageFailed from error
    return Input(key=key, size=len(content), etag=stored["ETag"])


def read(key: str, *, first: int | None = None) -> bytes:
    """An object's content, or its first bytes.

    Raises:
        UploadIncomplete: nothing lies under the key.
        StorageFailed: S3 did not answer.
    """
    part = {"Range": f"bytes=0-{first - 1}"} if first else {}
    try:
        return bytes(aws.s3().get_object(Bucket=settings().bucket, Key=key, **part)["Body"].read())
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        if code in {"InvalidRange", "416"}:
            return b""  # An empty object has no first byte.
        raise (UploadIncomplete() if code in {"NoSuchKey", "404"} else StorageFailed()) from error
    except BotoCoreError as error:
        raise StorageFailed from error
