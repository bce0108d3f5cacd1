"""An agent beside the local cloud, so that builds and analyses are done without anybody starting one.

``python -m local.agent PID COMMAND…`` runs a command that is killed when the process PID ends, however that ends.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

AGENT_ID = "local-builds"
QUEUE = "builds"
SWITCH = "CLAIMCHECK_LOCAL_AGENT"
"""The variable that leaves it out, if it is 0."""
STOP_SECONDS = 8.0

_SECRET = "CLAIMCHECK_AGENT_SECRET"  # noqa: S105  a variable's name
_OPTIONS = ("CLAIMCHECK_MODEL_URL", "CLAIMCHECK_MODEL", "CLAIMCHECK_REPOSITORY_HOSTS")
# A command that does not end by itself gets this long, and then there is time left to give its job back.
_GRACE_SECONDS = 3
_AGENT = (sys.executable, "-P", "-m", "claimcheck_agent.cli")
_PR_SET_PDEATHSIG = 1


def is_wanted() -> bool:
    """Whether the environment leaves it on."""
    return os.environ.get(SWITCH, "").strip().lower() not in {"0", "false", "no", "off"}


class LocalAgent:
    """A claimcheck-agent in a process of its own, between ``start`` and ``stop``; also a context manager.

    On Linux it is killed when the thread that starts it ends, and so with its process, however that ends.

    Args:
        url: the server's.
        secret: what agents show to it.
        keep: told each line that it prints, in a thread of its own.
        say: told why, if it ends before it is stopped, such as when it lacks what builds need; in that thread too.
        command: what to run in its place; it gets the same arguments.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        keep: Callable[[str], None],
        say: Callable[[str], None],
        command: Sequence[str] = _AGENT,
    ) -> None:
        arguments = ["run", "--url", url, "--id", AGENT_ID, "--queue", QUEUE, "--grace", str(_GRACE_SECONDS), "--plain"]
        self._command = [sys.executable, "-P", __file__, str(os.getpid()), *command, *arguments]
        self._secret = secret
        self._keep = keep
        self._say = say
        self._stopping = False
        self._process: subprocess.Popen[str] | None = None
        self._reader = threading.Thread(target=self._read, name="local-agent", daemon=True)

    def start(self) -> Self:
        """Start it; whether it can work at all is soon seen."""
        self._process = subprocess.Popen(  # noqa: S603  our own agent
            self._command,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Ctrl-C at the terminal is for the server, which then stops its agent first.
            start_new_session=True,
        )
        self._reader.start()
        return self

    def stop(self) -> None:
        """Have it give back what it holds and end; kill it after ``STOP_SECONDS``."""
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

    def _environment(self) -> dict[str, str]:
        # It gets what any agent has: its own options, and of this process's keys its own alone.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CLAIMCHECK_"))}
        options = {name: os.environ[name] for name in _OPTIONS if os.environ.get(name)}
        return {**kept, **options, _SECRET: self._secret}

    def _read(self) -> None:
        assert self._process is not None  # noqa: S101  for the type checker: it is started before its reader
        assert self._process.stdout is not None  # noqa: S101  likewise
        last = ""
        with self._process.stdout as lines:
            for line in lines:
                last = line.strip() or last
                self._keep(line.rstrip("\n"))
        code = self._process.wait()
        if not self._stopping:
            self._say(f"The agent {AGENT_ID} has ended with {code}, and builds wait for another: {last}")


def main(arguments: Sequence[str]) -> None:
    """Become the command, to be killed with the process that is named."""
    parent, *command = arguments
    if sys.platform == "linux":
        # SIGKILL: the server is gone, and to give a job back to it would be tried for as long as its lease lasts.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == int(parent):
        os.execv(command[0], command)  # noqa: S606  without a shell


if __name__ == "__main__":
    main(sys.argv[1:])
