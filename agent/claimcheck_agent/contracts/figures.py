"""Numbers in a prompt: how many tokens there are at the beginning and at most, their decimals, how a governor votes."""

import re
from dataclasses import dataclass
from decimal import Decimal

from claimcheck_agent.contracts.amounts import AMOUNT, parse_amount, plain, scaled
from claimcheck_agent.contracts.reading import Text
from claimcheck_agent.contracts.understood import Voting

MOST_DECIMALS = 30  # More than anybody has, and 10 to the power of it times a supply still fits.
UINT256 = 2**256

_AMOUNT = rf"(?P<amount>{AMOUNT})"
_IS = r"(?:\s+(?:is|of|at|to|be|should|will|must|set|fixed|capped|limited)){0,4}\s*[:=]?\s*"
_UNIT = r"(?:\s+(?:\w+\s+)?(?:tokens?|coins?|nfts?|items?|units?|pieces))?"
_SUPPLY = r"(?:(?:initial|total|fixed|constant|starting|circulating|token|pre-?minted)\s+){0,4}supply"
_MAXIMUM = r"(?:max(?:imum|imal)?|capped|limited|hard-?capped)\s+(?:total\s+|token\s+)?supply"


def _any(*patterns: str) -> re.Pattern[str]:
    """Match one of several patterns, of which each has the amount."""
    numbered = (pattern.replace("?P<amount>", f"?P<amount{place}>") for place, pattern in enumerate(patterns))
    return re.compile("|".join(f"(?:{pattern})" for pattern in numbered), re.IGNORECASE)


_CAP = _any(
    rf"\b(?:{_MAXIMUM}|supply\s+(?:cap|limit)|(?:hard[- ]?)?cap|limit)\b{_IS}{_AMOUNT}{_UNIT}",
    rf"\bmax(?:imum)?(?:\s+of)?\s+{_AMOUNT}{_UNIT}",
    rf"\b(?:hard[- ]?)?(?:capped|limited)\s+(?:at|to)\s+(?:a\s+)?(?:supply\s+of\s+)?{_AMOUNT}{_UNIT}",
    rf"\b(?:no\s+more\s+than|never\s+(?:exceeds?|more\s+than)|(?:not|cannot|never)\s+exceed|at\s+most"
    rf"|up\s+to)\s+{_AMOUNT}{_UNIT}",
    rf"{_AMOUNT}\s+(?:tokens?\s+)?(?:{_MAXIMUM}|supply\s+cap|(?:hard[- ]?)?cap)\b",
)
_FIXED = re.compile(
    r"\b(?:fixed|constant|immutable|unchangeable)\s+(?:total\s+)?supply\b|\bsupply\s+is\s+fixed\b", re.IGNORECASE
)
_PREMINT = _any(
    rf"\b(?:pre-?mint(?:s|ed|ing)?|(?:initially\s+)?mint(?:s|ed|ing)?){_IS}{_AMOUNT}{_UNIT}",
    rf"{_AMOUNT}{_UNIT}\s+(?:(?:are|is|will\s+be|should\s+be|get)\s+)?(?:initially\s+)?(?:minted|pre-?mint(?:ed)?)\b",
)
_STATED = _any(
    rf"\b{_SUPPLY}\b{_IS}{_AMOUNT}{_UNIT}",
    rf"{_AMOUNT}\s+(?:\w+\s+)?(?:tokens?\s+)?(?:of\s+|as\s+(?:the\s+)?)?{_SUPPLY}\b",
    rf"{_AMOUNT}\s+(?:\w+\s+)?(?:tokens|coins|nfts|items|units|pieces)\b",
)
_DECIMALS = _any(rf"{_AMOUNT}\s+decimals?(?:\s+places?)?\b", rf"\bdecimals?(?:\s+places?)?\b{_IS}{_AMOUNT}")
_NO_DECIMALS = re.compile(
    r"\b(?:no|without(?:\s+any)?)\s+decimals?(?:\s+places?)?\b|\b(?:indivisible|non-?divisible)\b", re.IGNORECASE
)


def _timed(what: str) -> re.Pattern[str]:
    """Match how long something is: before it, or after it."""
    unit = "blocks?|seconds?|minutes?|hours?|days?|weeks?|months?"
    after = rf"(?P<amount>{AMOUNT})[\s-]*(?P<unit>{unit})"
    before = rf"(?P<first>{AMOUNT})[\s-]*(?P<of>{unit})\s+(?:voting\s+)?{what}\b"
    return re.compile(rf"\b(?:voting\s+)?{what}\b{_IS}{after}|{before}", re.IGNORECASE)


