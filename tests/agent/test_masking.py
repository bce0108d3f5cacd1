"""Masking: a secret in any form that programs print it in, and nothing but secrets."""

import base64
import json
import random
import string
import textwrap
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from claimcheck_agent.masking import Masker
from hypothesis import assume, given, settings
from hypothesis import strategies as st

SECRET = 'p@ss/w+rd "é" 100%\\'
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nBAQEFAASCBKcwggSjAgEAAo\n-----END KEY-----\n"
secrets = st.text(min_size=4, max_size=40).filter(lambda text: len(text.strip()) >= 4 and text == text.strip())


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower(),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        json.dumps(SECRET)[1:-1].replace("/", r"\/"),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"{SECRET}\n".encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
    ],
)
def test_every_form_is_masked_whole(form: str) -> None:
    assert Masker([SECRET]).mask(f"before {form} after") == "before *** after"


@given(secret=secrets, before=st.text(max_size=5), after=st.text(max_size=5))
def test_base64_of_a_longer_text_gives_nothing_away(secret: str, before: str, after: str) -> None:
    assume(len(secret.encode()) >= 8)
    encoded = base64.b64encode(f"{before}{secret}{after}".encode()).decode()
    masked = Masker([secret]).mask(encoded)
    assert "***" in masked
    assert len(masked.replace("***", "")) <= len(encoded) - len(secret.encode()) * 4 // 3 + 4


@settings(deadline=None)
@given(
    secret=st.text(min_size=24, max_size=300).map(str.strip).filter(lambda text: len(text.encode()) >= 24),
    before=st.binary(max_size=90),
    after=st.binary(max_size=90),
    columns=st.sampled_from([64, 76, 60]),
    encode=st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]),
)
def test_pieces_of_wrapped_base64_are_masked(
    secret: str, before: bytes, after: bytes, columns: int, encode: Callable[[bytes], bytes]
) -> None:
    encoded = encode(before + secret.encode() + after).decode()
    first, last = -(-len(before) * 4 // 3) + 1, (len(before) + len(secret.encode())) * 4 // 3 - 1
    masker = Masker([secret])
    for start in range(0, len(encoded), columns):
        line = encoded[start : start + columns]
        piece = line[max(0, first - start) : max(0, last - start)]
        if len(piece) >= 16:
            assert piece not in masker.mask(line)
            assert len(masker.mask(line).replace("***", "")) <= len(line) - len(piece)


def test_wrapped_base64_of_a_secret_leaves_nothing() -> None:
    token = "".join(random.Random(5).choices(string.ascii_letters + string.digits, k=300))  # noqa: S311
    for columns in (64, 76):
        wrapped = textwrap.wrap(base64.b64encode(token.encode()).decode(), columns)
        assert len(wrapped) > 5
        assert {Masker([token]).mask(line) for line in wrapped} == {"***"}


def test_long_lines_without_secrets_are_masked_in_no_time() -> None:
    masker = Masker(["0123456789abcdef" * 8])
    line = base64.b64encode(random.Random(6).randbytes(24_000)).decode()  # noqa: S311
    began = time.process_time()
    for _ in range(20):
        assert masker.mask(line) == line
    assert time.process_time() - began < 1


@given(secret=secrets, before=st.text(), after=st.text())
def test_plain_value_never_remains(secret: str, before: str, after: str) -> None:
    assume("*" not in secret)
    assert secret not in Masker([secret]).mask(before + secret + after)


@given(text=st.text())
def test_text_without_secrets_is_left_alone(text: str) -> None:
    assume("0123456789" not in text)
    assert Masker(["0123456789-abcdef"]).mask(text) == text
    assert Masker().mask(text) == text


def test_secret_of_several_lines_is_masked_line_by_line() -> None:
    masker = Masker([KEY])
    for line in KEY.splitlines():
        assert masker.mask(f"> {line}") == "> ***"
    assert masker.mask(json.dumps({"key": KEY})) == '{"key": "***\\n"}'


def test_lines_without_substance_are_not_masked() -> None:
    masker = Masker(['{\n  "key": "0123456789abcdef"\n}'])
    assert masker.mask("{ }") == "{ }"


def test_key_inside_a_json_secret_is_masked_as_it_is_used() -> None:
    masker = Masker([json.dumps({"client": "a@b", "private_key": KEY})])
    assert "MIIEvQ" not in masker.mask(KEY.splitlines()[1])


def test_the_longest_form_goes_first() -> None:
    assert Masker(["abcd", "abcdefgh"]).mask("abcdefgh abcd") == "*** ***"


@pytest.mark.parametrize("value", ["", "a", "abc", "   ", "\n"])
def test_values_too_short_to_be_secret_are_ignored(value: str) -> None:
    assert Masker([value]).mask("abc a\n") == "abc a\n"


def test_json_is_masked_in_keys_values_and_numbers() -> None:
    masked = Masker(["12345678"]).mask_json({"n": 12345678, "12345678": [True, None, 1.5, ("x12345678",)]})
    assert masked == {"n": "***", "***": [True, None, 1.5, ["x***"]]}


@given(secret=secrets, before=st.text(max_size=60), after=st.text(max_size=60), size=st.integers(1, 30))
def test_cutting_an_endless_line_never_splits_a_secret(secret: str, before: str, after: str, size: int) -> None:
    assume("*" not in secret)
    text = before + secret + after
    masker = Masker([secret])
    held, pieces = "", []
    for start in range(0, len(text), size):
        held += text[start : start + size]
        cut = masker.safe_cut(held)
        pieces.append(held[:cut])
        held = held[cut:]
    pieces.append(held)
    assert "".join(pieces) == text
    assert any(secret in piece for piece in pieces)
