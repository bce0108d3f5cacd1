"""Pipelines as a page does them, with cookies; and an agent that does what it is told."""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.support.api import TIMEOUT, Api, Caller, ok
from tests.support.builds import Work

PROMPT = "Create an ERC20 token named 'MyToken' with symbol 'MTK' and 1 million total supply."
ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
RESULT = {
    "address": ADDRESS,
    "network": "avalanche-fuji",
    "contract": "MyToken",
    "fq_name": "contracts/MyToken.sol:MyToken",
    "tx_hash": "0x" + "ab" * 32,
    "chain_id": 43113,
    "constructor_args": [],
    "verified": True,
    "explorer_url": f"https://testnet.snowtrace.io/address/{ADDRESS}",
    "iterations": 1,
    "written_by": "wizard",
}
FILES = {
    "sources.json": {"contracts/MyToken.sol": "// SPDX-License-Identifier: MIT"},
    "abis.json": {"MyToken": [{"type": "function", "name": "name"}]},
    "scripts.json": {"script/Deploy.s.sol": "contract Deploy {}"},
    "standard-input.json": {"language": "Solidity"},
}


@dataclass
class Page:
    """A browser's page that has logged in; ``origin`` is where it was loaded from."""

    api: Api
    session: requests.Session = field(default_factory=requests.Session)
    email: str = field(default_factory=lambda: f"{uuid.uuid4().hex}@example.com")
    password: str = "correct horse"

    def register(self) -> "Page":
        ok(self.ask("POST", "/u/auth/register", json={"email": self.email, "password": self.password}, csrf=None))
        return self

    def log_in(self) -> "Page":
        ok(self.ask("POST", "/u/auth/login", json={"email": self.email, "password": self.password}, csrf=None))
        return self

    @property
    def csrf(self) -> str:
        return str(self.session.cookies.get("evium_csrf"))

    def ask(
        self, method: str, path: str, *, csrf: str | None = "", headers: Any = None, **more: Any
    ) -> requests.Response:
        """A request with the page's cookies; and with its token where it changes something, unless another is given."""
        sent = dict(headers or {})
        if method != "GET" and csrf is not None:
            sent["x-csrf-token"] = csrf or self.csrf
        return self.session.request(method, self.api.url + path, headers=sent, timeout=TIMEOUT, **more)

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.ask("GET", path, **more)

    def post(self, path: str, json: Any = None, **more: Any) -> requests.Response:
        return self.ask("POST", path, json=json, **more)

    def create(self, prompt: str = PROMPT, **more: Any) -> str:
        """A new pipeline's id."""
        order = {"prompt": prompt, "network": "avalanche-fuji", "filename": "MyToken.sol", **more}
        return str(ok(self.post("/u/proxy/ai/pipeline", order))["job"]["id"])

    def attach(self, job_id: str, **more: Any) -> dict[str, Any]:
        """A job from outside, in the list from now on."""
        return dict(ok(self.post("/u/jobs/attach", {"jobId": job_id, **more}))["job"])

    def listed(self, query: str = "") -> dict[str, Any]:
        """A page of the list."""
        return dict(ok(self.get(f"/u/jobs{query}")))


@dataclass
class Maker:
    """An agent of the queue ``pipelines``."""

    agent: Caller

    def claim(self) -> Work:
        """See `Work.newest`."""
        return Work.newest(self.agent, "pipelines")

    def running(self) -> Work:
        """The same, begun."""
        work = self.claim()
        work.report()
        return work

    def deploy(self, work: Work, **more: Any) -> None:
        """Deliver a contract's files, and complete."""
        for name, content in FILES.items():
            work.deliver(name, json.dumps(content).encode())
        work.report("completed", {**RESULT, **more})

    def log(self, work: Work, *lines: tuple[str, str], level: str = "info") -> None:
        """Lines of a log: stage and message."""
        entries = [{"message": message, "level": level, "metadata": {"stage": stage}} for stage, message in lines]
        ok(self.agent.post(f"{work.path}/logs", {"entries": entries}))
