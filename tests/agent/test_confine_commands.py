"""Commands of foreign code: what they may use, what they can reach, and that nothing of them is left."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from claimcheck_agent.confine.commands import KEPT, Finished, Limits, run
from claimcheck_agent.confine.launch import MACHINES, landlock_version

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux finds and limits processes")
walls_only = pytest.mark.skipif(not landlock_version(), reason="this kernel has no Landlock")
# Each process leaves a name that a test can look for.
MARK = "a-command-of-these-tests"


class Confined:
    def __init__(self, cwd: Path) -> None:
        self.cwd = cwd

    def python(self, code: str, *, timeout: float = 30.0, limits: Limits | None = None) -> Finished:
        return run((sys.executable, "-c", code, MARK), cwd=self.cwd, timeout=timeout, limits=limits)

    def shell(self, command: str, *, timeout: float = 30.0, **env: str) -> Finished:
        return run(("/bin/sh", "-c", command, MARK), cwd=self.cwd, timeout=timeout, env=env)


@pytest.fixture
def confined(tmp_path: Path) -> Confined:
    return Confined(tmp_path)


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    yield
    left = [file for file in Path("/proc").glob("[0-9]*/cmdline") if MARK in _read(file)]
    assert not left


def _read(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""


def test_output_and_code(confined: Confined) -> None:
    lines: list[str] = []
    finished = run(
        ("/bin/sh", "-c", "cat; echo one; echo two >&2; exit 3"), cwd=confined.cwd, timeout=30, on_line=lines.append
    )
    assert (finished.code, finished.timed_out, finished.too_many_processes) == (3, False, False)
    assert sorted(lines) == sorted(finished.output.splitlines()) == ["one", "two"]
    assert finished.describe() == "the command ended with exit code 3"


def test_environment_is_scrubbed(confined: Confined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAIMCHECK_SECRET_LLM", "sk-canary")
    finished = confined.shell("env; ls -A $HOME $TMPDIR; touch $HOME/a $TMPDIR/b", MORE="1")
    given = dict(line.split("=", 1) for line in finished.output.splitlines() if "=" in line)
    assert set(given) - {"PWD", "_", "SHLVL", "OLDPWD"} == {"PATH", "LANG", "HOME", "TMPDIR", "MORE"}
    assert given["HOME"] != os.environ["HOME"]
    assert finished.code == 0
    assert not Path(given["HOME"]).exists()
    assert not Path(given["TMPDIR"]).exists()


def test_what_cannot_be_started(confined: Confined) -> None:
    assert confined.shell("true").code == 0
    finished = run(("no-such-program",), cwd=confined.cwd, timeout=30)
    assert finished.code == 127
    assert finished.output.startswith("no-such-program cannot be started: ")
    with pytest.raises(OSError, match="missing"):
        run(("true",), cwd=confined.cwd / "missing", timeout=30)
    with pytest.raises(ValueError, match="null"):
        run(("true", "\0"), cwd=confined.cwd, timeout=30)


def test_memory(confined: Confined) -> None:
    finished = confined.python("x = bytearray(300 << 20)", limits=Limits(memory=200 << 20))
    assert finished.code == 1
    assert "MemoryError" in finished.output


def test_processor_time(confined: Confined) -> None:
    code = "import signal; signal.signal(signal.SIGXCPU, lambda *_: print('told', flush=True))\nwhile True: pass"
    finished = confined.python(code, limits=Limits(cpu=1))
    assert (finished.code, finished.output.splitlines()[:1]) == (-signal.SIGKILL, ["told"])


def test_endings_in_words() -> None:
    said = {code: Finished(code=code, output="").describe() for code in (7, -signal.SIGSEGV, -signal.SIGXCPU)}
    assert list(said.values()) == [
        "the command ended with exit code 7",
        "the command was ended by SIGSEGV",
        "the command used too much processor time and was ended",
    ]
    assert "too many processes" in Finished(code=-9, output="", too_many_processes=True).describe()


def test_size_of_files(confined: Confined) -> None:
    finished = confined.python("open('big', 'wb').write(bytes(2 << 20))", limits=Limits(file_size=1 << 20))
    assert "File too large" in finished.output
    assert (confined.cwd / "big").stat().st_size <= 1 << 20


def test_limits_cannot_be_raised(confined: Confined) -> None:
    code = "import resource as r\nr.setrlimit(r.RLIMIT_FSIZE, (-1, -1))\nopen('big', 'wb').write(bytes(2 << 20))"
    finished = confined.python(code, limits=Limits(file_size=1 << 20))
    assert finished.code == 1
    assert not (confined.cwd / "big").exists()


@pytest.mark.parametrize(
    "command", ["sleep 60", "trap '' TERM INT HUP; while :; do sleep 0.05; done"], ids=["obedient", "ignores signals"]
)
def test_time(confined: Confined, command: str) -> None:
    began = time.monotonic()
    finished = confined.shell(command, timeout=0.3)
    assert finished.timed_out
    assert finished.code < 0
    assert finished.describe() == "the command took too long and was ended"
    assert time.monotonic() - began < 10


def test_no_time_at_all(confined: Confined) -> None:
    assert confined.shell("sleep 60", timeout=0.0).timed_out


@linux_only
def test_number_of_processes(confined: Confined) -> None:
    finished = confined.python(
        "import subprocess, sys, time\nfor _ in range(60): subprocess.Popen(['sleep', '60'])\ntime.sleep(60)",
        limits=Limits(processes=40),
    )
    # Root is counted, others are refused; a program that is refused may end by itself.
    assert finished.too_many_processes or "Resource temporarily unavailable" in finished.output


@linux_only
@pytest.mark.parametrize("leave", ["", "os.setsid()", "os.setpgid(0, 0)"])
def test_fork_bomb(confined: Confined, leave: str) -> None:
    """Eight generations: it is bounded even if nothing else bounds it."""
    code = f"import os, time\nfor _ in range(8):\n    if not os.fork():\n        {leave or 'pass'}\ntime.sleep(60)"
    began = time.monotonic()
    finished = confined.python(code, limits=Limits(processes=40))
    assert finished.code != 0
    assert time.monotonic() - began < 20


@linux_only
@pytest.mark.parametrize(
    "start",
    [
        "sleep 60 & echo $! > pid",
        "setsid sleep 60 & echo $! > pid",
        "(setsid sh -c 'sleep 60; :' > /dev/null & echo $! > pid)",
    ],
    ids=["child", "session", "daemon"],
)
def test_nothing_is_left(confined: Confined, start: str) -> None:
    assert confined.shell(f"({start}) > /dev/null 2>&1; exec true").code == 0
    pid = int((confined.cwd / "pid").read_text())
    deadline = time.monotonic() + 5
    while _state(pid) not in {"", "Z"} and time.monotonic() < deadline:
        time.sleep(0.01)  # Its parent is gone; who reaps it takes a moment.
    assert _state(pid) in {"", "Z"}


def _state(pid: int) -> str:
    return _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2][1:2]


def test_huge_output_is_capped(confined: Confined) -> None:
    finished = confined.python("for n in range(20_000): print('x' * 50, n)\nprint('last')")
    assert finished.output.endswith("x 19999\nlast")
    assert KEPT / 2 < len(finished.output) <= KEPT


def test_endless_line_is_capped(confined: Confined) -> None:
    finished = confined.python("print('x' * 5_000_000, end='!')")
    assert finished.output.endswith("x!")
    assert len(finished.output) <= KEPT


def test_endless_output_ends(confined: Confined) -> None:
    finished = confined.shell("yes", timeout=1)
    assert finished.timed_out
    assert finished.output.endswith("y\ny")


def test_lines_come_one_at_a_time(confined: Confined) -> None:
    inside = threading.Lock()
    clashes: list[str] = []

    def on_line(line: str) -> None:
        if not inside.acquire(blocking=False):
            clashes.append(line)
            return
        time.sleep(0.0005)
        inside.release()

    command = "for n in 1 2 3 4 5 6 7 8 9; do echo $n; echo $n >&2; done"
    run(("/bin/sh", "-c", command), cwd=confined.cwd, timeout=30, on_line=on_line)
    assert clashes == []


@walls_only
def test_only_its_own_files_can_be_written(confined: Confined, tmp_path_factory: pytest.TempPathFactory) -> None:
    other, given = tmp_path_factory.mktemp("other"), tmp_path_factory.mktemp("given")
    (other / "file").write_text("mine")
    (confined.cwd / "link").symlink_to(other)
    for target in (other / "new", other / "file", confined.cwd / "link" / "new", Path(__file__)):
        assert confined.shell(f"echo evil >> '{target}'").code != 0
        assert confined.shell(f"rm -f '{target}'; mv '{target}' here").code != 0
    limits = Limits(writes=(given,))
    done = run(
        ("/bin/sh", "-c", f"echo a > '{given}/a' && echo b > b && mv b '{given}/b'"),
        cwd=confined.cwd,
        timeout=30,
        limits=limits,
    )
    assert (done.code, done.output) == (0, "")
    assert (other / "file").read_text() == "mine"
    assert [path.name for path in other.iterdir()] == ["file"]


@walls_only
def test_only_its_own_files_and_the_systems_can_be_read(
    confined: Confined, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "secret").write_text("mine")
    (confined.cwd / "link").symlink_to(other / "secret")
    for command in (f"cat '{other}/secret'", f"ls '{other}'", "cat link", "ls ~root", f"ls '{Path.home()}'"):
        finished = confined.shell(command)
        assert finished.code != 0
        assert "mine" not in finished.output
    limits = Limits(reads=(other,))
    assert run(("cat", str(other / "secret")), cwd=confined.cwd, timeout=30, limits=limits).output == "mine"
    assert run(("sh", "-c", f"echo >> '{other}/secret'"), cwd=confined.cwd, timeout=30, limits=limits).code != 0


@walls_only
def test_other_processes_cannot_be_looked_into(confined: Confined) -> None:
    pid = os.getpid()
    assert confined.shell(f"cat /proc/{pid}/environ").code != 0
    assert confined.shell(f"cat /proc/{pid}/maps").code != 0
    assert confined.shell("cat /proc/$PPID/environ").code != 0  # The guard.


@pytest.mark.skipif(landlock_version() < 6, reason="this kernel's Landlock does not stop signals")
def test_other_processes_cannot_be_ended(confined: Confined) -> None:
    assert confined.shell(f"kill -0 {os.getpid()}").code != 0
    finished = confined.shell("kill -9 $PPID 2>&1; echo still here")  # In this order, on one stream.
    assert finished.code == 0
    assert finished.output.endswith("still here")


def may_mount() -> bool:
    if sys.platform != "linux":
        return False
    argv = ["unshare", "--mount" if os.geteuid() == 0 else "--map-root-user", "--mount", "true"]
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0  # noqa: S603  (no input of others)


@pytest.mark.skipif(not may_mount(), reason="this user may make no mount namespace")
def test_attributes_of_other_files_stay(confined: Confined, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other") / "file"
    other.write_text("mine")
    before = other.stat()
    change = f"""
