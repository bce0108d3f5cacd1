"""The numbers that a text says, and the evaluator that compares them."""

import re
from collections.abc import Iterator
from decimal import Decimal, localcontext
from typing import Literal

from .parameters import Tolerance
from .registry import PASS, Evaluator, Verdict, fail, register
from .texts import clipped

_MAX_DIGITS = 400
# So many digits are exact whatever two numbers are subtracted.
_PRECISION = 1_000

Separator = Literal[".", ","]


def _number(point: str, group: str) -> re.Pattern[str]:
    # White space that does not break a line, apostrophes and underscores are no part of any decimal mark.
    groups = rf"[0-9]{{1,3}}(?:[{group}'_\u2019\u00a0\u2009\u202f][0-9]{{3}})+(?![0-9])"
    # Not inside a word or behind a point: GPT4 and the end of 1.2.3 are none, 10-20 is 10 and 20. Scripts without
    # spaces have numbers right behind their words.
    return re.compile(
        rf"(?<![A-Za-z0-9_{point}])(?P<sign>(?<![\w)])[-+\u2212])?[$€£¥₹]?"
        rf"(?:(?P<whole>{groups}|[0-9]+)(?:[{point}](?P<part>[0-9]+))?|[{point}](?P<only>[0-9]+))"
        r"(?:[eE](?P<exponent>[-+]?[0-9]{1,3})(?![0-9]))?"
    )


_NUMBERS: dict[Separator, re.Pattern[str]] = {".": _number(r"\.", ","), ",": _number(",", r"\.")}
_NOT_DIGITS = re.compile(r"[^0-9]")


def numbers_in(text: str, decimal_separator: Separator = ".") -> Iterator[Decimal]:
    """The numbers that a text says, in their order; those of over 400 digits are passed over."""
    for match in _NUMBERS[decimal_separator].finditer(text):
        if len(match[0]) <= _MAX_DIGITS:
            sign = "-" if match["sign"] in {"-", "\N{MINUS SIGN}"} else ""
            whole = _NOT_DIGITS.sub("", match["whole"] or "0")
            yield Decimal(f"{sign}{whole}.{match['part'] or match['only'] or ''}e{match['exponent'] or 0}")


@register
class NumericClose(Evaluator):
    """A number of the answer is near the first number of the expected text."""

    name: Literal["numeric_close"] = "numeric_close"
    relative: Tolerance = 1e-6
    absolute: Tolerance = 0.0
    position: Literal["any", "first", "last"] = "any"
    decimal_separator: Separator = "."

    def evaluate(self, expected: str, actual: str) -> Verdict:
        """1 or 0."""
        wanted = next(numbers_in(clipped(expected)[0], self.decimal_separator), None)
        if wanted is None:
            return fail("the expected text has no number")
        text, where = clipped(actual)
        answers = list(numbers_in(text, self.decimal_separator))
        if not answers:
            return fail(f"has no number{where}")
        looked_at = {"any": answers, "first": answers[:1], "last": answers[-1:]}[self.position]
        if any(self._near(wanted, answer) for answer in looked_at):
            return PASS
        which = "no number is" if self.position == "any" else f"the {self.position} number is not"
        return fail(f"{which} near {wanted:.12g}{where}")

    def _near(self, wanted: Decimal, answer: Decimal) -> bool:
        """Whether the two differ by at most the larger tolerance; a tolerance is the decimal it was written as."""
        with localcontext(prec=_PRECISION):
            relative = Decimal(repr(self.relative)) * abs(wanted)
            return abs(answer - wanted) <= max(relative, Decimal(repr(self.absolute)))
