"""Builds a project as a job's command: `python -m claimcheck_agent.builds.main [URL MODEL ROUNDS]`.

With an endpoint, a model there writes the project; without one, a template does. It runs in a process of its own, finds
`job.json` in its directory, and leaves `artifacts/sources.tar.gz` and `result.json`. What it prints is the job's log.
"""

import json
import sys
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from claimcheck_agent.builds import archive
from claimcheck_agent.builds.handler import SECRET
from claimcheck_agent.builds.model import Budget, BuildFailed, Model, Written, write
from claimcheck_agent.builds.order import Order
from claimcheck_agent.builds.render import choose, render, unknown_parameters
from claimcheck_agent.confine.environment import Environment, NotInstalled
from claimcheck_agent.confine.testing import TestRun, run_installed_tests
from claimcheck_agent.machine import be_the_first_to_go
from claimcheck_agent.orders import BadOrder, shown
from claimcheck_agent.secrecy import seal_process, take_job_secrets
from claimcheck_agent.task import Task, say

FOLDER = Path("project")
TEST_SECONDS = 600.0  # For installing a template's project and running its tests.
# Bytes of JSON: a result stays below 64 KB, with the last lines of the log that are added when a build fails.
LONGEST_LIST = 32_000
MOST_NAMED = 10  # Parameters that nobody knows.


@dataclass(frozen=True, kw_only=True)
class Made:
    """A project as it was made: by whom, and why the build fails, if it does."""

    files: list[str]
    written_by: str
    rounds: int
    tests: TestRun | None
    problem: str | None = None


def main(*model: str) -> int:
    """Build the project; gives the exit code."""
    be_the_first_to_go()
    seal_process()
    task = Task.from_environment()
    # The project's tests and the model's commands are not to find it, whatever happens here.
    key = take_job_secrets(SECRET)[SECRET]
    try:
        result = _Build(task, _model(model, key)).run()
    except BadOrder as error:
        result = {"error": str(error)}
    except Exception as error:  # noqa: BLE001  (the trace is for the log, the person gets a sentence)
        traceback.print_exc()
        result = {"error": f"The project could not be built because of an internal error ({type(error).__name__})."}
    task.keep_result(result)
    return 1 if "error" in result else 0


def _model(settings: tuple[str, ...], key: str | None) -> Model | None:
    if not settings:
        return None
    url, name, rounds = settings
    return Model(url=url, name=name, key=key, budget=Budget(rounds=int(rounds)))


class _Build:
    """One build, and how far it is."""

    def __init__(self, task: Task, model: Model | None) -> None:
        self._task = task
        self._model = model
        self._percent = 0
        self._files = 0

    def run(self) -> dict[str, Any]:
        self._show(percent=0, step="Reading the order")
        order = Order.parse(self._task.payload)
        folder = FOLDER / order.project_name
        folder.mkdir(parents=True)
        made = self._by_model(order, folder, self._model) if self._model else self._by_template(order, folder)
        self._show(percent=95, step="Packing", files_created=len(made.files))
        packed = self._pack(order, folder, made)
        self._show(percent=100, step="Packing", files_created=len(packed))
        return _result(made, packed)

    def _by_template(self, order: Order, folder: Path) -> Made:
        recipe = choose(order)
        say(f"template {recipe.template}, database {recipe.database}, {'with' if order.include_tests else 'no'} tests")
        if unknown := unknown_parameters(order):
            named = ", ".join(map(shown, unknown[:MOST_NAMED]))
            say(f"templates know nothing of these parameters, which were left aside: {named}")
        self._show(percent=5, step="Writing files")
        files = render(order, recipe, folder)
        self._show(percent=35, step="Writing files", files_created=len(files))
        say(f"wrote {len(files)} files")
        made = Made(files=files, written_by=f"template {recipe.template}", rounds=1, tests=None)
        return self._tested(made, folder) if order.include_tests else made

    def _tested(self, made: Made, folder: Path) -> Made:
        deadline = time.monotonic() + TEST_SECONDS
        with Environment(folder) as environment:
            self._show(percent=40, step="Installing")
            try:
                environment.refresh(deadline=deadline, tell=say)
            except NotInstalled as error:
                say(str(error))
                return replace(made, problem="The project was written, but what it needs could not be installed.")
            self._show(percent=70, step="Running tests")
            tests = run_installed_tests(environment, timeout=max(0.0, deadline - time.monotonic()), tell=say)
        return replace(made, tests=tests, problem=None if tests.succeeded else _why(tests))

    def _by_model(self, order: Order, folder: Path, model: Model) -> Made:
        say(f"the project is written by the model {model.name}, asked at {model.host}")
        try:
            written, problem = write(order, folder, model, self._tell), None
        except BuildFailed as error:
            written, problem = error.partial, str(error)
        return _by(model, written, problem)

    def _pack(self, order: Order, folder: Path, made: Made) -> list[str]:
        if not made.files:
            return []
        target = self._task.artifacts / archive.NAME
        packed = archive.pack(folder, made.files, target, top=order.project_name)
        say(f"packed {len(packed)} files into {archive.NAME}, {target.stat().st_size} bytes")
        return packed

    def _tell(self, progress: dict[str, Any]) -> None:
        self._show(**progress)

    def _show(self, *, percent: int, step: str, files_created: int | None = None) -> None:
        """Show how far the build is; it never falls back."""
        self._percent = max(self._percent, percent)
        self._files = self._files if files_created is None else files_created
        self._task.progress(percent=self._percent, step=step, files_created=self._files)


def _by(model: Model, written: Written, problem: str | None) -> Made:
    return Made(
        files=written.files,
        written_by=f"model {model.name}",
        rounds=written.rounds,
        tests=written.tests,
        problem=problem,
    )


def _why(tests: TestRun) -> str:
    bad = tests.failed + tests.errors
    if tests.passed or tests.failed:
        return f"{bad} of the project's {tests.passed + bad} tests failed; the log says how."
    return "The project's tests could not be run; the log says why."


def _result(made: Made, packed: list[str]) -> dict[str, Any]:
    listed = _fitting(packed)
    tests = made.tests
    result: dict[str, Any] = {
        "generated_files": listed,
        "tests_passed": tests.passed if tests else None,
        "tests_failed": tests.failed + tests.errors if tests else None,
        "test_coverage": tests.coverage if tests else None,
        "written_by": made.written_by,
        "rounds": made.rounds,
    }
    if left_out := len(packed) - len(listed):
        result["truncated"] = left_out
    if made.problem:
        result["error"] = made.problem
    return result


def _fitting(names: list[str]) -> list[str]:
    """Give as many names, from the first on, as a result has room for."""
    size, listed = 0, []
    for name in names:
        size += len(json.dumps(name)) + 2
        if size > LONGEST_LIST:
            break
        listed.append(name)
    return listed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
