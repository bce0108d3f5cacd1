"""Parquet keeps its types; texts get types only where nothing is lost. Compared with what pyarrow reads."""

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chalicelib.engines.tabular.errors import BadColumn, BadFile
from tests.engine.running import Run, converting, filtering

COLUMNS: dict[str, Any] = {
    "small integers": pa.array([1, -128, None], pa.int8()),
    "unsigned integers": pa.array([2**64 - 1, 0, None], pa.uint64()),
    "integers": pa.array([-(2**63), 2**63 - 1, None], pa.int64()),
    "floats": pa.array([0.1, -0.0, None], pa.float32()),
    "doubles": pa.array([0.1, 1e300, None], pa.float64()),
    "infinities": pa.array([float("inf"), float("-inf"), 5e-324], pa.float64()),
    "truths": pa.array([True, False, None]),
    "decimals": pa.array([Decimal("1.50"), Decimal("-0.01"), None], pa.decimal128(5, 2)),
    "long decimals": pa.array([Decimal("1234567890123456789012345678.0123456789"), None, None], pa.decimal128(38, 10)),
    "dates": pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31), None]),
    "microseconds": pa.array([1_704_164_645_678_901, None, None], pa.timestamp("us")),
    "nanoseconds": pa.array([1_700_000_000_123_456_789, 0, None], pa.timestamp("ns")),
    "moments": pa.array([1_700_000_000_123_456, 0, None], pa.timestamp("us", "UTC")),
    "times": pa.array([dt.time(23, 59, 59, 999999), dt.time(0), None], pa.time64("us")),
    "texts": pa.array(["00123", "", None]),
    "more texts": pa.array(["é🎉\r\n", 'a,"b"', "=1+1"]),
    "bytes": pa.array([b"\xff\x00", b"", None], pa.binary()),
    "lists": pa.array([[Decimal("1.50"), None], [], None], pa.list_(pa.decimal128(5, 2))),
    "structs": pa.array([{"a": 1, "b c": "x"}, {"a": None, "b c": ""}, None]),
    "maps": pa.array([[("k", 1), ("l", None)], [], None], pa.map_(pa.string(), pa.int32())),
    "nested": pa.array([[{"a": [1, 2], "b": {"c": dt.date(2024, 1, 1)}}], [], None]),
    "words": pa.array(["x", "y", "x"]).dictionary_encode(),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table(COLUMNS), path)
    return path


@pytest.mark.parametrize("column", COLUMNS)
def test_types_and_values_come_out_as_they_went_in(run: Run, tmp_path: Path, column: str) -> None:
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({column: COLUMNS[column], '"; DROP': [1, 2, 3]}), path)

    output = run(path, name="table.parquet")

    given, written = pq.read_table(path), pq.read_table(output.path)
    kind = given.schema.field(column).type
    assert written.schema.field(column).type == (kind.value_type if pa.types.is_dictionary(kind) else kind)
    assert written.to_pylist() == given.to_pylist()
    assert output.suffix == ".parquet"


def test_values_become_exact_texts_in_csv(run: Run, file: Path) -> None:
    lines = run(file, converting("jsonl"), name="table.parquet").path.read_text().split("\n")

    first = json.loads(lines[0], parse_float=str, parse_int=str)
    assert first["long decimals"] == "1234567890123456789012345678.0123456789"
    assert first["unsigned integers"] == "18446744073709551615"
    assert first["decimals"] == "1.50"
    assert first["doubles"] == "0.1"
    assert first["infinities"] == "inf"
    assert first["nanoseconds"] == "2023-11-14 22:13:20.123456789"
    assert first["moments"] == "2023-11-14 22:13:20.123456+00"
    assert first["bytes"] == "/wA="
    assert first["texts"] == "00123"
    assert first["lists"] == ["1.50", None]
    assert first["structs"] == {"a": "1", "b c": "x"}
    assert first["maps"] == {"k": "1", "l": None}
    assert first["nested"] == [{"a": ["1", "2"], "b": {"c": "2024-01-01"}}]


def test_nulls_and_empty_values_differ_in_json(run: Run, file: Path) -> None:
    lines = run(file, converting("jsonl"), name="table.parquet").path.read_text().split("\n")

    second, third = json.loads(lines[1]), json.loads(lines[2])
    assert (second["texts"], second["lists"], second["maps"], second["structs"]) == ("", [], {}, {"a": None, "b c": ""})
    assert {third[name] for name in ("texts", "decimals", "dates", "moments")} == {None}
    assert (third["lists"], third["maps"], third["structs"], third["nested"]) == (None, None, None, None)


