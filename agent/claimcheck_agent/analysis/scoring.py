"""The quality score and the number of code smells: `docs/analysis.md` has the same in words."""

from collections.abc import Sequence
from fractions import Fraction

from claimcheck_agent.analysis.metrics import COMPLEX, TOO_COMPLEX, VERY_COMPLEX, Metrics
from claimcheck_agent.analysis.smells import Smell

BEST = 10
# Lines that a small project is taken to have at least, so that one smell does not ruin it.
FEWEST_LINES = 100
DOCSTRING_WEIGHT = Fraction(1, 4)
PER_SMELL = Fraction(2, 5)  # Points for each smell in 100 lines,
MOST_FOR_SMELLS = 4  # and for all of them.
PER_COMPLEX_SHARE = 16  # Points for the share of lines in functions that are too complex; so much of it for the others:
VERY_COMPLEX_WEIGHT, COMPLEX_WEIGHT = Fraction(1, 2), Fraction(1, 4)
MOST_FOR_COMPLEXITY = 4
RANK_POINTS = {"A": 0, "B": 1, "C": 2}  # Points for the share of lines in files of that rank.


def quality_score(metrics: Metrics, smells: Sequence[Smell]) -> float:
    """Give the score, 0 to 10, rounded down to one decimal: 10 is for code in which nothing is found.

    It is reckoned with fractions: the same findings give the same score on every machine.
    """
    unreadable = sum(file.lines for file in metrics.unreadable)
    lines = metrics.lines + unreadable
    points = BEST - _for_smells(smells, lines)
    if lines:
        points -= _for_complexity(metrics, lines) + _for_maintainability(metrics, lines)
        points -= Fraction(BEST * unreadable, lines)
    return int(max(Fraction(0), points) * 10) / 10


def count_smells(metrics: Metrics, smells: Sequence[Smell]) -> int:
    """Count what ruff has found, functions that are too complex, files that are hard to maintain or unreadable."""
    return len(smells) + len(metrics.complex_functions) + len(metrics.hard_to_maintain) + len(metrics.unreadable)


def _for_smells(smells: Sequence[Smell], lines: int) -> Fraction:
    weight = sum((DOCSTRING_WEIGHT if smell.about_docstrings else Fraction(1) for smell in smells), Fraction(0))
    return min(Fraction(MOST_FOR_SMELLS), PER_SMELL * weight * 100 / max(lines, FEWEST_LINES))


def _for_complexity(metrics: Metrics, lines: int) -> Fraction:
    weighed = sum((_weight(item.complexity) * item.lines for item in metrics.complex_functions), Fraction(0))
    return min(Fraction(MOST_FOR_COMPLEXITY), PER_COMPLEX_SHARE * weighed / lines)


def _for_maintainability(metrics: Metrics, lines: int) -> Fraction:
    return Fraction(sum(RANK_POINTS[file.rank] * file.lines for file in metrics.files), lines)


def _weight(complexity: int) -> Fraction:
    if complexity > TOO_COMPLEX:
        return Fraction(1)
    if complexity > VERY_COMPLEX:
        return VERY_COMPLEX_WEIGHT
    return COMPLEX_WEIGHT if complexity > COMPLEX else Fraction(0)
