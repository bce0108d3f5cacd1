"""The loop of the command: claims jobs and has each done by its handler in a directory of its own."""

import contextlib
import json
import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from claimcheck_agent.client import Agent
from claimcheck_agent.display import Display
from claimcheck_agent.environment import command_environment
from claimcheck_agent.errors import (
    AgentError,
    ApiError,
    ClaimLost,
    DownloadFailed,
    SecretNotFound,
    Unavailable,
    UploadFailed,
)
from claimcheck_agent.handlers import Handler, Handlers
from claimcheck_agent.job import Job
from claimcheck_agent.runner import Ended, Program, run
from claimcheck_agent.task import PROGRESS_MARK, STAGE_MARK
from claimcheck_agent.workspace import Workspace

log = logging.getLogger(__name__)

LAST_LINES = 20
LONGEST_LAST_LINE = 1000  # Characters.
LEVELS = {"stdout": "info", "stderr": "error"}
LONGEST_STAGE = 64  # Characters of a stage's name.


@dataclass(frozen=True, kw_only=True)
class Options:
    """How jobs are run here. `time_limit` and `grace` are in seconds."""

    workdir: Path
    keep_workdir: bool = False
    time_limit: float | None = None
    grace: float = 10.0
    passed: Sequence[str] = ()


class Worker:
    """Serves an agent's jobs, one after another."""

    def __init__(self, agent: Agent, handlers: Handlers, options: Options, display: Display) -> None:
        self._agent = agent
        self._handlers = handlers
        self._options = options
        self._display = display

    def run(self, *, limit: int | None, wait: bool) -> None:
        """Serve jobs until the agent is stopped, `limit` are done, or, without `wait`, none is ready."""
        for job in self._agent.jobs(limit=limit, wait=wait):
            self._serve(job)

    def _serve(self, job: Job) -> None:
        began = time.monotonic()
        self._display.started(job.id, job.type)
        try:
            with job:
                job.check()
                handler = self._handlers.find(job.type)
                if handler:
                    self._do(job, handler)
                else:
                    self._refuse(job)
        except Exception as error:  # noqa: BLE001  (one job's trouble, reported already, does not end the agent)
            self._display.note("error", job.masker.mask(f"job {job.id}: {type(error).__name__}: {error}"))
        self._display.ended(job.id, job.state, time.monotonic() - began)

    def _refuse(self, job: Job) -> None:
        served = ", ".join(self._handlers.types()) or "nothing"
        self._fail(job, f"this agent has no handler for jobs of type {job.type!r}; it serves: {served}")

    def _do(self, job: Job, handler: Handler) -> None:
        try:
            secrets = _secrets(job, handler)
        except SecretNotFound as error:
            self._fail(job, f"the job needs the secrets {', '.join(handler.secrets)}: {error}")
            return
        space = Workspace.create(self._options.workdir, job.data, secrets)
        try:
            handler.prepare(job, space, partial(self._tell, job))
            ended, last_lines = self._command(job, handler, space, secrets)
            space.remove_secrets()
            job.check()
            self._settle(job, handler, space, ended, last_lines)
        except DownloadFailed as error:
            self._fail(job, str(error))
        finally:
            self._clear(space)

    def _command(
        self, job: Job, handler: Handler, space: Workspace, secrets: dict[str, str]
    ) -> tuple[Ended, list[str]]:
        program = Program(
            argv=handler.argv,
            cwd=space.work,
            env=command_environment(job.data, space, secrets, self._options.passed),
            time_limit=self._options.time_limit,
            grace=self._options.grace,
        )
        last: deque[str] = deque(maxlen=LAST_LINES)
        metadata: dict[str, str] = {}

        def on_line(stream: str, text: str) -> None:
            if stream == "stdout" and text.startswith(PROGRESS_MARK):
                self._tell(job, _progress_fields(text.removeprefix(PROGRESS_MARK)))
                return
            if stream == "stdout" and text.startswith(STAGE_MARK):
                metadata["stage"] = text.removeprefix(STAGE_MARK).strip()[:LONGEST_STAGE]
                return
            last.append(job.masker.mask(text)[:LONGEST_LAST_LINE])
            job.write(LEVELS[stream], text, **metadata)

        ended = run(program, on_line, masker=job.masker, halt=job.claim.halt, lease=job.claim.lease)
        return ended, list(last)

    def _tell(self, job: Job, progress: dict[str, Any]) -> None:
        try:
            job.progress(**progress)
            self._display.progress(job.masker.mask_json(progress))
        except (ValueError, TypeError, RecursionError) as error:
            job.write("warn", f"progress was not reported: {error}")
        except AgentError:
            # The job is being ended; whoever does its work says so.
            return

    def _settle(self, job: Job, handler: Handler, space: Workspace, ended: Ended, last_lines: list[str]) -> None:
        """Deliver what the command has left, then the outcome."""
        problem = self._problem(handler, ended)
        try:
            result = handler.deliver(job, space, partial(self._tell, job))
        except ClaimLost:
            raise
        except (ApiError, Unavailable, UploadFailed, ValueError) as error:
            problem = problem or str(error)
            result = {}
        if problem is None:
            job.complete(result)
            return
        details = result | {"exitCode": ended.code, "lastLines": last_lines}
        said = details.pop("error", None)
        self._fail(job, said if isinstance(said, str) and said else problem, details)

    def _problem(self, handler: Handler, ended: Ended) -> str | None:
        if ended.timed_out:
            return f"the command was ended at the time limit of {self._options.time_limit:g} s"
        return handler.explain(ended) if ended.code else None

    def _fail(self, job: Job, why: str, details: Mapping[str, Any] | None = None) -> None:
        self._display.note("error", job.masker.mask(why))
        job.fail(why, **details or {})

    def _clear(self, space: Workspace) -> None:
        space.remove_secrets()
        if self._options.keep_workdir:
            space.keep()
            log.info("kept %s", space.root)
        else:
            space.remove()


def _secrets(job: Job, handler: Handler) -> dict[str, str]:
    """Give the secrets that a handler asks for, in one redemption if the project has all of them.

    Raises:
        SecretNotFound: one is missing that the handler cannot do without.
    """
    optional = handler.optional_secrets(job) if job.data.get("projectId") else ()
    try:
        return job.secrets(*handler.secrets, *optional)
    except SecretNotFound:
        if not optional:
            raise
    found = job.secrets(*handler.secrets)
    for kind in optional:
        with contextlib.suppress(SecretNotFound):
            found |= job.secrets(kind)
    return found


def _progress_fields(text: str) -> dict[str, Any]:
    """Read a progress line: a JSON object, or words that become the contract's `{"progress": "…"}`."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text.strip()
    return value if isinstance(value, dict) else {"progress": value}