def test_nested_values_are_json_in_csv_and_null_is_nothing(run: Run, file: Path) -> None:
    output = run(
        file,
        {"type": "select", "params": {"columns": ["structs", "lists", "maps"]}},
        converting("csv"),
        name="table.parquet",
    )

    assert output.path.read_text().splitlines() == [
        "structs,lists,maps",
        '"{""a"":1,""b c"":""x""}","[1.50,null]","{""k"":1,""l"":null}"',
        '"{""a"":null,""b c"":""""}",[],{}',
        ",,",
    ]


MOMENT = dt.datetime.fromisoformat("2024-01-02 03:04:05")
TYPED: dict[str, tuple[list[str], Any, list[Any]]] = {
    "integers": (["1", "-20", ""], pa.int64(), [1, -20, None]),
    "the longest integers": (["9223372036854775807", "-9223372036854775808"], pa.int64(), [2**63 - 1, -(2**63)]),
    "longer integers": (["9223372036854775808", "1"], pa.decimal128(38, 0), [Decimal(2**63), Decimal(1)]),
    "integers of thirty digits": (["1" * 30, "0"], pa.decimal128(38, 0), [Decimal("1" * 30), Decimal(0)]),
    "integers of forty digits": (["1" * 40, "0"], pa.string(), ["1" * 40, "0"]),
    "leading zeros": (["00123", "1"], pa.string(), ["00123", "1"]),
    "signs": (["+1", "2"], pa.string(), ["+1", "2"]),
    "a negative zero": (["-0", "2"], pa.string(), ["-0", "2"]),
    "blanks": ([" 1", "2"], pa.string(), [" 1", "2"]),
    "underscores": (["1_000", "2"], pa.string(), ["1_000", "2"]),
    "prices": (["1.50", "12.00", ""], pa.decimal128(18, 2), [Decimal("1.50"), Decimal("12.00"), None]),
    "long prices": (["1" * 20 + ".50", "0.01"], pa.decimal128(38, 2), [Decimal("1" * 20 + ".50"), Decimal("0.01")]),
    "prices with a negative zero": (["-0.00", "12.00"], pa.string(), ["-0.00", "12.00"]),
    "decimals of different lengths": (["1.5", "2.25"], pa.float64(), [1.5, 2.25]),
    "decimals longer than doubles": (["1.5", "0.12345678901234567890"], pa.string(), ["1.5", "0.12345678901234567890"]),
    "integers among decimals": (["1", "2.5"], pa.string(), ["1", "2.5"]),
    "trailing zeros of different lengths": (["1.5", "2.50"], pa.string(), ["1.5", "2.50"]),
    "words of doubles": (["nan", "1.5"], pa.string(), ["nan", "1.5"]),
    "truths": (["true", "", "false"], pa.bool_(), [True, None, False]),
    "truths of another spelling": (["True", "False"], pa.string(), ["True", "False"]),
    "dates": (["2024-02-29", ""], pa.date32(), [dt.date(2024, 2, 29), None]),
    "dates that are none": (["2023-02-29", "2024-01-01"], pa.string(), ["2023-02-29", "2024-01-01"]),
    "dates of another order": (["01/02/2024", "13/02/2024"], pa.string(), ["01/02/2024", "13/02/2024"]),
    "dates without zeros": (["2024-1-2", "2024-01-03"], pa.string(), ["2024-1-2", "2024-01-03"]),
    "times": (
        ["2024-01-02 03:04:05", "2024-01-02 03:04:05.5"],
        pa.timestamp("us"),
        [MOMENT, MOMENT + dt.timedelta(milliseconds=500)],
    ),
    "times of another spelling": (["2024-01-02T03:04:05"], pa.string(), ["2024-01-02T03:04:05"]),
    "the word infinity": (["infinity", "2024-01-01"], pa.string(), ["infinity", "2024-01-01"]),
    "nothing": (["", ""], pa.string(), [None, None]),
    "words": (["a", "", "1"], pa.string(), ["a", None, "1"]),
    "blanks in quotes": (['""', "1"], pa.int64(), [None, 1]),
    "blanks with and without quotes": (['""', "", "1"], pa.string(), ["", None, "1"]),
    "blanks in quotes among words": (['""', "a"], pa.string(), ["", "a"]),
}


@pytest.mark.parametrize("kind", TYPED)
def test_columns_of_texts_get_the_type_that_loses_nothing(run: Run, kind: str) -> None:
    texts, expected, values = TYPED[kind]
    content = "id,x\n" + "".join(f"{number},{text}\n" for number, text in enumerate(texts))

    output = run(content.encode(), converting("parquet"))

    written = pq.read_table(output.path)
    assert written.schema.field("x").type == expected
    assert written.column("x").to_pylist() == values


