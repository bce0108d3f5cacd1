"""JSON comes out as it went in: every token, compared with what Python's own parser makes of both documents."""

import gzip
import json
from typing import Any

import pytest

from tests.engine.running import Run, converting, filtering


class Number(str):
    """A number as it was written, and no string."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and str.__eq__(self, other)

    def __hash__(self) -> int:
        return str.__hash__(self)


def parsed(line: bytes | str) -> Any:
    """The value, with numbers as they were written."""
    return json.loads(line, parse_int=Number, parse_float=Number)


def lines_of(content: bytes) -> list[Any]:
    return [parsed(line) for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()]


LINES = {
    "numbers as they were written": [b'{"a":1.50,"b":1e5,"c":-0,"d":1E+2,"e":0.10}'],
    "long numbers": [b'{"a":123456789012345678901234567890,"b":0.1234567890123456789012345678901234567890}'],
    "one kind of value": [b'{"a":1}', b'{"a":2}'],
    "mixed kinds of values": [b'{"a":1}', b'{"a":"1"}', b'{"a":true}', b'{"a":null}', b'{"a":[1]}', b'{"a":{}}'],
    "absent and null": [b'{"a":1,"b":null}', b'{"a":2}', b'{"b":3}', b'{"a":null,"b":4}'],
    "keys that come up late": [b'{"a":1}', b'{"a":2,"b":3}', b'{"c":4}', b'{"a":5,"b":6,"c":7}'],
    "empty objects": [b"{}", b'{"a":1}', b"{}", b'{"a":2,"b":3}', b"{}"],
    "one key that is often absent": [b'{"a":1}', b"{}", b"{}", b'{"a":2}'],
    "keys in another order": [b'{"a":1,"b":2}', b'{"b":3,"a":4}'],
    "empty texts": [b'{"a":"","b":""}', b'{"a":" ","b":null}'],
    "an empty key": [b'{"":1,"a":2}'],
    "escapes": [rb'{"a":"\u00e9\n\t\"\\\/","b":"\ud83c\udf89","c":"\u0000\u0001"}'],
    "Unicode": ['{"ключ":"é 🎉 \u2028","e\u0301":"\u00a0"}'.encode()],
    "escaped keys": [rb'{"a\u003ab":1,"c\"d":2,"\u00e9":3}'],
    "colons everywhere": [b'{"a:b":"c:d","e":{"f:":"g::"},"h":[":"]}', b'{"a:b":":","e":0,"h":1}'],
    "nested values": [b'{"a":{"x":[1.0,{"y":[]}],"z":{"x":null}},"b":[[],[[]]]}'],
    "repeated keys inside": [b'{"a":{"x":1}}'],
    "spaces": [b'  { "a" : 1 ,\t"b": [ 1 , 2 ] }  ', b"", b"   ", b'{"a":2}\r'],
    "texts like other formats": [b'{"a":"x,\\"y\\"","b":"=1+1","c":"00123","d":"null","e":"1"}'],
    "hostile keys": [b'{"\\"; DROP TABLE x; --":1,"$source":2,"c0":3,"\'":4}'],
    "a byte order mark": [b'\xef\xbb\xbf{"a":1}', b'{"a":2}'],
    "a long text": [b'{"a":"' + b"x" * 500_000 + b'"}', b'{"a":"y"}'],
    "many keys": [json.dumps({f"key {n}": n for n in range(500)}).encode()],
}


@pytest.mark.parametrize("kind", LINES)
def test_lines_come_out_as_they_went_in(run: Run, kind: str) -> None:
    content = b"\n".join(LINES[kind])

    output = run(content, name="table.jsonl")

    written = lines_of(output.path.read_bytes())
    assert written == lines_of(content)
    assert output.suffix == ".jsonl"
    assert output.report["rows_in"] == len(written)


@pytest.mark.parametrize("kind", LINES)
def test_an_array_comes_out_as_it_went_in(run: Run, kind: str) -> None:
    elements = [line.removeprefix(b"\xef\xbb\xbf") for line in LINES[kind] if line.strip()]
    content = b"[\n" + b",\n ".join(elements) + b"]\n"

    output = run(content, name="table.json")

    assert parsed(output.path.read_bytes().decode()) == parsed(content.decode())
    assert output.suffix == ".json"


def test_line_breaks_inside_of_nested_values_do_not_break_lines(run: Run) -> None:
    value = [{"a": {"x": [1, 2], "y": "\r\n"}, "b": []}, {"a": 1, "b": {"z": None}}]
    content = json.dumps(value, indent=4).replace("\n", "\r\n").encode()

    output = run(content, converting("jsonl"), name="table.json")

    assert [json.loads(line) for line in output.path.read_bytes().splitlines()] == value


def test_keys_come_in_the_order_in_which_they_came_up(run: Run) -> None:
    output = run(b'{"z":1,"b":2}\n{"a":3,"z":4,"b":5}\n', name="table.jsonl")

    assert [list(each) for each in lines_of(output.path.read_bytes())] == [["z", "b"], ["z", "b", "a"]]


def test_texts_come_into_csv_decoded_and_all_else_as_it_stood(run: Run) -> None:
    content = rb'{"a":"\u00e9\n,\"","b":1.50,"c":{"x": [1]},"d":null,"e":"","f":true}' + b'\n{"a":"null"}\n'

    output = run(content, converting("csv"), name="table.jsonl")

    assert output.path.read_bytes().decode() == ('a,b,c,d,e,f\n"é\n,""",1.50,"{""x"": [1]}",,"",true\nnull,,,,,\n')


