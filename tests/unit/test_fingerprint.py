"""Fingerprints and seeds of idempotency keys."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.usefixtures("configured")

PARTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=4)


@given(PARTS, PARTS)
def test_fingerprints_are_alike_only_for_the_same_parts(first: list[str], second: list[str]) -> None:
    from chalicelib.idempotency import fingerprint

    assert (fingerprint(*first) == fingerprint(*second)) == (first == second)
    assert re.fullmatch("[0-9a-f]{64}", fingerprint(*first))


def test_parts_cannot_be_moved_across_their_borders() -> None:
    from chalicelib.idempotency import fingerprint

    texts = [("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("", "abc"), ("ab", "c", "")]
    assert len({fingerprint(*parts) for parts in texts}) == len(texts)


def test_seeds_are_ordered_by_time_and_no_two_are_alike() -> None:
    from chalicelib.idempotency import new_seed

    seeds = [new_seed() for _ in range(500)]
    assert len(set(seeds)) == 500
    assert all(re.fullmatch("[0-9a-z]{26}", seed) for seed in seeds)
    times = [seed[:10] for seed in seeds]
    assert times == sorted(times)
