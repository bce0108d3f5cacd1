"""A job's own directory: what goes in before the command runs, and what is collected afterwards."""

import json
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Self

from claimcheck_agent.leftovers import SECRETS, DirectoryLock, remove_leftovers, remove_tree

RESULT_LIMIT = 262_144  # Bytes; the server's rule.


class Workspace:
    """A fresh directory, readable by this user only, for one attempt at one job.

    The command runs in `work`, which holds `job.json` and the empty folder `artifacts`; it may write
    `result.json` there. Secrets and temporary files lie beside it, out of the way of `git clean` and `tar .`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = DirectoryLock.take(root)
        self.work = root / "work"
        self.job_file = self.work / "job.json"
        self.artifacts = self.work / "artifacts"
        self.result_file = self.work / "result.json"
        self.secrets = root / SECRETS
        self.tmp = root / "tmp"

    @classmethod
    def create(cls, parent: Path, job: Mapping[str, Any], secrets: Mapping[str, str]) -> Self:
        """Make the directory under `parent` and write the job and its secrets into it."""
        prepare_parent(parent)
        prefix = re.sub(r"[^A-Za-z0-9_-]", "_", str(job["jobId"]))[:80]
        space = cls(Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=parent)).resolve())
        try:
            space._fill(job, secrets)
        except BaseException:
            space.remove()
            raise
        return space

    def _fill(self, job: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        for folder in (self.work, self.artifacts, self.secrets, self.tmp):
            folder.mkdir(mode=0o700)
        _write(self.job_file, json.dumps(job, indent=2, ensure_ascii=False))
        for kind, value in secrets.items():
            _write(self.secrets / kind, value)

    def result(self) -> dict[str, Any] | None:
        """Read `result.json`; None if the command wrote none.

        Raises:
            ValueError: it is too large, or not a JSON object. The message is for the job's creator.
        """
        try:
            with _open_regular(self.result_file) as file:
                text = file.read(RESULT_LIMIT + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ValueError(f"result.json cannot be read: {error.strerror}") from error
        if len(text) > RESULT_LIMIT:
            raise ValueError(f"result.json is larger than {RESULT_LIMIT} bytes; deliver it as an artifact")
        return _object(text)

    def collect(self) -> Iterator[tuple[Path, BinaryIO | None]]:
        """Open the files under `artifacts`, in order, by their path in it; None for what cannot be delivered.

        That is what is empty or not a plain file. Links are not followed: a command could point them at
        files of the agent.
        """
        try:
            work = os.open(self.work, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            return
        try:
            yield from _collect(work, self.artifacts.name)
        finally:
            os.close(work)

    def remove_secrets(self) -> None:
        """Delete the secrets; done as soon as the command has ended."""
        remove_tree(self.secrets)

    def keep(self) -> None:
        """Leave the directory to the operator."""
        self._lock.release()

    def remove(self) -> None:
        """Delete the directory, also what a command made read-only."""
        remove_tree(self.root)
        self._lock.release()


def prepare_parent(path: Path) -> None:
    """Make the directory in which the jobs' directories are made, for this user only, and clear it of leftovers.

    Raises:
        ValueError: it belongs to another user, who could put other directories in the place of ours.
        OSError: it cannot be made.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_uid not in {0, os.geteuid()}:
        raise ValueError(f"{path} belongs to another user")
    remove_leftovers(path)


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogatepass", newline="") as file:
        file.write(text)


def _collect(work: int, top: str) -> Iterator[tuple[Path, BinaryIO | None]]:
    """Open what lies under the folder `top`, held by descriptors, which no link put in its place leads astray."""
    mode = _mode(top, work)
    if not stat.S_ISDIR(mode):
        if mode:
            yield Path(top), None
        return
    for folder, folders, files, descriptor in os.fwalk(top, dir_fd=work):
        folders.sort()
        links = [name for name in folders if stat.S_ISLNK(_mode(name, descriptor))]
        for name in sorted(files + links):
            path = Path(folder).relative_to(top) / name
            try:
                file = _open_regular(name, descriptor)
            except OSError:
                yield path, None
                continue
            with file:
                yield path, file if os.fstat(file.fileno()).st_size else None


def _mode(name: str, folder: int) -> int:
    """Say what a name stands for, without following links; 0 for nothing."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return 0


def _open_regular(path: str | Path, folder: int | None = None) -> BinaryIO:
    """Open a plain file. O_NONBLOCK, because opening a named pipe would wait for ever."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    file = os.fdopen(os.open(path, flags, dir_fd=folder), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        message = "not a plain file"
        raise OSError(0, message, str(path))
    return file


def _object(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"result.json is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError("result.json must hold a JSON object")  # noqa: TRY004  (wrong content, not a wrong argument)
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
