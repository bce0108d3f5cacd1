"""Tells a directory that is in use from one that a killed agent left behind, and removes the latter."""

import contextlib
import fcntl
import logging
import os
import shutil
import stat
import uuid
from pathlib import Path
from typing import Self

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
            remove_tree(folder / SECRETS)
            remove_tree(folder)


def remove_tree(folder: Path) -> None:
    """Delete a directory, however deep, also what a command made read-only; what still stays is left to the operator.

    Nobody else may be changing it.
    """
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    # What it could not delete; FileNotFoundError if there is nothing left.
    with contextlib.suppress(OSError):
        top = _open_folder(str(folder))
        try:
            _empty(top)
        finally:
            os.close(top)
        folder.rmdir()


def _empty(top: int) -> None:
    """Delete what is in a folder.

    Paths may be longer than the kernel takes, and folders deeper than there are descriptors: so each that is found is
    moved up, to be emptied by itself.
    """
    heap = uuid.uuid4().hex
    os.mkdir(heap, 0o700, dir_fd=top)
    gathered = os.open(heap, os.O_RDONLY | os.O_DIRECTORY, dir_fd=top)
    try:
        found = _clear(top, gathered, 0, but=heap)
        emptied = 0
        while emptied < found:
            with contextlib.suppress(OSError):
                folder = _open_folder(str(emptied), gathered)
                try:
                    found = _clear(folder, gathered, found)
                finally:
                    os.close(folder)
                os.rmdir(str(emptied), dir_fd=gathered)
            emptied += 1
    finally:
        os.close(gathered)
    os.rmdir(heap, dir_fd=top)


def _clear(folder: int, heap: int, count: int, but: str = "") -> int:
    """Delete the files of a folder and move its folders to the heap, by numbers from `count` on; gives the next one."""
    with os.scandir(folder) as listed:
        entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in listed if entry.name != but]
    for name, is_folder in entries:
        with contextlib.suppress(OSError):
            if is_folder:
                os.close(_open_folder(name, folder))  # Only what can be written can be moved.
                os.rename(name, str(count), src_dir_fd=folder, dst_dir_fd=heap)
                count += 1
            else:
                os.unlink(name, dir_fd=folder)
    return count


def _open_folder(name: str, parent: int | None = None) -> int:
    """Open a folder, no link, and have it be this user's to change."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        folder = os.open(name, flags, dir_fd=parent)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=parent)
        folder = os.open(name, flags, dir_fd=parent)
    with contextlib.suppress(OSError):
        os.fchmod(folder, 0o700)
    return folder


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
