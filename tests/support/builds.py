"""Builds and analyses: their owner's calls, and an agent that does them as it is told."""

import hashlib
from dataclasses import dataclass
from typing import Any, Self

import requests

from tests.support.api import TIMEOUT, Api, Caller, ok

RESULT = {
    "generated_files": ["app/__init__.py", "tests/test_app.py"],
    "tests_passed": 12,
    "tests_failed": 0,
    "test_coverage": 87.5,
    "written_by": "template fastapi",
    "rounds": 0,
}
FINDINGS = {
    "quality_score": 8.5,
    "security_issues": [
        {"issue": "SQL Injection", "severity": "high", "line": 42, "file": "a.py", "recommendation": "Bind values."}
    ],
    "code_smells": 5,
    "type_errors": 0,
    "coverage_percent": None,
    "recommendations": ["Bind values in a.py."],
}
SOURCES = b"an archive, to whoever does not open it"


@dataclass
class Work:
    """A job of the queue, held by an agent."""

    agent: Caller
    job: dict[str, Any]

    @classmethod
    def newest(cls, agent: Caller, queue: str) -> Self:
        """The newest job there is; what other tests have left in the queue is taken out of the way."""
        found = None
        while (claim := ok(agent.post("/api/jobs/claim", {"queues": [queue]})))["job"]:
            found = claim["job"]
        assert found, "nothing waits for an agent"
        return cls(agent, found)

    @property
    def path(self) -> str:
        return f"/api/jobs/{self.job['jobId']}"

    def report(self, state: str = "running", payload: Any = None) -> dict[str, Any]:
        return dict(ok(self.agent.patch(self.path, {"state": state, "payload": payload})))

    def progress(self, percent: int, step: str, **more: Any) -> dict[str, Any]:
        return self.report(payload={"percent": percent, "step": step, **more})

    def deliver(self, name: str = "sources.tar.gz", content: bytes = SOURCES) -> None:
        told = {"fileName": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        made = ok(self.agent.post(f"{self.path}/artifacts", told))
        upload = made["upload"]
        sent = requests.request(
            upload["method"], upload["url"], data=content, headers=upload["headers"], timeout=TIMEOUT
        )
        assert sent.ok, sent.text
        ok(self.agent.post(f"{self.path}/artifacts/{made['artifactId']}/complete"))


@dataclass
class Builds:
    """A user's builds, and the agent that does them."""

    api: Api
    user: Caller
    agent: Caller

    def create(self, project: str = "my-app", **more: Any) -> str:
        """A new build's id."""
        return str(ok(self.user.post("/api/build/", {"project_name": project, "goal": "A shop", **more}))["task_id"])

    def analyse(self, project: str = "my-app", **more: Any) -> str:
        """A new analysis' id."""
        return str(ok(self.user.post("/api/analysis/", {"project_name": project, **more}))["analysis_id"])

    def build(self, task_id: str) -> dict[str, Any]:
        """A build as its owner sees it."""
        return dict(ok(self.user.get(f"/api/build/{task_id}")))

    def analysis(self, analysis_id: str) -> dict[str, Any]:
        """An analysis as its owner sees it."""
        return dict(ok(self.user.get(f"/api/analysis/{analysis_id}")))

    def claim(self) -> Work:
        """See `Work.newest`."""
        return Work.newest(self.agent, "builds")

    def running(self) -> Work:
        """The same, begun."""
        work = self.claim()
        work.report()
        return work

    def built(self, project: str = "my-app", result: Any = None) -> str:
        """A build that has completed and delivered its sources."""
        task_id = self.create(project)
        work = self.running()
        work.deliver()
        work.report("completed", result or RESULT)
        return task_id
