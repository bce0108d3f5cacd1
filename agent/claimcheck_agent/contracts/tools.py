"""The tools from npm that contracts are written, compiled and tried with: installed once, run as processes.

They are pinned by `toolchain/package-lock.json`, with the digest of each package; no package's own scripts are run.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from claimcheck_agent.confine.commands import Finished, Limits, run
from claimcheck_agent.leftovers import remove_tree

SHIPPED = Path(__file__).parent / "toolchain"
PROGRAMS = ("node", "npm")
LIBRARY = "@openzeppelin/contracts"  # The package of OpenZeppelin's contracts.
INSTALL_SECONDS = 600.0
COMPLETE = ".complete"  # Written last.
# Address space, of which V8 and WebAssembly reserve far more than they use.
ADDRESS_SPACE = 1 << 40
HEAP_MEGABYTES = 2048
# What npm is told of registries, proxies and certificates, if the agent was told.
OF_NPM = ("NPM_CONFIG_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_", "NODE_EXTRA_CA_CERTS")

Say = Callable[[str], None]


class ToolFailed(Exception):
    """A tool could not be installed, or did not do what it is there for; the message says what it said."""


@dataclass(frozen=True)
class Toolchain:
    """The folder that the tools are installed in."""

    folder: Path

    @classmethod
    def installed(cls, parent: Path, say: Say) -> Self:
        """Install the tools in a folder of `parent`, unless they are there; agents that share it wait for each other.

        Raises:
            ToolFailed: they cannot be installed.
            OSError: the folder cannot be written.
        """
        tools = cls(parent.resolve() / f"tools-{_digest()}")
        install_once(
            tools.folder, tools._install, lambda: say("installing the tools for contracts (once; about 150 MB)")
        )
        return tools

    @property
    def modules(self) -> Path:
        """The folder `node_modules`."""
        return self.folder / "node_modules"

    @property
    def solc(self) -> Path:
        """A command that stands in for solc."""
        return self.folder / "solc"

    @property
    def anvil(self) -> Path:
        """The program anvil."""
        return self._native("anvil")

    @property
    def forge(self) -> Path:
        """The program forge."""
        return self._native("forge")

    def version(self, package: str) -> str:
        """Give the version of an installed package."""
        described = json.loads((self.modules / package / "package.json").read_text(encoding="utf-8"))
        return str(described["version"])

    def run_script(self, script: str, order: Mapping[str, Any], *, seconds: float) -> str:
        """Run one of our own scripts, which read a JSON file and write another file; gives what it has written.

        Raises:
            ToolFailed: it did not get it done.
        """
        with tempfile.TemporaryDirectory(prefix="contract-tool-") as made:
            folder = Path(made).resolve()
            (folder / "order.json").write_text(json.dumps(order), encoding="utf-8")
            node = ("node", f"--max-old-space-size={HEAP_MEGABYTES}", str(self.folder / script))
            finished = run(
                (*node, "order.json", "output"),
                cwd=folder,
                timeout=seconds,
                limits=Limits(memory=ADDRESS_SPACE, cpu=int(seconds) + 1, reads=(self.folder, *_node())),
            )
            if finished.code:
                raise ToolFailed(_said(finished))
            return (folder / "output").read_text(encoding="utf-8")

    def _install(self) -> None:
        shutil.copytree(SHIPPED, self.folder)
        self.solc.chmod(0o755)
        settings = Path.home() / ".npmrc"
        cache = self.folder / ".npm"
        finished = run(
            ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", f"--cache={cache}"),
            cwd=self.folder,
            timeout=INSTALL_SECONDS,
            env={**_told(), "NPM_CONFIG_USERCONFIG": str(settings)},
            limits=Limits(memory=ADDRESS_SPACE, reads=(settings, *_certificates(), *_node())),
        )
        if finished.code:
            raise ToolFailed(f"the tools for contracts could not be installed:\n{_said(finished)}")
        remove_tree(cache)

    def _native(self, name: str) -> Path:
        """Give a program that is no JavaScript: npm has it for some machines, others may have it installed."""
        packaged = next(self.modules.glob(f"@foundry-rs/{name}-*/bin/{name}"), None)
        found = packaged or shutil.which(name)
        if found is None:
            raise ToolFailed(f"{name} is not installed, and npm has none for this machine")
        return Path(found)


def install_once(folder: Path, install: Callable[[], None], announce: Callable[[], None]) -> None:
    """Install something in a folder, unless it is there; agents that share the folder's parent wait for each other.

    Args:
        folder: which `install` makes, and fills; what an installation that broke off has left of it is removed before.
        install: what is to be done, with the exceptions that it raises.
        announce: called before.
    """
    with _locked(folder.parent):
        if not (folder / COMPLETE).exists():
            announce()
            if folder.exists():
                remove_tree(folder)
            install()
            (folder / COMPLETE).touch()


def missing_programs() -> list[str]:
    """Name the programs that the tools need and that are not here."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


def default_folder() -> Path:
    """Give the folder in which tools are installed unless another is named."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "claimcheck-agent"


def _digest() -> str:
    """Give a name for exactly these tools."""
    told = hashlib.sha256()
    for file in sorted(SHIPPED.iterdir()):
        told.update(f"{file.name}\0".encode())
        told.update(hashlib.sha256(file.read_bytes()).digest())
    return told.hexdigest()[:16]


@contextmanager
def _locked(parent: Path) -> Iterator[None]:
    """Have nobody else install tools in a folder meanwhile."""
    parent.mkdir(parents=True, exist_ok=True)
    with (parent / "tools.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _node() -> list[Path]:
    """Give where node is installed, which need not be where the system's own programs are."""
    found = [shutil.which(name) for name in PROGRAMS]
    return [Path(path).resolve().parents[1] for path in found if path]


def _told() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.upper().startswith(OF_NPM)}


def _certificates() -> list[Path]:
    return [Path(value) for name, value in _told().items() if "CERT" in name.upper()]


def _said(finished: Finished) -> str:
    return f"{finished.output}\n{finished.describe()}".strip()
