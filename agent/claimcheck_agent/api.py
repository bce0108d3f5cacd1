"""The server's routes that an agent needs, one method each; no state and no decisions."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from claimcheck_agent.transport import Answer, Transport


class Api:
    """The routes of an agent with its credentials."""

    def __init__(self, transport: Transport, agent_id: str, secret: str) -> None:
        self.transport = transport
        self._agent_id = agent_id
        self._headers = {"X-Colab-Id": agent_id, "X-Colab-Secret": secret}

    def claim(self, queues: Sequence[str], request_id: str) -> Answer:
        """Claim the next job; the same `request_id` again gives the same job and a fresh token."""
        headers = self._headers | {"X-Claim-Request-Id": request_id}
        return self.transport.call("POST", "/api/jobs/claim", headers=headers, body={"queues": list(queues)})

    def held(self, job_id: str, project_id: str, attempt: int | None) -> "ClaimApi":
        """Give the routes of one claimed job."""
        fence = {} if attempt is None else {"X-Claim-Attempt": str(attempt)}
        return ClaimApi(self.transport, self._headers | fence, self._agent_id, job_id, project_id)


class ClaimApi:
    """The routes of one claimed job. Every write carries the attempt, which fences off a stale agent."""

    def __init__(
        self, transport: Transport, headers: dict[str, str], agent_id: str, job_id: str, project_id: str
    ) -> None:
        self.transport = transport
        self._headers = headers
        self._agent_id = agent_id
        self._job = f"/api/jobs/{quote(job_id, safe='')}"
        self._project_id = quote(project_id, safe="")

    def renew(self) -> Answer:
        """Renew the lease."""
        return self._post("/renew")

    def release(self) -> Answer:
        """Give the job back, so that another agent may take it."""
        return self._post("/release")

    def mint_token(self) -> Answer:
        """Get a new one-time claim token."""
        return self._post("/claim-token")

    def report(self, state: str, payload: dict[str, Any] | None = None) -> Answer:
        """Tell the job's state: `running` (with progress as payload), `completed`, `failed`, `cancelled`."""
        body: dict[str, Any] = {"state": state}
        if payload is not None:
            body["payload"] = payload
        return self.transport.call("PATCH", self._job, headers=self._headers, body=body)

    def append_logs(self, body: bytes) -> Answer:
        """Append a batch, `{"entries": […], "segment": n}`, encoded already."""
        return self.transport.call("POST", f"{self._job}/logs", headers=self._headers, body=body)

    def redeem(self, token: str, types: Sequence[str]) -> dict[str, str]:
        """Exchange a claim token for the secrets of these types; gives them by type."""
        answer = self.transport.call(
            "GET",
            f"/api/admin/secrets/{self._project_id}",
            headers={"X-Colab-Id": self._agent_id, "X-Claim-Token": token},
            params={"type": ",".join(types)},
        )
        if len(types) == 1:
            return {types[0]: str(answer.body["secret"])}
        return {name: str(answer.body["secrets"][name]) for name in types}

    def input(self) -> Answer:
        """Ask for the job's input; the answer says how large it is, and where to download it."""
        return self.transport.call("GET", f"{self._job}/input", headers=self._headers)

    def register_artifact(self, fields: dict[str, Any], key: str) -> Answer:
        """Announce an artifact; the answer says where to upload it. `key` makes a repeat harmless."""
        return self._post("/artifacts", fields, key)

    def sign_parts(self, artifact_id: str, parts: list[dict[str, Any]]) -> Answer:
        """Get presigned URLs for parts of a multipart upload, 100 at most."""
        return self._post(f"/artifacts/{quote(artifact_id, safe='')}/parts", {"parts": parts})

    def complete_artifact(self, artifact_id: str, parts: list[dict[str, Any]] | None) -> Answer:
        """Confirm an upload; gives the artifact."""
        body = None if parts is None else {"parts": parts}
        return self._post(f"/artifacts/{quote(artifact_id, safe='')}/complete", body)

    def post_message(self, chat_id: str, content: str, key: str) -> Answer:
        """Write into a chat as the assistant. `key` makes a repeat harmless."""
        path = f"/api/projects/{self._project_id}/chats/{quote(chat_id, safe='')}/messages"
        headers = self._headers | {"Idempotency-Key": key}
        body = {"content": content, "role": "assistant"}
        return self.transport.call("POST", path, headers=headers, body=body)

    def _post(self, path: str, body: dict[str, Any] | None = None, key: str | None = None) -> Answer:
        headers = self._headers if key is None else self._headers | {"Idempotency-Key": key}
        return self.transport.call("POST", self._job + path, headers=headers, body=body)
