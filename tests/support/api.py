"""The API as its clients use it: real HTTP, with the credentials of whoever calls."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import requests

TIMEOUT = 30


@dataclass
class Caller:
    """Somebody with credentials; ``get`` and so on answer the response, whatever its status."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)

    def request(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> requests.Response:
        merged = {**self.headers, **(headers or {})}
        return requests.request(method, self.url + path, headers=merged, timeout=TIMEOUT, **more)

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, json: Any = None, **more: Any) -> requests.Response:
        return self.request("POST", path, json=json, **more)

    def patch(self, path: str, json: Any = None, **more: Any) -> requests.Response:
        return self.request("PATCH", path, json=json, **more)

    def put(self, path: str, json: Any = None, **more: Any) -> requests.Response:
        return self.request("PUT", path, json=json, **more)

    def delete(self, path: str, **more: Any) -> requests.Response:
        return self.request("DELETE", path, **more)


def ok(response: requests.Response) -> Any:
    """The body of an answer that must be a success."""
    assert response.ok, f"{response.status_code} {response.text}"
    return response.json()


def error(response: requests.Response) -> tuple[int, str]:
    """Status and code of a refusal in the agents contract's envelope, whose form is checked."""
    body = response.json()
    assert body["error"] is True
    assert set(body) == {"error", "code", "message", "details", "timestamp"}
    return response.status_code, body["code"]


@dataclass
class Api:
    """The deployment under test, and ways to become one of its callers."""

    url: str
    admin_key: str
    agent_secret: str

    def anyone(self) -> Caller:
        return Caller(self.url)

    def admin(self) -> Caller:
        return Caller(self.url, {"X-Admin-Api-Key": self.admin_key})

    def user(self, email: str | None = None, *, role: str | None = None) -> Caller:
        """A freshly registered user, logged in."""
        email = email or f"{uuid.uuid4().hex}@example.com"
        ok(self.anyone().post("/api/v1/auth/register", {"email": email, "password": "correct horse"}))
        if role:
            ok(self.admin().put(f"/api/admin/users/{email}/role", {"role": role}))
        form = {"username": email, "password": "correct horse"}
        token = ok(self.anyone().request("POST", "/api/v1/auth/login", data=form))["access_token"]
        return Caller(self.url, {"Authorization": f"Bearer {token}"})

    def agent(self, agent_id: str | None = None, secret: str | None = None) -> Caller:
        """An agent with the shared secret, or with the one that is given."""
        agent_id = agent_id or f"agent-{uuid.uuid4().hex[:8]}"
        return Caller(self.url, {"X-Colab-Id": agent_id, "X-Colab-Secret": secret or self.agent_secret})

    def registered_agent(self, agent_id: str | None = None) -> Caller:
        """An agent with a secret of its own."""
        agent_id = agent_id or f"own-{uuid.uuid4().hex[:8]}"
        return self.agent(agent_id, ok(self.admin().post("/api/admin/agents", {"agentId": agent_id}))["secret"])

    def project(self, **more: Any) -> str:
        """A freshly registered project's id."""
        project_id = f"project-{uuid.uuid4().hex[:12]}"
        told = {"projectId": project_id, "name": project_id, "repo": "https://example.com/repo.git", **more}
        ok(self.admin().post("/api/admin/projects", told))
        return project_id


@dataclass
class Bench:
    """A project, a member of it, an agent, and a queue of their own, so that no other test's jobs come between."""

    api: Api
    user: Caller
    agent: Caller
    project_id: str
    queue: str

    def create(self, **more: Any) -> dict[str, Any]:
        """A new job."""
        told = {"projectId": self.project_id, "jobType": "build", "queue": self.queue, **more}
        return dict(ok(self.user.post("/api/jobs/create", told)))

    def claim(self, agent: Caller | None = None, **more: Any) -> dict[str, Any]:
        """What a claim of the queue answers: ``{"job", "claimToken"}``, or a null job."""
        return dict(ok((agent or self.agent).post("/api/jobs/claim", {"queues": [self.queue]}, **more)))

    def claimed(self, **more: Any) -> tuple[str, str]:
        """A new job, claimed: its id and token."""
        job_id = self.create(**more)["jobId"]
        claim = self.claim()
        assert claim["job"]["jobId"] == job_id
        return job_id, claim["claimToken"]

    def running(self, **more: Any) -> str:
        """A new job, claimed and running: its id."""
        job_id, _ = self.claimed(**more)
        self.report(job_id, "running")
        return job_id

    def report(self, job_id: str, state: str, payload: Any = None, agent: Caller | None = None) -> dict[str, Any]:
        """The agent's word on a job."""
        told = {"state": state, "payload": payload}
        return dict(ok((agent or self.agent).patch(f"/api/jobs/{job_id}", told)))

    def job(self, job_id: str) -> dict[str, Any]:
        """The job as its user sees it."""
        return dict(ok(self.user.get(f"/api/jobs/{job_id}")))

    def secret(self, value: str, kind: str = "github") -> None:
        """Give the project a secret."""
        told = {"projectId": self.project_id, "type": kind, "value": value}
        ok(self.api.admin().post("/api/admin/secrets", told))

    def redeem(self, token: str, *, types: str = "github", **headers: str) -> requests.Response:
        """Redeem a claim token."""
        given = {"X-Colab-Id": self.agent.headers["X-Colab-Id"], "X-Claim-Token": token, **headers}
        return Caller(self.api.url, given).get(f"/api/admin/secrets/{self.project_id}?type={types}")