_DELAY, _PERIOD = _timed("delay"), _timed("period")
_QUORUM = re.compile(
    r"\bquorum\b(?:\s+(?:is|of|at|to|be|should)){0,4}\s*[:=]?\s*(?P<amount>\d{1,3})\s?(?:%|percent)"
    r"|(?P<first>\d{1,3})\s?(?:%|percent)\s+quorum\b",
    re.IGNORECASE,
)
_THRESHOLD = _any(
    rf"\b(?:proposal\s+)?threshold\b{_IS}{_AMOUNT}{_UNIT}(?:\s+votes)?",
    rf"{_AMOUNT}\s+(?:tokens?\s+)?(?:proposal\s+)?threshold\b",
)


class BadFigure(ValueError):
    """A number cannot be what it is meant to be; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The numbers that were given, in whole tokens; None for those that were not.

    Attributes:
        premint: what is to be minted at the beginning.
        supply: what was called the supply, without saying when.
        cap: how many there may be at most.
        decimals: of a token.
        fixed: whether it was said that there are never to be more.
    """

    premint: str | None
    supply: str | None
    cap: str | None
    decimals: int | None
    fixed: bool


def take_figures(text: Text) -> Figures:
    """Take the numbers of a token out of a prompt.

    Raises:
        BadFigure: one cannot be what it is meant to be.
        UnclearAmount: one has two meanings.
    """
    decimals = _decimals(text)
    cap = _amounts(text, _CAP, "the most that there may be")
    fixed = bool(_FIXED.search(text.left))
    premint = _amounts(text, _PREMINT, "what is minted at the beginning")
    supply = _amounts(text, _STATED, "the supply")
    text.take_all(_FIXED)
    return Figures(premint=_text(premint), supply=_text(supply), cap=_text(cap), decimals=decimals, fixed=fixed)


def take_voting(text: Text, token: str) -> tuple[Voting, list[str]]:
    """Take how a governor votes out of a prompt; gives what had to be assumed too.

    Raises:
        BadFigure: a number cannot be what it is meant to be.
        UnclearAmount: one has two meanings.
    """
    assumed = []
    delay, period, quorum = text.take(_DELAY), text.take(_PERIOD), text.take(_QUORUM)
    threshold = _amounts(text, _THRESHOLD, "the threshold")
    percent = int(quorum["amount"] or quorum["first"]) if quorum else 4
    if not 0 < percent <= 100:  # noqa: PLR2004  (percent)
        raise BadFigure(f"a quorum is 1 to 100 percent, not {percent}")
    for name, found in (("voting delay 1 day", delay), ("voting period 1 week", period), ("quorum 4 %", quorum)):
        if found is None:
            assumed.append(name)
    voting = Voting(
        token=token,
        delay=_duration(delay) if delay else "1 day",
        period=_duration(period) if period else "1 week",
        quorum=percent,
        threshold=plain(threshold) if threshold else "0",
    )
    return voting, assumed


def check_figures(initial: str | None, cap: str | None, decimals: int) -> None:
    """Say what cannot be.

    Raises:
        BadFigure: there would be more tokens than there may be, or parts of the smallest one.
    """
    for value in filter(None, (initial, cap)):
        smallest = scaled(Decimal(value), decimals)
        if smallest != smallest.to_integral_value():
            raise BadFigure(f"{value} tokens need more than {decimals} decimals")
        if smallest >= UINT256:
            raise BadFigure(f"{value} tokens are more than a token can count")
    if initial and cap and Decimal(initial) > Decimal(cap):
        raise BadFigure(f"the supply {initial} is more than the {cap} that there may be at most")


def _decimals(text: Text) -> int | None:
    if text.take(_NO_DECIMALS):
        return 0
    number = _amounts(text, _DECIMALS, "the decimals")
    if number is None:
        return None
    if number != int(number) or number > MOST_DECIMALS:
        raise BadFigure(f"a token has 0 to {MOST_DECIMALS} decimals, not {plain(number)}")
    return int(number)


def _amounts(text: Text, pattern: re.Pattern[str], what: str) -> Decimal | None:
    """Take an amount out of all places that have it; they must agree."""
    found = [_amount(place) for place in text.take_all(pattern)]
    if len(set(found)) > 1:
        raise BadFigure(f"{what} is said to be {' and '.join(plain(number) for number in dict.fromkeys(found))}")
    return found[0] if found else None


def _amount(found: re.Match[str]) -> Decimal:
    return parse_amount(next(value for value in found.groupdict().values() if value))


def _text(number: Decimal | None) -> str | None:
    return plain(number) if number else None


def _duration(found: re.Match[str]) -> str:
    groups = found.groupdict()
    number = parse_amount(groups["amount"] or groups["first"])
    unit = (groups["unit"] or groups["of"]).lower().removesuffix("s")
    return f"{plain(number)} {unit}{'' if number == 1 else 's'}"
