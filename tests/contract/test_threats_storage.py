"""What is stored, and how it is read: threats 13, 14 and 18."""

import hashlib
import os
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from tests.contract.harness import AwsSpy, People, everything_stored
from tests.contract.routes import furnish
from tests.support.api import Bench, Caller, error, ok

READS = ("GetItem", "BatchGetItem", "Query", "Scan")


def _reads(aws: AwsSpy) -> list[tuple[str, dict[str, Any]]]:
    """What was read, table by table: its name without the prefix, and the parameters."""
    found = []
    for operation, parameters in aws.of(*READS):
        if operation == "BatchGetItem":
            found += [(name.split("-", 1)[1], asked) for name, asked in parameters["RequestItems"].items()]
        else:
            found.append((parameters["TableName"].split("-", 1)[1], parameters))
    return found


def _all_strong(aws: AwsSpy, *tables: str) -> None:
    reads = _reads(aws)
    for table in tables:
        of_table = [parameters for name, parameters in reads if name == table]
        assert of_table, f"{table} was not read"
        assert all(parameters.get("ConsistentRead") is True for parameters in of_table), of_table
        assert not any("IndexName" in parameters for parameters in of_table), of_table


def test_membership_is_read_strongly_from_the_table(private: Bench, people: People, aws: AwsSpy) -> None:
    """Threat 13: who may see a project or its job is decided by strong reads, never by an index."""
    places = furnish(private)
    paths = (f"/api/projects/{private.project_id}", f"/api/jobs/{places['job_id']}", "/api/projects")
    for path in paths:
        for user in (private.user, people.stranger):
            aws.calls.clear()
            user.get(path)
            _all_strong(aws, "projects", *(["jobs"] if "jobs" in path else []))


def test_redeeming_reads_the_job_the_agent_and_the_secret_strongly(bench: Bench, aws: AwsSpy) -> None:
    """Threat 13: and consumes the token by a condition on all that was read."""
    bench.agent = bench.api.registered_agent()
    bench.secret("ghp_1")
    _, token = bench.claimed()
    aws.calls.clear()
    assert bench.redeem(token).status_code == 200
    _all_strong(aws, "jobs", "agents", "secrets")
    ((_, update),) = aws.of("UpdateItem")
    assert update["ConditionExpression"]
    held = set(update["ExpressionAttributeNames"].values())
    assert {"token_hash", "redemption_id", "token_expires", "agent", "attempt", "state", "due"} <= held


def test_agents_words_are_conditional_writes_and_strong_reads(bench: Bench, aws: AwsSpy) -> None:
    """Threat 13: nothing that an agent may do is decided by a read that can be stale."""
    job_id, agent = bench.claimed()[0], bench.agent
    for path, body in (("renew", None), ("claim-token", None), ("logs", {"message": "x"})):
        aws.calls.clear()
        ok(agent.post(f"/api/jobs/{job_id}/{path}", body))
        writes = [
            parameters
            for name, parameters in aws.of("UpdateItem", "PutItem")
            if "agents" not in parameters["TableName"]
        ]
        assert writes
        assert all(parameters["ConditionExpression"] for parameters in writes)
        for table, parameters in _reads(aws):
            # Whom a message goes to is looked up meanwhile, and decides nothing.
            assert parameters.get("ConsistentRead") is True or table == "webhooks", (path, table)


def test_own_secret_of_an_agent_is_read_strongly(bench: Bench, aws: AwsSpy) -> None:
    """Threat 13: a revocation holds from the next request on."""
    agent = bench.api.registered_agent()
    aws.calls.clear()
    ok(agent.post("/api/jobs/claim", {"queues": ["nobodys"]}))
    _all_strong(aws, "agents")


