"""The files of results: JSON, JSON Lines and CSV, row by row, so that memory does not grow with them."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Literal

Format = Literal["json", "jsonl", "csv"]
Rows = Iterable[Mapping[str, Any]]

COLUMNS = (
    "row", "prompt", "expected", "actual", "similarity", "semantic", "score", "passed", "error", "reason", "evaluators",
)  # fmt: skip

# What a spreadsheet takes for a formula where a cell begins with it: OWASP, "CSV Injection".
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def read(source: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file of JSON Lines."""
    with source.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def write(
    rows: Rows,
    target: Path,
    form: Format,
    *,
    job_id: str,
    summary: Mapping[str, Any],
    escape_formulas: bool = True,
) -> Path:
    """Write a file of results.

    Args:
        rows: as ``scoring`` makes them, in the order they are to be in.
        target: the file to write; one that is there is replaced.
        form: JSON has all in one object; the others have the rows alone.
        job_id: of the evaluation.
        summary: as ``Summary.as_dict`` gives it.
        escape_formulas: whether a cell of CSV that a spreadsheet would run as a formula gets an apostrophe before it;
            the texts of a data set and of its answers come from strangers.

    Returns:
        ``target``.
    """
    # CSV has its own ends of lines.
    with target.open("w", encoding="utf-8", newline="") as file:
        match form:
            case "json":
                _write_json(rows, file, job_id, summary)
            case "jsonl":
                file.writelines(f"{_line(row)}\n" for row in rows)
            case "csv":
                _write_csv(rows, file, escape_formulas=escape_formulas)
    return target


def _write_json(rows: Rows, file: IO[str], job_id: str, summary: Mapping[str, Any]) -> None:
    file.write(f'{{"job_id":{_line(job_id)},"summary":{_line(summary)},"results":[')
    for number, row in enumerate(rows):
        file.write(f"{',' if number else ''}\n{_line(row)}")
    file.write("\n]}\n")


def _write_csv(rows: Rows, file: IO[str], *, escape_formulas: bool) -> None:
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        cells = [_cell(row[name]) for name in COLUMNS]
        writer.writerow(
            [f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells] if escape_formulas else cells
        )


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _line(value)


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
