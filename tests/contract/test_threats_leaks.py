"""What must not get out: secrets in logs, tables and errors (threat 21), and forged log lines (threat 22)."""

import base64
import io
import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import requests

from tests.contract.harness import AwsSpy, everything_stored
from tests.support.api import Bench, Caller, ok

CANARY = 'canary "ghp/ä\\42"'
HOSTILE = ("\n", "\r\n", "\x1b[2J\x1b[31m", "\u2028", "\x85", '"}\n{"level":"ERROR","message":"forged"}')


def _forms(secret: str) -> dict[str, str]:
    """A secret as it might turn up: plain, in JSON, in a URL, and in base64 at any offset."""
    raw = secret.encode()
    forms = {
        "plain": secret,
        "latin-1": raw.decode("latin-1"),
        "JSON": json.dumps(secret)[1:-1],
        "JSON in JSON": json.dumps(json.dumps(secret))[3:-3],
        "repr": repr(secret)[1:-1],
        "URL": quote(secret, safe=""),
        "path of a URL": quote(secret),
        "form": quote_plus(secret),
        "hex": raw.hex(),
    }
    for offset in range(3):
        # Without the characters that depend on what stands before and after.
        forms[f"base64 at {offset}"] = base64.b64encode(b"x" * offset + raw).decode()[4 if offset else 0 : -4]
    return forms


def _found(secret: str, text: str) -> list[str]:
    return [name for name, form in _forms(secret).items() if form in text]


def _bearer(caller: Caller) -> str:
    return caller.headers["Authorization"].removeprefix("Bearer ")


def _secret_flow(bench: Bench, aws: AwsSpy) -> tuple[list[requests.Response], list[str]]:
    """Everything that is done with secrets, well and badly: answers that must not hold them, and what to look for."""
    admin = bench.api.admin()
    told = {"projectId": bench.project_id, "type": "github", "value": CANARY}
    answers = [
        admin.post("/api/admin/secrets", told),
        admin.post("/api/admin/secrets", {**told, "type": "NO"}),
        admin.post("/api/admin/secrets", {**told, "extra": CANARY}),
        admin.post("/api/admin/secrets", {**told, "projectId": [CANARY]}),
        admin.request(
            "POST", "/api/admin/secrets", data=json.dumps(told)[:-1], headers={"Content-Type": "application/json"}
        ),
        admin.post(f"/api/admin/secrets/{bench.project_id}/github/rotate"),
        admin.post("/api/admin/rewrap"),
        admin.get(f"/api/admin/secrets?projectId={bench.project_id}"),
    ]
    job_id, token = bench.claimed()
    for operation, code in (("Decrypt", "DisabledException"), ("UpdateItem", "ValidationException")):
        aws.fail(operation, code)
        answers.append(bench.redeem(token))
    aws.failing = lambda *_: None
    answers += [bench.redeem(f"{token}x"), bench.redeem(token, types="none")]
    released = bench.redeem(token)
    assert released.json() == {"secret": CANARY}
    answers += [
        bench.redeem(token),
        bench.user.get(f"/api/jobs/{job_id}"),
        bench.user.get(f"/api/jobs/{job_id}/attempts"),
    ]
    return answers, [CANARY, token, token.partition(".")[2]]


def test_canary_is_found_by_its_own_forms() -> None:
    """Threat 21: the control of what follows."""
    raw = CANARY.encode()
    for text in (CANARY, json.dumps({"a": CANARY}), quote(CANARY), base64.b64encode(b"ab" + raw + b"cdef").decode()):
        assert _found(CANARY, text), text


def test_no_sink_holds_a_secret_or_token_in_any_form(bench: Bench, aws: AwsSpy, log: io.StringIO) -> None:
    """Threat 21: logs of the process, tables and bucket, answers of failures included."""
    answers, secrets = _secret_flow(bench, aws)
    credentials = [
        _bearer(bench.user), bench.agent.headers["X-Colab-Secret"], bench.api.admin_key,
    ]  # fmt: skip
    sinks = {
        "log": log.getvalue(),
        "tables and bucket": everything_stored(),
        "answers": "\n".join(f"{answer.headers} {answer.text}" for answer in answers),
    }
    assert "secret.released" in sinks["log"]
    assert "secret.refused" in sinks["log"]
    for secret in [*secrets, *credentials]:
        assert {name: found for name, text in sinks.items() if (found := _found(secret, text))} == {}


