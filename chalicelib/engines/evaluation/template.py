"""Templates of prompts: ``Analyze: {context}``, with the columns of a row in braces and ``{{`` for a brace itself.

Nothing in braces is more than a column's name. What Python's formatting would read as an attribute, an index, a
conversion or a format is refused, and braces in a value stay what they are.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache

from .errors import TemplateError

MAX_PROMPT_CHARACTERS = 1_000_000

_PART = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}]*)\}|(?P<brace>[{}])")
_NO_NAME = re.compile(r"[.\[\]!:]")
_IN_A_NAME = r"[^{}.\[\]!:]*"
# A name is not blank: the characters in the middle are white space to Python that a pattern's \s may not be.
PATTERN = rf"^([^{{}}]|\{{\{{|\}}\}}|\{{{_IN_A_NAME}[^{{}}.\[\]!:\s\x1c-\x1f\x85]{_IN_A_NAME}\}})*$"
"""What ``placeholders`` takes, as JSON Schema says it."""
_TOLD_COLUMNS = 50
_TOLD_CHARACTERS = 100


def placeholders(template: str) -> frozenset[str]:
    """The columns that a template names.

    Raises:
        TemplateError: a brace stands alone, or what is in braces is no name.
    """
    return frozenset(name for _, name in _parts(template) if name is not None)


def fill(template: str, row: Mapping[str, str]) -> str:
    """The template with the row's values; a name that differs from a column's in case only is that column.

    Raises:
        TemplateError: as ``placeholders``; the row has no such column, or the prompt is over 1,000,000 characters.
    """
    filled: list[str] = []
    length = 0
    for text, name in _parts(template):
        filled += (text, "" if name is None else row[column(name, row)])
        length += len(filled[-2]) + len(filled[-1])
        # Before it is joined: a few kilobytes of template can name a value a thousand times.
        if length > MAX_PROMPT_CHARACTERS:
            raise TemplateError(f"the prompt has more than {MAX_PROMPT_CHARACTERS} characters")
    return "".join(filled)


def column(name: str, columns: Collection[str]) -> str:
    """The column that a placeholder names.

    Raises:
        TemplateError: there is none; it names those that there are.
    """
    if name in columns:
        return name
    same = [each for each in columns if each.strip().casefold() == name.casefold()]
    if not same:
        raise TemplateError(
            f"the template names {_shortened(name)}, and the data set has no such column; {having(columns)}"
        )
    return same[0]


def having(columns: Collection[str]) -> str:
    """What columns there are, in words."""
    there = list(columns)
    more = f" and {len(there) - _TOLD_COLUMNS} more" if len(there) > _TOLD_COLUMNS else ""
    return f"its columns are {', '.join(map(_shortened, there[:_TOLD_COLUMNS]))}{more}" if there else "it has none"


@lru_cache(maxsize=16)
def _parts(template: str) -> tuple[tuple[str, str | None], ...]:
    """Texts, each with the name that follows it."""
    return tuple(_split(template))


def _split(template: str) -> Iterator[tuple[str, str | None]]:
    end = 0
    for match in _PART.finditer(template):
        before, end = template[end : match.start()], match.end()
        if match["brace"]:
            where = match.start() + 1
            raise TemplateError(f"character {where} of the template is a brace alone; write {match[0] * 2} for a brace")
        if match["name"] is None:
            yield before + match[0][0], None
        else:
            yield before, _name(match["name"])
    yield template[end:], None


def _name(written: str) -> str:
    name = written.strip()
    if not name:
        raise TemplateError("the template has braces with nothing in them; write {{}} for braces, or name a column")
    refused = _NO_NAME.search(name)
    if refused:
        raise TemplateError(
            f"the template has {_shortened(name)} in braces; a placeholder is a column's name alone, without"
            f" {refused[0]!r}; write {{{{ for a brace"
        )
    return name


def _shortened(name: str) -> str:
    return repr(name if len(name) <= _TOLD_CHARACTERS else f"{name[:_TOLD_CHARACTERS]}…")
