"""Puts limits on itself and becomes a program, which has them then and can never be rid of them.

Run as a file (`python -I -S launch.py RULES PROGRAM ARGUMENT…`), so it imports the standard library only. RULES is a
JSON object:

- `memory`, `cpu`, `file_size`, `processes`: see `commands.Limits`;
- `reads`, `writes`: the folders and files, as absolute paths, that may be read, or read and written.

Which files may be opened, made, renamed and removed is enforced by Landlock
(https://docs.kernel.org/userspace-api/landlock.html), so by Linux 5.13 or later only; a kernel or container without it
lets the program open what its user can. Names, sizes and owners of files can be seen everywhere.

Landlock lets pass what changes modes, owners, times and attributes of files. So the program gets a mount namespace of
its own, in which all but what it may write is read-only. That takes root with CAP_SYS_ADMIN, or user namespaces that
anybody may make; where there is neither, as in most containers, it can change these of all files of its user.

A seccomp filter (https://docs.kernel.org/userspace-api/seccomp_filter.html), on x86-64 and ARM64, does the rest:

- `setsid` and `setpgid` do nothing, so that all stay in one process group, which can be killed at one stroke: what
  multiplies faster than it is found would survive else;
- System V's and POSIX's objects that would outlive the program (shared memory, semaphores, queues of messages) are
  refused, and so are the kernel's keys;
- so are user namespaces, which would make it root again, and io_uring, by which it would get round this filter.
"""

import contextlib
import ctypes
import errno
import json
import os
import resource
import signal
import stat
import struct
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

CANNOT_START = 127  # As a shell says it.
# Python ignores these, and what is ignored would stay so in the program.
RESTORED = (signal.SIGPIPE, signal.SIGXFSZ)

PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECUREBITS = 28
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
SECBIT_NOROOT_LOCKED = 0b11

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
X32 = 0x40000000  # Where a second numbering of the system calls begins on x86_64.
LOAD, IF_EQUAL, IF_AT_LEAST, IF_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # Where they are in what a filter looks at.
CLONE_NEWUSER = 0x10000000
ALLOW, ERROR = 0x7FFF0000, 0x00050000
# How a filter ends, and where each end begins. Of calls with flags, those are refused that want a user namespace.
ENDS = (
    (RETURN, 0, 0, ALLOW),
    (LOAD, 0, 0, FIRST_ARGUMENT),
    (IF_ANY_BIT, 2, 0, CLONE_NEWUSER),
    (RETURN, 0, 0, ALLOW),
    (RETURN, 0, 0, ERROR),  # With no error: as if it had been done.
    (RETURN, 0, 0, ERROR | errno.EPERM),
    (RETURN, 0, 0, ERROR | errno.ENOSYS),
)
LOOK_AT_FLAGS, PRETEND, REFUSE, ABSENT = 1, 4, 5, 6


class _Machine(NamedTuple):
    """Its number for seccomp, and numbers of its system calls by what a filter does about them.

    Those from 424 on are the same on every machine.
    """

    architecture: int
    pretended: tuple[int, ...]
    refused: tuple[int, ...]
    with_flags: tuple[int, ...]


# clone3, whose flags no filter can see: libraries go back to clone. io_uring_setup: they do without.
MISSING = (435, 425)
MACHINES = {
    "x86_64": _Machine(
        architecture=0xC000003E,
        pretended=(112, 109),  # setsid, setpgid
        refused=(29, 64, 68, 240, 248, 249, 250),  # shmget, semget, msgget, mq_open; add_key, request_key, keyctl
        with_flags=(56, 272),  # clone, unshare
    ),
    "aarch64": _Machine(
        architecture=0xC00000B7,
        pretended=(157, 154),  # In the same order.
        refused=(194, 190, 186, 180, 217, 218, 219),
        with_flags=(220, 97),
    ),
}

CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MOUNT_SETATTR = 442
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
MOUNT_ATTR_RDONLY = 1

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # The same on every architecture.
CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH = 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 1 << 1, 1 << 2, 1 << 3
TRUNCATE = 1 << 14
READING = EXECUTE | READ_FILE | READ_DIR
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
# How many of the file system's rights, numbered from 0, each version of Landlock knows; 5 and later know 16.
RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
ALL_RIGHTS = 16
# Since version 6: no signals to others, the guard among them, and no abstract sockets of theirs.
SCOPES_SINCE, SCOPES = 6, 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def main(rules: str, *argv: str) -> None:
    """Become the program; never returns."""
    try:
        given = json.loads(rules)
        _be_the_first_to_go()
        _limit(given)
        if sys.platform == "linux":
            _protect_attributes(given["writes"])
            _give_up_privileges()
            _filter_calls()
            _wall_in(given["reads"], given["writes"])
        for number in RESTORED:
            signal.signal(number, signal.SIG_DFL)
        os.execvp(argv[0], argv)  # noqa: S606  (what the caller chose to run)
    except OSError as error:
        os.write(2, f"{argv[0]} cannot be started: {error.strerror}\n".encode(errors="replace"))
    finally:
        os._exit(CANNOT_START)


def landlock_version() -> int:
    """Give the version of Landlock that the kernel has; 0 for none."""
    if sys.platform != "linux":
        return 0
    return max(0, _syscall(CREATE_RULESET, None, 0, CREATE_RULESET_VERSION))


