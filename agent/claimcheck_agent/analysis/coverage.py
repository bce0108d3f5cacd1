"""How much of a project its own tests cover: the one part of an analysis that runs the project's code."""

import time
from collections.abc import Iterable
from pathlib import Path

from claimcheck_agent.analysis.findings import Coverage
from claimcheck_agent.analysis.tree import is_test
from claimcheck_agent.confine.commands import OnLine
from claimcheck_agent.confine.testing import run_tests

LONGEST_SAID = 200  # Characters.


def measure_coverage(project: Path, files: Iterable[str], tell: OnLine, *, until: float) -> Coverage:
    """Run the tests of a project, if it has any, in a confined environment of their own.

    `until` says when they are given up, on the monotonic clock; a minute may pass beyond it.
    """
    if not any(map(is_test, files)):
        return Coverage(percent=None, problem="There are no tests: write some, named test_*.py, for pytest to find.")
    ran = run_tests(project, timeout=max(0.0, until - time.monotonic()), tell=tell)
    if ran.succeeded and ran.coverage is not None:
        return Coverage(percent=ran.coverage)
    if ran.failed or ran.errors:
        last = next((line.strip("= ") for line in reversed(ran.output.splitlines()) if line.strip("= ")), "no output")
        why = f"{ran.failed} failed, {ran.errors} had errors, {ran.passed} passed; the last that was said: {last}"
        return Coverage(percent=None, problem=f"Repair the tests: {why[:LONGEST_SAID]}")
    return Coverage(
        percent=None, problem="The tests are not found by pytest, or none of the project's code was run by them."
    )
