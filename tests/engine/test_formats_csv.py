"""CSV comes out as it went in: every value, compared with what Python's own reader makes of both files."""

import csv
import gzip
import io
import json
from collections.abc import Callable

import pytest
import zstandard

from chalicelib.engines.tabular.errors import BadFile
from chalicelib.engines.tabular.process import Output
from tests.engine.running import Run, converting, filtering

Rows = list[list[str]]

FILES = {
    "leading zeros": b"id,code\n1,00123\n2,0\n3,-007\n",
    "trailing zeros": b"id,price\n1,1.50\n2,1.500\n3,1\n",
    "numbers of thirty digits": b"id,n\n1,123456789012345678901234567890\n2,-999999999999999999999999999999\n",
    "forty decimals": b"id,n\n1,0.1234567890123456789012345678901234567890\n",
    "dates of either order": b"id,day\n1,01/02/2024\n2,13/02/2024\n3,2024-1-2\n",
    "quotes in fields": b'id,said\n1,"He said ""no"""\n2,""""\n3,""""""\n',
    "delimiters in fields": b'id,place\n1,"Seoul, Korea"\n2,","\n',
    "line feeds in fields": b'id,text\n1,"a\nb"\n2,"\n"\n3,"\n\n\n"\n',
    "carriage returns in fields": b'id,text\n1,"a\r\nb"\n2,"a\rb"\n3,"\r"\n',
    "line feeds in fields of CRLF files": b'id,text\r\n1,"a\nb"\r\n2,"a\r\nb"\r\n',
    "CRLF": b"id,text\r\n1,a\r\n2,b\r\n",
    "carriage returns alone": b"id,text\r1,a\r2,b\r",
    "no line break at the end": b"id,text\n1,a\n2,b",
    "CRLF but for the last": b"id,text\r\n1,a\r\n2,b",
    "blanks around values": b"id,text\n 1 ,  a\t\n2, \n",
    "Unicode": "ключ,名前\n1,naïve 🎉\n2,e\u0301 \u202eabc\u00a0\n".encode(),
    "a byte order mark": b"\xef\xbb\xbfid,text\n1,a\n",
    "a byte order mark inside": "id,text\n1,\ufeffa\n".encode(),
    "control characters": b"id,text\n1,a\x01b\x07\x1b[0m\x7f\n",
    "words for nothing": b"id,text\n1,NULL\n2,null\n3,NaN\n4,N/A\n5,None\n6,\\N\n",
    "truths": b"id,yes\n1,TRUE\n2,t\n3,1\n",
    "exponents": b"id,n\n1,1e5\n2,1E+05\n3,-.5\n4,+3\n",
    "backslashes": b'id,path\n1,C:\\temp\\new\n2,\\"\n3,"\\"\n',
    "apostrophes": b"id,text\n1,'quoted'\n2,it's\n",
    "quotes inside of a field without quotes": b'id,disk\n1,5" disk\n2,a""b\n',
    "comment signs": b"id,text\n#1,a\n2,#b\n",
    "formulas": b"id,text\n1,=1+1\n2,@SUM(A1)\n3,-5\n",
    "hostile names": b'"""; DROP TABLE x; --",$source,c0,\'\n1,2,3,4\n',
    "names that differ in case": b"a,A,\xc3\xa4,\xc3\x84\n1,2,3,4\n",
    "names with line breaks": b'"first\nname","second, name"\n1,2\n',
    "SQL in values": b"id,text\n1,'; DROP TABLE x; --\n2,$p0\n3,{}\n",
    "one column": b"name\nAnna\n Otto\n",
    "many columns": ",".join(f"column {n}" for n in range(300)).encode() + b"\n" + b",".join([b"x"] * 300) + b"\n",
    "a long field": b"id,text\n1," + b"x" * 300_000 + b"\n2,y\n",
    "a quoted field with thousands of lines": b'id,text\n1,"' + b'a ""line"", and\r\n' * 5_000 + b'"\n2,b\n',
    "blank lines between rows": b"id,text\n1,a\n\n2,b\n\n\n",
    "all fields quoted": b'"id","text"\n"1","a"\n"2","b"\n',
    "rows of nothing": b"id,text\n,\n1,\n,a\n",
    "blank lines before the header": b"\n\r\n\nid,text\n1,a\n",
    "blank lines before a single name": b"\n\nname\nAnna\n",
    "a header alone": b"id,text\n",
    "a header without a line break": b"id,text",
    "semicolons": b"id;text;n\n1;a,b;1,5\n2;c,d;2,5\n",
    "tabs": b'id\ttext\n1\t"a\tb"\n2\t a, b\n',
    "bars": b"id|text\n1|a,b\n2|c;d\n",
    "mixed line breaks": b"id,text\r\n1,a\n2,b\r\n3,c\n",
    "mixed line breaks and quotes that are characters": b'id,disk\r\n1,5" disk\n2,"a\r\nb"\r\n',
    "mixed line breaks and quotes": b'id,text\n1,"a\r\nb"\r\n2,"c\nd"\n3,"e"\r\n',
}

