"""Runs a program under a guard, by which everything it started is ended, come what may."""

import contextlib
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from claimcheck_agent import guard
from claimcheck_agent.halt import Halt
from claimcheck_agent.lease import Lease
from claimcheck_agent.masking import Masker

log = logging.getLogger(__name__)

PIECE = 32_768  # Characters of an endless line that are read at once.
DRAIN_TIME = 2.0  # Seconds for output that is still in the pipes after the program has ended.

# -I and -S: the job's variables mean nothing to this Python, and it starts in some milliseconds.
GUARD = (sys.executable, "-I", "-S", guard.__file__)

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
    Nothing that it started is left when this returns (on Linux; elsewhere nothing of its process group). A
    program that cannot be started says so on its standard error and ends with exit code 127, as in a shell.

    Raises:
        OSError: the directory is not there, or the environment is too large.
    """
    wake = threading.Event()
    command = Command(program, wake)
    halt.listen(wake)
    readers = [command.read(name, on_line, masker) for name in ("stdout", "stderr")]
    ends = time.monotonic() + program.time_limit if program.time_limit else None
    while not wake.wait(_until(ends, lease)):
        if not lease.check() or (ends and time.monotonic() >= ends):
            break
    timed_out = bool(ends) and not command.exited.is_set() and halt.reason is None
    if not command.exited.is_set():
        command.terminate(readers)
    return Ended(code=command.finish(readers), timed_out=timed_out)


class Command:
    """A program with all that it starts, and the guard that runs it and outlives it, and this process too."""

    def __init__(self, program: Program, wake: threading.Event) -> None:
        self._grace = program.grace
        self._guard, theirs = socket.socketpair()
        try:
            self._process = _start_guard(program, theirs.fileno())
        except BaseException:
            self._guard.close()
            raise
        finally:
            theirs.close()
        self._code = -signal.SIGKILL
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
        """Ask the program to end, with all that it started, and wait for it as long as grace allows.

        It has ended when its first process has and nobody holds its pipes any more.
        """
        with contextlib.suppress(OSError):
            self._guard.sendall(guard.TERMINATE)
        deadline = time.monotonic() + self._grace
        self.exited.wait(self._grace)
        for thread in readers:
            thread.join(max(0.0, deadline - time.monotonic()))

    def processes(self) -> int:
        """Count the program's processes; 0 where there is no `/proc`."""
        return len(guard.descendants(self._process.pid))

    def finish(self, readers: Sequence[threading.Thread]) -> int:
        """Read what is left, kill what is left, and give the program's exit code."""
        if self.exited.is_set():
            _join(readers, DRAIN_TIME)
        with contextlib.suppress(OSError):
            self._guard.shutdown(socket.SHUT_WR)
        self.exited.wait()
        self._process.wait()
        self._guard.close()
        _join(readers, DRAIN_TIME)
        return self._code

    def _watch(self) -> None:
        """Wait for the guard's word on how the program ended; without one it was killed, and the guard too."""
        with contextlib.suppress(OSError):
            self._code = int(self._guard.recv(16) or self._code)
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


def _start_guard(program: Program, stdin: int) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603  (the operator's own command)
        (*GUARD, program.env.get("LC_CTYPE", ""), *program.argv),
        cwd=program.cwd,
        env=program.env,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )


def _read(stream: TextIO, name: str, on_line: OnLine, masker: Masker) -> None:
    """Pass on every line, whatever happens to one: a program whose pipe nobody reads would wait for ever."""
    with stream:
        for line in read_lines(stream, masker):
            try:
                on_line(name, line)
            except Exception as error:  # noqa: BLE001  (its text may hold the line, and that a secret)
                log.error("a line of the command was lost: %s", type(error).__name__)  # noqa: TRY400


def _join(threads: Sequence[threading.Thread], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _until(ends: float | None, lease: Lease) -> float:
    waits = lease.remaining()
    return waits if ends is None else max(0.0, min(waits, ends - time.monotonic()))
