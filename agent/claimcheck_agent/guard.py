"""Stands between the agent and a job's command, so that nothing of the command is left, even if the agent is killed.

Run as a file (`python -I -S guard.py LC_CTYPE PROGRAM ARGUMENT…`), so it imports the standard library only. Its
standard input is a socket: the agent writes TERMINATE to have the command asked to end; when it closes its end, or
dies, all that the command started is killed. The guard answers with the command's exit code (negative: the signal).
"""

import contextlib
import ctypes
import os
import select
import signal
import socket
import sys
import time
from collections import defaultdict
from pathlib import Path

TERMINATE = b"T"
CANNOT_START = 127  # As a shell says it.
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
LONGEST_KILL = 5.0  # Seconds for what was killed to be gone; what hangs in the kernel may take for ever.
# A service manager sends these to every process, but the guard takes orders from the agent only.
NOT_OBEYED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# Python ignores these, and what is ignored would stay so in the program.
RESTORED = (signal.SIGPIPE, signal.SIGXFSZ)


def main(locale: str, *argv: str) -> None:
    """Run the program until it ends or the agent wants no more of it."""
    # Its environment has the job's secrets; the program, which is started anew, may look into itself as ever.
    _prctl(PR_SET_DUMPABLE, 0)
    agent = socket.socket(fileno=0)
    _undo_coercion(locale)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)  # Orphans become the guard's children, and are found as such.
    wake = _wake_on_signals()
    leader = _start(argv)
    _let_go_of_output()
    code = _serve(agent, wake, leader)
    if code is not None:
        _tell(agent, code)
        # What the leader left behind may still be writing; the agent says when its time is up.
        while _obey(agent, leader):
            pass
    killed = _kill_all(leader)
    if code is None and killed is not None:
        _tell(agent, killed)


def _start(argv: tuple[str, ...]) -> int:
    """Start the program as the leader of a session of its own; gives its number once it runs."""
    started, starting = os.pipe()
    guard = os.getpid()
    leader = os.fork()
    if leader == 0:
        _become(argv, guard)
    os.close(starting)
    os.read(started, 1)  # Ends when the program takes the child's place, which closes the pipe.
    os.close(started)
    return leader


def _become(argv: tuple[str, ...], guard: int) -> None:
    """Turn this process into the program, which dies with the guard."""
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number in RESTORED:
            signal.signal(number, signal.SIG_DFL)
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == guard:
            os.execvp(argv[0], argv)  # noqa: S606  (the operator's own command)
    except OSError as error:
        os.write(2, f"{argv[0]} cannot be started: {error.strerror}\n".encode(errors="replace"))
    finally:
        os._exit(CANNOT_START)


def _serve(agent: socket.socket, wake: int, leader: int) -> int | None:
    """Obey until the leader ends, and give its exit code; None if the agent wants no more of it, or is gone."""
    while True:
        ready, _, _ = select.select([agent.fileno(), wake], [], [])
        if wake in ready:
            os.read(wake, 4096)
            code = _reap_until(leader)
            if code is not None:
                return code
        if agent.fileno() in ready and not _obey(agent, leader):
            return None


def _obey(agent: socket.socket, leader: int) -> bool:
    """Read one order and follow it; False if there will be no more."""
    try:
        order = agent.recv(1)
    except OSError:
        return False
    if order == TERMINATE:
        _signal_all(signal.SIGTERM, leader)
    return bool(order)


def _tell(agent: socket.socket, code: int) -> None:
    with contextlib.suppress(OSError):
        agent.sendall(b"%d" % code)


def _reap_until(leader: int) -> int | None:
    """Reap orphans that have ended; gives the leader's exit code once that has.

    The leader itself is not reaped before its group is killed: until then nobody else can get its number.
    """
    if not hasattr(os, "waitid"):  # macOS before Python 3.13, where orphans go elsewhere.
        pid, status = os.waitpid(leader, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None
    while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
        if ended.si_pid == leader:
            return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        os.waitpid(ended.si_pid, 0)
    return None


def _kill_all(leader: int) -> int | None:
    """Kill the group and all descendants until none is left; gives the leader's exit code, None if it hangs."""
    code = None
    deadline = time.monotonic() + LONGEST_KILL
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline:
            _signal_all(signal.SIGKILL, leader if code is None else None)
            while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                if ended[0] == leader:
                    code = os.waitstatus_to_exitcode(ended[1])
            time.sleep(0.002)
    return code


def _signal_all(number: signal.Signals, leader: int | None) -> None:
    """Signal the leader's group, and the descendants that have left it (with `setsid`, say)."""
    # PermissionError: macOS says so when nobody is left in a group; or a process has become another user's.
    if leader is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, number)
    for pid in descendants(os.getpid()):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) != leader:
                os.kill(pid, number)


def descendants(ancestor: int) -> list[int]:
    """Give all processes below one; none where there is no `/proc`."""
    children: dict[int, list[int]] = defaultdict(list)
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name before the bracket may hold anything.
            parent = file.read_bytes().rpartition(b")")[2].split()[1]
            children[int(parent)].append(int(file.parent.name))
    found = [ancestor]
    for pid in found:
        found.extend(children[pid])
    return found[1:]


def _wake_on_signals() -> int:
    """Give a descriptor that can be read whenever a child has ended."""
    wake, waking = os.pipe()
    os.set_blocking(waking, False)
    signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, *NOT_OBEYED):
        # Handlers are gone after exec; SIG_IGN would not be, unless somebody has wanted it so from the start.
        if signal.getsignal(number) is not signal.SIG_IGN or number == signal.SIGCHLD:
            signal.signal(number, lambda *_: None)
    return wake


def _let_go_of_output() -> None:
    """Leave the pipes to the program, so that they end with it."""
    null = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)


def _undo_coercion(locale: str) -> None:
    """Undo what Python does to LC_CTYPE in its own environment, which the program inherits."""
    os.environ.pop("LC_CTYPE", None)
    if locale:
        os.environ["LC_CTYPE"] = locale


def _prctl(option: int, value: int) -> None:
    """Ask Linux for something; elsewhere do without."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
