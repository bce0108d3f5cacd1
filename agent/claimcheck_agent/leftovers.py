"""Tells a directory that is in use from one that a killed agent left behind, and removes the latter."""

import fcntl
import logging
import os
import shutil
import stat
from pathlib import Path
from typing import Any, Self

log = logging.getLogger(__name__)

LOCK = "claimcheck-agent.lock"
SECRETS = "secrets"


class DirectoryLock:
    """Marks a job's directory as in use. The kernel frees the lock when the agent ends, however it ends."""

    def __init__(self, file: Path, descriptor: int) -> None:
        self._file = file
        self._descriptor = descriptor

    @classmethod
    def take(cls, folder: Path) -> Self:
        """Lock a directory that has just been made."""
        file = folder / LOCK
        unready = folder / f"{LOCK}.new"
        descriptor = os.open(unready, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # It gets its name only when it is locked, so that nobody ever finds it free.
        unready.rename(file)
        return cls(file, descriptor)

    def release(self) -> None:
        """Leave the directory to whoever keeps it; it will not be taken for a leftover."""
        self._file.unlink(missing_ok=True)
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def remove_leftovers(parent: Path) -> None:
    """Remove the directories under `parent` whose agent was killed, their secrets first.

    Anything without the lock file is none of ours, and is left alone.
    """
    for folder in parent.iterdir():
        if _is_our_folder(folder) and _is_free(folder / LOCK):
            log.warning("removing %s, which an agent that was killed has left behind", folder)
            shutil.rmtree(folder / SECRETS, ignore_errors=True)
            remove_tree(folder)


def remove_tree(folder: Path) -> None:
    """Delete a directory, also what a command made read-only."""
    shutil.rmtree(folder, onerror=_unlock)


def _is_our_folder(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def _is_free(lock: Path) -> bool:
    """Say whether a lock file is there and nobody holds it."""
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def _unlock(remove: Any, path: str, error: object) -> None:  # noqa: ANN401, ARG001  (shutil's signature)
    """Make the folder writable and try once more; what still stays is left to the operator."""
    try:
        Path(path).parent.chmod(0o700)
        Path(path).chmod(0o700, follow_symlinks=False) if not Path(path).is_symlink() else None
        remove(path)
    except (OSError, NotImplementedError):
        return
