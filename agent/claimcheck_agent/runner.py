"""Runs a program in a process group of its own and ends the whole group, come what may."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from claimcheck_agent.halt import Halt
from claimcheck_agent.lease import Lease
from claimcheck_agent.masking import Masker

PIECE = 32_768  # Characters of an endless line that are read at once.
DRAIN_TIME = 2.0  # Seconds for output that is still in the pipes after the program has ended.

OnLine = Callable[[str, str], None]


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run and where. `time_limit` and `grace` (between SIGTERM and SIGKILL) are in seconds."""

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    time_limit: float | None = None
    grace: float = 10.0


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a program ended: its exit code (negative: the signal), and whether its time was up."""

    code: int
    timed_out: bool

    def describe(self) -> str:
        """Say it in words."""
        if self.code >= 0:
            return f"the command ended with exit code {self.code}"
        return f"the command was ended by {signal.Signals(-self.code).name}"


def run(program: Program, on_line: OnLine, *, masker: Masker, halt: Halt, lease: Lease) -> Ended:
    """Run a program to its end, or end it when the job is halted, its lease runs out or its time is up.

    `on_line` gets the stream ("stdout" or "stderr") and each line without its end, from two threads.
    Nothing of the process group is left when this returns.

    Raises:
        OSError: the program cannot be started.
    """
    wake = threading.Event()
    group = ProcessGroup(program, wake)
    halt.listen(wake)
    readers = [group.read(name, on_line, masker) for name in ("stdout", "stderr")]
    ends = time.monotonic() + program.time_limit if program.time_limit else None
    while not wake.wait(_until(ends, lease)):
        if not lease.check() or (ends and time.monotonic() >= ends):
            break
    timed_out = bool(ends) and not group.exited.is_set() and halt.reason is None
    if not group.exited.is_set():
        group.terminate(readers)
    return Ended(code=group.finish(readers), timed_out=timed_out)


class ProcessGroup:
    """A child that leads its own session, and all that it starts there.

    The leader is not reaped before the group has been killed: until then no other process can get its
    number, so a signal never reaches a stranger.
    """

    def __init__(self, program: Program, wake: threading.Event) -> None:
        self._grace = program.grace
        self._process = subprocess.Popen(  # noqa: S603  (the operator's own command)
            program.argv,
            cwd=program.cwd,
            env=program.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self.exited = threading.Event()
        self._wake = wake
        threading.Thread(target=self._watch, name="claimcheck-exit", daemon=True).start()

    def read(self, name: str, on_line: OnLine, masker: Masker) -> threading.Thread:
        """Start to read one of the streams."""
        stream = self._process.stdout if name == "stdout" else self._process.stderr
        assert stream is not None  # noqa: S101  (both are pipes)
        thread = threading.Thread(target=_read, args=(stream, name, on_line, masker), daemon=True)
        thread.start()
        return thread

    def terminate(self, readers: Sequence[threading.Thread]) -> None:
        """Ask the group to end, and wait for it as long as grace allows.

        The group has ended when its leader has and nobody holds its pipes any more.
        """
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + self._grace
        self.exited.wait(self._grace)
        for thread in readers:
            thread.join(max(0.0, deadline - time.monotonic()))

    def finish(self, readers: Sequence[threading.Thread]) -> int:
        """Read what is left, kill what is left, and give the leader's exit code."""
        if self.exited.is_set():
            _join(readers, DRAIN_TIME)
        self._signal(signal.SIGKILL)
        # Reaped only when the watcher has seen it end: it would find no child to wait for.
        self.exited.wait()
        code = self._process.wait()
        _join(readers, DRAIN_TIME)
        return code

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            # Nobody is left in the group; macOS says so by refusing permission.
            return

    def _watch(self) -> None:
        if hasattr(os, "waitid"):
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        else:  # macOS with Python before 3.13 cannot wait without reaping.
            self._process.wait()
        self.exited.set()
        self._wake.set()


def read_lines(stream: TextIO, masker: Masker) -> Iterator[str]:
    """Give the lines of a stream; one that does not end comes in pieces, never cut within a secret."""
    held = ""
    while piece := stream.readline(PIECE):
        text = held + piece
        if text.endswith("\n"):
            yield text[:-1]
            held = ""
        else:
            cut = masker.safe_cut(text)
            if cut:
                yield text[:cut]
            held = text[cut:]
    if held:
        yield held


def _read(stream: TextIO, name: str, on_line: OnLine, masker: Masker) -> None:
    with stream:
        for line in read_lines(stream, masker):
            on_line(name, line)


def _join(threads: Sequence[threading.Thread], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _until(ends: float | None, lease: Lease) -> float:
    waits = lease.remaining()
    return waits if ends is None else max(0.0, min(waits, ends - time.monotonic()))
