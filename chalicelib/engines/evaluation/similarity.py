"""How alike two texts are, letter by letter."""

from .texts import collapsed

COMPARED_CHARACTERS = 20_000
"""Of each text, beyond what the two begin and end with alike; time grows by the square of it: 0.1 s at the worst."""


def similarity(expected: str, actual: str) -> float:
    """The normalized Indel similarity of two texts in form C with white space collapsed: 0 to 1; 1 for two empty ones.

    It is twice the length of the longest common subsequence by the sum of the lengths. Of long texts what goes beyond
    the limit counts as different, so that the score is never too high.
    """
    first, second = collapsed(expected), collapsed(actual)
    if first == second:
        return 1.0
    begin = _common(first, second)
    end = _common(first[begin:][::-1], second[begin:][::-1])
    inner = _subsequence(first[begin : len(first) - end], second[begin : len(second) - end])
    return 2 * (begin + inner + end) / (len(first) + len(second))


def _subsequence(first: str, second: str) -> int:
    from rapidfuzz.distance import LCSseq  # noqa: PLC0415  a cold start does without

    return LCSseq.similarity(first[:COMPARED_CHARACTERS], second[:COMPARED_CHARACTERS])


def _common(first: str, second: str) -> int:
    """Characters that two texts begin with alike, by halving: comparing parts is as fast as memory."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
