"""A log that several writers append to keeps every line, once, under gapless numbers."""

from functools import partial

import requests

from tests.storage.holder import log_of
from tests.storage.parallel import at_once, paused
from tests.support.api import Bench, error, ok

WRITERS, APPENDS, LINES = 5, 8, 3


def _entries(writer: int, append: int) -> list[dict[str, str]]:
    return [{"level": "info", "message": f"{writer}/{append}/{line}"} for line in range(LINES)]


def _append(bench: Bench, job_id: str, **body: object) -> requests.Response:
    return bench.agent.post(f"/api/jobs/{job_id}/logs", body)


def _write_all(bench: Bench, job_id: str, writer: int) -> None:
    for number in range(APPENDS):
        answer = _append(bench, job_id, entries=_entries(writer, number))
        while answer.status_code == 409:  # Too many at once: nothing of it was kept.
            assert error(answer) == (409, "CONFLICT")
            answer = _append(bench, job_id, entries=_entries(writer, number))
        ok(answer)


def test_append_by_several_writers_at_once_loses_and_doubles_no_line(bench: Bench) -> None:
    job_id = bench.running()
    at_once([partial(_write_all, bench, job_id, writer) for writer in range(WRITERS)])
    told = log_of(bench, job_id)
    assert [segment for segment, _ in told] == list(range(WRITERS * APPENDS * LINES))
    written = [entry["message"] for w in range(WRITERS) for a in range(APPENDS) for entry in _entries(w, a)]
    assert sorted(message for _, message in told) == sorted(written)
    for writer in range(WRITERS):
        own = [message for _, message in told if message.startswith(f"{writer}/")]
        assert own == [entry["message"] for a in range(APPENDS) for entry in _entries(writer, a)]


def test_append_of_single_lines_at_once_numbers_them_without_gaps(bench: Bench) -> None:
    job_id = bench.running()
    answers = at_once([partial(_append, bench, job_id, message=str(number)) for number in range(6)])
    assert sorted(ok(answer)["nextSegment"] for answer in answers) == [1, 2, 3, 4, 5, 6]
    assert sorted(message for _, message in log_of(bench, job_id)) == ["0", "1", "2", "3", "4", "5"]


def test_append_overtaken_by_another_comes_after_it(bench: Bench) -> None:
    job_id = bench.running()
    with paused(partial(_append, bench, job_id, message="late"), operation="PutItem", table="logs") as finish:
        ok(_append(bench, job_id, message="early"))
        assert ok(finish())["nextSegment"] == 2
    assert log_of(bench, job_id) == [(0, "early"), (1, "late")]


def test_append_with_its_segment_at_once_is_kept_once(bench: Bench) -> None:
    job_id = bench.running()
    ok(_append(bench, job_id, message="before"))
    append = partial(_append, bench, job_id, entries=_entries(0, 0), segment=1)
    assert {ok(answer)["nextSegment"] for answer in at_once([append] * 6)} == {1 + LINES}
    assert len(log_of(bench, job_id)) == 1 + LINES


def test_append_with_its_segment_overtaken_by_its_own_repetition_is_kept_once(bench: Bench) -> None:
    job_id = bench.running()
    append = partial(_append, bench, job_id, entries=_entries(0, 0), segment=0)
    with paused(append, operation="PutItem", table="logs") as finish:
        assert ok(append())["nextSegment"] == LINES
        assert ok(finish())["nextSegment"] == LINES
    assert len(log_of(bench, job_id)) == LINES


def test_append_of_different_lengths_at_one_segment_keeps_one_of_them(bench: Bench) -> None:
    job_id = bench.running()
    entries = [_entries(0, 0)[:count] for count in (1, 2, 3)]
    answers = at_once([partial(_append, bench, job_id, entries=lines, segment=0) for lines in entries])
    (kept,) = (answer.json()["nextSegment"] for answer in answers if answer.ok)
    refused = [answer for answer in answers if not answer.ok]
    assert {error(answer) for answer in refused} == {(416, "LOG_SEGMENT_MISMATCH")}
    assert {answer.json()["details"]["expectedSegment"] for answer in refused} == {kept}
    assert len(log_of(bench, job_id)) == kept