@pytest.mark.parametrize(
    ("last", "expected"),
    [("007", pa.string()), ("99999999999999999999", pa.decimal128(38, 0)), ("", pa.int64()), ('""', pa.int64())],
)
def test_the_whole_column_counts_and_not_its_beginning(run: Run, last: str, expected: Any) -> None:
    rows = [f"{n},{n}" for n in range(300_000)] + [f"300000,{last}"]

    output = run(("id,x\n" + "\n".join(rows) + "\n").encode(), converting("parquet"))

    written = pq.read_table(output.path)
    assert written.schema.field("x").type == expected
    assert [str(value) for value in written.column("x").to_pylist()[:-1]] == [str(n) for n in range(300_000)]


def test_a_column_that_is_empty_at_first_gets_the_type_of_what_comes_later(run: Run) -> None:
    rows = [f"{n}," for n in range(300_000)] + ["300000,5"]

    output = run(("id,x\n" + "\n".join(rows) + "\n").encode(), converting("parquet"))

    assert pq.read_table(output.path).schema.field("x").type == pa.int64()


@pytest.mark.parametrize(
    ("tokens", "expected", "values"),
    [
        (["1", "null", "-5"], pa.int64(), [1, None, -5]),
        (["1.50", "2.25"], pa.decimal128(18, 2), [Decimal("1.50"), Decimal("2.25")]),
        (['"1"', '"2"'], pa.string(), ["1", "2"]),
        (['"2024-01-01"', "null"], pa.string(), ["2024-01-01", None]),
        (["true", "false"], pa.bool_(), [True, False]),
        (["1", '"x"'], pa.string(), ["1", "x"]),
        (['{"a": 1}', "[1]"], pa.string(), ['{"a": 1}', "[1]"]),
        (["1e5", "2"], pa.string(), ["1e5", "2"]),
        ([r'"\u00e9"', '""'], pa.string(), ["é", ""]),
    ],
)
def test_json_tokens_get_types_too(run: Run, tokens: list[str], expected: Any, values: list[Any]) -> None:
    content = "\n".join(f'{{"id":{number},"x":{token}}}' for number, token in enumerate(tokens))

    output = run(content.encode(), converting("parquet"), name="table.jsonl")

    written = pq.read_table(output.path)
    assert written.schema.field("x").type == expected
    assert written.column("x").to_pylist() == values


@pytest.mark.parametrize(("compression", "codec"), [("none", "UNCOMPRESSED"), ("gzip", "GZIP"), ("zstd", "ZSTD")])
def test_compression_is_inside_of_parquet(run: Run, compression: str, codec: str) -> None:
    output = run(b"id\n1\n", converting("parquet", compression=compression))

    assert pq.read_metadata(output.path).row_group(0).column(0).compression == codec
    assert output.suffix == ".parquet"


def test_a_header_alone_makes_parquet_without_rows(run: Run) -> None:
    written = pq.read_table(run(b"id,text\n", converting("parquet")).path)

    assert (written.num_rows, written.column_names) == (0, ["id", "text"])


def test_types_are_in_the_report(run: Run) -> None:
    report = run(b"id,text\n1,a\n", converting("parquet")).report

    assert report["columns"] == [{"name": "id", "type": "BIGINT"}, {"name": "text", "type": "VARCHAR"}]


def test_names_that_parquet_cannot_tell_apart_are_refused(run: Run) -> None:
    with pytest.raises(BadColumn, match="'a' and 'A' differ only in case"):
        run(b"a,A\n1,2\n", converting("parquet"))


@pytest.mark.parametrize(
    ("column", "problem"),
    [
        (pa.array([Decimal("1.5")], pa.decimal256(50, 2)), "more than 38 digits"),
        (pa.array([1], pa.timestamp("ns", "UTC")), "nanoseconds with a time zone"),
        (pa.array([[1]], pa.list_(pa.timestamp("ns", "UTC"))), "nanoseconds with a time zone"),
    ],
)
def test_what_cannot_be_read_exactly_is_refused(run: Run, tmp_path: Path, column: Any, problem: str) -> None:
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"first": pa.array([{"a": 1}]), "it": column}), path)

    with pytest.raises(BadFile, match=f"column 'it': .*{problem}"):
        run(path)


def test_rows_are_counted_where_statistics_would_answer(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"n": list(range(1000))}), path)

    report = run(path, filtering("n", "gt", 5000)).report

    assert (report["rows_in"], report["rows_out"]) == (1000, 0)
