"""The form in which an agent's words are taken: what is not in it counts as not told.

Agents are other people's programs. What they say ends on pages, in sums and in other programs, so it has to be what it
is said to be.
"""

import math
import re
from collections.abc import Callable
from typing import Any, TypeVar

MOST = 1_000_000_000
LONGEST = 2000
Item = TypeVar("Item")


def number(value: Any, least: float, most: float, *, clamped: bool = False) -> float | None:  # noqa: ANN401  any JSON
    """A number in a range; ``clamped`` to it, where one outside is as good as the nearest inside."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124  NaN
        return None
    inside = min(max(value, least), most)
    return inside if clamped or inside == value else None


def count(value: Any) -> int | None:  # noqa: ANN401  any JSON
    """A whole number from 0 on."""
    found = number(value, 0, MOST)
    return int(found) if found is not None and not math.modf(found)[0] else None


def text(value: Any, longest: int) -> str | None:  # noqa: ANN401  any JSON
    """A text that can be printed in a line, cut to so many characters."""
    if not isinstance(value, str):
        return None
    return "".join(letter if letter.isprintable() else " " for letter in value[:longest])


def whole(value: Any) -> int | None:  # noqa: ANN401  any JSON
    """A whole number of up to 256 bits, as chains have them."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 256 else None


def matching(value: Any, pattern: str) -> str | None:  # noqa: ANN401  any JSON
    """A text that is, whole, what a regular expression says."""
    return value if isinstance(value, str) and re.fullmatch(pattern, value) else None


def link(value: Any) -> str | None:  # noqa: ANN401  any JSON
    """The URL of a page."""
    return matching(value, r"https?://[!-~]{1,2000}")


def line(value: Any) -> str | None:  # noqa: ANN401  any JSON
    """A line of text."""
    return text(value, LONGEST)


def items(value: Any, form: Callable[[Any], Item | None], most: int) -> list[Item] | None:  # noqa: ANN401  any JSON
    """The items of a list that have a form, the first so many of them."""
    if not isinstance(value, list):
        return None
    return [taken for item in value[:most] if (taken := form(item)) is not None]
