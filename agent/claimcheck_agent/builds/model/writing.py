"""A build by a model: plan, write, test, repair, as often as the budget allows."""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from claimcheck_agent.builds.model import prompts
from claimcheck_agent.builds.model.chat import Chat, ModelFailed
from claimcheck_agent.builds.model.conversation import Conversation
from claimcheck_agent.builds.model.journal import Journal, shortened
from claimcheck_agent.builds.model.project import Project
from claimcheck_agent.builds.model.settings import Model
from claimcheck_agent.builds.model.tools import LONGEST_OUTPUT, Toolbox, outcome
from claimcheck_agent.builds.model.workbench import Bench, Workbench
from claimcheck_agent.builds.order import Order
from claimcheck_agent.confine.testing import TestRun
from claimcheck_agent.handlers import Tell
from claimcheck_agent.masking import Masker


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a model has written.

    Attributes:
        files: the relative POSIX paths of the project's files, sorted.
        rounds: how often the model said that it had finished.
        tests: the last run of the tests; None if they were not run, or not wanted.
    """

    files: list[str]
    rounds: int
    tests: TestRun | None


class BuildFailed(Exception):
    """The model did not get the project done; the message is for the build's owner, `partial` is what there is."""

    def __init__(self, message: str, partial: Written) -> None:
        super().__init__(message)
        self.partial = partial


def write(
    order: Order, folder: Path, model: Model, tell: Tell, *, bench: Callable[[Path], Bench] = Workbench
) -> Written:
    """Have a model write the project into an empty folder; what it does is printed, line by line, for the job's log.

    `tell` gets the progress: `percent` (up to 90), `step` and `files_created`.

    Raises:
        BuildFailed: the model cannot be asked, its budget is used up, or its tests fail to the end.
    """
    with bench(folder) as prepared:
        build = _Build(order, Project(folder, model.budget), model, prepared, Journal(tell, Masker(_keys(model))))
        try:
            return build.run()
        except ModelFailed as error:
            raise BuildFailed(str(error), build.written()) from None
        finally:
            build.close()


def _keys(model: Model) -> list[str]:
    return [model.key] if model.key else []


class _Build:
    def __init__(self, order: Order, project: Project, model: Model, bench: Bench, journal: Journal) -> None:
        self._order = order
        self._project = project
        self._budget = model.budget
        self._journal = journal
        self._model = model
        self._tools = Toolbox(project, bench, model.budget, journal)
        self._chat: Chat | None = None
        self._rounds = 0
        self._tests: TestRun | None = None

    def run(self) -> Written:
        self._chat = Chat(self._model, self._journal.masker)
        conversation = Conversation(self._chat, self._budget, self._journal, prompts.system(self._order))
        self._journal.planning()
        conversation.tell(prompts.first(self._order))
        self._journal.say(f"plan of {self._model.name}:\n{conversation.ask_for_text()}")
        conversation.tell(prompts.GO_ON)
        problem: str | None = None
        while self._rounds < self._budget.rounds:
            self._round(conversation)
            problem = self._problem(conversation.seconds)
            if problem is None:
                return self.written()
            conversation.tell(prompts.failed(shortened(problem, LONGEST_OUTPUT)))
        raise ModelFailed(f"The model did not get it right in {self._rounds} rounds: {_summary(self._tests, problem)}")

    def written(self) -> Written:
        return Written(files=self._project.files(), rounds=self._rounds, tests=self._tests)

    def close(self) -> None:
        if self._chat:
            self._chat.close()

    def _round(self, conversation: Conversation) -> None:
        """Let the model work until it says that it has finished."""
        for _ in range(self._budget.turns):
            self._journal.turn(len(self._project.files()))
            calls = conversation.ask_for_calls()
            if not calls:
                continue
            outcomes = [self._tools.do(call, conversation.seconds) for call in calls]
            conversation.answer(calls, outcomes, self._project.digest())
            if any(done.finished for done in outcomes):
                self._rounds += 1
                return
        raise ModelFailed(f"The model did not finish in {self._budget.turns} answers.")

    def _problem(self, seconds: float) -> str | None:
        """Check the project; gives what is wrong with it, in words for the model."""
        if not self._project.files():
            return prompts.NO_FILES
        if not self._order.include_tests:
            return self._unreadable()
        self._tests = self._tools.run_tests(seconds)
        if self._tests.succeeded:
            return None
        if not self._tests.failed and not self._tests.errors:
            return prompts.NO_TESTS
        return f"{outcome(self._tests)}\n\n{self._tests.output}"

    def _unreadable(self) -> str | None:
        """Say which Python file is not Python, where there are no tests to find it out."""
        for path in self._project.files():
            if path.endswith(".py"):
                try:
                    ast.parse(self._project.read(path))
                except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                    return f"{path} is not Python: {error}"
        return None


def _summary(tests: TestRun | None, problem: str | None) -> str:
    return outcome(tests) if tests else (problem or "")