def test_dump_of_everything_stored_holds_no_token_secret_or_password(bench: Bench) -> None:
    """Threat 14: tables and bucket are read whole, packed documents unpacked."""
    bench.secret("canary-secret-of-the-project")
    own = bench.api.registered_agent()
    email = f"{bench.queue}@example.com"
    password = "canary-password-of-the-user"
    ok(bench.api.anyone().post("/api/v1/auth/register", {"email": email, "password": password}))
    bearer = ok(bench.api.anyone().post("/auth/login", {"username": email, "password": password}))["access_token"]
    user = Caller(bench.api.url, {"Authorization": f"Bearer {bearer}"})
    told = {"projectId": bench.project_id, "jobType": "build", "queue": bench.queue, "payload": "canary-payload"}
    ok(user.post("/api/jobs/create", told, headers={"Idempotency-Key": "canary-idempotency-key"}))
    claim = bench.claim(own, headers={"X-Claim-Request-Id": "canary-request-id"})
    token = claim["claimToken"]
    minted = ok(own.post(f"/api/jobs/{claim['job']['jobId']}/claim-token"))["claimToken"]
    assert bench.redeem(minted, **{"X-Colab-Id": own.headers["X-Colab-Id"]}).status_code == 200
    stored = everything_stored()
    assert "canary-payload" in stored, "the dump does not see what is stored"
    hidden = [
        "canary-secret-of-the-project", password, bearer, bearer.rsplit(".", 1)[1], own.headers["X-Colab-Secret"],
        bench.api.agent_secret, bench.api.admin_key, os.environ["CLAIMCHECK_SESSION_SECRET"],
        "canary-idempotency-key", "canary-request-id",
        *(part for each in (token, minted) for part in (each, each.partition(".")[2])),
    ]  # fmt: skip
    assert [secret for secret in hidden if secret in stored] == []


def test_hashes_of_tokens_are_of_tokens_of_256_bits(bench: Bench) -> None:
    """Threat 14: a fast hash is enough, because there is nothing to guess."""
    from chalicelib.jobs.tables import JobRow

    job_id, token = bench.claimed()
    random = token.partition(".")[2]
    assert len(random) * 6 >= 256
    assert JobRow.get(job_id).token_hash == hashlib.sha256(token.encode()).digest()


@pytest.mark.parametrize("fields", [
    ("ciphertext",), ("wrapped_key",), ("nonce",), ("ciphertext", "nonce"), ("wrapped_key", "ciphertext"),
    ("ciphertext", "nonce", "wrapped_key"), ("ciphertext", "nonce", "wrapped_key", "key_id", "seal_id"),
], ids="+".join)  # fmt: skip
def test_parts_swapped_between_rows_or_versions_do_not_open(bench: Bench, fields: tuple[str, ...]) -> None:
    """Threat 18: another type's, another project's, and an older version's, alone and together."""
    from chalicelib.secrets.table import SecretRow

    other = Bench(bench.api, bench.user, bench.agent, bench.api.project(), bench.queue)
    bench.secret("the-old-value")
    older = SecretRow.get(bench.project_id, "github")
    bench.secret("the-value")
    bench.secret("the-llm-value", "llm")
    other.secret("the-others-value")
    row = SecretRow.get(bench.project_id, "github")
    right = {name: getattr(row, name) for name in fields}
    foreign = (older, SecretRow.get(bench.project_id, "llm"), SecretRow.get(other.project_id, "github"))
    for source in foreign:
        _overwrite(row, {name: getattr(source, name) for name in fields})
        answer = bench.redeem(bench.claimed()[1])
        assert error(answer) == (500, "ENCRYPTION_FAILED")
    _overwrite(row, right)
    assert bench.redeem(bench.claimed()[1]).json() == {"secret": "the-value"}


def test_version_put_back_by_hand_does_not_open(bench: Bench) -> None:
    """Threat 18: the version is bound as well, so a row cannot be relabelled."""
    from chalicelib.secrets.table import SecretRow

    bench.secret("one")
    row = SecretRow.get(bench.project_id, "github")
    _overwrite(row, {"version": 2})
    assert error(bench.redeem(bench.claimed()[1])) == (500, "ENCRYPTION_FAILED")


def _overwrite(row: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save()


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("other", [("p", "llm", 1), ("q", "github", 1), ("p", "github", 2)], ids=str)
def test_ciphertext_is_bound_even_where_its_key_was_wrapped_anew_for_another_subject(
    other: tuple[str, str, int],
) -> None:
    """Threat 18: the cipher's own additional data, for who may call the key service and moves keys between contexts."""
    from chalicelib import aws
    from chalicelib.errors import EncryptionFailed
    from chalicelib.secrets import envelope
    from chalicelib.secrets.envelope import Subject

    mine, theirs = Subject("p", "github", 1), Subject(*other)
    sealed = envelope.seal(SecretStr("value"), mine)
    assert envelope.open_sealed(sealed, mine).get_secret_value() == "value"
    moved = aws.kms().re_encrypt(
        CiphertextBlob=sealed.wrapped_key,
        SourceEncryptionContext=mine.context,
        DestinationKeyId=sealed.key_id,
        DestinationEncryptionContext=theirs.context,
    )
    with pytest.raises(EncryptionFailed):
        envelope.open_sealed(replace(sealed, wrapped_key=moved["CiphertextBlob"]), theirs)
