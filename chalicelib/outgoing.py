"""Requests to other servers: no redirects, and bounds on the size of an answer and on the time for all of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import urllib3

CHUNK_BYTES = 64 * 1024
# As many as there may be threads that ask one server at once.
KEPT_CONNECTIONS = 64


class AnswerTooLarge(Exception):
    """The answer is larger than what was allowed for."""


class AnswerTooSlow(urllib3.exceptions.HTTPError):
    """The answer came, but not all of it in time."""


@dataclass(frozen=True, slots=True)
class Received:
    """An answer, whatever its status; the names of its headers are found in any case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def exchange(
    method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None, seconds: float, limit: int
) -> Received:
    """Send one request, once, and read its answer, of at most ``limit`` bytes.

    Raises:
        urllib3.exceptions.HTTPError: there was no whole answer within ``seconds``.
        AnswerTooLarge: there was more of it.
    """
    ends = time.monotonic() + seconds
    response = _pool().request(
        method,
        url,
        headers=dict(headers),
        body=body,
        timeout=urllib3.Timeout(total=seconds),
        # A redirect would carry what the request holds to a server that nobody has configured.
        redirect=False,
        retries=False,
        preload_content=False,
    )
    try:
        return Received(response.status, response.headers, _content(response, limit, ends))
    finally:
        # One that was read to its end has gone back to the pool by then.
        response.close()


def _content(response: urllib3.BaseHTTPResponse, limit: int, ends: float) -> bytes:
    content = bytearray()
    # Whatever has come, as it comes: a time-out of the socket would start again with every byte of a slow answer.
    # And as it was sent: we ask for no compression, behind which any size could hide.
    while chunk := response.read1(CHUNK_BYTES, decode_content=False):
        content += chunk
        if len(content) > limit:
            raise AnswerTooLarge
        if time.monotonic() > ends:
            raise AnswerTooSlow("the answer took too long")
    return bytes(content)


@cache
def _pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(maxsize=KEPT_CONNECTIONS)
