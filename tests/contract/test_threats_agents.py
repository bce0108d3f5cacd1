"""Agents' credentials: whom they prove (threat 16), and how they are compared (threat 17)."""

import pytest

from tests.contract.harness import changed_settings
from tests.support.api import Api, Bench, Caller, error

SHARED_OFF = {"agent_shared_secret_enabled": "false"}


def _claim(agent: Caller) -> int:
    return agent.post("/api/jobs/claim", {"queues": ["nobodys"]}).status_code


def test_own_secret_is_good_for_its_own_id_only(api: Api) -> None:
    """Threat 16."""
    first, second = api.registered_agent(), api.registered_agent()
    assert _claim(first) == _claim(second) == 200
    mixed = Caller(api.url, {**first.headers, "X-Colab-Id": second.headers["X-Colab-Id"]})
    assert error(mixed.post("/api/jobs/claim")) == (401, "UNAUTHORIZED")
    unregistered = Caller(api.url, {**first.headers, "X-Colab-Id": "somebody"})
    assert error(unregistered.post("/api/jobs/claim")) == (401, "UNAUTHORIZED")


def test_shared_secret_does_not_speak_for_a_registered_agent(bench: Bench) -> None:
    """Threat 16: under the same id it is somebody else, who does not hold the job."""
    own = bench.api.registered_agent()
    bench.create()
    job_id = bench.claim(own)["job"]["jobId"]
    imposter = bench.api.agent(own.headers["X-Colab-Id"])
    for answer in (
        imposter.patch(f"/api/jobs/{job_id}", {"state": "running"}),
        imposter.post(f"/api/jobs/{job_id}/claim-token"),
        imposter.post(f"/api/jobs/{job_id}/logs", {"message": "x"}),
    ):
        assert error(answer) == (409, "JOB_ALREADY_CLAIMED")


def test_shared_secret_can_be_switched_off(api: Api) -> None:
    """Threat 16: then only registered agents are left."""
    own, shared = api.registered_agent(), api.agent()
    assert _claim(shared) == 200
    with changed_settings(**SHARED_OFF):
        assert _claim(shared) == 401
        assert _claim(own) == 200
    assert _claim(shared) == 200


@pytest.mark.parametrize("secret", ["", "x", "ä" * 32, "\x7f", "0" * 4096, "0" * 4097, "漢".encode(), b"\xff\xfe"])
def test_secret_that_is_wrong_in_any_alphabet_is_a_401(api: Api, secret: str | bytes) -> None:
    """Threat 17: compare_digest raises on text that is not ASCII, which must not be a 500."""
    own = api.registered_agent().headers["X-Colab-Id"]
    for agent_id in ("agent", own):
        answer = Caller(api.url, {"X-Colab-Id": agent_id, "X-Colab-Secret": secret}).post("/api/jobs/claim")  # type: ignore[dict-item]
        assert error(answer) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("key", ["ä" * 32, "漢".encode(), b"\xff", "x"])
def test_admin_key_that_is_wrong_in_any_alphabet_is_a_401(api: Api, key: str | bytes) -> None:
    """Threat 17."""
    answer = Caller(api.url, {"X-Admin-Api-Key": key}).get("/api/admin/agents")  # type: ignore[dict-item]
    assert error(answer) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("token", ["ä", "漢".encode(), b"\xff" * 70])
def test_tokens_in_any_alphabet_are_a_401(api: Api, token: str | bytes) -> None:
    """Threat 17: the other two credentials."""
    bearer = b"Bearer " + (token if isinstance(token, bytes) else token.encode("latin-1"))
    assert error(Caller(api.url, {"Authorization": bearer}).get("/api/projects")) == (401, "INVALID_TOKEN")  # type: ignore[dict-item]
    caller = Caller(api.url, {"X-Colab-Id": "a", "X-Claim-Token": token})  # type: ignore[dict-item]
    assert error(caller.get("/api/admin/secrets/x?type=github")) == (401, "INVALID_TOKEN")


@pytest.mark.parametrize("agent_id", ["a b", "-a", "x" * 65, "a/b", "ä", "a\x7f", "own:a#b"])
def test_agents_id_that_could_not_be_one_is_a_401(api: Api, agent_id: str) -> None:
    """Threat 22 as well: ids reach the log, and are of a narrow alphabet."""
    assert error(api.agent(agent_id).post("/api/jobs/claim")) == (401, "UNAUTHORIZED")
