"""A virtual environment for a project that nobody here wrote, and a copy of the project to work on."""

import hashlib
import os
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uv

from claimcheck_agent.confine.commands import Finished, Limits, OnLine, run
from claimcheck_agent.leftovers import remove_tree

# Not of the project: what version control, environments and earlier runs have left.
LEFT_OUT = shutil.ignore_patterns(
    *(".git", ".venv", "venv", "node_modules", "__pycache__", "*.egg-info"),
    *(".coverage", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", ".nox"),
)
LARGEST_METADATA = 1 << 20  # Bytes.
# Names under which projects declare what their tests need.
FOR_TESTS = ("test", "tests", "testing", "dev")
REQUIREMENTS = ("requirements.txt", "requirements-dev.txt", "requirements-test.txt")
METADATA = ("pyproject.toml", "setup.py", "setup.cfg", *REQUIREMENTS)
# What uv is told of indexes and proxies, if the agent was told.
OF_UV = ("UV_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_")
ALWAYS = ("pytest", "coverage", "editables")  # Some build backends want the last for what is installed in place.


class NotInstalled(Exception):
    """The project, or what it needs, could not be installed; the message says what uv said."""


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What a project says of itself.

    Attributes:
        installable: whether there is a package to be installed.
        static: whether what it needs can be read, and need not be asked of a program of its own.
        requirements: arguments of `uv pip install` for what it and its tests need, with extras and groups.
        extras: the extras for tests.
        backend: what building it needs.
    """

    installable: bool
    static: bool
    requirements: tuple[str, ...]
    extras: tuple[str, ...] = ()
    backend: tuple[str, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read `pyproject.toml`, or see which of the older files are there.

        Raises:
            NotInstalled: `pyproject.toml` is not what it should be.
        """
        files = tuple(f"--requirements={name}" for name in REQUIREMENTS if (folder / name).is_file())
        said = _pyproject(folder)
        if "project" not in said:
            old = any((folder / name).is_file() for name in ("setup.py", "setup.cfg"))
            package = old or "build-system" in said
            return cls(installable=package, static=not package, requirements=files)
        extras = _named(said["project"], "optional-dependencies")
        groups = _named(said, "dependency-groups")
        backend = said.get("build-system", {})
        requires = backend.get("requires") if isinstance(backend, dict) else None
        return cls(
            installable=True,
            static=True,
            requirements=(
                *("--requirements=pyproject.toml", *files),
                *(f"--extra={name}" for name in extras),
                *(f"--group={name}" for name in groups),
            ),
            extras=extras,
            backend=tuple(map(str, requires)) if isinstance(requires, list) else ("setuptools",),
        )


class Environment:
    """A directory with a virtual environment and a copy of the project, in which its commands are run.

    Commands see the copy and may do with it what they like: the project stays as it is. `tools` are further packages
    to be installed. To be used in a `with` block, at whose end all of it is removed.
    """

    def __init__(self, folder: Path, *, tools: Sequence[str] = (), limits: Limits | None = None) -> None:
        self._folder = folder
        self._tools = tools
        self._limits = limits or Limits()
        # Of what is in it, commands can write but not replace what they are given: nobody is led astray by links.
        self.root = Path(tempfile.mkdtemp(prefix="environment-")).resolve()
        self.copy = self.root / "copy" / folder.name
        self._venv, self._own_cache, self._reports = (self.root / name for name in ("venv", "cache", "reports"))
        for made in (self.copy.parent, self._venv, self._own_cache):
            made.mkdir()
        self._requirements = ""
        self._ready = False
        self._installed = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove all of it."""
        remove_tree(self.root)

    def refresh(self, *, deadline: float, tell: OnLine) -> None:
        """Copy the project anew, and install what is not yet installed. `deadline` is on the monotonic clock.

        Raises:
            NotInstalled: it cannot be installed.
        """
        remove_tree(self.copy)
        shutil.copytree(self._folder, self.copy, symlinks=True, ignore=LEFT_OUT)
        if not any(self._venv.iterdir()):
            self._uv(("venv", "--python", sys.executable, str(self._venv)), deadline, cache=_cache())
        requirements = _digest((self.copy / name for name in METADATA), self.copy)
        installed = requirements + "\n".join(sorted(str(path) for path in self.copy.rglob("*.py")))
        if installed != self._installed:
            self._install(Declared.read(self.copy), requirements, deadline, tell)
        self._requirements, self._installed = requirements, installed

    def run(self, argv: Sequence[str], *, timeout: float, on_line: OnLine | None = None) -> Finished:
        """Run a command in the copy; programs of the virtual environment go before those of the system."""
        path = f"{self._venv / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        env = {"PATH": path, "VIRTUAL_ENV": str(self._venv), "PYTHONDONTWRITEBYTECODE": "1"}
        reads, writes = (*self._limits.reads, self.root), (*self._limits.writes, self._reports)
        limits = replace(self._limits, reads=reads, writes=writes)
        return run(argv, cwd=self.copy, timeout=timeout, env=env, limits=limits, on_line=on_line)

    def new_reports(self) -> Path:
        """Give an empty folder for reports, which commands may write from now on."""
        remove_tree(self._reports)
        self._reports.mkdir()
        return self._reports

    def has(self, package: str) -> bool:
        """Say whether a top-level package is installed."""
        return any(self._venv.glob(f"lib/python*/site-packages/{package}"))

    def _install(self, declared: Declared, requirements: str, deadline: float, tell: OnLine) -> None:
        """Install the project where it is, with what it needs.

        Nothing of the project, and nothing that must be built first, is run where it could reach uv's cache, which
        other projects share: only what needs no building comes from there.
        """
        if requirements != self._requirements:
            tell("installing what the project needs")
            self._ready = declared.static and self._install_ready(declared, deadline)
        if not self._ready:
            self._build(declared, deadline)
        elif declared.installable:
            alone = ("--offline", "--no-deps", "--no-build-isolation", "--reinstall", "--editable=.")
            self._pip(alone, deadline, cache=self._own_cache)

    def _install_ready(self, declared: Declared, deadline: float) -> bool:
        """Install what is needed, from the shared cache, if all of it is there ready-made; says whether it was."""
        needed = (*declared.requirements, *declared.backend, *ALWAYS, *self._tools)
        try:
            self._pip(("--no-build", *needed), deadline, cache=_cache())
        except NotInstalled:
            return False
        return True

    def _build(self, declared: Declared, deadline: float) -> None:
        """Install the project with what it needs, building what must be built."""
        extras = f"[{','.join(declared.extras)}]" if declared.extras else ""
        package = (f"--editable=.{extras}",) if declared.installable else ()
        # They are those of a file, and the package brings its own.
        others = (name for name in declared.requirements if not name.startswith("--extra="))
        self._pip((*others, *package, *ALWAYS, *self._tools), deadline, cache=self._own_cache)

    def _pip(self, what: Sequence[str], deadline: float, *, cache: Path) -> None:
        python = str(self._venv / "bin" / "python")
        # Copies: what is hard-linked from the cache, the project's code could change there.
        self._uv(("pip", "install", "--python", python, "--link-mode=copy", "--no-sources", *what), deadline, cache)

    def _uv(self, arguments: Sequence[str], deadline: float, cache: Path) -> None:
        run_uv(
            arguments,
            cwd=self.copy,
            timeout=max(0.0, deadline - time.monotonic()),
            cache=cache,
            credentials=cache != self._own_cache,
            reads=self._limits.reads,
            writes=(self._venv,),
        )


def run_uv(
    arguments: Sequence[str],
    *,
    cwd: Path,
    timeout: float,
    writes: Sequence[Path],
    reads: Sequence[Path] = (),
    cache: Path | None = None,
    credentials: bool = True,
) -> None:
    """Run uv, confined to its cache (the one that all projects share unless another is given) and these folders.

    `credentials` says whether it gets those settings too that may hold some.

    Raises:
        NotInstalled: it failed.
    """
    cache = cache or _cache()
    cache.mkdir(parents=True, exist_ok=True)
    told = _told(credentials=credentials)
    certificates = (Path(value) for name, value in told.items() if name.startswith("SSL_CERT_"))
    finished = run(
        (uv.find_uv_bin(), "--quiet", "--no-config", "--no-python-downloads", *arguments),
        cwd=cwd,
        timeout=timeout,
        env={"UV_SYSTEM_CERTS": "1", **told, "UV_CACHE_DIR": str(cache)},
        limits=Limits(reads=(*reads, *certificates), writes=(*writes, cache)),
    )
    if finished.code:
        raise NotInstalled(f"{finished.output}\n{finished.describe()}".strip())


def _cache() -> Path:
    """Give uv's cache, which all projects share."""
    given = os.environ.get("UV_CACHE_DIR")
    return Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uv"


def _told(*, credentials: bool) -> Mapping[str, str]:
    """Give uv's own settings; those that may hold credentials only where no foreign code runs."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.upper().startswith(OF_UV) and (credentials or not ("@" in value or "TOKEN" in name or "PASS" in name))
    }


def _pyproject(folder: Path) -> dict[str, Any]:
    file = folder / "pyproject.toml"
    if file.is_symlink() or not file.is_file():
        return {}
    if file.stat().st_size > LARGEST_METADATA:
        raise NotInstalled("pyproject.toml is too large")
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise NotInstalled(f"pyproject.toml: {error}") from error


def _named(said: object, table: str) -> tuple[str, ...]:
    """Give which of the usual names a table of extras or groups has."""
    found = said.get(table) if isinstance(said, dict) else None
    return tuple(name for name in FOR_TESTS if isinstance(found, dict) and name in found)


def _digest(files: Iterator[Path], folder: Path) -> str:
    told = hashlib.sha256()
    for file in files:
        if file.is_file() and not file.is_symlink() and file.stat().st_size <= LARGEST_METADATA:
            told.update(f"{file.relative_to(folder)}\0".encode())
            told.update(hashlib.sha256(file.read_bytes()).digest())
    return told.hexdigest()
