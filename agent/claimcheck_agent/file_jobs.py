"""The agent's own handler for file jobs: the input comes first, the engine runs as a command, the output goes back."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from claimcheck_agent.handlers import Handlers, Tell
from claimcheck_agent.inputs import InputHandler
from claimcheck_agent.job import Job
from claimcheck_agent.own import must_have
from claimcheck_agent.progress import Meter
from claimcheck_agent.uploads import artifact_name
from claimcheck_agent.workspace import Workspace

TYPE = "file"
QUEUES = frozenset({"files", "files-large"})
NEEDED = ("duckdb", "msgspec", "pydantic", "zstandard", "claimcheck_tabular")
INSTALL = 'pip install "claimcheck-agent[files]"'
OUTPUT = "output"


@dataclass(frozen=True, kw_only=True)
class FileHandler(InputHandler):
    """Processes files with the engine that the server uses for smaller ones."""

    failure: ClassVar[str] = "The file could not be processed"

    @classmethod
    def within(cls, *, memory: int, threads: int, expanded: int) -> Self:
        """Make the handler for these limits: bytes of memory, threads, bytes of a file once it is decompressed."""
        program = (sys.executable, "-P", "-m", "claimcheck_agent.files")
        return cls(argv=(*program, str(memory), str(threads), str(expanded)))

    def deliver(self, job: Job, space: Workspace, tell: Tell) -> dict[str, Any]:
        """Upload the output, if there is one; gives the job's result."""
        said = space.result() or {}
        path = space.work / OUTPUT
        if "report" not in said:
            return said
        size, meter = path.stat().st_size, Meter("uploading", tell)
        artifact = job.upload(
            path,
            artifact_name(Path(said["file_name"])),
            content_type=said["content_type"],
            on_sent=lambda sent: meter(sent, size),
        )
        output = {"object_key": artifact["drivePath"], "file_name": said["file_name"], "size": size}
        return {"output": output, "report": said["report"]}


def add_file_handler(handlers: Handlers, queues: Sequence[str], own: FileHandler) -> Handlers:
    """Have file jobs done by our own handler, if their queues are served and nobody else does them.

    Raises:
        ValueError: what it needs is not installed.
    """
    if not QUEUES.intersection(queues) or handlers.find(TYPE):
        return handlers
    must_have(NEEDED, "file jobs", INSTALL)
    return handlers.extended(TYPE, own)
