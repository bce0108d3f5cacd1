"""Keeps the agent's own secret, and those of a job that only its command needs, from the programs they run.

They run as the same user, who may look into the user's processes. What is done here closes the usual ways
on Linux; a program that must not be trusted at all belongs in a container, or under a user of its own.
"""

import contextlib
import ctypes
import os
import resource
from pathlib import Path

PR_SET_DUMPABLE = 4


def take_secret(variable: str, file: Path | None) -> str | None:
    """Read a secret from a file, or else from the environment, and remove it from the latter.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is empty.
    """
    from_environment = _wipe_variable(variable)
    if file is None:
        return from_environment
    secret = file.read_text(encoding="utf-8").strip()
    if not secret:
        raise ValueError(f"{file} is empty")
    return secret


def take_job_secrets(*kinds: str) -> dict[str, str | None]:
    """Read the secrets of a job as its command, and remove them from where what it runs could find them.

    To be called before anything is run, by a process that has been sealed, whose memory is closed to others then.
    """
    folder, taken = Path(os.environ["CLAIMCHECK_SECRETS_DIR"]), dict[str, str | None]()
    for kind in kinds:
        file = folder / kind
        taken[kind] = take_secret(f"CLAIMCHECK_SECRET_{kind.upper()}", file if file.exists() else None)
        file.unlink(missing_ok=True)
    return taken


def seal_process() -> None:
    """Close this process to its children: no core dumps, and its memory and `/proc` files for root only."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def _wipe_variable(name: str) -> str | None:
    """Take a variable out of the environment, and overwrite it where `/proc/<pid>/environ` would show it.

    Removing it from `os.environ` only hides it from children; the memory in which the process was given its
    environment stays as it was.
    """
    value = os.environ.get(name)
    if value is None:
        return None
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_void_p
    address = getenv(name.encode())
    if address:
        ctypes.memset(address, ord("*"), len(os.fsencode(value)))
    del os.environ[name]
    return value or None
