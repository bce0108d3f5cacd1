"""The strict parser: what it takes comes back as it was, and all else is refused by name."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import InvalidRequest
from chalicelib.strict_json import MAX_DEPTH, MAX_DIGITS, canonical, parse

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)


@given(VALUES)
def test_parse_gives_back_any_value(value: Any) -> None:
    assert parse(json.dumps(value).encode()) == value
    assert parse(canonical(value)) == value


@given(st.binary(max_size=200))
def test_parse_refuses_or_takes_any_bytes_and_raises_nothing_else(content: bytes) -> None:
    try:
        value = parse(content)
    except InvalidRequest:
        return
    assert parse(canonical(value)) == value


@given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_canonical_is_one_spelling_whatever_the_order(value: dict[str, Any]) -> None:
    assert canonical(dict(reversed(value.items()))) == canonical(value)


@pytest.mark.parametrize(("content", "word"), [
    (b'{"a": 1, "a": 2}', "twice"),
    (b'[{"b": {"a": 1, "a": 1}}]', "twice"),
    (b"NaN", "NaN"), (b"[Infinity]", "Infinity"), (b"-Infinity", "-Infinity"),
    (b"1e999", "too large"), (b"-1e999", "too large"),
    (b'"\\u0000"', "NUL"), (b'{"\\u0000": 1}', "NUL"), (b'{"a": ["x\\u0000"]}', "NUL"),
    (b'"\\ud800"', "surrogate"), (b'"\\udc00\\ud800"', "surrogate"), (b'{"\\udfff": 1}', "surrogate"),
    (b"\xff", "UTF-8"), (b'"\xed\xa0\x80"', "UTF-8"), ('"ä"'.encode("utf-16"), "UTF-8"),
    (b"", "not JSON"), (b"{", "not JSON"), (b"{} {}", "not JSON"), (b"[1,]", "not JSON"), (b"'a'", "not JSON"),
    (b"\xef\xbb\xbf{}", "not JSON"), (b'"\n"', "not JSON"), (b"01", "not JSON"), (b"+1", "not JSON"),
    (b"[" * 100_000, "deep"), (b'{"a":' * 100_000, "deep"),
])  # fmt: skip
def test_parse_refuses_by_name(content: bytes, word: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse(content)
    assert word in refused.value.message


def test_surrogates_in_pairs_are_one_character() -> None:
    assert parse(b'"\\ud83d\\ude00"') == "\U0001f600"


@pytest.mark.parametrize(("digits", "taken"), [(MAX_DIGITS - 1, True), (MAX_DIGITS, True), (MAX_DIGITS + 1, False)])
def test_digits_are_limited(digits: int, *, taken: bool) -> None:
    _expect(b"9" * digits, taken=taken)


@pytest.mark.parametrize(("depth", "taken"), [(MAX_DEPTH - 1, True), (MAX_DEPTH, True), (MAX_DEPTH + 1, False)])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_depth_is_limited(depth: int, opening: bytes, closing: bytes, *, taken: bool) -> None:
    _expect(opening * depth + b"1" + closing * depth, taken=taken)


def _expect(content: bytes, *, taken: bool) -> None:
    if taken:
        parse(content)
        return
    with pytest.raises(InvalidRequest):
        parse(content)


def test_five_thousand_digits_are_no_value_error_of_pythons() -> None:
    with pytest.raises(InvalidRequest):
        parse(b'{"a": ' + b"9" * 5000 + b"}")


def test_canonical_refuses_what_is_no_json() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))
