"""Where what a model has written is tried: the project's own environment, with linters beside it."""

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from claimcheck_agent.confine.commands import Finished, OnLine
from claimcheck_agent.confine.environment import Environment
from claimcheck_agent.confine.testing import TestRun, run_tests_in

TOOLS = ("ruff", "mypy")


class Bench(Protocol):
    """Runs commands and tests on copies of a project; to be used in a `with` block."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove everything but the project."""

    def run(self, argv: Sequence[str], *, seconds: float, tell: OnLine) -> Finished:
        """Run a command on the project as it is.

        Raises:
            NotInstalled: the project could not be installed.
        """

    def run_tests(self, *, seconds: float, tell: OnLine) -> TestRun:
        """Run the tests of the project as it is."""


class Workbench(Bench):
    """The real one."""

    def __init__(self, folder: Path) -> None:
        self._environment = Environment(folder, tools=TOOLS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._environment.close()

    def run(self, argv: Sequence[str], *, seconds: float, tell: OnLine) -> Finished:
        """Run a command; installing the project counts towards its time."""
        deadline = time.monotonic() + seconds
        self._environment.refresh(deadline=deadline, tell=tell)
        return self._environment.run(argv, timeout=max(0.0, deadline - time.monotonic()), on_line=None)

    def run_tests(self, *, seconds: float, tell: OnLine) -> TestRun:
        """Run the tests."""
        return run_tests_in(self._environment, timeout=seconds, tell=tell)
