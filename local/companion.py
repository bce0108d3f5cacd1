"""A process beside the server's, which ends with it, however that ends.

``python -P local/companion.py PID COMMAND…`` becomes a command that is killed when the process PID ends.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from types import TracebackType
from typing import Self

STOP_SECONDS = 8.0

_OURS = ("AWS_", "CLAIMCHECK_")
_PR_SET_PDEATHSIG = 1


class Companion:
    """A command in a process of its own, between ``start`` and ``stop``; also a context manager.

    On Linux it is killed when the thread that starts it ends, and so with its process, however that ends.

    Args:
        command: the program and its arguments.
        hear: told each line that it prints, in a thread of its own.
        ended: told its exit code and its last line, if it ends before it is stopped; in that thread too.
        options: variables that it gets beside those of this process, of which it gets none of AWS or of ours.
        inherited: open files that it gets.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        hear: Callable[[str], None],
        ended: Callable[[int, str], None],
        options: Mapping[str, str],
        inherited: Collection[int] = (),
    ) -> None:
        self._command = [sys.executable, "-P", __file__, str(os.getpid()), *command]
        self._options = options
        self._inherited = inherited
        self._tell_line = hear
        self._tell_end = ended
        self._stopping = False
        self._process: subprocess.Popen[str] | None = None
        self._reader = threading.Thread(target=self._read, name="companion", daemon=True)

    def start(self) -> Self:
        """Start it; whether it can work at all is soon seen."""
        self._process = subprocess.Popen(  # noqa: S603  our own programs
            self._command,
            env={name: value for name, value in os.environ.items() if not name.startswith(_OURS)} | dict(self._options),
            pass_fds=self._inherited,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Ctrl-C at the terminal is for the server, which then stops this first.
            start_new_session=True,
        )
        self._reader.start()
        return self

    def stop(self) -> None:
        """Have it end; kill it after ``STOP_SECONDS``."""
        self._stopping = True
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(timeout=1)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _read(self) -> None:
        assert self._process is not None  # noqa: S101  for the type checker: it is started before its reader
        assert self._process.stdout is not None  # noqa: S101  likewise
        last = ""
        with self._process.stdout as lines:
            for line in lines:
                last = line.strip() or last
                self._tell_line(line.rstrip("\n"))
        code = self._process.wait()
        if not self._stopping:
            self._tell_end(code, last)


def main(arguments: Sequence[str]) -> None:
    """Become the command, to be killed with the process that is named."""
    parent, *command = arguments
    if sys.platform == "linux":
        # SIGKILL: the server is gone, and an agent would try to give a job back to it for as long as its lease lasts.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == int(parent):
        os.execv(command[0], command)  # noqa: S606  without a shell


if __name__ == "__main__":
    main(sys.argv[1:])
