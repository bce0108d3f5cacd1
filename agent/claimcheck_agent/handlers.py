"""Which command serves which type of job, as given by `--on` and `--secrets`, and what comes before and after it."""

import re
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claimcheck_agent.job import Job
from claimcheck_agent.runner import Ended
from claimcheck_agent.uploads import artifact_name
from claimcheck_agent.workspace import Workspace

ANY = "*"
CALLABLE = re.compile(r"python:(?P<module>[\w.]+):(?P<function>\w+)")
TYPE = re.compile(r"[a-z][a-z0-9_-]{0,31}|\*")

Tell = Callable[[dict[str, Any]], None]
"""Reports a job's progress, if that is still wanted."""


@dataclass(frozen=True, kw_only=True)
class Handler:
    """How one type of job is done: a program with its arguments, and the types of secrets it asks for."""

    argv: tuple[str, ...]
    secrets: tuple[str, ...] = ()

    def optional_secrets(self, job: Job) -> tuple[str, ...]:  # noqa: ARG002  (for others)
        """Name the types of secrets that the program gets too if the job's project has them."""
        return ()

    def prepare(self, job: Job, space: Workspace, tell: Tell) -> None:
        """Put what the program needs, beyond the job and its secrets, into the workspace.

        Raises:
            DownloadFailed: it cannot be had.
        """

    def deliver(self, job: Job, space: Workspace, tell: Tell) -> dict[str, Any]:  # noqa: ARG002  (for others)
        """Upload what the program has left, if it failed too (its reports are wanted most); gives its result.

        Raises:
            ValueError: what it has left as its result is none.
        """
        for path, file in space.collect():
            if file is None:
                job.write("warn", f"artifact {path} is empty or not a plain file, and was left out")
                continue
            artifact = job.upload(file, artifact_name(path))
            job.write("info", f"uploaded {artifact['fileName']} ({artifact['size']} bytes)")
        return space.result() or {}

    def explain(self, ended: Ended) -> str:
        """Say how a program ended that did not succeed, and did not say why."""
        return ended.describe()


class Handlers:
    """The handlers of an agent by job type; `*` serves every type that has none of its own."""

    def __init__(self, by_type: Mapping[str, Handler]) -> None:
        self._by_type = dict(by_type)

    @classmethod
    def parse(cls, on: Iterable[str], secrets: Iterable[str] = ()) -> "Handlers":
        """Read `TYPE=command` or `TYPE=python:module:function`, and `TYPE=github,llm` for the secrets.

        Raises:
            ValueError: with a message for the person at the command line.
        """
        asked = {kind: tuple(filter(None, types.split(","))) for kind, types in map(_pair, secrets)}
        by_type: dict[str, Handler] = {}
        for kind, command in map(_pair, on):
            if kind in by_type:
                raise ValueError(f"--on names the type {kind} twice")
            by_type[kind] = Handler(argv=_argv(command), secrets=asked.get(kind, ()))
        if unserved := sorted(set(asked) - set(by_type)):
            raise ValueError(f"--secrets names types without --on: {', '.join(unserved)}")
        return cls(by_type)

    def extended(self, kind: str, handler: Handler) -> "Handlers":
        """Give these handlers and one more."""
        return Handlers(self._by_type | {kind: handler})

    def find(self, kind: str) -> Handler | None:
        """Give the handler for a type, or None."""
        return self._by_type.get(kind) or self._by_type.get(ANY)

    def types(self) -> list[str]:
        """Give the types that are served, sorted."""
        return sorted(self._by_type)


def _pair(text: str) -> tuple[str, str]:
    kind, equals, rest = text.partition("=")
    if not equals or not rest.strip() or not TYPE.fullmatch(kind):
        raise ValueError(f"expected TYPE=… with a job type ([a-z][a-z0-9_-]*) or *, not {text!r}")
    return kind, rest.strip()


def _argv(command: str) -> tuple[str, ...]:
    """Give the program to run: a shell with the operator's own text, or Python with a callable.

    Nothing of a job ever becomes part of either; jobs reach the program by file and environment.
    """
    if not command.startswith("python:"):
        return ("/bin/sh", "-c", command)
    found = CALLABLE.fullmatch(command)
    if not found:
        raise ValueError(f"expected python:module:function, not {shlex.quote(command)}")
    # -P keeps the job's directory off the import path; modules come from where the agent was started.
    program = (sys.executable, "-P", "-m", "claimcheck_agent.call")
    return (*program, str(Path.cwd()), found["module"], found["function"])
