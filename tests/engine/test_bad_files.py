"""Bad files fail with a message that names the line or column, or their bad rows are left out, counted and listed."""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from chalicelib.engines.tabular.errors import BadFile, TooLarge
from chalicelib.engines.tabular.process import Limits
from tests.engine.running import LIMITS, MEGABYTE, Run, converting


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("table.csv", content)
    return file.getvalue()


CSV = {
    "empty": (b"", "the file is empty"),
    "blank": (b"\n\r\n  \n", "the file is empty"),
    "a byte order mark alone": (b"\xef\xbb\xbf", "the file is empty"),
    "Latin-1": (b"id,text\n1,a\n2,\xe9\n", "line 3: it is not UTF-8"),
    "a Latin-1 header": (b"id,t\xe9xt\n1,a\n", "line 1 is not UTF-8"),
    "UTF-16": ("id,text\n1,a\n".encode("utf-16"), "UTF-16"),
    "UTF-16 without a mark": ("id,text\n1,a\n".encode("utf-16-le"), "line 1 holds a NUL byte; it may be UTF-16"),
    "too many fields": (b"id,text\n1,a\n2,b,c\n", "line 3: it has 3 fields, but the header has 2"),
    "too few fields": (b"id,text\n1,a\n\n2\n", "line 4: it has 1 fields, but the header has 2"),
    "fields missing after line breaks": (b'id,text\n1,"a\nb"\n2\n', "line 4: it has 1 fields"),
    "an unclosed quote": (b'id,text\n1,a\n2,"b\n3,c\n', "line 3: a quote is not closed"),
    "something after a quote": (
        b'id,text\n1,a\n2,"b"c\n3,d\n',
        "line 3: a quote is not closed, or something follows it",
    ),
    "an unclosed quote in the header": (b'id,"text\n1,a\n', "line 1: a quote is not closed"),
    "a name twice": (b"id,text,id\n1,a,2\n", "the header has the name 'id' twice: columns 1 and 3"),
    "no name": (b"id,,text\n1,a,2\n", "the header has no name for column 2"),
    "no last name": (b"id,text,\n1,a,\n", "the header has no name for column 3"),
    "NUL": (b"id,text\n1,a\n2,b\0c\n", "line 3 holds a NUL byte"),
    "NUL in the header": (b"id\0,text\n1,a\n", "line 1 holds a NUL byte"),
    "a ZIP archive": (zipped(b"id\n1\n"), "ZIP archive or an Excel workbook"),
    "mixed line breaks and too few fields": (b"id,text\r\n1,a\n2\r\n3,b\n", "line 3: it has 1 fields"),
    "gzip cut short": (gzip.compress(b"id,text\n" + b"1,a\n" * 1000)[:-20], "gzip data is cut short"),
    "gzip damaged": (gzip.compress(b"id,text\n1,a\n")[:10] + b"\xff" * 60, "gzip data is damaged"),
    "gzip of nothing": (gzip.compress(b""), "the file is empty"),
    "zstd cut short": (zstandard.compress(b"id,text\n" + bytes(range(9, 99)) * 1000)[:-9], "zstd data is cut short"),
    "zstd damaged": (b"\x28\xb5\x2f\xfd" + b"\xff" * 60, "zstd data is damaged"),
}


@pytest.mark.parametrize("kind", CSV)
def test_a_bad_csv_file_fails_with_its_line_or_column(run: Run, kind: str) -> None:
    content, problem = CSV[kind]

    with pytest.raises(BadFile) as raised:
        run(content)

    assert problem in str(raised.value)


