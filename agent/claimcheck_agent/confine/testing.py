"""Runs the tests of a project that nobody here wrote, and measures how much of it they cover."""

import contextlib
import json
import math
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from junitparser import JUnitXml, JUnitXmlError, TestCase

from claimcheck_agent.confine.commands import Finished, OnLine
from claimcheck_agent.confine.environment import Environment, NotInstalled

LARGEST_REPORT = 16 << 20  # Bytes.
REPORTING_TIME = 60.0  # Seconds, beyond the time of the tests.
NO_TESTS = 5  # Pytest's exit code when it found none.
MEASURED = """\
[run]
source = .
omit =
    test_*.py
    *_test.py
    */test_*.py
    */*_test.py
    conftest.py
    */conftest.py
    test/*
    tests/*
    */test/*
    */tests/*
    setup.py
    noxfile.py
    docs/*

[report]
ignore_errors = true
include_namespace_packages = true
"""


@dataclass(frozen=True, kw_only=True)
class TestRun:
    """How a run of tests ended.

    Attributes:
        passed: how many tests passed.
        failed: how many failed.
        errors: how many could not be run, counting as one a run that did not come to its end.
        coverage: percent of the project's statements, those of its tests left out, that were executed; one decimal.
            None if nothing was measured.
        output: the end of what was printed, at most 64 Ki characters, or why the project could not be installed.
    """

    __test__ = False  # Not a test, whatever pytest makes of its name.

    passed: int
    failed: int
    errors: int
    coverage: float | None
    output: str

    @property
    def succeeded(self) -> bool:
        """Whether there were tests, and all that were run passed."""
        return self.passed > 0 and not self.failed and not self.errors


def run_tests(folder: Path, *, timeout: float, tell: OnLine) -> TestRun:
    """Install a project into a virtual environment of its own and run its tests there, on a copy of the project.

    `timeout` is in seconds, for all of it; `tell` gets the lines that are printed, and what is being done. Whatever
    goes wrong with the project is in the answer.
    """
    with Environment(folder) as environment:
        return run_tests_in(environment, timeout=timeout, tell=tell)


def run_tests_in(environment: Environment, *, timeout: float, tell: OnLine) -> TestRun:
    """Run the tests of a project as it is now, in an environment that is kept and is refreshed first."""
    deadline = time.monotonic() + timeout
    try:
        environment.refresh(deadline=deadline, tell=tell)
    except NotInstalled as error:
        return _broken(f"the project could not be installed:\n{error}")
    return run_installed_tests(environment, timeout=max(0.0, deadline - time.monotonic()), tell=tell)


def run_installed_tests(environment: Environment, *, timeout: float, tell: OnLine) -> TestRun:
    """Run the tests of a project as it was when its environment was refreshed."""
    tell("running the tests")
    reports = environment.new_reports()
    junit, data, measured = reports / "junit.xml", reports / "data", reports / "coverage.json"
    (environment.root / "coverage.ini").write_text(MEASURED, encoding="utf-8")
    settings = (f"--rcfile={environment.root / 'coverage.ini'}", f"--data-file={data}")
    pytest = ("pytest", "-p", "no:cacheprovider", "--color=no", f"--junit-xml={junit}")
    without = ("--no-cov",) if environment.has("pytest_cov") else ()
    coverage = ("python", "-m", "coverage")
    finished = environment.run(
        (*coverage, "run", *settings, "-m", *pytest, *without),
        timeout=timeout,
        on_line=tell,
    )
    counts = _count(junit, finished)
    if data.exists():
        environment.run((*coverage, "json", *settings, "-q", "-o", str(measured)), timeout=REPORTING_TIME)
    return TestRun(
        passed=counts["passed"],
        failed=counts["failed"],
        errors=counts["errors"],
        coverage=_coverage(measured),
        output=finished.output if finished.code >= 0 else f"{finished.output}\n{finished.describe()}".strip(),
    )


def _broken(why: str) -> TestRun:
    return TestRun(passed=0, failed=0, errors=1, coverage=None, output=why)


def _count(junit: Path, finished: Finished) -> Counter[str]:
    """Count the tests in pytest's report by how they ended. The report may be anything: the tests could write it."""
    counts: Counter[str] = Counter()
    if _is_sound(junit):
        with contextlib.suppress(SyntaxError, JUnitXmlError, ValueError, LookupError, TypeError):
            counts.update(_outcome(case) for suite in JUnitXml.fromfile(str(junit)) for case in suite)
    if finished.code not in {0, NO_TESTS} and not counts["failed"] and not counts["errors"]:
        counts["errors"] = 1
    return counts


def _outcome(case: TestCase) -> str:
    if case.is_error:
        return "errors"
    if case.is_failure:
        return "failed"
    return "skipped" if case.is_skipped else "passed"


def _coverage(report: Path) -> float | None:
    try:
        totals = json.loads(report.read_bytes())["totals"] if _is_sound(report) else {}
        percent = float(totals["percent_covered"]) if totals["num_statements"] else math.nan
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return round(percent, 1) if 0 <= percent <= 100 else None  # noqa: PLR2004  (percent)


def _is_sound(report: Path) -> bool:
    return report.is_file() and not report.is_symlink() and report.stat().st_size <= LARGEST_REPORT
