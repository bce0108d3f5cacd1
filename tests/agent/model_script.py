"""A model that says what a test has written down, and a bench that runs nothing."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from claimcheck_agent.builds.model import Budget, Model, Written, write
from claimcheck_agent.builds.order import Order
from claimcheck_agent.confine.commands import Finished, OnLine
from claimcheck_agent.confine.testing import TestRun

from local.openai_server import Answer, OpenAIServer, streamed

KEY = "sk-canary-0123456789abcdef"
PLAN = streamed("1. src/shop/__init__.py: the shop")
FINISH = ("finish", {"summary": "A shop."})
GREEN = TestRun(passed=3, failed=0, errors=0, coverage=91.7, output="3 passed")
RED = TestRun(passed=2, failed=1, errors=0, coverage=80.0, output="E   assert total() == 3")
NONE = TestRun(passed=0, failed=0, errors=0, coverage=None, output="no tests ran")


def file(path: str, content: str = "x = 1\n") -> tuple[str, dict[str, str]]:
    return "write_file", {"path": path, "content": content}


def command(*argv: str) -> tuple[str, dict[str, list[str]]]:
    return "run_command", {"argv": list(argv)}


@dataclass
class FakeBench:
    """Answers what it is told to, in order, and keeps what it was asked."""

    tests: deque[TestRun] = field(default_factory=deque)
    commands: list[list[str]] = field(default_factory=list)
    closed: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closed = True

    def run(self, argv: Sequence[str], *, seconds: float, tell: OnLine) -> Finished:  # noqa: ARG002
        self.commands.append(list(argv))
        return Finished(code=0, output="Success")

    def run_tests(self, *, seconds: float, tell: OnLine) -> TestRun:  # noqa: ARG002
        tell("::progress 100")
        return self.tests.popleft() if len(self.tests) > 1 else self.tests[0]


@dataclass
class Script:
    """One build with a scripted model; `tests` are the outcomes of its runs of the tests, the last again and again."""

    server: OpenAIServer
    folder: Path
    told: list[dict[str, Any]] = field(default_factory=list)
    bench: FakeBench = field(default_factory=FakeBench)
    url: str = ""
    key: str | None = KEY

    def __call__(
        self, *answers: Answer, tests: Sequence[TestRun] = (GREEN,), include_tests: bool = True, **budget: float
    ) -> Written:
        """Have the build done with these answers after the plan, or the last again and again."""
        self.server.instead.extend(answers)
        self.bench.tests.extend(tests)
        order = Order(project_name="shop", goal='Sell "things"\n{{ 7 * 7 }}', include_tests=include_tests)
        limits = Budget(**budget)  # type: ignore[arg-type]
        model = Model(url=self.url or self.server.url, name="gpt-test", key=self.key, budget=limits)
        return write(order, self.folder, model, self.told.append, bench=lambda _: self.bench)

    def messages(self, question: int = -1) -> list[dict[str, Any]]:
        """What the model was sent."""
        sent: list[dict[str, Any]] = self.server.asked[question].body["messages"]
        return sent

    def last(self, question: int = -1) -> str:
        """What the model was told last, before an answer of it."""
        return str(self.messages(question)[-1]["content"])
