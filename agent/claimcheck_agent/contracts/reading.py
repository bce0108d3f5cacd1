"""A prompt that is read bit by bit: what has been understood is taken out, until only the rest is left."""

import re
from functools import cache

# What is taken out leaves this, so that places stay what they were and nothing grows together.
TAKEN = "\x1f"
FARTHEST = 300  # Characters that a negation reaches.

_NEGATOR = (
    r"\b(?P<wide>without(?: any)?|excluding|exclude|neither|leave out|omit|(?:do not|don't) (?:add|include|want|need"
    r"|allow|make))\b"
    r"|\b(?:no|not|never|nor|non|cannot|can't|isn't|disabled?|nobody(?: can)?|no one(?: can)?|shouldn't|must not"
    r"|won't)\b"
)
_BREAK = (
    r"[.;:!?()\n]|\b(?:but|with|while|however|although|though|yet|then|plus|also|include|includes|including|instead"
    r"|so|should"
    r"|has|have|which|that|it)\b"
)
# "burnable: no", "mintable = true".
_OFF = re.compile(r"\b(?P<what>\w+)(?P<said>\s*[:=]\s*(?:false|no|off|disabled)\b)", re.IGNORECASE)
_ON = re.compile(r"\b\w+(?P<said>\s*[:=]\s*(?:true|yes|on|enabled)\b)", re.IGNORECASE)
_WIDE_JOINT, _JOINT = r"\b(?:or|nor|and)\b", r"\b(?:or|nor)\b"
_WIDE_END, _END = r",", r",|\band\b"


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of the vocabulary, in which a space stands for any white space or a hyphen."""
    return re.compile(pattern.replace(" ?", r"[\s-]?").replace(" ", r"[\s-]+"), re.IGNORECASE)


class Text:
    """A prompt, and what of it is left."""

    def __init__(self, text: str) -> None:
        self.left = text

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Take out the first place where a pattern is met."""
        found = pattern.search(self.left)
        if found:
            self._blank(found)
        return found

    def take_all(self, pattern: re.Pattern[str], part: int | str = 0) -> list[re.Match[str]]:
        """Take out all places where a pattern is met, or one group of it there."""
        found = list(pattern.finditer(self.left))
        for place in found:
            self._blank(place, part)
        return found

    def negated(self) -> "Negations":
        """Find out where it is said what is not wanted, and take out the words that say so."""
        switched_off = [found.span("what") for found in self.take_all(_OFF, part="said")]
        self.take_all(_ON, part="said")
        negators = self.take_all(compiled(_NEGATOR))
        return Negations([*switched_off, *(_scope(self.left, negator) for negator in negators)])

    def words(self) -> list[str]:
        """Give what is left, as words, numbers and signs that mean something."""
        return re.findall(r"[^\W\d_][\w'-]*|\d[\d.,]*|%", self.left.replace(TAKEN, " "))

    def _blank(self, found: re.Match[str], part: int | str = 0) -> None:
        start, end = found.span(part)
        self.left = self.left[:start] + TAKEN * (end - start) + self.left[end:]


class Negations:
    """Where in a text things are said not to be."""

    def __init__(self, scopes: list[tuple[int, int]]) -> None:
        self._scopes = scopes

    def cover(self, found: re.Match[str]) -> bool:
        """Say whether what was found is said not to be."""
        return any(start <= found.start() < end for start, end in self._scopes)


def _scope(text: str, negator: re.Match[str]) -> tuple[int, int]:
    """Give how far a negation reaches: over a list, which ends after its last `or` (of "without", also `and`)."""
    wide = negator["wide"]
    start, end = negator.end(), min(len(text), negator.end() + FARTHEST)
    if found := compiled(_BREAK).search(text, start, end):
        end = found.start()
    joints = list(re.compile(_WIDE_JOINT if wide else _JOINT, re.IGNORECASE).finditer(text, start, end))
    after = joints[-1].end() if joints else start
    found = re.compile(_WIDE_END if wide else _END, re.IGNORECASE).search(text, after, end)
    return start, found.start() if found else end
