"""The model's endpoint on bad days: what is tried again, what ends the build, and that nobody learns the key."""

import time
from dataclasses import replace

import pytest
from claimcheck_agent.builds.model import BuildFailed

from local.openai_server import Answer, events, refusal, streamed
from tests.agent.model_script import FINISH, KEY, PLAN, RED, Script, file

SOON = {"retry-after-ms": "1"}
DONE = streamed("", file("a.py"), FINISH)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_busy_endpoints_are_asked_again(build: Script, status: int) -> None:
    busy = refusal(status, "busy", headers=SOON)
    assert build(PLAN, busy, busy, busy, DONE).files == ["a.py"]
    assert len(build.server.asked) == 5


def test_busy_endpoints_are_not_asked_for_ever(build: Script) -> None:
    with pytest.raises(BuildFailed, match=r"status 429 \(gpt-test at 127.0.0.1:\d+\): .*too many") as failed:
        build(PLAN, *[refusal(429, "too many", headers=SOON)] * 9)
    assert len(build.server.asked) == 6
    assert failed.value.partial.files == []


def test_a_pause_that_is_too_long_is_not_waited_for(build: Script) -> None:
    began = time.monotonic()
    with pytest.raises(BuildFailed, match="429"):
        build(*[refusal(429, "come back tomorrow", headers={"retry-after": "86400"})] * 9)
    assert time.monotonic() - began < 10
    assert len(build.server.asked) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_fails_at_once(build: Script, status: int) -> None:
    with pytest.raises(BuildFailed) as failed:
        build(refusal(status, f"Incorrect API key provided: {KEY}"))
    assert str(failed.value) == (
        f"The model's endpoint at {build.server.url.split('/')[2]} does not accept the key (the secret llm): {status}."
    )
    assert failed.value.__cause__ is None
    assert len(build.server.asked) == 1


def test_without_a_key_none_is_sent(build: Script) -> None:
    build.key = None
    with pytest.raises(BuildFailed, match="wants a key"):
        build()
    build.server.key = None
    assert build(PLAN, DONE).files == ["a.py"]
    assert [asked for asked in build.server.asked if "authorization" in asked.headers] == []


@pytest.mark.parametrize("status", [400, 404, 422, 500])
def test_what_the_endpoint_says_never_shows_the_key(
    build: Script, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    with pytest.raises(BuildFailed, match=str(status)) as failed:
        build(*[refusal(status, f"model gpt-test? key={KEY}", headers=SOON)] * 9)
    assert "model gpt-test? key=***" in str(failed.value)
    assert KEY not in capsys.readouterr().out + str(failed.value) + repr(failed.value.__cause__)


def test_what_the_model_says_never_shows_the_key(build: Script, capsys: pytest.CaptureFixture[str]) -> None:
    build(streamed(f"The key is {KEY}."), streamed("", ("finish", {"summary": KEY}), file("a.py")))
    assert "The key is ***." in (said := capsys.readouterr().out)
    assert KEY not in said + str(build.told)


@pytest.mark.parametrize("key", ["sk-1\nX-Evil: 1", "schlüssel-geheim"])
def test_a_key_that_can_be_none_is_not_shown(build: Script, key: str) -> None:
    build.key = key
    with pytest.raises(BuildFailed, match="has characters in it") as failed:
        build(PLAN)
    assert key not in str(failed.value)
    assert build.server.asked == []


def test_redirects_are_not_followed(build: Script) -> None:
    with pytest.raises(BuildFailed, match="307"):
        build(*[Answer(status=307, headers={"Location": build.server.url.replace("127.0.0.1", "localhost")})] * 9)
    assert len(build.server.asked) == 1


def test_an_endpoint_that_is_not_there(build: Script) -> None:
    build.url = "http://someone:pass-word@127.0.0.1:9/v1"
    with pytest.raises(BuildFailed, match=r"cannot be reached \(gpt-test at 127.0.0.1:9\)") as failed:
        build(retries=0)
    assert "pass-word" not in str(failed.value)


def test_silence_ends(build: Script) -> None:
    with pytest.raises(BuildFailed, match="took longer than 1 seconds"):
        build(PLAN, Answer(silent=True), seconds=60, answer_seconds=0.6, silence_seconds=60)


def test_a_pause_within_an_answer_ends_it(build: Script) -> None:
    begun = events([{"choices": [{"index": 0, "delta": {"content": "We"}, "finish_reason": None}]}])
    with pytest.raises(BuildFailed, match="broke off"):
        build(PLAN, *[Answer(body=begun, silent=True)] * 3, silence_seconds=0.1)


@pytest.mark.parametrize(
    "drip",
    [b": wait\n\n", b"d", events([{"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}]}])],
    ids=["comments", "bytes", "text"],
)
def test_a_slow_drip_is_bounded_as_a_whole(build: Script, drip: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(BuildFailed, match="took longer than 1 seconds"):
        build(PLAN, Answer(drip=drip, headers={"Content-Type": "text/event-stream"}), answer_seconds=0.6)
    assert time.monotonic() - began < 10


def test_the_whole_build_is_bounded(build: Script) -> None:
    with pytest.raises(BuildFailed, match="took longer than 1 seconds"):
        build(PLAN, DONE, Answer(silent=True), tests=(RED,), seconds=1.2)


@pytest.mark.parametrize("cut", [0.3, 0.9], ids=["early", "late"])
def test_answers_that_break_off_are_asked_for_again(build: Script, cut: float) -> None:
    content = DONE.content[: int(len(DONE.content) * cut)]
    assert build(PLAN, replace(DONE, body=content, broken=True), DONE).files == ["a.py"]
    assert len(build.server.asked) == 3


@pytest.mark.parametrize("body", [b"<html>", b"data: {]\n\n", b'data: {"error": {"message": "overloaded"}}\n\n', b"{}"])
def test_answers_that_are_none_end_the_build(build: Script, body: bytes) -> None:
    nonsense = Answer(body=body, headers={"Content-Type": "text/event-stream"})
    with pytest.raises(BuildFailed, match=r"broke off"):
        build(PLAN, *[nonsense] * 9)
    assert len(build.server.asked) <= 4
