"""The tools that a model may call, and what each does. There is no other way from what it says to what is done."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from claimcheck_agent.builds.model import prompts
from claimcheck_agent.builds.model.calls import Call
from claimcheck_agent.builds.model.journal import Journal, shortened
from claimcheck_agent.builds.model.project import Project, Refused
from claimcheck_agent.builds.model.settings import Budget
from claimcheck_agent.builds.model.workbench import Bench
from claimcheck_agent.confine.environment import NotInstalled
from claimcheck_agent.confine.paths import OutsideProject
from claimcheck_agent.confine.testing import TestRun

COMMANDS = frozenset({"python", "pytest", "ruff", "mypy"})
LONGEST_OUTPUT = 12_000  # Characters of a command's output that a model is shown.
LONGEST_COMMAND = 8_192  # Characters.


class Tool(BaseModel):
    """Arguments of a tool; its docstring is what the model reads of it."""

    model_config = ConfigDict(strict=True)
    called: ClassVar[str]


class WriteFile(Tool):
    """Write a text file of the project, whole; one that is there is replaced. Folders are made as needed."""

    called = "write_file"
    path: str = Field(description="relative to the project's folder, such as src/shop/app.py")
    content: str


class ReadFile(Tool):
    """Read a file of the project."""

    called = "read_file"
    path: str


class ListFiles(Tool):
    """List all files of the project with their sizes in bytes."""

    called = "list_files"


class DeleteFile(Tool):
    """Delete a file of the project."""

    called = "delete_file"
    path: str


class RunCommand(Tool):
    """Run python, pytest, ruff or mypy on a copy of the project, in which it is installed with what it needs.

    There is no shell: no pipes, no redirections, no variables. What the command changes in the copy is thrown away.
    """

    called = "run_command"
    argv: Annotated[list[str], Field(min_length=1, max_length=64)] = Field(
        description='the program and its arguments, such as ["mypy", "src"]'
    )


class RunTests(Tool):
    """Install the project and run all its tests."""

    called = "run_tests"


class Finish(Tool):
    """Say that the project is complete. The tests are run then; if they fail, you are told, and go on."""

    called = "finish"
    summary: str = Field(description="what has been built, in some sentences")


TOOLS: dict[str, type[Tool]] = {
    tool.called: tool for tool in (WriteFile, ReadFile, ListFiles, DeleteFile, RunCommand, RunTests, Finish)
}


def described() -> list[dict[str, Any]]:
    """Describe the tools as the API wants it."""
    return [
        {"type": "function", "function": {"name": name, "description": tool.__doc__, "parameters": _schema(tool)}}
        for name, tool in TOOLS.items()
    ]


def _schema(tool: type[Tool]) -> dict[str, Any]:
    schema = TypeAdapter(tool).json_schema()
    schema.pop("description", None)  # It stands beside the parameters already.
    return schema


@dataclass(frozen=True, kw_only=True)
class Done:
    """What came of a call: what the model is told, whether anything was done, and whether it was the last."""

    told: str
    ok: bool = True
    finished: bool = False


class Toolbox:
    """Does what a model calls for, within its project."""

    def __init__(self, project: Project, bench: Bench, budget: Budget, journal: Journal) -> None:
        self._project = project
        self._bench = bench
        self._budget = budget
        self._journal = journal

    def do(self, call: Call, seconds: float) -> Done:
        """Carry out a call, in so many seconds at most; what is wrong with it, the model is told."""
        tool = TOOLS.get(call.tool)
        if tool is None:
            return Done(told=f"There is no tool {call.tool[:80]!r}. There are: {', '.join(TOOLS)}.", ok=False)
        try:
            return self._do(tool.model_validate_json(call.arguments or "{}"), seconds)
        except ValidationError as error:
            return Done(told=f"The arguments of {tool.called} are not right: {_first(error)}", ok=False)
        except (Refused, OutsideProject) as error:
            self._journal.say(f"refused: {error}")
            return Done(told=f"Refused: {error}", ok=False)
        except NotInstalled as error:
            return Done(told=shortened(f"The project could not be installed:\n{error}", LONGEST_OUTPUT))

    def run_tests(self, seconds: float) -> TestRun:
        """Run the project's tests, and tell of them."""
        self._journal.testing(len(self._project.files()))
        tests = self._bench.run_tests(seconds=min(seconds, self._budget.test_seconds), tell=self._journal.say)
        self._journal.say(f"tests: {outcome(tests)}")
        return tests

    def _do(self, tool: Tool, seconds: float) -> Done:
        match tool:
            case WriteFile():
                return self._write(tool)
            case RunCommand():
                return self._run(tool.argv, seconds)
            case RunTests():
                tests = self.run_tests(seconds)
                told = shortened(f"{outcome(tests)}\n\n{tests.output}", LONGEST_OUTPUT)
            case ReadFile():
                told = self._project.read(tool.path)
            case ListFiles():
                files = (f"{path} ({self._project.size(path)} bytes)" for path in self._project.files())
                told = "\n".join(files) or prompts.NO_FILES
            case DeleteFile():
                self._project.delete(tool.path)
                told = f"Deleted {tool.path}."
                self._journal.say(told)
            case Finish():
                self._journal.say(f"finished: {tool.summary}")
                return Done(told="The project is checked now.", finished=True)
            case _:
                raise AssertionError(tool)
        return Done(told=told)

    def _write(self, tool: WriteFile) -> Done:
        self._project.write(tool.path, tool.content)
        lines = len(tool.content.splitlines())
        self._journal.say(f"wrote {tool.path} ({lines} lines)")
        return Done(told=f"Wrote {tool.path} ({lines} lines).")

    def _run(self, argv: Sequence[str], seconds: float) -> Done:
        if argv[0] not in COMMANDS:
            name = PurePosixPath(argv[0]).name[:80]
            raise Refused(f"the command {name!r} may not be run; there are: {', '.join(sorted(COMMANDS))}")
        if sum(map(len, argv)) > LONGEST_COMMAND or any("\0" in word for word in argv) or not _is_text(argv):
            raise Refused("the command is too long, or is not text")
        shown = " ".join(argv)
        finished = self._bench.run(argv, seconds=min(seconds, self._budget.command_seconds), tell=self._journal.say)
        self._journal.say(f"ran {shown[:200]}: {finished.describe()}")
        return Done(told=shortened(f"{finished.describe()}\n\n{finished.output}", LONGEST_OUTPUT))


def outcome(tests: TestRun) -> str:
    """Say in words how tests ended."""
    covered = "" if tests.coverage is None else f", {tests.coverage:g} % covered"
    return f"{tests.passed} passed, {tests.failed} failed, {tests.errors} could not be run{covered}"


def _is_text(argv: Sequence[str]) -> bool:
    """Say whether there are no halves of surrogate pairs, which no program could be given."""
    return not any("\ud800" <= character <= "\udfff" for word in argv for character in word)


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")