def _be_the_first_to_go() -> None:
    """When the machine runs out of memory, Linux is to end this and not the agent."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _limit(given: dict[str, Any]) -> None:
    limits = {
        resource.RLIMIT_AS: given["memory"],
        resource.RLIMIT_FSIZE: given["file_size"],
        resource.RLIMIT_CORE: 0,
    }
    if hasattr(resource, "RLIMIT_NPROC"):
        # It counts what the user has running elsewhere too. Root is exempt: the caller counts as well.
        limits[resource.RLIMIT_NPROC] = given["processes"] + sum(_threads_of(os.getuid()))
    for what, limit in limits.items():
        _set_limit(what, limit, limit)
    # SIGXCPU, which says why, comes before SIGKILL, which cannot be ignored.
    _set_limit(resource.RLIMIT_CPU, given["cpu"], given["cpu"] + 1)


def _set_limit(what: int, soft: int, hard: int) -> None:
    highest = resource.getrlimit(what)[1]
    if highest != resource.RLIM_INFINITY:
        soft, hard = min(soft, highest), min(hard, highest)
    with contextlib.suppress(OSError, ValueError):  # macOS has no limit for address space.
        resource.setrlimit(what, (soft, hard))


def _threads_of(user: int) -> Iterator[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid == user:
                # The name before the bracket may hold anything.
                yield int((folder / "stat").read_bytes().rpartition(b")")[2].split()[17])


def _protect_attributes(but: Iterable[str]) -> None:
    """Have all files be read-only for this process, but for what is at and below these paths; if that is allowed."""
    with contextlib.suppress(OSError):
        _enter_mount_namespace()
        _mount("/", MS_REC | MS_PRIVATE)
        writable = [path for path in but if Path(path).is_dir()]
        for path in writable:
            _mount(path, MS_BIND | MS_REC)
        _set_mount("/", AT_RECURSIVE, _MountAttributes(attr_set=MOUNT_ATTR_RDONLY))
        for path in writable:
            _set_mount(path, 0, _MountAttributes(attr_clr=MOUNT_ATTR_RDONLY))
        os.chdir(Path.cwd())  # Where it was is what lies under the new mount.


def _enter_mount_namespace() -> None:
    """Make a mount namespace, with a user namespace to own it for those who are not root."""
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        _checked(_unshare(CLONE_NEWNS))
        return
    _checked(_unshare(CLONE_NEWUSER | CLONE_NEWNS))
    for name, told in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path("/proc/self", name).write_text(told, encoding="ascii")


def _unshare(flags: int) -> int:
    return int(ctypes.CDLL(None, use_errno=True).unshare(flags))


def _mount(path: str, flags: int) -> None:
    """Mount what is at a path there again, or change how what is mounted there is shared."""
    name = os.fsencode(path)
    _checked(ctypes.CDLL(None, use_errno=True).mount(name, name, None, ctypes.c_ulong(flags), None))


def _set_mount(path: str, flags: int, attributes: _MountAttributes) -> None:
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    name = ctypes.c_char_p(os.fsencode(path))
    _checked(_syscall(MOUNT_SETATTR, AT_FDCWD, name, flags, ctypes.byref(attributes), size))


def _give_up_privileges() -> None:
    """Have no program give privileges, by its owner or otherwise; root becomes a user like any other."""
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    prctl(PR_SET_SECUREBITS, SECBIT_NOROOT_LOCKED, 0, 0, 0)  # Refused to those who have nothing to give up.
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)


def _filter_calls() -> None:
    """Have system calls do nothing, or be refused, that lead out by other ways, on the machines that are known."""
    machine = MACHINES.get(os.uname().machine)
    if machine is None:
        return
    instructions = _instructions(machine)
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)
    program = _Filter(length=len(instructions), instructions=code)
    ctypes.CDLL(None).prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)


def _instructions(machine: _Machine) -> list[tuple[int, int, int, int]]:
    """Give what a filter does: each step with where to go on, counted from the next, if it is so and if not."""
    calls = {
        **dict.fromkeys(machine.pretended, PRETEND),
        **dict.fromkeys(machine.refused, REFUSE),
        **dict.fromkeys(machine.with_flags, LOOK_AT_FLAGS),
        **dict.fromkeys(MISSING, ABSENT),
    }
    compared = [(IF_AT_LEAST, X32, ABSENT), *((IF_EQUAL, number, end) for number, end in calls.items())]
    count = len(compared)
    return [
        (LOAD, 0, 0, ARCHITECTURE),
        (IF_EQUAL, 0, 1 + count + ABSENT, machine.architecture),
        (LOAD, 0, 0, NUMBER),
        *((how, count - place + end, 0, value) for place, (how, value, end) in enumerate(compared, 1)),
        *ENDS,
    ]


def _wall_in(reads: Iterable[str], writes: Iterable[str]) -> None:
    """Let this process, and what it becomes and starts, reach only these."""
    version = landlock_version()
    if not version:
        return
    rights = (1 << RIGHTS.get(version, ALL_RIGHTS)) - 1
    scopes = SCOPES if version >= SCOPES_SINCE else 0
    attributes = _Ruleset(handled_access_fs=rights, scoped=scopes)
    # Older versions refuse what they do not know, unless it is 0.
    ruleset = _checked(_syscall(CREATE_RULESET, ctypes.byref(attributes), ctypes.sizeof(attributes), 0))
    for path in reads:
        _allow(ruleset, path, READING)
    for path in writes:
        _allow(ruleset, path, rights)
    _checked(_syscall(RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Allow what is at and below a path; nothing if it is not there."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
        rights &= OF_FILES
    rule = _PathBeneath(allowed_access=rights, parent_fd=descriptor)
    _checked(_syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, ctypes.byref(rule), 0))
    os.close(descriptor)


def _syscall(number: int, *arguments: object) -> int:
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    syscall.restype = ctypes.c_long
    return int(syscall(ctypes.c_long(number), *arguments))


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


if __name__ == "__main__":
    main(*sys.argv[1:])
