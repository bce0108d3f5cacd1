"""The job as seen from inside a command: what a Python callable is given."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

PROGRESS_MARK = "::progress "
STAGE_MARK = "::stage "


@dataclass(frozen=True, kw_only=True)
class Task:
    """One job, in the process that does its work. Neither the server nor the agent can be reached from it.

    What is printed goes to the job's log; files written into `artifacts` are delivered; what the callable
    returns (a dictionary, or None) is the job's result; an exception fails the job.
    """

    id: str
    type: str
    project_id: str | None
    attempt: int
    payload: Any
    artifacts: Path
    result_file: Path
    secrets: Mapping[str, str]

    @classmethod
    def from_environment(cls) -> Self:
        """Read the job that the agent left for this process."""
        job = json.loads(Path(os.environ["CLAIMCHECK_JOB_FILE"]).read_text(encoding="utf-8"))
        secrets = Path(os.environ["CLAIMCHECK_SECRETS_DIR"])
        return cls(
            id=job["jobId"],
            type=job["type"],
            project_id=job["projectId"],
            attempt=job.get("attempt") or 1,
            payload=job.get("payload"),
            artifacts=Path(os.environ["CLAIMCHECK_ARTIFACTS_DIR"]),
            result_file=Path(os.environ["CLAIMCHECK_RESULT_FILE"]),
            secrets={file.name: file.read_bytes().decode() for file in secrets.iterdir()},
        )

    def keep_result(self, result: Mapping[str, Any]) -> None:
        """Leave the job's result for the agent.

        Raises:
            ValueError, TypeError: it is not JSON.
        """
        self.result_file.write_text(json.dumps(result, allow_nan=False), encoding="utf-8")

    def progress(self, /, **progress: Any) -> None:  # noqa: ANN401  (any JSON; part of a job's interface)
        """Show how far the work is, as any JSON fields of at most 2048 bytes together."""
        print(PROGRESS_MARK + json.dumps(progress), flush=True)  # noqa: T201  (this is the protocol)

    def stage(self, name: str) -> None:
        """Begin a stage: what is printed from here on has it as metadata in the job's log."""
        print(STAGE_MARK + name, flush=True)  # noqa: T201  (as above)


def say(text: str) -> None:
    """Print text, which may be anybody's, into the job's log: what could be taken for a mark is indented."""
    for line in text.splitlines():
        print(f"  {line}" if line.startswith("::") else line, flush=True)  # noqa: T201  (what is printed is the log)
