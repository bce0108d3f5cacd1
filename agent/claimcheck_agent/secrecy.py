"""Keeps the agent's own secret from the programs it runs.

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
    """Read the agent's secret from a file, or else from the environment, and remove it from the latter.

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
