"""Rows are counted at every step, whatever operators DuckDB makes of the steps, and however early it stops reading."""

from typing import Any

import pytest

from tests.engine.running import Run, converting, filtering

ROWS = 50_000
CONTENT = ("n,half,word\n" + "".join(f"{n},{n // 2},w{n % 7}\n" for n in range(ROWS))).encode()

FILTER = filtering("n", "lt", 40_000)
NARROW = filtering("n", "gte", 10)
MANY = filtering("n", "in", [str(n) for n in range(3_000)])
EITHER = {
    "type": "filter",
    "params": {"any": [FILTER["params"], {"all": [NARROW["params"], filtering("word", "eq", "w1")["params"]]}]},
}
SORT = {"type": "sort", "params": {"by": [{"column": "word", "direction": "desc"}]}}
UNIQUE = {"type": "deduplicate", "params": {"columns": ["half"]}}
LAST = {"type": "deduplicate", "params": {"columns": ["word"], "keep": "last"}}
LIMIT = {"type": "limit", "params": {"rows": 100}}
OFFSET = {"type": "limit", "params": {"rows": 10, "offset": 95}}
ALL = {"type": "limit", "params": {"rows": 10**9}}
GROUPS = {"type": "aggregate", "params": {"group_by": ["word"], "aggregates": [{"function": "count", "name": "k"}]}}
TOTAL = {"type": "aggregate", "params": {"aggregates": [{"function": "sum", "column": "n", "name": "s"}]}}
COUNT = {"type": "aggregate", "params": {"aggregates": [{"function": "count"}]}}
DISTINCT = {
    "type": "aggregate",
    "params": {
        "group_by": ["word"],
        "aggregates": [{"function": "count_distinct", "column": "n"}, {"function": "median", "column": "half"}],
    },
}
SAMPLE = {"type": "sample", "params": {"rows": 25, "seed": 1}}
SELECT = {"type": "select", "params": {"columns": ["n", "word", "half"]}}
RENAME = {"type": "rename", "params": {"columns": {"half": "h"}}}
NOTHING = filtering("word", "eq", "none")

CASES: list[tuple[list[dict[str, Any]], list[int]]] = [
    ([], []),
    ([SELECT], [ROWS]),
    ([FILTER], [40_000]),
    ([FILTER, NARROW], [40_000, 39_990]),
    ([FILTER, SELECT, NARROW, FILTER], [40_000, 40_000, 39_990, 39_990]),
    ([EITHER], [40_000 + sum(n % 7 == 1 for n in range(40_000, ROWS))]),
    ([MANY, NARROW], [3_000, 2_990]),
    ([NOTHING, FILTER], [0, 0]),
    ([SORT], [ROWS]),
    ([UNIQUE], [ROWS // 2]),
    ([FILTER, UNIQUE, NARROW], [40_000, 20_000, 19_995]),
    ([UNIQUE, LAST], [ROWS // 2, 7]),
    ([LIMIT], [100]),
    ([ALL], [ROWS]),
    ([FILTER, LIMIT], [40_000, 100]),
    ([LIMIT, FILTER, LIMIT], [100, 100, 100]),
    ([FILTER, LIMIT, NARROW, OFFSET], [40_000, 100, 90, 0]),
    ([LIMIT, OFFSET], [100, 5]),
    ([FILTER, SORT, LIMIT], [40_000, 40_000, 100]),
    ([SORT, LIMIT, NARROW, SORT], [ROWS, 100, 99, 99]),
    ([LIMIT, SORT], [100, 100]),
    ([UNIQUE, LIMIT], [ROWS // 2, 100]),
    ([SORT, NARROW, LIMIT], [ROWS, 49_990, 100]),
    ([FILTER, GROUPS], [40_000, 7]),
    ([FILTER, GROUPS, filtering("word", "ne", "w1"), SORT], [40_000, 7, 6, 6]),
    ([GROUPS, COUNT], [7, 1]),
    ([FILTER, TOTAL], [40_000, 1]),
    ([NOTHING, TOTAL], [0, 1]),
    ([DISTINCT, LIMIT], [7, 7]),
    ([FILTER, LIMIT, GROUPS], [40_000, 100, 7]),
    ([SAMPLE], [25]),
    ([FILTER, SAMPLE, NARROW], [40_000, 25, 25]),
    ([SAMPLE, LIMIT], [25, 25]),
    ([RENAME, filtering("h", "lt", 10), LIMIT], [ROWS, 20, 20]),
]


@pytest.mark.parametrize("to_format", ["csv", "parquet", "jsonl"])
@pytest.mark.parametrize(("steps", "counts"), CASES, ids=["-".join(s["type"] for s in steps) for steps, _ in CASES])
def test_rows_of_every_step_are_counted(
    run: Run, steps: list[dict[str, Any]], counts: list[int], to_format: str
) -> None:
    report = run(CONTENT, *steps, converting(to_format)).report

    given = [ROWS, *counts]
    assert [step["rows_out"] for step in report["steps"][:-1]] == counts
    assert [step["rows_in"] for step in report["steps"]] == given
    assert (report["rows_in"], report["rows_out"]) == (ROWS, given[-1])
    assert [step["dropped"] for step in report["steps"]] == [
        before - after for before, after in zip(given, [*counts, given[-1]], strict=True)
    ]


def test_a_sample_by_fraction_is_counted(run: Run) -> None:
    report = run(CONTENT, {"type": "sample", "params": {"fraction": 0.1, "seed": 3}}, SORT, LIMIT).report

    assert report["rows_in"] == ROWS
    assert 4_500 < report["steps"][0]["rows_out"] < 5_500
    assert report["steps"][1]["rows_out"] == report["steps"][0]["rows_out"]
    assert report["rows_out"] == 100
