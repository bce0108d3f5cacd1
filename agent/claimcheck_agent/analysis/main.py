"""Analyses code as a job's command: `python -m claimcheck_agent.analysis.main HOST…`.

It runs in a process of its own, as files are processed: it may be killed, or run out of memory, while the agent lives
on to tell. It finds `job.json` and, unless the code is in a repository on one of the hosts, the file `input` in its
directory, and leaves `result.json`. The tools run in confined processes of their own.
"""

import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from claimcheck_agent.analysis.coverage import measure_coverage
from claimcheck_agent.analysis.findings import Findings
from claimcheck_agent.analysis.metrics import measure_files
from claimcheck_agent.analysis.order import SECRET, Order
from claimcheck_agent.analysis.report import make_result
from claimcheck_agent.analysis.security import find_issues
from claimcheck_agent.analysis.smells import find_smells
from claimcheck_agent.analysis.sources import SourceFailed, fetch_repository, project_folder, unpack_archive
from claimcheck_agent.analysis.tools import ToolFailed
from claimcheck_agent.analysis.tree import Tree
from claimcheck_agent.analysis.type_check import check_types
from claimcheck_agent.inputs import INPUT
from claimcheck_agent.machine import be_the_first_to_go
from claimcheck_agent.orders import BadOrder
from claimcheck_agent.secrecy import seal_process, take_job_secrets
from claimcheck_agent.task import Task, say

Found = TypeVar("Found")

TIME = 600.0  # Seconds for all of an analysis.
TOOL_TIME = 120.0  # For each tool, but for the project's own tests, which come last and have what is left.


def main(*hosts: str) -> int:
    """Analyse the code, which may come from a repository on one of these hosts; gives the exit code."""
    be_the_first_to_go()
    seal_process()
    # The project's own tests are not to find it, whatever happens here.
    token = take_job_secrets(SECRET)[SECRET]
    task = Task.from_environment()
    problem = None
    try:
        order = Order.parse(task.payload, hosts)
        task.keep_result(Analysis(task, order, Path(os.environ["TMPDIR"]), token).run())
    except (BadOrder, SourceFailed) as error:
        problem = str(error)
    except ToolFailed as error:
        problem = f"The code could not be analysed: {error}."
    except Exception as error:  # noqa: BLE001  (the trace is for the log, the person gets a sentence)
        traceback.print_exc()
        problem = f"The code could not be analysed because of an internal error ({type(error).__name__})."
    if problem:
        task.keep_result({"error": problem})
    return 1 if problem else 0


class Analysis:
    """One analysis, in a folder of its own; a repository that asks for a secret is fetched with the token, if any."""

    def __init__(self, task: Task, order: Order, folder: Path, token: str | None) -> None:
        self._task = task
        self._order = order
        self._folder = folder
        self._token = token
        self._failed: list[str] = []
        self._until = time.monotonic() + TIME

    def run(self) -> dict[str, Any]:
        """Fetch the code and look at it; gives the job's result.

        Raises:
            SourceFailed: there is no code to look at.
            ToolFailed: it could not even be measured.
        """
        project = self._fetch()
        tree = Tree.copy(project, self._new_folder("tree"))
        if not tree.files:
            raise SourceFailed("There are no Python files in the source, and only Python can be analysed.")
        reports = self._new_folder("reports")
        self._step(20, "Measuring complexity")
        metrics = measure_files(tree, reports, until=self._tools_end())
        say(f"{len(tree.files)} Python files with {metrics.lines} lines of code, {len(metrics.unreadable)} unreadable")
        tree = tree.without(frozenset(file.file for file in metrics.unreadable))
        return make_result(
            Findings(
                metrics=metrics,
                smells=self._look(
                    ("quality", 30, "Looking for code smells"),
                    lambda: find_smells(tree, reports, until=self._tools_end()),
                ),
                issues=self._look(
                    ("security", 40, "Looking for security issues"),
                    lambda: find_issues(tree, reports, until=self._tools_end()),
                ),
                mistakes=self._look(
                    ("types", 50, "Checking types"),
                    lambda: check_types(tree, until=self._tools_end()),
                ),
                coverage=self._look(
                    ("coverage", 70, "Running the tests"),
                    lambda: measure_coverage(project, tree.files, say, until=self._until),
                ),
                failed=self._failed,
                left_out=tree.left_out,
            )
        )

    def _fetch(self) -> Path:
        archive, repository = Path(INPUT).absolute(), self._order.repository
        if repository:
            self._step(5, "Fetching the source")
            token = self._token if repository.secret else None
            archive, commit = fetch_repository(repository, self._new_folder("repository"), token)
            say(f"{repository.url} at {commit}")
        self._step(15, "Unpacking the source")
        folder = self._new_folder("source")
        if said := unpack_archive(archive, folder):
            say(said)
        return project_folder(folder)

    def _tools_end(self) -> float:
        """Give the time, on the monotonic clock, at which a tool is to have ended that begins now."""
        return min(self._until, time.monotonic() + TOOL_TIME)

    def _look(self, shown: tuple[str, int, str], look: Callable[[], Found]) -> Found | None:
        """Look at the code in one way, if that is asked for; None if not, or if it cannot be done.

        `shown` says which kind of analysis it is, at how many percent of the whole it begins, and what is shown then.
        """
        kind, percent, step = shown
        if kind not in self._order.kinds:
            return None
        self._step(percent, step)
        try:
            return look()
        except ToolFailed as error:
            self._failed.append(str(error))
            say(str(error))
            return None

    def _step(self, percent: int, step: str) -> None:
        say(step)
        self._task.progress(percent=percent, step=step)

    def _new_folder(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir()
        return folder


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
