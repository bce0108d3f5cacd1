"""How explorers are asked: with patience, but not for ever, and without telling anybody the key."""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Literal
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from claimcheck_agent.contracts.answers import read_answer

Status = Literal["verified", "already_verified", "pending", "refused", "unreachable"]

RETRIED = (HTTPStatus.TOO_MANY_REQUESTS, 500, 502, 503, 504)
LARGEST_ANSWER = 4 << 20  # Bytes.
LONGEST_MESSAGE = 300  # Characters of what an explorer says.


class Unusable(Exception):
    """An explorer gave no usable answer; the message holds neither its URL nor a key."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long explorers are waited for.

    Attributes:
        seconds: for the answer to one submission, from the first request on.
        pause: seconds between two questions for it.
        timeout: seconds to connect, and to wait for an answer's next byte.
        retries: of a request that was not answered, or not usably.
        backoff: seconds before the first of them; each further one takes twice as long.
    """

    seconds: float = 120.0
    pause: float = 3.0
    timeout: tuple[float, float] = (10.0, 30.0)
    retries: int = 4
    backoff: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What an explorer is handed.

    Attributes:
        chain_id: of the chain.
        address: of the contract, as 0x and 40 digits.
        standard_input: solc's standard JSON input with the text of every source.
        contract: `file:Contract`.
        compiler: such as `0.8.37+commit.f401782d`.
        arguments: of the constructor, ABI-encoded; None if they are not known.
        tx_hash: the transaction that created the contract, if it is known.
    """

    chain_id: int
    address: str
    standard_input: Mapping[str, Any]
    contract: str
    compiler: str
    arguments: bytes | None = None
    tx_hash: str | None = None


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What came of it.

    Attributes:
        explorer: `sourcify` or `etherscan`.
        status: `verified`, `already_verified`, `pending` (it had not said by the end), `refused` or `unreachable`.
        message: what it said, if that is not plain from the status.
        url: where it shows the sources.
    """

    explorer: str
    status: Status
    message: str | None = None
    url: str | None = None


class Explorer(ABC):
    """One explorer's API."""

    name: str

    def __init__(self, url: str, patience: Patience) -> None:
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise Unusable(f"The network has no http or https URL for the explorer {self.name}.")
        self.url = url.rstrip("/")
        self.patience = patience
        self._session = _session(patience)

    @abstractmethod
    def submit(self, sources: Sources) -> Submission:
        """Hand sources over and wait for what it says.

        Raises:
            Unusable: it cannot be reached, or says nothing that can be understood.
        """

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()

    def ask(self, method: str, url: str, **sent: Any) -> "Reply":  # noqa: ANN401  (of requests)
        """Send a request, which may be repeated, and give its answer, whatever its status.

        Raises:
            Unusable: there is none, or it is no JSON object.
        """
        try:
            with self._session.request(
                method, url, timeout=self.patience.timeout, allow_redirects=False, stream=True, **sent
            ) as response:
                body = _object(response)
        except requests.RequestException as error:
            # Its own text has the URL in it, and so the key.
            raise Unusable(f"The explorer {self.name} cannot be reached ({type(error).__name__}).") from None
        if response.status_code in RETRIED:
            said = f": {told(body)}" if body else ""
            raise Unusable(f"The explorer {self.name} is not able to answer ({response.status_code}){said}")
        if body is None:
            raise Unusable(
                f"The explorer {self.name} answers {response.status_code} with something that is no JSON object."
            )
        return Reply(status=response.status_code, body=body)

    def wait_for(self, look: Callable[[], Submission | None]) -> Submission:
        """Look again and again whether there is an outcome; `pending` if there is none when the time is up."""
        deadline = time.monotonic() + self.patience.seconds
        while (found := look()) is None:
            if time.monotonic() + self.patience.pause >= deadline:
                return Submission(explorer=self.name, status="pending", message="It has not said yet.")
            time.sleep(self.patience.pause)
        return found


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer: its status and its JSON object."""

    status: int
    body: Mapping[str, Any]


def told(body: Mapping[str, Any], *names: str) -> str:
    """Give the first of these fields that is a text, on one line and not too long."""
    for name in names or ("message", "result", "error"):
        if isinstance(value := body.get(name), str) and value:
            return " ".join(value.split())[:LONGEST_MESSAGE]
    return "(no reason is given)"


def _object(response: requests.Response) -> dict[str, Any] | None:
    """Read an answer; None if it is no JSON object, or a longer one than explorers have reason to give."""
    try:
        value = json.loads(read_answer(response, LARGEST_ANSWER))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _session(patience: Patience) -> requests.Session:
    session = requests.Session()
    adapter = HTTPAdapter(
        max_retries=Retry(
            total=patience.retries,
            redirect=False,
            status_forcelist=RETRIED,
            allowed_methods=None,
            backoff_factor=patience.backoff,
            retry_after_max=30,
            raise_on_status=False,
        )
    )
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.auth = lambda request: request  # Nothing of ~/.netrc.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers["User-Agent"] = "claimcheck-agent"
    return session
