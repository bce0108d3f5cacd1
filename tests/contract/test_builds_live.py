"""Builds and analyses watched over WebSockets: what is told, to whom, in what order, and how often."""

import uuid
from typing import Any

import jwt
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from local.cloud import LocalCloud
from tests.contract.harness import changed_settings
from tests.support.api import Api, Caller, ok
from tests.support.builds import FINDINGS, RESULT, Builds
from tests.support.watching import address, all_heard, heard, token_of, watching


@pytest.fixture
def builds(api: Api) -> Builds:
    return Builds(api, api.user(), api.agent())


def _brief(message: dict[str, Any]) -> tuple[Any, ...]:
    return message["type"], message.get("status"), message.get("progress")


def test_build_is_watched_from_its_beginning_to_its_end(builds: Builds) -> None:
    task_id = builds.create()
    with watching(builds.user, "build", task_id) as watcher:
        connected, waiting = heard(watcher), heard(watcher)
        assert connected == {
            "type": "connected",
            "task_id": task_id,
            "message": "Connected to build updates",
            "timestamp": connected["timestamp"],
        }
        assert waiting == {
            "type": "progress",
            "task_id": task_id,
            "status": "initializing",
            "progress": 0,
            "timestamp": builds.build(task_id)["created_at"],
            "data": {"current_step": None, "files_created": 0},
        }
        work = builds.claim()
        work.report()
        work.progress(45, "Generating code", files_created=3)
        work.report("completed", RESULT)
        told = all_heard(watcher)
    assert [_brief(message) for message in told] == [
        ("progress", "initializing", 0),
        ("progress", "running", 0),
        ("progress", "running", 45),
        ("completion", "completed", None),
    ]
    assert told[2]["data"] == {"current_step": "Generating code", "files_created": 3}
    results = {name: value for name, value in RESULT.items() if name != "rounds"}
    assert told[3] == {
        "type": "completion",
        "task_id": task_id,
        "status": "completed",
        "timestamp": told[3]["timestamp"],
        "results": results,
    }


def test_analysis_is_watched_in_the_same_words(builds: Builds) -> None:
    builds.built("shop")
    analysis_id = builds.analyse("shop")
    with watching(builds.user, "analysis", analysis_id) as watcher:
        assert heard(watcher)["message"] == "Connected to analysis updates"
        work = builds.running()
        work.progress(50, "Looking for weaknesses")
        work.report("completed", FINDINGS)
        told = all_heard(watcher)
    assert {message["task_id"] for message in told} == {analysis_id}
    assert told[-2]["data"] == {"current_step": "Looking for weaknesses"}
    assert told[-1]["results"] == FINDINGS


def test_failure_and_cancel_are_errors(builds: Builds) -> None:
    failing, cancelled = builds.create(), builds.create()
    with watching(builds.user, "build", failing) as one, watching(builds.user, "build", cancelled) as other:
        ok(builds.user.delete(f"/api/build/{cancelled}"))
        work = builds.running()
        work.report("failed", {"error": "Command execution timeout"})
        failure, cancel = all_heard(one)[-1], all_heard(other)[-1]
    assert failure == {
        "type": "error",
        "task_id": failing,
        "status": "failed",
        "timestamp": failure["timestamp"],
        "error": "Command execution timeout",
    }
    assert (cancel["type"], cancel["status"], cancel["error"]) == ("error", "cancelled", "The build was cancelled.")


def test_who_comes_late_is_told_how_it_stands(builds: Builds) -> None:
    task_id = builds.create()
    work = builds.running()
    work.progress(70, "Testing", files_created=9)
    with watching(builds.user, "build", task_id) as watcher:
        assert [_brief(heard(watcher)) for _ in range(2)] == [("connected", None, None), ("progress", "running", 70)]
    work.report("completed", RESULT)
    for _ in range(2):
        with watching(builds.user, "build", task_id) as watcher:
            assert [message["type"] for message in all_heard(watcher)] == ["connected", "completion"]


