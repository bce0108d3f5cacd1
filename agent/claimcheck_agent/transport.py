"""HTTP underneath everything: one session, time-outs on every call, retries, typed errors."""

import contextlib
import json
import random
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from io import BufferedIOBase
from typing import IO, Any, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse
from urllib3.util import Retry

from claimcheck_agent.errors import ApiError, Unavailable, UploadFailed

RETRIED = (429, 500, 502, 503, 504)
LONGEST_PAUSE = 30  # Seconds between two tries, whatever Retry-After says.
HURRIED_PAUSE = 1.0
HURRIED_TIMEOUT = (3.0, 5.0)
LONGEST_SILENCE = 10.0  # Seconds without a byte of a download, which can go on where it was.


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A successful answer: its JSON object, its headers, and the server's own time of sending it."""

    body: dict[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    sent_at: datetime = field(default_factory=lambda: datetime.now(UTC))


class _Retry(Retry):
    """urllib3's retry whose pauses are cut short once `hurry` is set."""

    hurry: threading.Event

    def new(self, **kw: Any) -> Self:  # noqa: ANN401  (the signature is urllib3's)
        other = super().new(**kw)
        other.hurry = self.hurry
        return other

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        hint = self.get_retry_after(response) if response is not None else None
        pause = hint or self.get_backoff_time()
        if self.hurry.wait(pause):
            time.sleep(min(pause, HURRIED_PAUSE))


class Transport:
    """Calls of one server's API, and uploads to and downloads from the URLs it hands out.

    Every call may be repeated: connection errors, 429 and 5xx are tried `retries` times more with
    exponential back-off and jitter, or after the server's Retry-After. Calls that are not idempotent by
    nature carry a key that makes them so. Safe to use from several threads.
    """

    def __init__(
        self, url: str, *, timeout: tuple[float, float] = (10.0, 30.0), retries: int = 5, backoff: float = 0.5
    ) -> None:
        """Take the server's base URL; `timeout` is (connect, read) in seconds, `backoff` the first pause."""
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise ValueError(f"not an http or https URL: {url!r}")
        self.url = url.rstrip("/")
        self.hurry = threading.Event()
        self._timeout = timeout
        self._backoff = backoff
        self._session = _session(_retry(retries, backoff, self.hurry))
        # A download that is tried again goes on where it was, which only whoever receives it can see to.
        self._downloads = _session(_retry(0, backoff, self.hurry))

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: dict[str, Any] | bytes | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        """Call one route with a JSON body (bytes are JSON already) and give its answer.

        Raises:
            Unavailable: no usable answer, after every retry.
            ApiError: the server refused; a more precise type where there is one.
        """
        sent = dict(headers) | ({} if body is None else {"Content-Type": "application/json"})
        data = body if isinstance(body, bytes | None) else json.dumps(body, allow_nan=False).encode()
        try:
            response = self._session.request(
                method,
                self.url + path,
                params=params,
                data=data,
                headers=sent,
                timeout=self.timeout,
                # requests would take X-Colab-Secret along to wherever it is sent on to.
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise Unavailable(f"{method} {path}: {_reason(error)}") from error
        return _answer(response)

    def put(self, url: str, headers: Mapping[str, str], stream: IO[bytes] | BufferedIOBase, *, size: int) -> str:
        """Upload a stream to a presigned URL; gives the ETag.

        Raises:
            Unavailable: the store gave no usable answer, after every retry.
            UploadFailed: the store refused. No message holds the URL, whose query is a credential.
        """
        # requests sends an empty file in chunks, which S3 refuses; empty bytes get a length of 0.
        data = stream if size else b""
        try:
            response = self._session.put(
                url, data=data, headers=dict(headers), timeout=self.timeout, allow_redirects=False
            )
        except requests.RequestException as error:
            raise Unavailable(f"upload: {_reason(error)}") from None
        if response.status_code in RETRIED:
            raise Unavailable(f"upload: the store answered {response.status_code}")
        if not response.ok:
            raise UploadFailed(f"the store answered {response.status_code}: {response.text[:300]}")
        return response.headers.get("ETag", "")

    @contextlib.contextmanager
    def get(self, url: str, headers: Mapping[str, str]) -> Iterator[requests.Response]:
        """Begin a download from a presigned URL; gives the answer, of whatever status, with its body unread.

        It is tried once.

        Raises:
            Unavailable: the store gave no answer, or its answer broke off while it was read. The message does not
                hold the URL, whose query is a credential.
        """
        connect, read = self.timeout
        sent = dict(headers) | {"Accept-Encoding": "identity"}
        try:
            with self._downloads.get(
                url, headers=sent, stream=True, timeout=(connect, min(read, LONGEST_SILENCE)), allow_redirects=False
            ) as response:
                yield response
        except requests.RequestException as error:
            raise Unavailable(f"download: {_reason(error)}") from None
        except HTTPError as error:
            raise Unavailable(f"download: it broke off ({type(error).__name__})") from None

    def pause(self, tries: int) -> bool:
        """Wait before something is tried again, the longer the more tries there were; whether the agent hurries."""
        longest = min(LONGEST_PAUSE, self._backoff * 2**tries)
        return self.hurry.wait(longest * random.uniform(0.5, 1))  # noqa: S311  (jitter, not a secret)

    @property
    def timeout(self) -> tuple[float, float]:
        """(connect, read) in seconds; shorter once the agent is in a hurry to end."""
        if not self.hurry.is_set():
            return self._timeout
        return min(self._timeout[0], HURRIED_TIMEOUT[0]), min(self._timeout[1], HURRIED_TIMEOUT[1])

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
        self._downloads.close()


def _retry(retries: int, backoff: float, hurry: threading.Event) -> _Retry:
    retry = _Retry(
        total=retries,
        redirect=False,
        status_forcelist=RETRIED,
        allowed_methods=None,
        backoff_factor=backoff,
        backoff_jitter=backoff,
        backoff_max=LONGEST_PAUSE,
        retry_after_max=LONGEST_PAUSE,
        raise_on_status=False,
    )
    retry.hurry = hurry
    return retry


def _session(retry: _Retry) -> requests.Session:
    session = requests.Session()
    adapter = HTTPAdapter(max_retries=retry)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    # Without this, requests adds an Authorization header from ~/.netrc, which spoils presigned URLs.
    session.auth = lambda request: request
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers["User-Agent"] = "claimcheck-agent"
    return session


def _answer(response: requests.Response) -> Answer:
    try:
        body = response.json()
    except requests.JSONDecodeError:
        body = None
    if response.status_code in RETRIED:
        error = ApiError.from_body(response.status_code, body)
        raise Unavailable(f"the server is not able to answer: {error}") from error
    if response.is_redirect:
        raise ApiError(
            f"the server sends on to {response.headers['Location']}; use that URL",
            status=response.status_code,
            code="REDIRECTED",
            details={},
        )
    if not response.ok:
        raise ApiError.from_body(response.status_code, body)
    if not isinstance(body, dict):
        raise Unavailable(f"the server answered {response.status_code} without a JSON object")
    return Answer(body=body, headers=response.headers, sent_at=_sent_at(response))


def _sent_at(response: requests.Response) -> datetime:
    """Read the server's clock, so that a wrong clock here does not shorten or stretch a lease."""
    try:
        return parsedate_to_datetime(response.headers["Date"])
    except (KeyError, ValueError):
        return datetime.now(UTC)


def _reason(error: requests.RequestException) -> str:
    """Name the cause in a few words; the library's own text repeats the whole URL."""
    cause = error.args[0] if error.args else error
    cause = getattr(cause, "reason", cause)
    return f"no answer ({type(cause).__name__})"
