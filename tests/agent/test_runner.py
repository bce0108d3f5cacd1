"""Running a program: its output line by line, and nothing of it left afterwards."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from claimcheck_agent.halt import Halt, Reason
from claimcheck_agent.lease import Lease
from claimcheck_agent.masking import Masker
from claimcheck_agent.runner import Ended, Program, run

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers and death signals")
Lines = list[tuple[str, str]]


class Runner:
    """Runs shell commands and keeps what they print."""

    def __init__(self, cwd: Path) -> None:
        self.cwd = cwd
        self.lines: Lines = []
        self.halt = Halt()
        self.lease = Lease(self.halt)
        self.masker = Masker()
        self.said = threading.Condition()

    def __call__(self, command: str, *, time_limit: float | None = None, grace: float = 5.0) -> Ended:
        argv = ("/bin/sh", "-c", command)
        env = {"PATH": os.environ["PATH"], "PYTHON": sys.executable}
        program = Program(argv=argv, cwd=self.cwd, env=env, time_limit=time_limit, grace=grace)
        return run(program, self.on_line, masker=self.masker, halt=self.halt, lease=self.lease)

    def on_line(self, stream: str, text: str) -> None:
        with self.said:
            self.lines.append((stream, text))
            self.said.notify_all()

    def when_said(self, text: str, act: Callable[[], None]) -> None:
        """Do something in a thread once the command has printed a line."""

        def watch() -> None:
            with self.said:
                said = self.said.wait_for(lambda: any(line == text for _, line in self.lines), 30)
            if said:  # If not, the test that waits for what is done here says so.
                act()

        threading.Thread(target=watch, daemon=True).start()


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def assert_gone(pid_file: Path) -> None:
    """Assert that no process with the noted number runs; the reaping of an orphan may take a moment."""
    pid = int(pid_file.read_text())
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except FileNotFoundError:
            return
        time.sleep(0.01)
    pytest.fail(f"process {pid} is still there")


def test_output_comes_line_by_line_from_both_streams(runner: Runner) -> None:
    assert runner("echo one; echo two >&2; printf 'three\\r\\nfour'; exit 3") == Ended(code=3, timed_out=False)
    assert [line for line in runner.lines if line[0] == "stdout"] == [
        ("stdout", "one"),
        ("stdout", "three"),
        ("stdout", "four"),
    ]
    assert ("stderr", "two") in runner.lines


def test_a_line_is_given_while_the_program_still_runs(runner: Runner, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")

    def go() -> None:
        (tmp_path / "go").write_text("on")

    runner.when_said("ready", go)
    assert runner("echo ready; cat go; exit 0").code == 0
    assert runner.lines == [("stdout", "ready"), ("stdout", "on")]


def test_bytes_that_are_no_text_are_replaced(runner: Runner) -> None:
    runner(r"printf '\377\n'")
    assert runner.lines == [("stdout", "\N{REPLACEMENT CHARACTER}")]


def test_a_very_long_line_comes_in_pieces_without_cutting_secrets(runner: Runner) -> None:
    secret = "s3cr3t-value-of-some-length"
    runner.masker.add([secret])
    text = "".join(("x" * 1000 + secret) * 100)
    (runner.cwd / "long").write_text(text)
    runner("cat long")
    pieces = [text for _, text in runner.lines]
    assert len(pieces) > 1
    assert "".join(pieces) == text
    assert sum(runner.masker.mask(piece).count("***") for piece in pieces) == 100


def test_program_killed_by_a_signal_is_described(runner: Runner) -> None:
    ended = runner("kill -SEGV $$")
    assert (ended.code, ended.describe()) == (-signal.SIGSEGV, "the command was ended by SIGSEGV")


def test_program_that_is_not_there(runner: Runner) -> None:
    program = Program(argv=("/no/such",), cwd=runner.cwd, env={})
    ended = run(program, runner.on_line, masker=runner.masker, halt=runner.halt, lease=runner.lease)
    assert ended.code == 127
    assert runner.lines == [("stderr", "/no/such cannot be started: No such file or directory")]


def test_directory_that_is_not_there(runner: Runner) -> None:
    runner.cwd /= "missing"
    with pytest.raises(OSError, match="missing"):
        runner("true")


def test_program_gets_the_environment_as_it_is(runner: Runner) -> None:
    runner("env")
    names = {line.partition("=")[0] for _, line in runner.lines}
    assert names - {"PWD", "_", "SHLVL", "OLDPWD"} == {"PATH", "PYTHON"}


def test_reader_survives_what_a_line_does(runner: Runner, tmp_path: Path) -> None:
    def on_line(_: str, text: str) -> None:
        if text == "bad":
            raise RuntimeError(text)
        runner.on_line("stdout", text)

    (tmp_path / "much").write_text("bad\n" + "x" * 99 + "\n" + "good\n" * 50_000)
    program = Program(argv=("/bin/cat", "much"), cwd=tmp_path, env={}, time_limit=20)
    ended = run(program, on_line, masker=runner.masker, halt=runner.halt, lease=runner.lease)
    assert ended == Ended(code=0, timed_out=False)
    assert len(runner.lines) == 50_001


@pytest.mark.parametrize("reason", list(Reason))
def test_halt_ends_the_whole_group(runner: Runner, reason: Reason) -> None:
    runner.when_said("ready", lambda: runner.halt.set(reason))
    ended = runner("sleep 60 & echo $! > child; echo ready; wait")
    assert ended == Ended(code=-signal.SIGTERM, timed_out=False)
    assert_gone(runner.cwd / "child")


def test_halt_before_the_start(runner: Runner) -> None:
    runner.halt.set(Reason.CANCELLED)
    assert runner("sleep 60").code == -signal.SIGTERM


def test_program_gets_time_to_clean_up(runner: Runner) -> None:
    runner.when_said("ready", lambda: runner.halt.set(Reason.CANCELLED))
    ended = runner("trap 'echo cleaned > done; exit 7' TERM; echo ready; while :; do sleep 0.05; done")
    assert ended.code == 7
    assert (runner.cwd / "done").read_text() == "cleaned\n"


def test_child_of_a_leader_that_died_gets_time_too(runner: Runner) -> None:
    child = "trap 'sleep 0.3; echo cleaned > done; exit' TERM; echo ready; while :; do sleep 0.05; done"
    (runner.cwd / "child.sh").write_text(child)
    runner.when_said("ready", lambda: runner.halt.set(Reason.CANCELLED))
    assert runner("sh child.sh & wait").code == -signal.SIGTERM
    assert (runner.cwd / "done").exists()


def test_program_that_ignores_sigterm_is_killed_after_grace(runner: Runner) -> None:
    runner.when_said("ready", lambda: runner.halt.set(Reason.CANCELLED))
    ended = runner("trap '' TERM; echo ready; while :; do sleep 0.05; done", grace=0.3)
    assert ended.code == -signal.SIGKILL


def test_time_limit(runner: Runner) -> None:
    ended = runner("sleep 60 & echo $! > child; wait", time_limit=0.3)
    assert ended == Ended(code=-signal.SIGTERM, timed_out=True)
    assert_gone(runner.cwd / "child")


def test_end_of_the_lease_ends_the_program(runner: Runner) -> None:
    runner.lease._ends = time.monotonic() + 0.3
    ended = runner("sleep 60")
    assert ended == Ended(code=-signal.SIGTERM, timed_out=False)
    assert runner.halt.reason is Reason.LOST


def test_what_a_program_leaves_running_is_killed(runner: Runner) -> None:
    ended = runner("sh -c 'trap \"\" TERM HUP; while :; do sleep 1; done' >/dev/null 2>&1 & echo $! > child")
    assert ended.code == 0
    assert_gone(runner.cwd / "child")


ESCAPE = "import os, time; os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0); "
STRAY = ESCAPE + "os.closerange(0, 3); open('child', 'w').write(str(os.getpid())); time.sleep(60)"


@linux_only
@pytest.mark.parametrize("halted", [False, True])
def test_child_that_left_the_session_is_killed(runner: Runner, *, halted: bool) -> None:
    (runner.cwd / "stray.py").write_text(STRAY)
    command = "$PYTHON stray.py; while ! test -s child; do sleep 0.01; done"
    if halted:
        runner.when_said("ready", lambda: runner.halt.set(Reason.CANCELLED))
        assert runner(f"{command}; echo ready; sleep 60").code == -signal.SIGTERM
    else:
        assert runner(f"{command}; exit 3").code == 3
    assert_gone(runner.cwd / "child")


@linux_only
def test_orphans_are_reaped_while_the_program_runs(runner: Runner) -> None:
    orphans = "for i in 1 2 3 4 5; do (true & ) ; done; sleep 0.3"
    runner(f"{orphans}; grep -l '^PPid:[^0-9]*'$PPID'$' /proc/[0-9]*/status | wc -l")
    assert runner.lines == [("stdout", "1")]


@linux_only
def test_program_dies_with_its_guard(runner: Runner) -> None:
    ended = runner("echo $$ > child; kill -9 $PPID; sleep 60")
    assert ended.code == -signal.SIGKILL
    assert_gone(runner.cwd / "child")


def test_program_has_no_input_and_no_other_files_open(runner: Runner, tmp_path: Path) -> None:
    with (tmp_path / "agents-own").open("w") as mine:
        os.set_inheritable(mine.fileno(), True)  # noqa: FBT003  (positional only)
        runner("cat; ls /proc/self/fd | tr '\\n' ' '")
    assert runner.lines == [("stdout", "0 1 2 3 ")]
