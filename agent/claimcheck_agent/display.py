"""What a person sees: a live display at a terminal, plain timestamped lines anywhere else."""
# ruff: noqa: D102  (Display documents the methods that the two displays have)

import logging
import re
import sys
import threading
from datetime import UTC, datetime
from typing import Any, Protocol, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

ESCAPE_SEQUENCE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-_])")
STYLES = {
    "debug": "dim",
    "warn": "yellow",
    "warning": "yellow",
    "error": "red",
    "critical": "bold red",
    "completed": "bold green",
    "failed": "bold red",
}
WAITING = "waiting for a job"


class Display(Protocol):
    """What the worker tells about its work."""

    def note(self, level: str, text: str) -> None:
        """Show a remark of the agent itself."""

    def line(self, level: str, text: str) -> None:
        """Show a line of the job's log, masked already."""

    def progress(self, progress: dict[str, Any]) -> None:
        """Show how far the job is."""

    def started(self, job_id: str, kind: str) -> None:
        """Show that work on a job begins."""

    def ended(self, job_id: str, state: str, seconds: float) -> None:
        """Show how it ended."""


class PlainDisplay:
    """One line for everything, with the time and the level: for files, pipes and the journal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._lock = threading.Lock()

    def note(self, level: str, text: str) -> None:
        self._print(level, text)

    def line(self, level: str, text: str) -> None:
        self._print(level, f"| {text}")

    def progress(self, progress: dict[str, Any]) -> None:
        self._print("info", f"progress: {in_words(progress)}")

    def started(self, job_id: str, kind: str) -> None:
        self._print("info", f"job {job_id} ({kind}) begins")

    def ended(self, job_id: str, state: str, seconds: float) -> None:
        self._print("info", f"job {job_id} {state} after {seconds:.1f} s")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        return None

    def _print(self, level: str, text: str) -> None:
        time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            with self._lock:
                print(f"{time} {level:<8} {printable(text)}", file=self._stream, flush=True)
        except (BrokenPipeError, ValueError):
            # Nobody reads any more; the work goes on.
            return


class TerminalDisplay:
    """A status line that stays at the bottom, with the job's log running above it."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._task: TaskID = self._bar.add_task(WAITING, total=None)
        self._job = ""

    def note(self, level: str, text: str) -> None:
        self._console.print(Text(printable(text), style=STYLES.get(level, "cyan")))

    def line(self, level: str, text: str) -> None:
        self._console.print(Text("  " + printable(text), style=STYLES.get(level, "")))

    def progress(self, progress: dict[str, Any]) -> None:
        percent = progress.get("percent")
        if isinstance(percent, int | float):
            self._bar.update(self._task, total=100, completed=percent)
        self._bar.update(self._task, description=f"{self._job}: {printable(in_words(progress))[:80]}")

    def started(self, job_id: str, kind: str) -> None:
        self._job = f"{kind} {job_id}"
        self._console.print(Text(f"{self._job} begins", style="bold"))
        self._bar.reset(self._task, total=None, description=self._job)

    def ended(self, job_id: str, state: str, seconds: float) -> None:  # noqa: ARG002  (as in Display)
        style = STYLES.get(state, "bold yellow")
        self._console.print(Text(f"{self._job} {state} after {seconds:.1f} s", style=style))
        self._bar.reset(self._task, total=None, description=WAITING)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._bar.stop()


class DisplayHandler(logging.Handler):
    """Shows the agent's own log records as notes."""

    def __init__(self, display: Display) -> None:
        super().__init__()
        self._display = display

    def emit(self, record: logging.LogRecord) -> None:
        self._display.note(record.levelname.lower(), self.format(record))


def choose_display(*, plain: bool) -> PlainDisplay | TerminalDisplay:
    """Give the display that suits: plain if asked for, or if nobody sits at a terminal."""
    return PlainDisplay() if plain or not sys.stdout.isatty() else TerminalDisplay()


def in_words(progress: dict[str, Any]) -> str:
    """Give progress as text: `percent 40, step tests`, or just the words of a single `progress`."""
    if set(progress) == {"progress"}:
        return str(progress["progress"])
    return ", ".join(f"{key} {value}" for key, value in progress.items())


def printable(text: str) -> str:
    """Take out what would steer the terminal: a job's output must not move its operator's cursor."""
    plain = ESCAPE_SEQUENCE.sub("", text).expandtabs(4)
    return "".join(character if character.isprintable() or character == "\n" else "·" for character in plain)
