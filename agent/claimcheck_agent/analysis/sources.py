"""Brings the code to be analysed into a folder: from an archive, or from a repository by way of one."""

import base64
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from claimcheck_agent.analysis import unpack
from claimcheck_agent.analysis.order import Repository
from claimcheck_agent.analysis.tree import is_generated
from claimcheck_agent.confine.commands import Finished, Limits, run

UNPACKING_TIME = 120.0  # Seconds.
FETCHING_TIME = 240.0  # Of all that git does.
LARGEST_PACK = 500 << 20  # Bytes.
MEMORY = 2 << 30

# Of the operator's environment, for git: how to reach the host, and whom to trust.
PASSED = ("GIT_SSL_CAINFO", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")
# By their names in attributes these change what an archive of a commit holds.
AS_IT_IS = "* -export-ignore -export-subst -text -ident -filter -working-tree-encoding\n"


class SourceFailed(Exception):
    """The code cannot be had; the message is for the analysis's owner."""


def unpack_archive(archive: Path, folder: Path) -> str:
    """Unpack an archive into an empty folder; gives what is to be said of it in the log, if anything.

    Raises:
        SourceFailed: it is none, is broken or hostile, or is too large.
    """
    finished = run(
        (sys.executable, "-I", "-S", unpack.__file__, str(archive), str(folder)),
        cwd=folder,
        timeout=UNPACKING_TIME,
        limits=Limits(memory=MEMORY, file_size=unpack.LARGEST, reads=(Path(unpack.__file__), archive)),
    )
    if finished.code == 1 and finished.output:
        raise SourceFailed(finished.output.splitlines()[-1])
    if finished.code or finished.timed_out:
        raise SourceFailed(f"The archive could not be unpacked: {finished.describe()}.")
    return finished.output


def project_folder(folder: Path) -> Path:
    """Give the project's folder within what was unpacked: the only one at its top, unless that is itself a package."""
    match list(folder.iterdir()):
        case [only] if (only / "pyproject.toml").exists():
            return only  # Whatever its name: a project may be called as tools call what they make.
        case [only] if only.is_dir() and not is_generated(only) and not (only / "__init__.py").exists():
            return only
    return folder


def fetch_repository(repository: Repository, folder: Path, token: str | None) -> tuple[Path, str]:
    """Fetch one commit into an empty folder; gives an archive of its files, and its hash.

    Nothing is checked out, so nothing in the repository can lead git to run anything: no hooks, no filters, no
    submodules. Git speaks https to the named host and to no other.

    Raises:
        SourceFailed: it cannot be fetched, or is too large.
    """
    git = _Git(folder / "repository.git")
    git.run("init", "--quiet", "--bare", "--template=", str(git.folder))
    (git.folder / "info").mkdir()
    (git.folder / "info" / "attributes").write_text(AS_IT_IS, encoding="ascii")
    options = ("--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-auto-maintenance")
    git.run("fetch", *options, "--", repository.url, repository.ref or "HEAD", env=_settings(repository.url, token))
    archive = folder / "source.tar"
    git.run("archive", "--format=tar", f"--output={archive}", "FETCH_HEAD")
    return archive, git.run("rev-parse", "FETCH_HEAD").strip()


class _Git:
    """Git in a bare repository of its own, confined to the folder that this lies in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._until = time.monotonic() + FETCHING_TIME

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        basic = {"GIT_DIR": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
        certificates = [Path(value) for name, value in (env or {}).items() if name == "GIT_SSL_CAINFO"]
        finished = run(
            ("git", *arguments),
            cwd=self.folder.parent,
            timeout=max(0.0, self._until - time.monotonic()),
            env=basic | dict(env or {}),
            limits=Limits(memory=MEMORY, file_size=LARGEST_PACK, reads=certificates),
        )
        if finished.code or finished.timed_out:
            raise SourceFailed(self._explain(arguments[0], finished))
        return finished.output

    def _explain(self, what: str, finished: Finished) -> str:
        # Git does not say why it could not go on writing a file.
        if any(path.is_file() and path.stat().st_size >= LARGEST_PACK for path in self.folder.parent.rglob("*")):
            return f"The repository holds more than {LARGEST_PACK >> 20} MB."
        if finished.timed_out:
            return f"The repository could not be fetched: git {what} took longer than {FETCHING_TIME:g} s."
        said = [line.removeprefix("fatal: ") for line in finished.output.splitlines() if line.startswith("fatal: ")]
        return f"The repository could not be fetched: {said[-1] if said else finished.output or finished.describe()}"


def _settings(url: str, token: str | None) -> dict[str, str]:
    """Give what git is told by its environment, which others cannot see as they can see arguments."""
    config = {
        "http.followRedirects": "false",
        "http.lowSpeedLimit": "1000",  # Bytes a second,
        "http.lowSpeedTime": "60",  # for so many seconds.
        "credential.helper": "",
        # A pack is one file, whose size is limited; unpacked, it would be many.
        "fetch.unpackLimit": "1",
    }
    if token:
        credentials = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        config[f"http.https://{urlsplit(url).netloc}/.extraHeader"] = f"Authorization: Basic {credentials}"
    told = {name: os.environ[name] for name in PASSED if name in os.environ}
    told |= {"GIT_ALLOW_PROTOCOL": "https", "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_COUNT": str(len(config))}
    for number, (name, value) in enumerate(config.items()):
        told |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return told