def test_an_array_larger_than_what_is_read_at_once_keeps_all_elements(run: Run) -> None:
    value = [{"n": n, "text": "é]},[{" * 50, "list": [{"n": n}]} for n in range(20_000)]

    output = run(json.dumps(value, ensure_ascii=False).encode(), name="table.json")

    assert json.loads(output.path.read_bytes()) == value


def test_keys_that_come_up_in_the_last_of_many_lines_are_there(run: Run) -> None:
    lines = [{"n": n} for n in range(100_000)] + [{"n": -1, "late": "x"}]

    output = run("\n".join(map(json.dumps, lines)).encode(), name="table.jsonl")

    assert [json.loads(line) for line in output.path.read_bytes().splitlines()] == lines


def test_the_format_of_a_json_file_is_told_by_its_content(run: Run) -> None:
    assert run(b' [{"a":1}]', name="table.json").suffix == ".json"
    assert run(b'{"a":1}\n{"a":2}\n', name="table.json").suffix == ".jsonl"
    assert run(gzip.compress(b'{"a":1}'), name="upload").suffix == ".jsonl.gz"
    assert run(b"[a\n1\n", name="table.txt").suffix == ".csv"
    assert run(b'{"a"\n1\n', name="table.txt", input_format="csv").suffix == ".csv"


@pytest.mark.parametrize(
    ("texts", "tokens"),
    [
        (["1", "-20", ""], ["1", "-20", "null"]),
        (["1.50", "0.25"], ["1.50", "0.25"]),
        (["123456789012345678901234567890", "1"], ["123456789012345678901234567890", "1"]),
        (["1.5", "2.25"], ["1.5", "2.25"]),
        (["true", "false"], ["true", "false"]),
        (["00123", "1"], ['"00123"', '"1"']),
        (["+1", "2"], ['"+1"', '"2"']),
        (["nan", "1.5"], ['"nan"', '"1.5"']),
        (["2024-01-02", "2024-01-03"], ['"2024-01-02"', '"2024-01-03"']),
        (["", ""], ["null", "null"]),
        (["True", "true"], ['"True"', '"true"']),
    ],
)
def test_columns_of_csv_become_numbers_only_where_all_their_values_are(
    run: Run, texts: list[str], tokens: list[str]
) -> None:
    content = "id,x\n" + "".join(f"{number},{text}\n" for number, text in enumerate(texts))

    output = run(content.encode(), converting("jsonl"))

    lines = output.path.read_text().splitlines()
    assert lines == [f'{{"id":{number},"x":{token}}}' for number, token in enumerate(tokens)]


def test_a_value_far_down_makes_its_column_texts(run: Run) -> None:
    rows = [f"{n},{n}" for n in range(300_000)] + ["300000,007"]

    output = run(("id,x\n" + "\n".join(rows) + "\n").encode(), converting("jsonl"))

    lines = output.path.read_text().splitlines()
    assert lines[0] == '{"id":0,"x":"0"}'
    assert lines[-1] == '{"id":300000,"x":"007"}'


def test_no_rows_are_an_empty_array(run: Run) -> None:
    output = run(b'[{"a":1}]', filtering("a", "eq", 2), name="table.json")

    assert json.loads(output.path.read_bytes()) == []
