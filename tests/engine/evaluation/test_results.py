"""Files of results hold what was scored, and nothing that a spreadsheet would run."""

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.engines.evaluation.results import Format, read, write
from chalicelib.engines.evaluation.scoring import RowResult, errored_row
from chalicelib.engines.evaluation.summary import Summary
from tests.engine.evaluation.harness import score

ROWS = [
    score("kitten", 'si"tt,ing\r\nx\u2028', "exact_match"),
    score("é日", "\ud800 half"),
    errored_row(3, "no answer"),
]
TOTALS = Summary().as_dict()


def written(folder: Path, form: Format, *rows: RowResult, **how: Any) -> str:
    target = folder / f"results.{form}"
    assert write(iter(rows), target, form, job_id="job_1", summary=TOTALS, **how) == target
    return target.read_bytes().decode()


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("rows", [ROWS, []])
def test_json_has_the_job_the_summary_and_the_rows(tmp_path: Path, rows: list[RowResult]) -> None:
    text = written(tmp_path, "json", *rows)
    assert json.loads(text) == {"job_id": "job_1", "summary": TOTALS, "results": rows}


def test_json_lines_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert written(tmp_path, "jsonl", *ROWS).count("\n") == len(ROWS)
    assert list(read(tmp_path / "results.jsonl")) == ROWS
    assert ROWS[1]["actual"] == "\ufffd half"


def test_csv_has_a_line_for_each_row_in_a_fixed_order(tmp_path: Path) -> None:
    text = written(tmp_path, "csv", *ROWS)
    assert text.startswith("row,prompt,expected,actual,similarity,semantic,score,passed,error,reason,evaluators\r\n")
    rows = table(text)
    assert [row["row"] for row in rows] == ["1", "1", "3"]
    assert rows[0]["actual"] == 'si"tt,ing\r\nx\u2028'
    assert json.loads(rows[0]["evaluators"]) == ROWS[0]["evaluators"]
    assert (rows[2]["score"], rows[2]["passed"], rows[2]["error"]) == ("", "false", "no answer")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", '=HYPERLINK("http://x","y")'])
def test_csv_runs_nothing_in_a_spreadsheet(tmp_path: Path, text: str) -> None:
    row = errored_row(1, text, prompt=text, expected=text, actual=text)
    row["reason"] = text
    told = ("prompt", "expected", "actual", "error", "reason")
    assert [table(written(tmp_path, "csv", row))[0][name] for name in told] == [f"'{text}"] * 5
    assert table(written(tmp_path, "csv", row, escape_formulas=False))[0]["actual"] == text


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, form: Format) -> None:
    def rows(count: int) -> Iterator[RowResult]:
        return (errored_row(number, "x", actual="y" * 1_000) for number in range(count))

    source = write(rows(3_000), tmp_path / "all.jsonl", "jsonl", job_id="j", summary=TOTALS)
    tracemalloc.start()
    try:
        target = write(read(source), tmp_path / f"again.{form}", form, job_id="j", summary=TOTALS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert target.stat().st_size > 3_000_000
    assert peak < 500_000
