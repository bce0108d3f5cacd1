"""Texts as they must be written to stand in SQL."""

from collections.abc import Iterable


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def struct(items: Iterable[tuple[str, str]]) -> str:
    """A struct literal of texts."""
    return "{" + ", ".join(f"{literal(key)}: {literal(value)}" for key, value in items) + "}"
