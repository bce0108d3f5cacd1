"""Moving files between the store and the disk of whoever works on them."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from s3transfer.manager import TransferConfig, TransferManager
from s3transfer.subscribers import BaseSubscriber

from chalicelib import aws
from chalicelib.errors import InputChanged, StorageFailed, UploadIncomplete
from chalicelib.jobs.model import Job
from chalicelib.settings import settings

PIECE_BYTES = 1024 * 1024
LOOK_SECONDS = 0.1
# Up to 10,000 parts of this size: as large as any output that fits a function's disk.
_IN_PARTS = TransferConfig(multipart_threshold=16 * PIECE_BYTES, multipart_chunksize=16 * PIECE_BYTES)
# A download that breaks off goes on where it was, as long as some of it came.
_BROKEN = (HTTPClientError, IncompleteReadError)

Moved = Callable[[int], None]
"""Told of the bytes moved so far; what it raises ends the transfer."""


def fetch(job: Job, path: Path, moved: Moved) -> None:
    """Download a job's input, as it was when it was marked as uploaded.

    Raises:
        InputChanged: something else lies under its key now.
        UploadIncomplete: nothing does.
        StorageFailed: S3 did not answer.
    """
    with path.open("wb") as file:
        while True:
            began = file.tell()
            try:
                _fetch_rest(job, file, moved)
            except _BROKEN as error:
                if file.tell() == began:
                    raise StorageFailed from error
            else:
                return


def deliver(path: Path, key: str, content_type: str, moved: Moved) -> None:
    """Upload a file, in parts where it is large; nothing lies under the key until all of it does.

    Raises:
        StorageFailed: S3 did not take it.
    """
    sent = _Sent()
    try:
        with TransferManager(aws.s3(), _IN_PARTS) as manager:
            described = {"ContentType": content_type}
            transfer = manager.upload(str(path), settings().bucket, key, extra_args=described, subscribers=[sent])
            while not transfer.done():
                moved(sent.bytes)
                time.sleep(LOOK_SECONDS)
            transfer.result()
    except (BotoCoreError, ClientError) as error:
        raise StorageFailed from error


def _fetch_rest(job: Job, file: BinaryIO, moved: Moved) -> None:
    place = {"Bucket": settings().bucket, "Key": job.input_key, "IfMatch": job.input_etag}
    rest = {"Range": f"bytes={file.tell()}-"} if file.tell() else {}
    try:
        body = aws.s3().get_object(**place, **rest)["Body"]
    except ClientError as error:
        raise _why(error) from error
    except _BROKEN:
        raise
    except BotoCoreError as error:
        raise StorageFailed from error
    for piece in body.iter_chunks(PIECE_BYTES):
        file.write(piece)
        moved(file.tell())


def _why(error: ClientError) -> Exception:
    code = error.response.get("Error", {}).get("Code")
    if code in {"PreconditionFailed", "412"}:
        return InputChanged()
    return UploadIncomplete("the input file is no longer stored") if code in {"NoSuchKey", "404"} else StorageFailed()


class _Sent(BaseSubscriber):  # type: ignore[misc]
    """Counts what a transfer's threads have sent."""

    def __init__(self) -> None:
        self.bytes = 0

    def on_progress(self, bytes_transferred: int, **_: Any) -> None:  # noqa: ANN401  what else it is told
        """A piece was sent, or, with a negative number, has to be sent again."""
        self.bytes += bytes_transferred
