"""Reads the answers of servers that nobody here answers for: nodes and explorers."""

import requests

PIECE = 64 << 10  # Bytes.


class TooLong(ValueError):
    """The answer is longer than anybody wants to read."""


def read_answer(response: requests.Response, largest: int) -> bytes:
    """Read the body of a streamed answer, decompressed, to its end.

    Raises:
        TooLong: it has more than `largest` bytes; the rest is left unread.
        requests.RequestException: it breaks off, falls silent or cannot be decompressed.
    """
    body = bytearray()
    # Other than `response.raw`, this raises errors of requests only. A piece may be as short as the server likes.
    for piece in response.iter_content(PIECE):
        body += piece
        if len(body) > largest:
            raise TooLong
    return bytes(body)