DELIMITERS = {"semicolons": ";", "tabs": "\t", "bars": "|"}


def rows_of(content: bytes, delimiter: str = ",") -> Rows:
    """The rows as Python's reader sees them; it gives blank lines as rows of nothing, which are no rows."""
    text = io.StringIO(content.decode("utf-8-sig"), newline="")
    csv.field_size_limit(10_000_000)
    return [row for row in csv.reader(text, delimiter=delimiter) if row]


def unzstd(content: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(content)


@pytest.mark.parametrize("kind", FILES)
def test_values_come_out_as_they_went_in(run: Run, kind: str) -> None:
    rows = rows_of(FILES[kind], DELIMITERS.get(kind, ","))

    output = run(FILES[kind])

    assert rows_of(output.path.read_bytes(), DELIMITERS.get(kind, ",")) == rows
    assert output.suffix == ".csv"
    assert output.report["rows_in"] == output.report["rows_out"] == len(rows) - 1


@pytest.mark.parametrize("kind", [kind for kind in FILES if not kind.startswith("a header")])
def test_values_go_through_json_and_back_as_they_were(run: Run, kind: str) -> None:
    lines = run(FILES[kind], converting("jsonl"))

    back = run(lines.path, converting("csv"), name="table.jsonl")

    assert rows_of(back.path.read_bytes()) == rows_of(FILES[kind], DELIMITERS.get(kind, ","))


@pytest.mark.parametrize("kind", FILES)
def test_values_are_in_the_json_as_they_were_in_the_csv(run: Run, kind: str) -> None:
    names, *rows = rows_of(FILES[kind], DELIMITERS.get(kind, ","))

    lines = run(FILES[kind], converting("jsonl")).path.read_bytes().splitlines()

    objects = [json.loads(line, parse_int=str, parse_float=str) for line in lines]
    texts = [[_as_text(each[name]) for name in names] for each in objects]
    assert texts == rows


def _as_text(value: object) -> object:
    return {None: "", True: "true", False: "false"}.get(value, value)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "content",
    [b'id,text\n1,""\n2,\n3,""""\n', b'id,text\n1,\n2,""\n', b'text\n""\n\na\n'],
    ids=["with a quote", "nothing first", "one column"],
)
def test_an_empty_text_is_not_nothing(run: Run, content: bytes) -> None:
    assert run(content).path.read_bytes() == content


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_plain_file_comes_out_byte_for_byte(run: Run, newline: str) -> None:
    content = f'id,text{newline}1,"a, b"{newline}2,{newline}3,""{newline}'.encode()

    assert run(content).path.read_bytes() == content


@pytest.mark.parametrize(
    ("compress", "suffix", "expand"),
    [(gzip.compress, ".csv.gz", gzip.decompress), (zstandard.compress, ".csv.zst", unzstd)],
    ids=["gzip", "zstd"],
)
def test_compressed_files_come_out_compressed_alike(
    run: Run, compress: Callable[[bytes], bytes], suffix: str, expand: Callable[[bytes], bytes]
) -> None:
    content = b"id,text\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(20_000))

    output = run(compress(content), name="table.csv")

    assert expand(output.path.read_bytes()) == content
    assert output.suffix == suffix


def test_files_of_several_gzip_members_are_read_to_the_end(run: Run) -> None:
    content = gzip.compress(b"id,text\n1,a\n") + gzip.compress(b"2,b\n")

    assert run(content, converting("csv", compression="none")).path.read_bytes() == b"id,text\n1,a\n2,b\n"


