"""Delivers artifacts: registered by size and SHA-256, uploaded to presigned URLs, confirmed."""

import hashlib
import io
import mimetypes
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from claimcheck_agent.api import ClaimApi

BLOCK = 1 << 20
LONGEST_NAME = 255
UNNAMEABLE = re.compile(r"[/\\\x00-\x1f\x7f]")
PARTS_SIGNED_AT_ONCE = 10  # Few, so that a URL is used soon after it was signed.


class HaltableFile(io.BufferedIOBase):
    """A file whose reading raises once work on the job should end; that drops the connection of an upload under way."""

    def __init__(self, file: BinaryIO, check: Callable[[], None]) -> None:
        self._file = file
        self.check = check

    def read(self, size: int | None = -1, /) -> bytes:
        """Read on, if that is still wanted."""
        self.check()
        return self._file.read(-1 if size is None else size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place; gives it."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Give the place."""
        return self._file.tell()


def upload_file(
    routes: ClaimApi,
    file: HaltableFile,
    name: str,
    *,
    content_type: str | None = None,
    build_number: str | None = None,
    on_sent: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Upload an open file from its beginning under this name; gives the artifact as the server describes it.

    `on_sent` is told of the bytes that have been sent, after each part of a large file.

    Raises:
        ApiError: the server refused it; UPLOAD_MISMATCH if the file changed meanwhile.
        UploadFailed: the object store refused it.
        Unavailable: no answer from either.
        Whatever the file's check raises when the upload should end.
    """
    size, digest = _measure(file)
    fields: dict[str, Any] = {"fileName": name, "size": size, "sha256": digest}
    fields["contentType"] = content_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
    if build_number is not None:
        fields["buildNumber"] = build_number
    ticket = routes.register_artifact(fields, str(uuid.uuid4())).body
    upload = ticket["upload"]
    file.seek(0)
    if "partSize" in upload:
        parts = []
        for part in _upload_parts(routes, ticket["artifactId"], file, upload):
            parts.append(part)
            on_sent(min(size, part["partNumber"] * int(upload["partSize"])))
        return routes.complete_artifact(ticket["artifactId"], parts).body
    routes.transport.put(upload["url"], _headers(upload), file, size=size)
    return routes.complete_artifact(ticket["artifactId"], None).body


def artifact_name(path: Path) -> str:
    """Give the name of an artifact that may lie in folders, as the server takes names.

    One name without slashes (`apk-release-app.apk`) or control characters; of a long one the end, which
    tells more.
    """
    name = "-".join(path.parts).encode(errors="replace").decode()
    return UNNAMEABLE.sub("_", name)[-LONGEST_NAME:]


def _measure(file: HaltableFile) -> tuple[int, str]:
    file.seek(0)
    digest = hashlib.sha256()
    size = 0
    while block := file.read(BLOCK):
        digest.update(block)
        size += len(block)
    return size, digest.hexdigest()


def _upload_parts(
    routes: ClaimApi, artifact_id: str, file: HaltableFile, upload: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    part_size, count = int(upload["partSize"]), int(upload["partCount"])
    for first in range(1, count + 1, PARTS_SIGNED_AT_ONCE):
        numbers = range(first, min(first + PARTS_SIGNED_AT_ONCE, count + 1))
        described: list[dict[str, Any]] = [
            {"partNumber": number, "sha256": _part_digest(file, number, part_size)} for number in numbers
        ]
        signed = routes.sign_parts(artifact_id, described).body["parts"]
        urls = {part["partNumber"]: part for part in signed}
        for part in described:
            data = _read_part(file, part["partNumber"], part_size)
            target = urls[part["partNumber"]]
            stream = HaltableFile(io.BytesIO(data), file.check)
            etag = routes.transport.put(target["url"], _headers(target), stream, size=len(data))
            yield part | {"etag": etag}


def _part_digest(file: HaltableFile, number: int, part_size: int) -> str:
    return hashlib.sha256(_read_part(file, number, part_size)).hexdigest()


def _read_part(file: HaltableFile, number: int, part_size: int) -> bytes:
    file.seek((number - 1) * part_size)
    return file.read(part_size)


def _headers(upload: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in upload.get("headers", {}).items()}
