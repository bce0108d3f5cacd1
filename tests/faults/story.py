"""One job from its making to its end, by clients that repeat a step until it is answered.

Every step sends the same request each time it is taken: same key, same segment, same body. What a story has been
told (tokens, lines that were acknowledged, secrets) is kept, and compared with what is stored.
"""

import hashlib
import secrets
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from http import HTTPStatus
from typing import Any

import pytest
import requests
import time_machine

from local.cloud import LocalCloud
from tests.faults import evidence
from tests.support.api import Api, Bench, Caller, error, ok

Answer = requests.Response | None
Step = Callable[["Story"], Answer]
Check = Callable[["Story"], None]

LEASE_AND_A_BIT = 1801
PATIENCE = 20


class Story:
    """What happened so far, and the steps that take it on; a step answers the response, or None where no one asks."""

    def __init__(self, cloud: LocalCloud, api: Api, user: Caller) -> None:
        self.cloud = cloud
        self.agents = [api.agent(), api.agent()]
        self.bench = Bench(api, user, self.agents[0], api.project(), f"q-{uuid.uuid4().hex[:12]}")
        self.holder = self.agents[0]
        self.ending = ExitStack()
        self.clock: time_machine.Traveller | None = None
        self.key = uuid.uuid4().hex
        self.body: dict[str, Any] = {}
        self.job_id = self.token = self.chat_id = self.secret = ""
        self.released: Counter[str] = Counter()
        self.in_hand: list[str] = []
        self.lines: list[str] = []
        self.upload: dict[str, Any] = {}
        self.parts: list[dict[str, Any]] = []
        self.content = secrets.token_bytes(2048)
        self.result: Any = {"answer": 42}
        self.unaided = False
        self.outcome = ""
        self.outcomes: list[str] = []
        self.messages: list[tuple[str, str]] = []

    # --- making the job

    def with_secret(self) -> Answer:
        self.secret = self.secret or f"canary-{uuid.uuid4().hex}"
        told = {"projectId": self.bench.project_id, "type": "github", "value": self.secret}
        return self.bench.api.admin().post("/api/admin/secrets", told)

    def with_documents_in_s3(self) -> Answer:
        """Payload and result that are too large for a table, which here is little."""
        self._patch("chalicelib.jobs.documents.INLINE_BYTES", 512)
        self.body["payload"] = {"input": secrets.token_hex(1024)}
        self.result = {"output": secrets.token_hex(1024)}
        return None

    def with_attempts(self) -> Answer:
        self.body["maxAttempts"] = 2
        return None

    def with_no_keys(self) -> Answer:
        """A client that sends nothing by which a request could be known again, as the contract has it."""
        self.unaided = True
        return None

    def with_own_secret(self) -> Answer:
        self.holder = self.agents[0] = self.bench.api.registered_agent()
        return None

    def create(self) -> Answer:
        told = {"projectId": self.bench.project_id, "jobType": "build", "queue": self.bench.queue, **self.body}
        response = self.bench.user.post("/api/jobs/create", told, headers=self._once("job"))
        if response.ok:
            self.job_id = response.json()["jobId"]
        return response

    def open_chat(self) -> Answer:
        path = f"/api/projects/{self.bench.project_id}/chats"
        response = self.bench.user.post(path, {"title": "t"}, headers=self._once("chat"))
        if response.ok:
            self.chat_id = response.json()["chat"]["chatId"]
        return response

    def write_message(self) -> Answer:
        path = f"/api/projects/{self.bench.project_id}/chats/{self.chat_id}/messages"
        response = self.bench.user.post(path, {"content": "What is it?"}, headers=self._once("message"))
        if response.ok:
            self.job_id = response.json()["jobId"]
            self.bench.queue, self.result = "default", {"reply": "It is 42."}
            self.messages = [("user", "What is it?"), ("assistant", "It is 42.")]
        return response

    # --- holding it

    def claim(self) -> Answer:
        headers = {} if self.unaided else {"X-Claim-Request-Id": f"{self.key}-{len(self.outcomes)}"}
        response = self.holder.post("/api/jobs/claim", {"queues": [self.bench.queue]}, headers=headers)
        if response.ok:
            assert response.json()["job"]["jobId"] == self.job_id
            self.token = response.json()["claimToken"]
        return response

    def mint(self) -> Answer:
        response = self.holder.post(f"/api/jobs/{self.job_id}/claim-token")
        if response.ok:
            self.token = response.json()["claimToken"]
        return response

    def renew(self) -> Answer:
        return self.holder.post(f"/api/jobs/{self.job_id}/renew")

    def redeem(self) -> Answer:
        given = {"X-Colab-Id": self.holder.headers["X-Colab-Id"], "X-Claim-Token": self.token}
        response = Caller(self.bench.api.url, given).get(f"/api/admin/secrets/{self.bench.project_id}?type=github")
        if response.ok:
            assert response.json() == {"secret": self.secret}
            self.released[self.token] += 1
            self.in_hand.append(self.secret)
        else:
            assert self.secret not in response.text
        return response

    def redeem_again(self) -> Answer:
        """An agent that has no secret tries its token, and asks for another where that one is burnt."""
        if self.in_hand:
            return None
        response = self.redeem()
        if response is not None and response.status_code == HTTPStatus.UNAUTHORIZED:
            ok_(self.mint())
            response = self.redeem()
        return response

    def start(self) -> Answer:
        return self._report("running", {"step": 1})

    def log(self) -> Answer:
        return self._append(0, ["one", "two", "three"])

    def log_more(self) -> Answer:
        return self._append(3, ["four", "five"])

    def announce(self) -> Answer:
        told = {"fileName": "out.bin", "size": len(self.content), "sha256": _sha256(self.content)}
        path = f"/api/jobs/{self.job_id}/artifacts"
        response = self.holder.post(path, told, headers=self._once("artifact"))
        if response.ok:
            self.upload = response.json()
        return response

    def put_object(self) -> Answer:
        to = self.upload["upload"]
        return requests.put(to["url"], data=self.content, headers=to["headers"], timeout=30)

    def in_parts(self) -> Answer:
        """An artifact that is uploaded in parts; so small that there is one."""
        from chalicelib.settings import settings

        small = settings().model_copy(update={"multipart_threshold_bytes": 1024})
        self._patch("chalicelib.objects.artifacts.settings", lambda: small)
        return None

    def put_parts(self) -> Answer:
        size = self.upload["upload"]["partSize"]
        pieces = [self.content[at : at + size] for at in range(0, len(self.content), size)]
        self.parts = [{"partNumber": at, "sha256": _sha256(piece)} for at, piece in enumerate(pieces, start=1)]
        path = f"/api/jobs/{self.job_id}/artifacts/{self.upload['artifactId']}/parts"
        signed = ok(self.holder.post(path, {"parts": self.parts}))["parts"]
        for part, to, piece in zip(self.parts, signed, pieces, strict=True):
            put = requests.put(to["url"], data=piece, headers=to["headers"], timeout=30)
            part["etag"] = put.headers["ETag"]
        return None

    def confirm(self) -> Answer:
        path = f"/api/jobs/{self.job_id}/artifacts/{self.upload['artifactId']}/complete"
        return self.holder.post(path, {"parts": self.parts} if self.parts else None)

    # --- ending it

    def finish(self) -> Answer:
        """The last word, and what follows from it."""
        response = self._report("completed", self.result)
        self.cloud.drain()
        return response

    def fail(self) -> Answer:
        response = self._report("failed", {"error": "no luck"})
        self.cloud.drain()
        return response

    def retry(self) -> Answer:
        return self.bench.user.post(f"/api/jobs/{self.job_id}/retry")

    def retry_unless_ready(self) -> Answer:
        """Its user looks first: a job that waits again needs no other retry."""
        return None if self.bench.job(self.job_id)["state"] == "pending" else self.retry()

    def release(self) -> Answer:
        self.outcome = "released"
        response = self.holder.post(f"/api/jobs/{self.job_id}/release")
        self.cloud.drain()
        return response

    def release_or_learn(self) -> Answer:
        """Again; that the claim has ended is as good an answer, and nobody claimed it since."""
        response = self.holder.post(f"/api/jobs/{self.job_id}/release")
        assert response.ok or error(response) == (409, "CLAIM_LOST")
        self.cloud.drain()
        return None

    def cancel(self) -> Answer:
        return self.bench.user.delete(f"/api/jobs/{self.job_id}")

    def give_in(self) -> Answer:
        """The agent's word that it has stopped, as it was asked to."""
        response = self._report("cancelled", None)
        self.cloud.drain()
        return response

    def expire(self) -> Answer:
        """The agent is never heard of again; the clock takes the job from it."""
        self.outcome = "expired"
        if self.clock is None:
            self.clock = self.ending.enter_context(time_machine.travel(datetime.now().astimezone()))
            self.clock.shift(LEASE_AND_A_BIT)
        self.cloud.sweep()
        return None

    def revoke(self) -> Answer:
        self.outcome = "revoked"
        agent_id = self.holder.headers["X-Colab-Id"]
        response = self.bench.api.admin().post(f"/api/admin/agents/{agent_id}/revoke")
        self.cloud.drain()
        return response

    def hand_over(self) -> Answer:
        """The attempt is over; the next is another agent's."""
        self.outcomes.append(self.outcome)
        self.holder = self.agents[1]
        return None

    def note_failure(self) -> Answer:
        self.outcomes.append("failed")
        return None

    def nothing(self) -> Answer:
        """The first answer was good."""
        return None

    # --- secrets

    def rotate(self) -> Answer:
        return self.bench.api.admin().post(f"/api/admin/secrets/{self.bench.project_id}/github/rotate")

    def rewrap(self) -> Answer:
        return self.bench.api.admin().post("/api/admin/rewrap")

    def with_no_other_secret(self) -> Answer:
        """Rewrapping goes over the secrets of all projects, so those of other tests go."""
        from chalicelib.secrets.table import SecretRow

        for row in SecretRow.scan():
            row.delete()
        return None

    # --- what must hold

    def check(self) -> None:
        """What must hold at every moment, also just after a failure."""
        found = evidence.heads(evidence.jobs_of(self.bench.project_id))
        assert len(found) <= 1
        evidence.check_heads(found)
        evidence.check_agenda(found)
        assert max(self.released.values(), default=0) <= 1, "a token released twice"
        if self.job_id:
            stored = evidence.log_of(self.job_id)
            assert stored[: len(self.lines)] == self.lines
            assert not evidence.duplicates(stored)

    def check_end(self) -> None:
        """The job completed with exactly what its story told."""
        head = self._ended_as("completed")
        assert evidence.document(head, "result") == self.result
        assert self.chat_id or evidence.document(head, "payload") == self.body.get("payload")
        if self.upload:
            self._check_artifact()
        if self.chat_id:
            self._check_messages()

    def check_cancelled(self) -> None:
        """The job was cancelled by its agent's word."""
        self._ended_as("cancelled")

    def _ended_as(self, outcome: str) -> evidence.Head:
        """The head of the one job there is, after its last attempt has come to this, and its log and history."""
        assert evidence.jobs_of(self.bench.project_id) == [self.job_id]
        found = evidence.heads([self.job_id])
        evidence.check_heads(found)
        assert found[self.job_id]["state"] == outcome
        assert evidence.log_of(self.job_id) == self.lines
        assert max(self.released.values(), default=0) <= 1, "a token released twice"
        self._check_attempts([*self.outcomes, outcome])
        return found[self.job_id]

    def _check_attempts(self, outcomes: list[str]) -> None:
        found = evidence.history_of(self.job_id)
        for _ in range(PATIENCE):
            if found == outcomes:
                break
            # A real engine's stream shows a record a moment after the write.
            time.sleep(0.05)
            self.cloud.drain()
            found = evidence.history_of(self.job_id)
        assert found == outcomes

    def _check_artifact(self) -> None:
        (artifact,) = ok(self.bench.user.get(f"/api/jobs/{self.job_id}/artifacts"))
        path = f"/api/projects/{self.bench.project_id}/artifacts/{artifact['artifactId']}/download"
        url = ok(self.bench.user.get(path))["downloadUrl"]
        assert requests.get(url, timeout=30).content == self.content

    def _check_messages(self) -> None:
        path = f"/api/projects/{self.bench.project_id}/chats/{self.chat_id}/messages"
        data = ok(self.bench.user.get(path))["data"]
        assert [(each["role"], each["content"]) for each in data] == self.messages

    def _once(self, what: str) -> dict[str, str]:
        return {} if self.unaided else {"Idempotency-Key": f"{self.key}-{what}"}

    def _patch(self, name: str, value: Any) -> None:
        self.ending.enter_context(pytest.MonkeyPatch.context()).setattr(name, value)

    def _report(self, state: str, payload: Any) -> requests.Response:
        return self.holder.patch(f"/api/jobs/{self.job_id}", {"state": state, "payload": payload})

    def _append(self, segment: int, lines: list[str]) -> requests.Response:
        entries = [{"level": "info", "message": line} for line in lines]
        told = {"entries": entries} if self.unaided else {"entries": entries, "segment": segment}
        response = self.holder.post(f"/api/jobs/{self.job_id}/logs", told)
        if response.ok:
            self.lines[segment:] = lines
        return response


def ok_(answer: Answer) -> None:
    """The step was answered with a success, or nobody waited for an answer."""
    assert answer is None or answer.ok, f"{answer.status_code} {answer.text}"


def answered(answer: Answer) -> None:
    """The step was answered: with a success, or with an error of the contract that says what failed."""
    if answer is not None and not answer.ok:
        status, code = error(answer)
        assert (status, code) in {(500, "KV_WRITE_FAILED"), (503, "ENCRYPTION_UNAVAILABLE")}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
