"""A server that speaks OpenAI's API, whom to ask there, and time that passes without being waited for."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import SecretStr

from chalicelib.inference.endpoint import Endpoint
from local.openai_server import OpenAIServer, serving

KEY = "sk-canary-0123456789abcdef"


@dataclass
class Patience:
    """The pauses that were made, none of them waited out, and how often we were asked whether to go on."""

    pauses: list[float] = field(default_factory=list)
    checks: int = 0
    seconds: float = 1000
    interrupt: Callable[[int], None] = lambda checks: None  # noqa: ARG005  nothing interrupts

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def check(self) -> None:
        self.checks += 1
        self.interrupt(self.checks)

    @property
    def how(self) -> dict[str, Any]:
        """The arguments for a call."""
        return {"until": time.monotonic() + self.seconds, "check": self.check, "sleep": self.sleep}


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with serving() as running:
        running.key = KEY
        yield running


@pytest.fixture
def endpoint(server: OpenAIServer) -> Endpoint:
    return Endpoint(url=server.url, model="gpt-test", key=SecretStr(KEY), timeout_seconds=20)


@pytest.fixture
def patience() -> Patience:
    return Patience()