def test_administrator_may_watch_and_nobody_else(builds: Builds) -> None:
    task_id = builds.create()
    stranger, admin = builds.api.user(), builds.api.user(role="admin")
    with watching(admin, "build", task_id) as watcher:
        assert heard(watcher)["type"] == "connected"
    refused = {
        address(stranger, "build", task_id): 403,
        address(builds.user, "build", str(uuid.uuid4())): 404,
        address(builds.user, "build", "x"): 404,
        address(builds.user, "analysis", task_id): 404,
        address(builds.user, "build", task_id, "nonsense"): 401,
        address(builds.user, "build", task_id, _expired(token_of(builds.user))): 401,
        address(builds.user, "build", task_id).partition("?")[0]: 401,
        address(_without_permission(builds.user), "build", task_id): 403,
    }
    for url, status in refused.items():
        with pytest.raises(InvalidStatus) as refusal, connect(url):
            pass
        assert refusal.value.response.status_code == status, url
        assert b'"status_code"' in refusal.value.response.body


def _again(token: str, **changed: Any) -> str:
    from chalicelib.settings import settings

    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode({**claims, **changed}, settings().session_secret.get_secret_value(), "HS256")


def _expired(token: str) -> str:
    return _again(token, exp=1_000_000_000)


def _without_permission(user: Caller) -> Caller:
    token = _again(token_of(user), permissions=["analysis:read"])
    return Caller(user.url, {"Authorization": f"Bearer {token}"})


def _connections(task_id: str) -> list[Any]:
    from chalicelib.builds import words
    from chalicelib.builds.tables import ConnectionRow
    from chalicelib.jobs.model import Kind

    return list(ConnectionRow.query(words.job_id(Kind.BUILD, task_id), consistent_read=True))


def test_connection_ends_with_its_token(builds: Builds, cloud: LocalCloud) -> None:
    from chalicelib.builds.tables import ConnectionRow

    task_id = builds.create()
    with watching(builds.user, "build", task_id) as watcher:
        assert [heard(watcher)["type"] for _ in range(2)] == ["connected", "progress"]
        cloud.drain()
        (row,) = _connections(task_id)
        claims = jwt.decode(token_of(builds.user), options={"verify_signature": False})
        assert row.expires.timestamp() <= claims["exp"]
        past = [ConnectionRow.expires.set(row.expires.replace(year=2020))]
        ConnectionRow.change(row.job_id, row.connection_id, actions=past, condition=None)
        builds.claim()
        assert all_heard(watcher) == []
    cloud.drain()
    assert _connections(task_id) == []


def test_handshakes_are_limited(builds: Builds) -> None:
    task_id = builds.create()
    with changed_settings(build_requests_per_minute="1"):
        answers = []
        for _ in range(4):
            try:
                with watching(builds.user, "build", task_id):
                    answers.append(101)
            except InvalidStatus as refused:
                answers.append(refused.response.status_code)
    assert 429 in answers


def test_who_has_gone_is_forgotten_at_the_first_message(builds: Builds, cloud: LocalCloud) -> None:
    task_id = builds.create()
    with watching(builds.user, "build", task_id) as watcher:
        heard(watcher)
        heard(watcher)
    assert len(_connections(task_id)) == 1
    builds.claim()
    cloud.drain()
    assert _connections(task_id) == []


def test_what_a_watcher_says_changes_nothing(builds: Builds) -> None:
    task_id = builds.create()
    with watching(builds.user, "build", task_id) as watcher:
        watcher.send("ping")
        watcher.send(b"\x00")
        assert [heard(watcher)["type"] for _ in range(2)] == ["connected", "progress"]
        watcher.send("ping")
        builds.claim()
        assert heard(watcher)["type"] == "progress"


def test_results_too_large_for_a_message_are_left_to_be_asked_for(builds: Builds) -> None:
    task_id = builds.create()
    work = builds.running()
    work.report("completed", {**RESULT, "generated_files": [f"{number:04}-{'x' * 100}" for number in range(1500)]})
    with watching(builds.user, "build", task_id) as watcher:
        assert all_heard(watcher)[-1]["results"] is None
    assert len(builds.build(task_id)["results"]["generated_files"]) == 1500


def test_unwatched_build_costs_nothing_more(builds: Builds, cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.builds import live

    asked: list[Any] = []
    monkeypatch.setattr(live, "tell", asked.append)
    builds.built()
    cloud.drain()
    assert asked == []


def test_token_is_in_no_log(
    builds: Builds, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    task_id = builds.create()
    with watching(builds.user, "build", task_id) as watcher:
        heard(watcher)
    with pytest.raises(InvalidStatus), connect(address(builds.user, "build", "x")):
        pass
    written = "".join(capfd.readouterr()) + caplog.text
    assert "websocket.connected" in written
    assert "websocket.refused" in written
    assert token_of(builds.user) not in written
    assert token_of(builds.user).rpartition(".")[2] not in written