def test_a_header_alone_is_written_alone_in_every_compression(run: Run) -> None:
    assert gzip.decompress(run(b"id,text\n", converting("csv", compression="gzip")).path.read_bytes()) == b"id,text\n"
    assert run(b"id,text\n1,a\n", filtering("id", "eq", "9")).path.read_bytes() == b"id,text\n"


def test_names_can_be_given_for_a_file_without_a_header(run: Run) -> None:
    output = run(b"\xef\xbb\xbf1,a\n2,b\n", column_names=("id", "text"))

    assert output.path.read_bytes() == b"id,text\n1,a\n2,b\n"
    assert output.report["rows_in"] == 2


def test_any_delimiter_can_be_given_and_another_written(run: Run) -> None:
    output = run(b"id^text\n1^a;b\n", converting("csv", delimiter=";"), delimiter="^")

    assert output.path.read_bytes() == b'id;text\n1;"a;b"\n'


def test_the_delimiter_is_the_one_that_divides_the_rows_alike(run: Run) -> None:
    content = b'name;"note, with, commas";n\n"a, b";x;1\n"c, d, e";y;2\n'

    assert [column["name"] for column in run(content).report["columns"]] == ["name", "note, with, commas", "n"]


def test_formulas_are_escaped_when_asked_for(run: Run) -> None:
    content = b'=id,text\n1,=1+1\n2,-5\n3,+5.5e3\n4,-x\n5,@a\n6,"\ta"\n7,"\rb"\n8,a=b\n9,""\n10,\n11,-1+1\n'

    rows = rows_of(run(content, escape_formulas=True).path.read_bytes())

    assert rows[0] == ["'=id", "text"]
    assert [row[1] for row in rows[1:]] == [
        "'=1+1", "-5", "+5.5e3", "'-x", "'@a", "'\ta", "'\rb", "a=b", "", "", "'-1+1",
    ]  # fmt: skip


def test_rows_stay_in_their_order_across_threads(run: Run) -> None:
    content = b"n,text\n" + b"".join(b'%d,"%s\n""%d"""\n' % (n, b"x" * (n % 300), n) for n in range(60_000))

    assert rows_of(run(content, filtering("n", "gte", 0)).path.read_bytes()) == rows_of(content)


def test_quoted_texts_that_look_like_rows_stay_texts_across_threads(run: Run) -> None:
    texts = ["1,2\n" * 60_000, '"x","y"\n' * 30_000, '"', "plain"]
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([["n", "text"], *([n, texts[n % 4]] for n in range(400))])
    content = file.getvalue().encode()

    for how in ("fail", "skip"):
        output = run(content, on_bad_row=how)
        assert output.report["bad_rows"]["count"] == 0
        assert output.path.read_bytes() == content


@pytest.mark.parametrize("within", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("place", [0, 1])
def test_line_break_in_a_name_loses_no_rows(run: Run, within: str, newline: str, place: int) -> None:
    """As spreadsheets write names with a line break in them."""
    names = ["b", "c"]
    names.insert(place, f'"Amount{within}(EUR)"')
    content = newline.join([",".join(names), "1,2,3", "4,5,6", ""]).encode()
    [header, *rows] = _read(run(content))
    assert rows == [["1", "2", "3"], ["4", "5", "6"]]
    assert header[place] == f"Amount{within}(EUR)"


def test_line_numbers_count_the_lines_of_a_name(run: Run) -> None:
    with pytest.raises(BadFile, match="line 4: it has 3 fields"):
        run(b'"a\nb",c\r\n1,2\r\n1,2,3\r\n')


def test_line_break_in_the_first_row_of_a_file_without_header_loses_no_rows(run: Run) -> None:
    content = b'"1\n1",2\r\n3,4\r\n5,6\r\n'
    assert _read(run(content, column_names=["a", "b"]))[1:] == [["1\n1", "2"], ["3", "4"], ["5", "6"]]
    with pytest.raises(BadFile, match="line 5: it has 1 fields"):
        run(content + b"7\r\n", column_names=["a", "b"])


def test_file_may_have_two_thousand_columns_and_no_more(run: Run) -> None:
    def wide(count: int) -> bytes:
        return ",".join(f"c{number}" for number in range(count)).encode() + b"\n" + b",".join([b"1"] * count) + b"\n"

    assert len(_read(run(wide(2000)))[0]) == 2000
    with pytest.raises(BadFile, match="the file has 2001 columns, and may have at most 2000"):
        run(wide(2001))


def _read(output: Output) -> Rows:
    with output.path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))