import os, sys
for change in (
    lambda path: os.chmod(path, 0o640),
    lambda path: os.utime(path, (1, 1)),
    lambda path: os.chown(path, -1, -1),
    lambda path: os.setxattr(path, "user.mine", b"1"),
):
    open("file", "w").close()
    change("file")
    try:
        change({str(other)!r})
        print("changed")
    except OSError as error:
        print(error.strerror)
print(oct(os.stat("file").st_mode), os.stat("file").st_mtime > 1)
"""
    assert confined.python(change).output.splitlines() == ["Read-only file system"] * 4 + ["0o100640 True"]
    after = other.stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_ctime_ns) == (
        before.st_mode,
        before.st_mtime_ns,
        before.st_ctime_ns,
    )


@pytest.mark.skipif(os.uname().machine not in MACHINES, reason="no filter for this machine")
def test_nothing_in_the_kernel_outlives_a_command(confined: Confined) -> None:
    refused = confined.python("""
import ctypes, errno, os
c = ctypes.CDLL(None, use_errno=True)
queue = lambda: c.mq_open(b"/left", os.O_CREAT | os.O_RDWR, 0o600, None)
shared = (lambda: c.shmget(4711, 1, 0o1600), lambda: c.semget(4711, 1, 0o1600), lambda: c.msgget(4711, 0o1600))
spaces = (lambda: c.unshare(0x10000000), lambda: c.unshare(0x10000200))
for call in (*shared, queue, *spaces, lambda: c.syscall(425, 1, None)):
    print(call(), errno.errorcode[ctypes.get_errno()])
print(c.unshare(0x200))
""")
    assert refused.output.splitlines() == ["-1 EPERM"] * 6 + ["-1 ENOSYS", "0"]


def test_folders_too_deep_to_name_are_removed(
    confined: Confined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    dig = "import os\nos.chdir(os.environ['TMPDIR'])\nfor _ in range(2500): os.mkdir('a'); os.chdir('a')\nprint('done')"
    finished = confined.python(dig)
    assert (finished.code, finished.output) == (0, "done")
    assert list((tmp_path / "scratch").iterdir()) == []


@linux_only
def test_root_has_no_privileges(confined: Confined) -> None:
    status = confined.shell("cat /proc/self/status").output
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
