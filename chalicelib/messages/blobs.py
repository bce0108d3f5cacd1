"""References to objects: where something lies that is too large for a message, and a URL to read it by."""

import uuid
from typing import Annotated

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ConfigDict, Field

from chalicelib import aws
from chalicelib.errors import StorageFailed
from chalicelib.settings import settings

JSON = "application/json"
DOCUMENTS = "documents/"
"""What the keys of large documents begin with; they lie there compressed."""
_ABSENT = {"404", "NoSuchKey", "NotFound"}


class BlobReference(BaseModel):
    """An object in the store.

    ``storage_account`` is the deployment's name (the prefix of its tables), ``container`` the bucket and
    ``blob_name`` the key. ``blob_id`` is the same for the same object, always. ``size_bytes`` is that of the object as
    it lies there. ``access_url`` is a presigned GET.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    blob_id: uuid.UUID
    storage_account: str
    container: str
    blob_name: Annotated[str, Field(min_length=1, max_length=1024)]
    content_type: str
    size_bytes: Annotated[int, Field(ge=0)]
    access_url: str


def to_object(key: str) -> BlobReference | None:
    """A reference to what lies under a key; None where nothing does.

    Raises:
        StorageFailed: S3 did not answer.
    """
    try:
        head = aws.s3().head_object(Bucket=settings().bucket, Key=key)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _ABSENT:
            return None
        raise StorageFailed from error
    except BotoCoreError as error:
        raise StorageFailed from error
    content_type = JSON if key.startswith(DOCUMENTS) else head.get("ContentType", "application/octet-stream")
    return reference(key, content_type=content_type, size=head["ContentLength"])


def reference(key: str, *, content_type: str, size: int) -> BlobReference:
    """A reference to an object of which all is known."""
    bucket = settings().bucket
    return BlobReference(
        blob_id=uuid.uuid5(uuid.NAMESPACE_URL, f"s3://{bucket}/{key}"),
        storage_account=settings().table_prefix,
        container=bucket,
        blob_name=key,
        content_type=content_type,
        size_bytes=size,
        access_url=_url(key),
    )


def signed_anew(blob: BlobReference) -> BlobReference:
    """The same reference with a URL that is good from now on."""
    return blob.model_copy(update={"access_url": _url(blob.blob_name)})


def _url(key: str) -> str:
    wanted = {"Bucket": settings().bucket, "Key": key}
    if key.startswith(DOCUMENTS):
        # They are zlib streams, which HTTP calls "deflate" (RFC 9110, 8.4.1.2): named so, every client unpacks them.
        wanted |= {"ResponseContentEncoding": "deflate", "ResponseContentType": JSON}
    lasts = settings().download_url_seconds
    return str(aws.s3().generate_presigned_url("get_object", Params=wanted, ExpiresIn=lasts))