JSON = {
    "no JSON": (b'{"a":1}\n{"a":\n{"a":2}\n', "line 2: it is not valid JSON: it ends too early"),
    "a bare word": (b'{"a":1}\n{"a":nul}\n', "line 2: it is not valid JSON: invalid character"),
    "a leading zero": (b'{"a":1}\n{"a":[01]}\n', "line 2: it is not valid JSON: invalid number"),
    "NaN": (b'{"a":NaN}\n', "line 1: it is not valid JSON"),
    "something after it": (b'{"a":1} {"a":2}\n', "line 1: it is not valid JSON: trailing characters"),
    "an array": (b'{"a":1}\n[1]\n', "line 2: it is not a JSON object but array"),
    "a number": (b'{"a":1}\n\n5\n', "line 3: it is not a JSON object but int"),
    "a key twice": (b'{"a":1}\n{"a":1,"b":2,"a":3}\n', "line 2: it has the key 'a' twice"),
    "an escaped key twice": (rb'{"a":1,"\u0061":2}', "line 1: it has the key 'a' twice"),
    "Latin-1": (b'{"a":"\xe9"}\n', "line 1: it is not UTF-8"),
    "a line break in a text": (b'{"a":"x\r"}\n', "line 1: it is not valid JSON"),
    "NUL": (b'{"a":1}\n{"a":"\0"}\n', "line 2 holds a NUL byte"),
    "deep nesting": (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", "line 1: its values are nested too deeply"),
    "no keys": (b"{}\n{}\n", "the file holds no objects with keys"),
    "half a character": (rb'{"a":"\ud83c"}', "line 1: it is not valid JSON"),
    "too many keys": (b"".join(b'{"%d":1}\n' % n for n in range(2_001)), "more than 2000 different keys"),
}


@pytest.mark.parametrize("kind", JSON)
def test_bad_json_lines_fail_with_their_line(run: Run, kind: str) -> None:
    content, problem = JSON[kind]

    with pytest.raises(BadFile) as raised:
        run(content, name="table.jsonl")

    assert problem in str(raised.value)


ARRAYS = {
    "no end": (b'[\n{"a":1},\n{"a":2}\n', "line 4: the array ends too early"),
    "no end of an element": (b'[\n{"a":1},\n{"a":', "line 3: it is not valid JSON"),
    "no comma": (b'[\n{"a":1}\n{"a":2}]\n', "line 3: a comma or ] is missing"),
    "a last comma": (b'[\n{"a":1},\n]\n', "line 3: it is not valid JSON"),
    "something after it": (b'[{"a":1}]\n[1]', "line 2: something follows the array"),
    "no object": (b'[{"a":1},\n\n5]', "line 3: it is not a JSON object but int"),
    "a key twice": (b'[{"a":1},\n{"b":1,"b":2}]', "line 2: it has the key 'b' twice"),
    "Latin-1": (b'[{"a":1},\n{"a":"\xe9"}]', "line 2: it is not UTF-8"),
    "NaN": (b'[{"a":1},\n{"a":NaN}]', "line 2: it is not valid JSON"),
    "deep nesting": (b'[{"a":1},\n' + b"[" * 100_000 + b"]" * 100_000 + b"]", "line 2: values are nested too deeply"),
    "nothing in it": (b"[]", "the file holds no objects with keys"),
    "an object": (b'{"a":1}', "line 1: a JSON array must begin with ["),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_bad_json_arrays_fail_with_their_line(run: Run, kind: str) -> None:
    content, problem = ARRAYS[kind]

    with pytest.raises(BadFile) as raised:
        run(content, input_format="json")

    assert problem in str(raised.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("table.csv", b"id,text\n1," + b"x" * 50 * MEGABYTE + b"\n"),
        ("table.csv", b"id,text\n0,a\n1,b\n2," + b"x" * 30 * MEGABYTE),
        ("table.csv", b"x" * 50 * MEGABYTE),
        ("table.jsonl", b'{"a":1}\n{"a":"' + b"x" * 50 * MEGABYTE + b'"}\n'),
        ("table.json", b'[{"a":1},\n{"a":"' + b"x" * 50 * MEGABYTE + b'"}]\n'),
    ],
    ids=["CSV", "CSV at the end", "CSV header", "JSON Lines", "JSON"],
)
def test_a_line_of_50_megabytes_is_refused(run: Run, name: str, content: bytes) -> None:
    with pytest.raises(BadFile, match=r"line \d.* longer than 20 MB"):
        run(content, name=name)


@pytest.mark.parametrize("how", ["fail", "skip"])
@pytest.mark.parametrize(
    "end",
    [
        b"x" * 50 * MEGABYTE + b"\n",
        b"x" * 41 * MEGABYTE + b"\n3,c\n",
        b'"' + b"x\n" * 30 * MEGABYTE + b'"\n',
        b'"' + b"x\n" * 30 * MEGABYTE + b'"\n3,c\n',
    ],
    ids=["plain", "plain and not the last", "quoted", "quoted and not the last"],
)
def test_a_row_too_long_to_be_read_hides_no_others(run: Run, end: bytes, how: str) -> None:
    with pytest.raises(BadFile, match=r"line \d.*(longer than 20 MB|a quote is not closed)"):
        run(b"id,text\n1,a\n2," + end, on_bad_row=how)


@pytest.fixture
def parquet(tmp_path: Path) -> bytes:
    path = tmp_path / "whole.parquet"
    pq.write_table(pa.table({"n": list(range(10_000)), "text": ["x" * (n % 50) for n in range(10_000)]}), path)
    return path.read_bytes()


def test_parquet_cut_short_is_refused(run: Run, parquet: bytes) -> None:
    for content in (parquet[: len(parquet) // 2], parquet[:-1], parquet[:4], b"PAR1" + b"x" * 100 + b"PAR1"):
        with pytest.raises(BadFile, match="the Parquet file is damaged or cut short"):
            run(content, name="table.parquet")


def test_parquet_with_damaged_pages_is_refused(run: Run, parquet: bytes) -> None:
    with pytest.raises(BadFile, match="the Parquet file is damaged"):
        run(parquet[:100] + b"\xff" * 5_000 + parquet[5_100:], converting("csv"), name="table.parquet")


def test_what_is_called_parquet_and_is_not_is_refused(run: Run) -> None:
    with pytest.raises(BadFile, match="the file is not Parquet"):
        run(b"id,text\n1,a\n", name="table.parquet")
    with pytest.raises(BadFile, match="the file is not Parquet"):
        run(b"id,text\n1,a\n", input_format="parquet")


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_a_bomb_is_stopped_at_the_limit(run: Run, compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    bomb = compress(b"id,text\n" + b"0" * 300 * MEGABYTE)
    limits = Limits(
        memory_bytes=LIMITS.memory_bytes, temp_bytes=LIMITS.temp_bytes, expanded_bytes=50 * MEGABYTE, threads=1
    )

    with pytest.raises(TooLarge, match="beyond 0\\.05 GB"):
        run(bomb, limits=limits)

    written = sum(file.stat().st_size for file in tmp_path.rglob("work-*/*"))
    assert written < 60 * MEGABYTE


def test_bad_rows_are_left_out_counted_and_listed(run: Run) -> None:
    good = "".join(f'{n},"a\nb"\n' for n in range(100))
    content = f"id,text\n{good}x\n1,2,3\n" + "y\n" * 20 + f'4,"a"b\n{good}'

    output = run(content.encode(), on_bad_row="skip")

    assert output.path.read_text() == f"id,text\n{good}{good}"
    assert output.report["rows_in"] == 200
    assert output.report["bad_rows"]["count"] == 23
    assert output.report["bad_rows"]["first"][:3] == [
        {"line": 202, "reason": "it has 1 fields, but the header has 2"},
        {"line": 203, "reason": "it has 3 fields, but the header has 2"},
        {"line": 204, "reason": "it has 1 fields, but the header has 2"},
    ]
    assert len(output.report["bad_rows"]["first"]) == 10


def test_bad_rows_of_several_kinds_have_their_reasons(run: Run) -> None:
    content = b'id,text\n1,a\n2,\xe9\n3,b\n4,"c"d\n5,e\n'

    output = run(content, on_bad_row="skip")

    assert output.path.read_bytes() == b"id,text\n1,a\n3,b\n5,e\n"
    assert output.report["bad_rows"] == {
        "count": 2,
        "first": [
            {"line": 3, "reason": "it is not UTF-8"},
            {"line": 5, "reason": "a quote is not closed, or something follows it"},
        ],
    }


@pytest.mark.parametrize("quotes", ['5" disk', '""', '"x ""y"""', ' "z"', '"a",'])
def test_a_quote_that_is_not_closed_is_a_bad_row(run: Run, quotes: str) -> None:
    content = f'id,text\n1,{quotes}\n2,"b\n3,c\n'

    output = run(content.encode(), on_bad_row="skip")

    assert output.report["rows_out"] == 1
    assert output.report["bad_rows"]["first"] == [
        {"line": 3, "reason": "a quote is not closed, or something follows it"}
    ]
    with pytest.raises(BadFile, match="line 3: a quote is not closed"):
        run(content.encode())


def test_rows_are_not_bad_because_line_breaks_are_mixed(run: Run) -> None:
    output = run(b'id,text\r\n1,"a"\n2,"b"\r\n3\r\n4,"c"\n', on_bad_row="skip")

    assert output.path.read_bytes() == b"id,text\r\n1,a\r\n2,b\r\n4,c\r\n"
    assert output.report["bad_rows"]["first"] == [{"line": 4, "reason": "it has 1 fields, but the header has 2"}]


def test_bad_rows_are_counted_once_where_the_file_is_read_twice(run: Run) -> None:
    rows = "".join(f"{n},{n}\n" for n in range(300_000))
    content = f"id,x\nbad\n{rows}bad,worse,worst\n300000,007\n"

    parquet = run(content.encode(), converting("parquet"), on_bad_row="skip")
    limited = run(content.encode(), {"type": "limit", "params": {"rows": 5}}, on_bad_row="skip")

    assert parquet.report["bad_rows"]["count"] == 2
    assert limited.report["bad_rows"]["count"] == 2
    assert limited.report["rows_in"] == 300_001


@pytest.mark.parametrize("name", ["table.jsonl", "table.json"])
def test_bad_objects_are_left_out_counted_and_listed(run: Run, name: str) -> None:
    elements = ['{"a":1}', "5", '{"a":1,"a":2}', '{"a":2}']
    content = "\n".join(elements) if name.endswith("l") else "[" + ",\n".join(elements) + "]"

    output = run(content.encode(), converting("csv"), name=name, on_bad_row="skip")

    assert output.path.read_text() == "a\n1\n2\n"
    assert output.report["bad_rows"] == {
        "count": 2,
        "first": [
            {"line": 2, "reason": "it is not a JSON object but int"},
            {"line": 3, "reason": "it has the key 'a' twice"},
        ],
    }


def test_messages_hold_no_paths_and_no_sql(run: Run, tmp_path: Path) -> None:
    contents = [content for content, _ in (*CSV.values(), *JSON.values())]

    for content in contents:
        with pytest.raises(BadFile) as raised:
            run(content, name="table.jsonl" if content.startswith(b"{") else "table.csv")
        message = str(raised.value)
        assert str(tmp_path) not in message
        assert "SELECT" not in message
        assert "\n" not in message
        assert len(message) < 200
