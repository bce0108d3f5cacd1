"""Chats and messages: paged by cursors that stay good, answered by agents."""

from typing import Any

import pytest

from local.cloud import LocalCloud
from tests.support.api import Bench, error, ok


def _chat(bench: Bench, **more: Any) -> str:
    """A chat's path of messages."""
    path = f"/api/projects/{bench.project_id}/chats"
    return f"{path}/{ok(bench.user.post(path, {'title': 'x', **more}))['chat']['chatId']}/messages"


def _say(bench: Bench, path: str, content: str) -> str:
    return str(ok(bench.user.post(path, {"content": content}))["message"]["messageId"])


def _contents(page: Any) -> list[str]:
    return [message["content"] for message in page["data"]]


def test_cursor_stays_good_for_messages_that_are_yet_to_come(bench: Bench) -> None:
    path = _chat(bench)
    _say(bench, path, "one")
    page = ok(bench.user.get(path))
    assert (_contents(page), page["hasMore"]) == (["one"], False)
    empty = ok(bench.user.get(f"{path}?cursor={page['cursor']}"))
    assert (empty["data"], empty["cursor"], empty["hasMore"]) == ([], page["cursor"], False)
    _say(bench, path, "two")
    assert _contents(ok(bench.user.get(f"{path}?cursor={empty['cursor']}"))) == ["two"]


def test_empty_chat_answers_no_cursor(bench: Bench) -> None:
    assert ok(bench.user.get(_chat(bench))) == {"data": [], "cursor": None, "hasMore": False}


def test_messages_page_oldest_first_each_once(bench: Bench) -> None:
    path = _chat(bench)
    for number in range(5):
        _say(bench, path, str(number))
    seen, query, more = [], "?limit=2", True
    while more:
        page = ok(bench.user.get(path + query))
        seen += _contents(page)
        query, more = f"?limit=2&cursor={page['cursor']}", page["hasMore"]
    assert seen == ["0", "1", "2", "3", "4"]


def test_chats_page_newest_first_with_the_cursor_in_a_header(bench: Bench) -> None:
    path = f"/api/projects/{bench.project_id}/chats"
    for number in range(3):
        ok(bench.user.post(path, {"title": str(number)}))
    first = bench.user.get(f"{path}?limit=2")
    assert [chat["title"] for chat in first.json()] == ["2", "1"]
    rest = bench.user.get(f"{path}?limit=2&cursor={first.headers['X-Next-Cursor']}")
    assert [chat["title"] for chat in rest.json()] == ["0"]
    assert "X-Next-Cursor" not in rest.headers


def test_users_message_makes_a_chat_job_with_what_its_agent_needs(bench: Bench) -> None:
    path = _chat(bench, llmMode="fast")
    posted = ok(bench.user.post(path, {"content": "Add dark mode"}))
    job = bench.job(posted["jobId"])
    message = posted["message"]
    assert (job["type"], job["chatId"], job["projectId"]) == ("chat", message["chatId"], bench.project_id)
    assert job["payload"] == {
        "chatId": message["chatId"],
        "messageId": message["messageId"],
        "content": "Add dark mode",
        "llmMode": "fast",
    }


def test_completing_a_chat_job_with_a_reply_puts_it_into_the_chat_once(bench: Bench, cloud: LocalCloud) -> None:
    path = _chat(bench)
    job_id = ok(bench.user.post(path, {"content": "Hello?"}))["jobId"]
    _claim_until(bench, job_id)
    bench.report(job_id, "running")
    for _ in range(2):
        bench.report(job_id, "completed", {"reply": "Here I am"})
    cloud.drain()
    data = ok(bench.user.get(path))["data"]
    assert [(message["role"], message["content"]) for message in data] == [
        ("user", "Hello?"),
        ("assistant", "Here I am"),
    ]
    assert data[1]["jobId"] == job_id


