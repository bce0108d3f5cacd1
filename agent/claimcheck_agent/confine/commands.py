"""Runs one command of foreign code within limits, so that nothing of it is left when it is over."""

import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from claimcheck_agent.confine import launch
from claimcheck_agent.leftovers import remove_tree
from claimcheck_agent.masking import Masker
from claimcheck_agent.runner import Command, Ended, Program

OnLine = Callable[[str], None]

KEPT = 65_536  # Characters of output.
BETWEEN_COUNTS = 0.1  # Seconds from one count of the processes to the next.

# -I and -S: nothing of the project can be imported by this Python, and it starts in some milliseconds.
LAUNCH = (sys.executable, "-I", "-S", launch.__file__)

# What programs need of a system to run at all, names to be resolved and certificates to be checked.
SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix", "/etc", "/proc", "/sys"),
    *("/run/systemd/resolve", "/var/lib/ca-certificates"),
    *(sys.prefix, sys.base_prefix),
)
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a command may use.

    Attributes:
        memory: bytes of address space of each of its processes.
        cpu: seconds of processor time of each of its processes.
        file_size: bytes of each file that it writes.
        processes: how many it may have at once; one more, and it is ended.
        reads: folders and files that it may read beside the system's own and those that it may write.
        writes: folders that it may write beside its directory, its HOME and its TMPDIR.
    """

    memory: int = 4 << 30
    cpu: int = 600
    file_size: int = 512 << 20
    processes: int = 256
    reads: Sequence[Path] = ()
    writes: Sequence[Path] = ()


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How a command ended.

    Attributes:
        code: its exit code; negative: the signal that ended it; 127 if it could not be started.
        output: the end of what it wrote to standard output and standard error, at most 64 Ki characters.
        timed_out: whether it was ended because its time was up.
        too_many_processes: whether it was ended because it had too many processes.
    """

    code: int
    output: str
    timed_out: bool = False
    too_many_processes: bool = False

    def describe(self) -> str:
        """Say it in words."""
        if self.timed_out:
            return "the command took too long and was ended"
        if self.too_many_processes:
            return "the command started too many processes and was ended"
        if self.code == -signal.SIGXCPU:
            return "the command used too much processor time and was ended"
        return Ended(code=self.code, timed_out=False).describe()


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    timeout: float,
    env: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    on_line: OnLine | None = None,
) -> Finished:
    """Run a command to its end, or end it when its time (in seconds) is up or it has too many processes.

    It gets nothing to read, an environment of PATH, LANG and `env`, and a HOME and a TMPDIR of its own, which are
    removed afterwards. Where the kernel has Landlock it reaches only the files that its limits name, and no process
    but its own (`launch` says what else is kept out, and where not). Folders that it may write may be mounts of their
    own: files are moved from one to another as between file systems. Nothing that it started is left when this returns
    (on Linux; elsewhere nothing of its process group). `on_line` gets each line of output, without its end, as it
    comes; one at a time, but from other threads.

    Raises:
        OSError: the directory is not there, or arguments and environment are too large.
        ValueError: an argument or variable holds a NUL.
    """
    limits = limits or Limits()
    tail = _Tail(on_line)
    scratch = Path(tempfile.mkdtemp(prefix="confined-")).resolve()
    try:
        for folder in ("home", "tmp"):
            (scratch / folder).mkdir()
        rules = _rules(limits, cwd.resolve(), scratch)
        program = Program(argv=(*LAUNCH, rules, *argv), cwd=cwd, env=_environment(scratch, env or {}), grace=0.0)
        finished = _run(program, limits, time.monotonic() + timeout, tail)
    finally:
        remove_tree(scratch)
    return replace(finished, output=tail.text())


def _run(program: Program, limits: Limits, deadline: float, tail: "_Tail") -> Finished:
    wake = threading.Event()
    command = Command(program, wake)
    readers = [command.read(name, tail.add, Masker()) for name in ("stdout", "stderr")]
    timed_out = too_many = False
    try:
        while not (timed_out or too_many) and not wake.wait(min(BETWEEN_COUNTS, max(0.0, deadline - time.monotonic()))):
            timed_out = time.monotonic() >= deadline
            too_many = command.processes() > limits.processes
    finally:
        code = command.finish(readers)
    return Finished(code=code, output="", timed_out=timed_out, too_many_processes=too_many)


def _rules(limits: Limits, cwd: Path, scratch: Path) -> str:
    reads = (*SYSTEM, *map(str, limits.reads))
    writes = (*DEVICES, str(cwd), str(scratch), *map(str, limits.writes))
    return json.dumps(
        {
            "memory": limits.memory,
            "cpu": limits.cpu,
            "file_size": limits.file_size,
            "processes": limits.processes,
            "reads": reads,
            "writes": writes,
        }
    )


def _environment(scratch: Path, given: Mapping[str, str]) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "HOME": str(scratch / "home"),
        "TMPDIR": str(scratch / "tmp"),
        **given,
    }


class _Tail:
    """Passes lines on, and keeps the last of them."""

    def __init__(self, on_line: OnLine | None) -> None:
        self._lock = threading.Lock()
        self._on_line = on_line
        self._lines: deque[str] = deque()
        self._size = 0

    def add(self, _: str, line: str) -> None:
        with self._lock:
            self._lines.append(line)
            self._size += len(line) + 1
            while self._size > KEPT:
                self._size -= len(self._lines.popleft()) + 1
            if self._on_line:
                self._on_line(line)

    def text(self) -> str:
        with self._lock:
            return "\n".join(self._lines)
