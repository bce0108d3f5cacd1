"""Clients written from the agents contract's own examples: the dashboard's and Colab's."""

from typing import Any

import requests

from tests.support.api import Api, Bench, ok


def test_dashboard_flow_polls_the_log_until_there_is_no_more(bench: Bench) -> None:
    base, headers = bench.api.url, bench.user.headers
    projects = requests.get(f"{base}/api/projects", headers=headers, timeout=10).json()
    assert bench.project_id in [project["projectId"] for project in projects]

    body = {"title": "New feature", "initialMessage": "Add dark mode"}
    created = requests.post(f"{base}/api/projects/{bench.project_id}/chats", headers=headers, json=body, timeout=10)
    job_id = created.json()["jobId"]

    lines = _poll_log(base, headers, job_id, agent=_Colab(bench.api, job_id))
    assert lines == ["Starting build...", "Still at it", "Done"]


def test_colab_flow_claims_redeems_runs_and_logs(bench: Bench) -> None:
    bench.secret("ghp_abc123")
    # No body: a client of the contract knows nothing of queues, and gets what was made without one.
    told = {"projectId": bench.project_id, "jobType": "build", "payload": {"branch": "main"}}
    job_id = ok(bench.user.post("/api/jobs/create", told))["jobId"]
    colab = _Colab(bench.api, job_id)
    assert colab.job["payload"] == {"branch": "main"}
    assert colab.job["state"] == "claimed"
    assert colab.job["claimedBy"] == "colab-agent-1"
    secret = requests.get(
        f"{bench.api.url}/api/admin/secrets/{bench.project_id}?type=github",
        headers={"X-Colab-Id": "colab-agent-1", "X-Claim-Token": colab.token},
        timeout=10,
    )
    assert secret.json() == {"secret": "ghp_abc123"}
    assert colab.patch({"state": "running"})["state"] == "running"
    assert colab.log("Starting build...")["success"] is True


class _Colab:
    """The contract's Colab client, which claims until it has the job that the test is about."""

    def __init__(self, api: Api, job_id: str) -> None:
        self.url = api.url
        self.headers = {"X-Colab-Id": "colab-agent-1", "X-Colab-Secret": api.agent_secret}
        while True:
            data = requests.post(f"{self.url}/api/jobs/claim", headers=self.headers, timeout=10).json()
            assert data["job"] is not None
            if data["job"]["jobId"] == job_id:
                break
        self.job, self.token = data["job"], data["claimToken"]

    def patch(self, body: dict[str, Any]) -> dict[str, Any]:
        path = f"{self.url}/api/jobs/{self.job['jobId']}"
        return dict(ok(requests.patch(path, headers=self.headers, json=body, timeout=10)))

    def log(self, message: str) -> dict[str, Any]:
        path = f"{self.url}/api/jobs/{self.job['jobId']}/logs"
        body = {"timestamp": "2025-11-22T10:00:00Z", "level": "info", "message": message}
        return dict(ok(requests.post(path, headers=self.headers, json=body, timeout=10)))


def _poll_log(base: str, headers: dict[str, str], job_id: str, agent: _Colab) -> list[str]:
    """The dashboard's loop: it stops where ``hasMore`` is false, so that must not be before the job has ended."""
    steps = iter(
        [
            lambda: agent.patch({"state": "running"}),
            lambda: agent.log("Starting build..."),
            lambda: agent.log("Still at it"),
            lambda: agent.log("Done"),
            lambda: agent.patch({"state": "completed", "payload": {"reply": "done"}}),
        ]
    )
    seen: list[str] = []
    cursor = "0"
    while True:
        next(steps, lambda: None)()
        url = f"{base}/api/jobs/{job_id}/logs?cursor={cursor}"
        page = requests.get(url, headers=headers, timeout=10).json()
        seen += [entry["message"] for entry in page["data"]]
        if not page["hasMore"]:
            return seen
        cursor = page["cursor"]
