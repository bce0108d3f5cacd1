"""Logs: appended by the holder in lines and batches, read from any cursor."""

import random
from typing import Any

import pytest

from tests.support.api import Bench, error, ok


def _append(bench: Bench, job_id: str, *messages: str, **more: Any) -> Any:
    return ok(bench.agent.post(f"/api/jobs/{job_id}/logs", {"entries": [{"message": m} for m in messages], **more}))


def _page(bench: Bench, job_id: str, query: str = "") -> Any:
    return ok(bench.user.get(f"/api/jobs/{job_id}/logs?{query}"))


def _lines(page: Any) -> list[tuple[int, str]]:
    return [(entry["segment"], entry["message"]) for entry in page["data"]]


def test_reading_starts_at_any_cursor_also_inside_a_chunk(bench: Bench) -> None:
    job_id = bench.running()
    messages = [f"line {number}" for number in range(9)]
    _append(bench, job_id, *messages[:4])
    _append(bench, job_id, *messages[4:5])
    _append(bench, job_id, *messages[5:])
    expected = list(enumerate(messages))
    for cursor in range(10):
        page = _page(bench, job_id, f"cursor={cursor}")
        assert (_lines(page), page["cursor"]) == (expected[cursor:], "9"), cursor
    assert (_lines(_page(bench, job_id, "cursor=50")), _page(bench, job_id, "cursor=50")["cursor"]) == ([], "50")


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7])
def test_paging_by_any_limit_reads_every_line_once(bench: Bench, limit: int) -> None:
    job_id = bench.running()
    messages = [f"line {number}" for number in range(7)]
    _append(bench, job_id, *messages[:3])
    _append(bench, job_id, *messages[3:])
    bench.report(job_id, "completed")
    seen, cursor, more = [], "0", True
    while more:
        page = _page(bench, job_id, f"cursor={cursor}&limit={limit}")
        assert len(page["data"]) <= limit
        seen += _lines(page)
        cursor, more = page["cursor"], page["hasMore"]
    assert seen == list(enumerate(messages))


def test_there_is_more_until_the_job_has_ended(bench: Bench) -> None:
    job_id = bench.create()["jobId"]
    assert _page(bench, job_id) == {"data": [], "cursor": "0", "hasMore": True}
    bench.claim()
    bench.report(job_id, "running")
    _append(bench, job_id, "one")
    assert _page(bench, job_id)["hasMore"] is True
    bench.report(job_id, "failed")
    assert _page(bench, job_id)["hasMore"] is False
    assert _page(bench, job_id, "cursor=1") == {"data": [], "cursor": "1", "hasMore": False}


@pytest.mark.parametrize("query", ["cursor=-1", "cursor=x", "limit=0", "limit=5001", "cursor=1.5", "cursor=1000000001"])
def test_reading_refuses_a_wrong_query(bench: Bench, query: str) -> None:
    assert error(bench.user.get(f"/api/jobs/{bench.create()['jobId']}/logs?{query}")) == (400, "INVALID_REQUEST")


def test_segment_makes_an_append_idempotent_and_finds_gaps(bench: Bench) -> None:
    job_id = bench.running()
    path = f"/api/jobs/{job_id}/logs"
    for _ in range(2):
        assert _append(bench, job_id, "a", "b", segment=0)["nextSegment"] == 2
    for _ in range(2):
        assert _append(bench, job_id, "c", segment=2)["nextSegment"] == 3
    assert _append(bench, job_id, "a", "b", segment=0)["nextSegment"] == 2
    for segment, count in ((5, 1), (1, 1), (0, 1), (2, 2)):
        answer = bench.agent.post(path, {"entries": [{"message": "x"}] * count, "segment": segment})
        assert error(answer) == (416, "LOG_SEGMENT_MISMATCH")
        assert answer.json()["details"]["expectedSegment"] == 3
    assert _lines(_page(bench, job_id)) == [(0, "a"), (1, "b"), (2, "c")]


def test_single_lines_without_segment_follow_each_other(bench: Bench) -> None:
    job_id = bench.running()
    for number, level in enumerate(("debug", "info", "warn", "warning", "error", "critical")):
        answer = ok(bench.agent.post(f"/api/jobs/{job_id}/logs", {"level": level, "message": level}))
        assert answer["nextSegment"] == number + 1
    assert [entry["level"] for entry in _page(bench, job_id)["data"]] == [
        "debug", "info", "warn", "warning", "error", "critical",
    ]  # fmt: skip