@pytest.mark.parametrize("result", [None, {}, {"reply": ""}, {"reply": 1}, ["reply"], "reply"])
def test_completing_a_chat_job_without_a_reply_adds_nothing(bench: Bench, cloud: LocalCloud, result: Any) -> None:
    path = _chat(bench)
    job_id = ok(bench.user.post(path, {"content": "Hello?"}))["jobId"]
    _claim_until(bench, job_id)
    bench.report(job_id, "running")
    bench.report(job_id, "completed", result)
    cloud.drain()
    assert _contents(ok(bench.user.get(path))) == ["Hello?"]


def test_agent_writes_as_the_assistant_and_makes_no_job(bench: Bench) -> None:
    path = _chat(bench)
    posted = bench.agent.post(path, {"content": "I'll begin", "role": "assistant"})
    assert posted.status_code == 201
    assert posted.json()["jobId"] is None
    assert posted.json()["message"]["role"] == "assistant"
    for body in ({"content": "x"}, {"content": "x", "role": "user"}):
        assert error(bench.agent.post(path, body)) == (403, "FORBIDDEN")


def test_user_may_note_an_assistants_message_without_a_job(bench: Bench) -> None:
    posted = ok(bench.user.post(_chat(bench), {"content": "noted", "role": "assistant"}))
    assert (posted["jobId"], posted["message"]["role"]) == (None, "assistant")


def test_new_message_moves_the_chats_time(bench: Bench) -> None:
    path = _chat(bench)
    chats = f"/api/projects/{bench.project_id}/chats"
    before = ok(bench.user.get(chats))[0]
    _say(bench, path, "x")
    after = ok(bench.user.get(chats))[0]
    assert after["updatedAt"] > before["updatedAt"]
    assert after["createdAt"] == before["createdAt"]


@pytest.mark.parametrize(("body", "field"), [
    ({}, "content"),
    ({"content": ""}, "content"),
    ({"content": "x" * 100_001}, "content"),
    ({"content": "漢" * 100_000}, "content"),
    ({"content": "\u0001" * 50_000}, "content"),
    ({"content": "x", "role": "system"}, "role"),
    ({"content": "x", "author": "me"}, "author"),
])  # fmt: skip
def test_message_with_a_wrong_field_is_refused_and_not_kept(bench: Bench, body: dict[str, Any], field: str) -> None:
    path = _chat(bench)
    answer = bench.user.post(path, body)
    assert error(answer) == (400, "INVALID_REQUEST")
    assert answer.json()["details"]["field"] == field
    assert ok(bench.user.get(path))["data"] == []


def test_longest_message_makes_a_job_that_can_be_claimed(bench: Bench) -> None:
    posted = ok(bench.user.post(_chat(bench, llmMode="\u0001" * 64), {"content": "漢" * 86_600}))
    assert bench.job(posted["jobId"])["payload"]["content"] == "漢" * 86_600


def test_chat_whose_first_message_is_too_large_is_not_made(bench: Bench) -> None:
    path = f"/api/projects/{bench.project_id}/chats"
    answer = bench.user.post(path, {"title": "x", "initialMessage": "漢" * 100_000})
    assert error(answer) == (400, "INVALID_REQUEST")
    assert ok(bench.user.get(path)) == []


def test_unknown_chat_is_not_found(bench: Bench) -> None:
    path = f"/api/projects/{bench.project_id}/chats/chat_00000000000000000000000000/messages"
    for answer in (bench.user.get(path), bench.user.post(path, {"content": "x"})):
        assert error(answer) == (404, "CHAT_NOT_FOUND")
    assert error(bench.agent.post(path, {"content": "x", "role": "assistant"})) == (404, "CHAT_NOT_FOUND")


def _claim_until(bench: Bench, job_id: str) -> None:
    """Chat jobs wait in the queue of the contract's agents, where other tests leave theirs."""
    while ok(bench.agent.post("/api/jobs/claim"))["job"]["jobId"] != job_id:
        pass
