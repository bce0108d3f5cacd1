"""A job's own directory: what goes in before the command runs, and what is collected afterwards."""

import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Self

RESULT_LIMIT = 262_144  # Bytes; the server's rule.


class Workspace:
    """A fresh directory, readable by this user only, for one attempt at one job.

    The command runs in `work`, which holds `job.json` and the empty folder `artifacts`; it may write
    `result.json` there. Secrets and temporary files lie beside it, out of the way of `git clean` and `tar .`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.work = root / "work"
        self.job_file = self.work / "job.json"
        self.artifacts = self.work / "artifacts"
        self.result_file = self.work / "result.json"
        self.secrets = root / "secrets"
        self.tmp = root / "tmp"

    @classmethod
    def create(cls, parent: Path, job: Mapping[str, Any], secrets: Mapping[str, str]) -> Self:
        """Make the directory under `parent` and write the job and its secrets into it."""
        prepare_parent(parent)
        prefix = re.sub(r"[^A-Za-z0-9_-]", "_", str(job["jobId"]))[:80]
        space = cls(Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=parent)).resolve())
        for folder in (space.work, space.artifacts, space.secrets, space.tmp):
            folder.mkdir(mode=0o700)
        _write(space.job_file, json.dumps(job, indent=2, ensure_ascii=False))
        for kind, value in secrets.items():
            _write(space.secrets / kind, value)
        return space

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
        for folder, folders, files in os.walk(self.artifacts):
            folders.sort()
            links = [name for name in folders if (Path(folder) / name).is_symlink()]
            for name in sorted(files + links):
                path = Path(folder) / name
                relative = path.relative_to(self.artifacts)
                try:
                    file = _open_regular(path)
                except OSError:
                    yield relative, None
                    continue
                with file:
                    yield relative, file if os.fstat(file.fileno()).st_size else None

    def remove_secrets(self) -> None:
        """Delete the secrets; done as soon as the command has ended."""
        shutil.rmtree(self.secrets, ignore_errors=True)

    def remove(self) -> None:
        """Delete the directory, also what a command made read-only."""
        shutil.rmtree(self.root, onerror=_unlock)


def prepare_parent(path: Path) -> None:
    """Make the directory in which the jobs' directories are made, for this user only.

    Raises:
        ValueError: it belongs to another user, who could put other directories in the place of ours.
        OSError: it cannot be made.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_uid not in {0, os.geteuid()}:
        raise ValueError(f"{path} belongs to another user")


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogatepass", newline="") as file:
        file.write(text)


def _open_regular(path: Path) -> BinaryIO:
    """Open a plain file. O_NONBLOCK, because opening a named pipe would wait for ever."""
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
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


def _unlock(remove: Any, path: str, error: object) -> None:  # noqa: ANN401, ARG001  (shutil's signature)
    """Make the folder writable and try once more; what still stays is left to the operator."""
    try:
        Path(path).parent.chmod(0o700)
        Path(path).chmod(0o700, follow_symlinks=False) if not Path(path).is_symlink() else None
        remove(path)
    except (OSError, NotImplementedError):
        return