@pytest.mark.parametrize("message", ["", "tab\tand\r\nbreaks\u2028\x85", "\x1b[31mred", "😀漢", '{"a": "\\u0000"}'])
def test_message_comes_back_as_it_was_sent(bench: Bench, message: str) -> None:
    job_id = bench.running()
    _append(bench, job_id, message, "after")
    assert _lines(_page(bench, job_id)) == [(0, message), (1, "after")]


@pytest.mark.parametrize(("body", "field"), [
    ({}, "message"),
    ({"message": "x", "level": "fatal"}, "level"),
    ({"message": 1}, "message"),
    ({"message": "x" * 32_769}, "message"),
    ({"message": "x", "metadata": []}, "metadata"),
    ({"message": "x", "timestamp": "yesterday"}, "timestamp"),
    ({"message": "x", "timestamp": "0001-01-01T00:00:00+14:00"}, "timestamp"),
    ({"message": "x", "entries": [{"message": "y"}]}, "entries"),
    ({"entries": []}, "entries"),
    ({"entries": [{"message": "x"}], "segment": -1}, "segment"),
    ({"entries": [{"message": "x", "segment": 1}]}, "entries.0.segment"),
])  # fmt: skip
def test_append_refuses_a_wrong_field_and_names_it(bench: Bench, body: dict[str, Any], field: str) -> None:
    job_id = bench.running()
    answer = bench.agent.post(f"/api/jobs/{job_id}/logs", body)
    assert error(answer) == (400, "INVALID_REQUEST")
    assert answer.json()["details"]["field"] == field


def test_batch_may_have_a_thousand_lines_and_no_more(bench: Bench) -> None:
    job_id = bench.running()
    assert _append(bench, job_id, *["x"] * 1000)["nextSegment"] == 1000
    answer = bench.agent.post(f"/api/jobs/{job_id}/logs", {"entries": [{"message": "x"}] * 1001})
    assert error(answer) == (400, "INVALID_REQUEST")
    assert ok(bench.agent.post(f"/api/jobs/{job_id}/logs", {"message": "x" * 32_768}))["nextSegment"] == 1001


def test_batch_that_does_not_pack_into_one_item_is_refused_whole(bench: Bench) -> None:
    job_id = bench.running()
    noise = random.Random(1)  # noqa: S311  the same noise each time
    entries = [{"message": noise.randbytes(15_000).hex()} for _ in range(30)]
    answer = bench.agent.post(f"/api/jobs/{job_id}/logs", {"entries": entries})
    assert error(answer) == (413, "PAYLOAD_TOO_LARGE")
    assert _page(bench, job_id)["data"] == []


def test_log_past_its_limit_is_refused_and_the_job_marked(bench: Bench) -> None:
    job_id = bench.running()
    half = ["x" * 32_000] * 31  # About a megabyte, which packs into little; the limit of these tests is two.
    _append(bench, job_id, *half)
    _append(bench, job_id, *half)
    assert bench.job(job_id)["logTruncated"] is False
    answer = bench.agent.post(f"/api/jobs/{job_id}/logs", {"entries": [{"message": m} for m in half[:5]]})
    assert error(answer) == (413, "LOG_FULL")
    assert bench.job(job_id)["logTruncated"] is True
    _append(bench, job_id, "a short line still fits")
    assert bench.report(job_id, "completed")["state"] == "completed"


def test_large_log_is_read_in_pages_of_about_a_megabyte(bench: Bench) -> None:
    job_id = bench.running()
    for _ in range(3):
        _append(bench, job_id, *["x" * 30_000] * 20)
    bench.report(job_id, "completed")
    first = _page(bench, job_id)
    assert (len(first["data"]), first["hasMore"]) == (40, True)
    last = _page(bench, job_id, f"cursor={first['cursor']}")
    assert (len(last["data"]), last["hasMore"]) == (20, False)


def test_log_goes_on_through_a_retry(bench: Bench) -> None:
    job_id = bench.running()
    _append(bench, job_id, "first try", segment=0)
    bench.report(job_id, "failed")
    ok(bench.user.post(f"/api/jobs/{job_id}/retry"))
    bench.claim()
    _append(bench, job_id, "second try", segment=1)
    assert _lines(_page(bench, job_id)) == [(0, "first try"), (1, "second try")]


def test_append_by_who_no_longer_holds_the_job_is_refused(bench: Bench) -> None:
    job_id = bench.running()
    bench.report(job_id, "completed")
    assert error(bench.agent.post(f"/api/jobs/{job_id}/logs", {"message": "late"})) == (409, "CLAIM_LOST")
    assert _page(bench, job_id)["data"] == []
