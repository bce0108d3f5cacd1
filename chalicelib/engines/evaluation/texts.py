"""Texts as they are compared. They come from strangers, so each step takes time in proportion to their length."""

import re
import unicodedata

TEXT_LIMIT = 50_000
"""Characters of an answer that patterns, numbers and JSON are looked for in."""

# Composing takes time by the square of a run of combining marks, and 80,000 of them took 9 seconds; no word that is
# meant is as long as this, and longer ones are composed in parts.
_WORD = re.compile(r"\S{1,1000}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TOLD = 200


def well_formed(text: str) -> str:
    """The text with U+FFFD for each half of a surrogate pair, which UTF-8 cannot hold."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def composed(text: str) -> str:
    """The text in Unicode's normalization form C; white space stays, since nothing composes across it."""
    return text if text.isascii() else _WORD.sub(lambda word: unicodedata.normalize("NFC", word[0]), text)


def collapsed(text: str) -> str:
    """The text in form C, with one space for each run of white space, and none at its ends."""
    return " ".join(composed(text).split())


def told(text: str) -> str:
    """The text as a message may repeat it: quoted, and its beginning only."""
    return repr(text if len(text) <= _TOLD else f"{text[:_TOLD]}…")


def clipped(text: str) -> tuple[str, str]:
    """The part of an answer that is looked at, and the words that say so where it is not the whole."""
    if len(text) <= TEXT_LIMIT:
        return text, ""
    return text[:TEXT_LIMIT], f" (in the first {TEXT_LIMIT} characters)"
