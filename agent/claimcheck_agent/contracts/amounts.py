"""Numbers as people write them: `10,000,000`, `1.5 million`, `1e6`, `10^9`, `two hundred`, `half a million`."""

import re
from decimal import Context, Decimal

UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905  (as above)
SMALL = {word: number for number, word in enumerate(UNITS)} | {word: 20 + 10 * place for place, word in enumerate(TENS)}
SCALES = {
    "hundred": 2,
    "thousand": 3,
    "million": 6,
    "billion": 9,
    "trillion": 12,
    "quadrillion": 15,
    "lakh": 5,
    "crore": 7,
}
LETTERS = {"k": 3, "mn": 6, "mm": 6, "m": 6, "bn": 9, "b": 9, "t": 12}

_SCALE = f"(?:{'|'.join(SCALES)})"
_GROUPED = r"\d{1,3}(?:[,_'\u2019 ]\d{3})+(?:\.\d+)?(?![\d])|\d{1,3}(?:\.\d{3}){2,}(?!\d)"
_POWER = r"10\s?(?:\^|\*\*)\s?\d{1,2}"
_PLAIN = r"\d+(?:\.\d+)?(?:e\+?\d{1,2})?"
_AND_HALF = rf"[\s-]+and[\s-]+a[\s-]+half(?:[\s-]+{_SCALE}s?\b){{1,3}}"
_SUFFIX = rf"(?:\s?(?:{'|'.join(LETTERS)})\b|(?:[\s-]{_SCALE}s?\b)+|{_AND_HALF})?"
# "thousands of", "tens of thousands of", "a few million".
_PLURAL = rf"(?:tens|dozens|{_SCALE}s)"
_VAGUE = (
    rf"(?:{_PLURAL}|(?:an?[\s-]+)?(?:couple(?:\s+of)?|few|several|many)[\s-]+(?:dozen|{_SCALE}s?))\b"
    rf"(?:\s+of\s+{_PLURAL}\b){{0,3}}"
)
# A scale is in the plural only after a number: "two millions".
_FIRST = rf"(?:an?[\s-]+)?half[\s-]+(?:an?[\s-]+)?{_SCALE}|an?[\s-]+{_SCALE}|{'|'.join(SMALL)}|{_SCALE}"
_NEXT = rf"[\s-]+(?:and\s+)?(?:{'|'.join(SMALL)}|{_SCALE}s?)\b"
_WORDS = rf"(?:{_VAGUE}|(?:{_FIRST})\b)(?:{_NEXT}){{0,12}}(?:{_AND_HALF})?"

# As many digits as anybody may write: amounts are exact.
_EXACT = Context(prec=500)

# A pattern without groups, for use in others that ignore case.
AMOUNT = rf"(?:(?<![\w.])(?:{_POWER}|(?:{_GROUPED}|{_PLAIN}){_SUFFIX})(?![\w%])|\b{_WORDS})"

# Words that say how many, wherever they stand: where no pattern has understood them, something is not understood.
NUMERALS = frozenset({*SCALES, *(f"{word}s" for word in SCALES), "tens", "half", "quarter", "dozen", "dozens"})

_FILLING, _HALF = {"a", "an", "and"}, Decimal("0.5")
_UNCLEAR = re.compile(r"\d{1,3}\.\d{3}")
_ABOUT = re.compile(rf"{_VAGUE}.*")
_DIGITS = re.compile(rf"(?P<number>{_GROUPED}|{_PLAIN})(?P<suffix>.*)", re.IGNORECASE)


class UnclearAmount(ValueError):
    """The number may mean one thing or another; the message says which."""


def parse_amount(text: str) -> Decimal:
    """Read what the pattern AMOUNT has found.

    Raises:
        UnclearAmount: it has two meanings, or is no number.
    """
    text = " ".join(text.lower().split())
    if _UNCLEAR.fullmatch(text):
        thousands, decimals = text.replace(".", ""), text.partition(".")[0]
        raise UnclearAmount(f"{text} may mean {thousands} or {decimals}; write it without the point")
    if power := re.fullmatch(r"10\s?(?:\^|\*\*)\s?(\d+)", text):
        return scaled(Decimal(1), int(power[1]))
    if found := _DIGITS.fullmatch(text):
        number, scales = _number(found["number"]), _words(found["suffix"])
        if scales[:1] == ["half"]:
            number, scales = _EXACT.add(number, _HALF), scales[1:]
        return scaled(number, sum(map(_exponent, scales)))
    return _spelt(text)


def scaled(number: Decimal, exponent: int) -> Decimal:
    """Multiply by a power of ten, exactly."""
    return number.scaleb(exponent, _EXACT)


def plain(number: Decimal) -> str:
    """Write a number without an exponent and without zeros at its end: `1500000`, `0.5`."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _number(text: str) -> Decimal:
    if text.count(".") > 1:
        text = text.replace(".", "")
    return Decimal(re.sub(r"[,_'\u2019 ]", "", text))


def _exponent(word: str) -> int:
    return LETTERS.get(word) or SCALES[word.removesuffix("s")]


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s-]+", text) if word and word not in _FILLING]


def _spelt(text: str) -> Decimal:
    """Read a number in words.

    Raises:
        UnclearAmount: it says only about how many, or not half of what.
    """
    if _ABOUT.fullmatch(text):
        raise UnclearAmount(f"{text} may be any number of them; write how many")
    words = _words(text)
    if "half" not in words:
        return Decimal(_whole(words))
    # "Two and a half million", "half a hundred thousand".
    before, after = words[: words.index("half")], words[words.index("half") + 1 :]
    if "half" in after or not SMALL.keys().isdisjoint(after):
        raise UnclearAmount(f"{text} may be half of one thing or of another; write it in digits")
    return _EXACT.multiply(_EXACT.add(_whole(before), _HALF), _whole(after))


def _whole(words: list[str]) -> int:
    """Read a whole number by summing up what stands before each scale; nothing is 0."""
    total, group = 0, 0
    for word in words:
        if word in SMALL:
            group += SMALL[word]
        elif (exponent := _exponent(word)) == SCALES["hundred"]:
            group = (group or 1) * 100
        elif total and not group:  # A hundred thousand million.
            total *= 10**exponent
        else:
            total, group = total + (group or 1) * 10**exponent, 0
    return total + group
