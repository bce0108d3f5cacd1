"""Which parts of a CSV file are quoted, compared with a reader that goes through it character by character."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.engines.tabular import csv_quotes
from chalicelib.engines.tabular.csv_quotes import Quotes, joined
from chalicelib.engines.tabular.progress import Progress

TEXTS = st.text(alphabet='",\n\r ab', max_size=60)


def plainly(text: str) -> tuple[str, int | None]:
    """The text's characters outside of quotes, opening and closing quotes left out, and where an open quote stands."""
    outside, opened, place = "", None, 0
    start = True
    while place < len(text):
        character = text[place]
        if opened is not None:
            if character == '"' and text[place + 1 : place + 2] == '"':
                place += 1
            elif character == '"':
                opened = None
        elif character == '"' and start:
            opened = place
        else:
            outside += character
        spaced = character == " " and text[max(0, place - 1)] == ","
        start = opened is None and (character in ",\n\r" or spaced)
        place += 1
    return outside, opened


def told(path: Path, text: str) -> tuple[str, int | None]:
    path.write_bytes(text.encode())
    quotes = Quotes(path, ",", Progress(lambda _: None))
    outside = ""
    for part in quotes:
        outside += "".join(piece.decode() for piece in part.unquoted)
    return outside, quotes.opened


@settings(max_examples=1_500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS, size=st.sampled_from([1, 2, 3, 7, 1000]))
def test_quoted_parts_are_those_of_a_reader_by_characters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, size: int
) -> None:
    monkeypatch.setattr(csv_quotes, "CHUNK_BYTES", size)

    assert told(tmp_path / "file.csv", text) == plainly(text)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS, size=st.sampled_from([1, 2, 3, 7, 1000]))
def test_parts_make_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, size: int) -> None:
    monkeypatch.setattr(csv_quotes, "CHUNK_BYTES", size)
    path = tmp_path / "file.csv"
    path.write_bytes(text.encode())

    parts = list(Quotes(path, ",", Progress(lambda _: None)))

    assert b"".join(joined(part.pieces) for part in parts) == text.encode()
