"""Steps on whole files: what they make comes out in each format."""

import csv
import gzip
import json
from decimal import Decimal

import pyarrow.parquet as pq
import pytest

from chalicelib.engines.tabular.errors import BadColumn, BadValue
from tests.engine.harness import step
from tests.engine.running import Run, converting

SALES = b"""id,country,price,quantity
00123,India,19.99,3
00124,Peru,5.00,10
00125,,7.10,1
00126,India,"100000000000000000.05",1
"""

TOTALS = [
    step("derive", column="total", expression="price * quantity"),
    step("aggregate", group_by=["country"], aggregates=[
        {"function": "count", "name": "sales"}, {"function": "sum", "column": "total"},
    ]),
]  # fmt: skip


def test_csv_keeps_what_no_step_touched_and_gets_numbers_as_short_as_they_are(run: Run) -> None:
    made = run(SALES, step("filter", column="price", operator="gt", value=6), TOTALS[0])
    assert made.path.read_bytes().splitlines() == [
        b"id,country,price,quantity,total",
        b"00123,India,19.99,3,59.97",
        b"00125,,7.10,1,7.1",
        b"00126,India,100000000000000000.05,1,100000000000000000.05",
    ]
    assert [each["dropped"] for each in made.report["steps"]] == [1, 0]


def test_aggregate_comes_out_as_json_numbers_and_parquet_decimals(run: Run) -> None:
    few = step("limit", rows=3)
    rows = [json.loads(line) for line in run(SALES, few, *TOTALS, converting("jsonl")).path.read_text().splitlines()]
    assert [tuple(row.values()) for row in rows] == [("India", 1, 59.97), ("Peru", 1, 50), (None, 1, 7.1)]
    table = pq.read_table(run(SALES, few, *TOTALS, converting("parquet")).path)
    assert [Decimal(str(each)) for each in table["sum_total"].to_pylist()] == [Decimal("59.97"), 50, Decimal("7.1")]


def test_json_steps_read_tokens_and_leave_the_others_as_they_are(run: Run) -> None:
    lines = b'{"a": "1.0", "b": 1.50, "c": {"d": [1, 2]}}\n{"a": null, "b": 2}\n'
    made = run(
        lines, step("derive", column="n", expression="a + b"), step("fill_null", column="a", value="x"), name="t.jsonl"
    )
    first, second = made.path.read_text().splitlines()
    assert '"b":1.50' in first.replace(" ", "")
    assert json.loads(first) == {"a": "1.0", "b": 1.5, "c": {"d": [1, 2]}, "n": 2.5}
    assert json.loads(second) == {"a": "x", "b": 2, "n": None}


def test_parquet_keeps_types_through_steps(run: Run) -> None:
    typed = run(
        SALES,
        step("cast", column="price", to="decimal", precision=38, scale=2),
        step("cast", column="quantity", to="integer"),
        converting("parquet"),
    )
    again = run(typed.path, step("filter", column="price", operator="lt", value="7.10"), name="t.parquet")
    rows = pq.read_table(again.path).to_pylist()
    assert [(row["price"], row["quantity"]) for row in rows] == [(Decimal("5.00"), 10)]


def test_every_row_changing_step_is_counted(run: Run) -> None:
    content = "n\n" + "".join(f"{number % 50}\n" for number in range(1000))
    steps = [
        step("filter", column="n", operator="lt", value=40), step("deduplicate"), step("sample", rows=20, seed=1),
        step("sort", by=["n"]), step("limit", rows=7), step("aggregate", aggregates=[{"function": "count"}]),
    ]  # fmt: skip
    made = run(content.encode(), *steps)
    counts = [(each["rows_in"], each["rows_out"]) for each in made.report["steps"]]
    assert counts == [(1000, 800), (800, 40), (40, 20), (20, 20), (20, 7), (7, 1)]
    assert list(csv.reader(made.path.read_text().splitlines())) == [["count"], ["7"]]


def test_step_that_does_not_fit_the_file_fails_in_words(run: Run) -> None:
    with pytest.raises(BadColumn, match=r"step 1 \(drop\): there is no column 'contry'; did you mean 'country'"):
        run(SALES, step("trim"), step("drop", columns=["contry"]))
    with pytest.raises(BadValue, match=r"step 0 \(cast\): column 'price': the value '19.99' is no integer"):
        run(SALES, step("cast", column="price", to="integer"))


def test_compressed_output_of_a_sample_is_the_same_each_time(run: Run) -> None:
    content = "n\n" + "".join(f"{number}\n" for number in range(20_000))
    chosen = [
        run(content.encode(), step("sample", fraction=0.01, seed=3), converting("csv", compression="gzip"))
        for _ in "ab"
    ]
    first, second = (gzip.decompress(each.path.read_bytes()) for each in chosen)
    assert first == second
    assert 100 < first.count(b"\n") < 320


@pytest.mark.parametrize("match", ["part", "pattern"])
def test_replacing_cannot_make_texts_grow_without_bound(run: Run, match: str) -> None:
    many = {"type": "replace", "params": {"columns": ["a"], "old": "x", "new": "x" * 1000, "match": match}}
    with pytest.raises(BadValue, match="would become longer than 262144 bytes"):
        run(b"a\nx\n", many, many)
    assert run(b"a\n" + b"y" * 300_000 + b"\nx\n", many).report["rows_out"] == 2


def test_replacing_by_a_group_of_the_pattern_counts_what_it_holds(run: Run) -> None:
    twice = {"type": "replace", "params": {"columns": ["a"], "old": "(x+)", "new": r"\1\1", "match": "pattern"}}
    assert run(b"a\nxxx\n", twice).path.read_bytes() == b"a\nxxxxxx\n"
    with pytest.raises(BadValue, match="would become longer"):
        run(b"a\n" + b"x" * 200_000 + b"\n", twice)


def test_time_with_an_offset_becomes_utc(run: Run) -> None:
    content = b"a\n2024-01-31T23:30:00-05:00\n2024-01-31 23:30:00\n2024-01-31T23:30:00.5Z\n2024-01-31\n"
    made = run(content, step("cast", column="a", to="timestamp")).path.read_text().splitlines()[1:]
    assert made == ["2024-02-01 04:30:00", "2024-01-31 23:30:00", "2024-01-31 23:30:00.5", "2024-01-31 00:00:00"]
    dates = run(content, step("cast", column="a", to="date")).path.read_text().splitlines()[1:]
    assert dates == ["2024-02-01", "2024-01-31", "2024-01-31", "2024-01-31"]
    with pytest.raises(BadValue, match=r"\+99:99"):
        run(b"a\n2024-01-31T23:30:00+99:99\n", step("cast", column="a", to="timestamp"))
