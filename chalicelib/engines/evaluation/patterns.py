"""Patterns of strangers, searched by RE2, whose time is bounded by the product of the pattern and the text."""

from functools import lru_cache
from typing import Any

MAX_PATTERN_CHARACTERS = 1_000
# Of a pattern with its automaton; a pattern that repeats itself into more is refused.
_MEMORY_BYTES = 1 << 20
# As many as the library keeps itself, so that the memory of all is bounded too.
_KEPT = 128


class BadPattern(ValueError):
    """RE2 does not take the pattern."""


@lru_cache(maxsize=_KEPT)
def compiled(pattern: str, *, ignore_case: bool = False) -> Any:  # noqa: ANN401  the library has no types
    """The pattern, ready to search and match.

    Raises:
        BadPattern: with RE2's words; or it is too long.
    """
    import re2  # noqa: PLC0415  a cold start does without

    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise BadPattern(f"a pattern may have at most {MAX_PATTERN_CHARACTERS} characters")
    options = re2.Options()
    options.max_mem = _MEMORY_BYTES
    options.log_errors = False
    options.case_sensitive = not ignore_case
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise BadPattern(f"is no pattern in RE2's syntax: {_words(error)}") from error
    except UnicodeEncodeError as error:
        raise BadPattern("holds half of a surrogate pair") from error


def found(pattern: str, text: str, *, ignore_case: bool = False, whole: bool = False) -> bool:
    """Whether a well-formed text has a match anywhere, or as a whole is one."""
    ready = compiled(pattern, ignore_case=ignore_case)
    return (ready.fullmatch(text) if whole else ready.search(text)) is not None


def _words(error: Exception) -> str:
    words = error.args[0] if error.args else ""
    return words.decode(errors="replace") if isinstance(words, bytes) else str(words)
