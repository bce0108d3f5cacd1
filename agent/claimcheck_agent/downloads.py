"""Fetches a job's input: streamed to disk, gone on with where it broke off, and no more than was promised."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import requests

from claimcheck_agent.api import ClaimApi
from claimcheck_agent.errors import DownloadFailed, Unavailable
from claimcheck_agent.transport import RETRIED

log = logging.getLogger(__name__)

BLOCK = 1 << 20
TRIES = 6  # In a row that bring less than a block each.
OK, PARTIAL, FORBIDDEN, GONE, CHANGED = 200, 206, 403, 404, 412

Watch = Callable[[int, int], None]
"""Told of the bytes that have come, of so many, after each block; what it raises ends the download."""


def download_input(routes: ClaimApi, target: Path, watch: Watch) -> None:
    """Download the job's input to a file.

    Raises:
        DownloadFailed: the input has changed or is gone, or there is no room for it here.
        Unavailable: the store gave no usable answer, after every retry.
        ApiError: the server refused to say where it is.
        Whatever `watch` raises.
    """
    ticket = routes.input().body
    _check_room(target.parent, int(ticket["size"]))
    try:
        with target.open("wb") as file:
            Download(routes, ticket, file, watch).run()
    except OSError as error:
        raise DownloadFailed(f"the input cannot be stored: {error.strerror}") from error


class Download:
    """One download, over as many connections as it takes."""

    def __init__(self, routes: ClaimApi, ticket: dict[str, Any], file: BinaryIO, watch: Watch) -> None:
        self._routes = routes
        self._ticket = ticket
        self._size = int(ticket["size"])
        self._file = file
        self._watch = watch

    def run(self) -> None:
        """Receive all of it."""
        failures = 0
        while True:
            begun = self._file.tell()
            try:
                return self._receive(begun)
            except Unavailable as error:
                failures = 0 if self._file.tell() - begun >= BLOCK else failures + 1
                self._watch(self._file.tell(), self._size)
                if failures >= TRIES or self._routes.transport.pause(failures):
                    raise
                log.warning("the download goes on after %d of %d bytes: %s", self._file.tell(), self._size, error)
            # A URL lasts some minutes only; and who asks for another learns whether the job is still theirs.
            self._ticket = self._routes.input().body

    def _receive(self, begun: int) -> None:
        """Receive what is missing, or as much of it as comes."""
        if begun == self._size > 0:
            return
        request = self._ticket["download"]
        headers = {name: str(value) for name, value in request.get("headers", {}).items()}
        if begun:
            headers["Range"] = f"bytes={begun}-"
        with self._routes.transport.get(request["url"], headers) as response:
            self._accept(response, begun)
            while block := response.raw.read1(BLOCK, decode_content=False):
                self._store(block)
        if self._file.tell() < self._size:
            raise Unavailable("download: it broke off")

    def _accept(self, response: requests.Response, begun: int) -> None:
        """Make sure that what follows is the file, from where it is to go on.

        Raises:
            DownloadFailed: it is something else, or nothing.
            Unavailable: another try may have it.
        """
        status = response.status_code
        if status == OK:
            # The whole file comes, whatever was asked for.
            if begun:
                self._file.seek(0)
                self._file.truncate()
        elif status == CHANGED:
            raise DownloadFailed("the input was changed after it had been marked as uploaded")
        elif status == GONE:
            raise DownloadFailed("the input is no longer stored")
        elif status in {*RETRIED, FORBIDDEN}:  # 403 is what the store says of a URL that is too old.
            raise Unavailable(f"download: the store answered {status}")
        elif status != PARTIAL or not response.headers.get("Content-Range", "").startswith(f"bytes {begun}-"):
            raise DownloadFailed(f"the store answered {status} to a request for the bytes from {begun}")

    def _store(self, block: bytes) -> None:
        self._file.write(block)
        if self._file.tell() > self._size:
            raise DownloadFailed(f"the input is larger than the {self._size} bytes that the server named")
        self._watch(self._file.tell(), self._size)


def _check_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        raise DownloadFailed(f"the input has {size} bytes, and this agent has room for {free}")