def test_passwords_and_bodies_are_not_logged(bench: Bench, log: io.StringIO) -> None:
    """Threat 21: neither of a log-in, nor payloads, nor lines of a job's log, nor queries."""
    email = f"{bench.queue}@example.com"
    anyone = bench.api.anyone()
    told = {"email": email, "password": CANARY}
    ok(anyone.post("/api/v1/auth/register", told))
    anyone.post("/api/v1/auth/register", {**told, "extra": CANARY})
    for password in (CANARY, f"{CANARY}x"):
        anyone.request("POST", "/api/v1/auth/login", data={"username": email, "password": password})
    job_id = bench.running(payload={"canary": CANARY})
    ok(bench.agent.post(f"/api/jobs/{job_id}/logs", {"message": CANARY, "metadata": {"a": CANARY}}))
    bench.report(job_id, "completed", {"result": CANARY})
    bench.user.get(f"/api/jobs/{job_id}/logs", params={"cursor": CANARY})
    bench.user.get("/api/projects", headers={"X-Whatever": quote(CANARY)})
    assert "user.login" in log.getvalue()
    assert _found(CANARY, log.getvalue()) == []


def test_crash_is_logged_with_its_reason_and_without_credentials(bench: Bench, log: io.StringIO) -> None:
    """Threat 21: a traceback shows code, not values."""
    from chalicelib.jobs.tables import DocumentRow

    job_id = bench.create(payload={"n": CANARY})["jobId"]
    (document,) = list(DocumentRow.query(job_id))
    document.data = b"not zlib"
    document.save()
    assert bench.user.get(f"/api/jobs/{job_id}").status_code == 500
    assert "request.crashed" in log.getvalue()
    assert _found(_bearer(bench.user), log.getvalue()) == []


def _records(log: io.StringIO) -> list[dict[str, Any]]:
    """The lines that our logger wrote, each of which must be one JSON object."""
    return [json.loads(line) for line in log.getvalue().split("\n") if line.startswith(("{", "\x1b", '"'))]


@pytest.mark.parametrize("evil", HOSTILE, ids=ascii)
def test_what_callers_send_cannot_forge_a_log_line(bench: Bench, log: io.StringIO, evil: str) -> None:
    """Threat 22: newlines and terminal escapes in paths, ids, bodies and queries."""
    escaped = quote(evil, safe="")
    job_id = bench.running()
    ok(bench.agent.post(f"/api/jobs/{job_id}/logs", {"message": evil, "metadata": {evil: evil}}))
    bench.report(job_id, "failed", {"error": evil})
    bench.user.get(f"/api/jobs/job{escaped}")
    bench.user.get(f"/api/projects/{escaped}/jobs?cursor={escaped}&type={escaped}")
    bench.api.admin().put(f"/api/admin/users/{escaped}@x/role", {"role": "user"})
    bench.api.anyone().post("/auth/login", {"username": f"a{evil}@x", "password": "x"})
    bench.api.anyone().post("/api/v1/auth/register", {"email": f"a{evil}@x", "password": "correct horse"})
    bench.user.post("/api/jobs/create", {"projectId": evil, "jobType": evil, evil: evil})
    bench.api.admin().post("/api/admin/projects", {"projectId": f"p-{evil}", "name": evil, "repo": evil})
    records = _records(log)
    assert len(records) > 8
    assert "forged" not in {record["message"] for record in records}
    text = log.getvalue()
    assert not [char for char in text if char != "\n" and not char.isprintable()]
    ours = sum(line.startswith("{") for line in text.split("\n"))
    assert ours == len(records)


def test_headers_that_callers_choose_reach_the_log_only_where_they_are_valid(bench: Bench, log: io.StringIO) -> None:
    """Threat 22: the trace id is the one thing that is taken over, and it is hexadecimal."""
    evil = {"traceparent": "00-\x1b[31m-x-01", "X-Claim-Request-Id": "\x9b31m", "User-Agent": "\x1b[31m"}
    bench.agent.post("/api/jobs/claim", {"queues": ["nobodys"]}, headers=evil)
    (record,) = [record for record in _records(log) if record.get("route") == "/api/jobs/claim"]
    assert len(record["trace_id"]) == 32
    assert "31m" not in log.getvalue()
