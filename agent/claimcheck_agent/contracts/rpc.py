"""Asks a node of a chain by JSON-RPC.

https://ethereum.org/en/developers/docs/apis/json-rpc/
"""

import itertools
import json
import time
from typing import Any, Self
from urllib.parse import urlsplit

import requests

from claimcheck_agent.contracts.answers import read_answer

TRIES = 5
PAUSE = 0.5  # Seconds before the second try; it doubles with each.
TIMEOUT = (10.0, 30.0)  # Seconds to connect, and of silence.
LARGEST_ANSWER = 32 << 20  # Bytes.
TOO_MANY, SERVER_ERROR = 429, 500
# What public nodes answer when they are asked too often.
LIMITED = {-32005, -32029}


class Refused(Exception):
    """The node answered a call with an error; the message says which. `data` is what a contract reverted with."""

    def __init__(self, message: str, data: bytes = b"") -> None:
        super().__init__(message)
        self.data = data


class Unreachable(Exception):
    """The node gave no usable answer, after every try; the message names its host, and nothing else of its URL."""


class Node:
    """A node; its URL may hold a key, and is part of no message. To be used in a `with` block."""

    def __init__(self, url: str, *, pause: float = PAUSE) -> None:
        self._url = url
        self._pause = pause
        self._ids = itertools.count(1)
        self._session = requests.Session()
        self.host = urlsplit(url).hostname or "?"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def ask(self, method: str, params: list[Any]) -> Any:  # noqa: ANN401  (any JSON)
        """Call a method; gives its result. Every call may be repeated: a transaction is the same each time.

        Raises:
            Refused: the method has an error.
            Unreachable: there is no usable answer.
        """
        why = ""
        for tries in range(TRIES):
            if tries:
                time.sleep(self._pause * 2 ** (tries - 1))
            try:
                answer = self._once(method, params)
            except (requests.RequestException, ValueError, RecursionError) as error:
                why = type(error).__name__
                continue
            refusal = answer.get("error")
            if not isinstance(refusal, dict):
                return answer.get("result")
            why = str(refusal.get("message") or refusal)
            if refusal.get("code") not in LIMITED:
                raise Refused(why, _data(refusal.get("data")))
        raise Unreachable(f"the node at {self.host} gives no usable answer ({why})")

    def _once(self, method: str, params: list[Any]) -> dict[str, Any]:
        request = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        with self._session.post(self._url, json=request, timeout=TIMEOUT, allow_redirects=False, stream=True) as answer:
            if answer.status_code == TOO_MANY or answer.status_code >= SERVER_ERROR:
                answer.raise_for_status()
            told = json.loads(read_answer(answer, LARGEST_ANSWER))
        if not isinstance(told, dict) or ("result" not in told and "error" not in told):
            raise ValueError("no JSON-RPC")
        return told


def _data(data: object) -> bytes:
    """Give what a contract reverted with, of which each kind of node tells in its own way."""
    if isinstance(data, dict):
        data = data.get("data")
    try:
        return bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else b""
    except ValueError:
        return b""
