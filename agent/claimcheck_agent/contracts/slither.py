"""Looks at contracts with slither, in a virtual environment of its own: it wants other versions than we do.

The compiler is not run by slither: what it has made of the sources is handed over. So slither needs no tool of ours,
and is confined to the sources (https://github.com/crytic/slither).
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from claimcheck_agent.confine.commands import Finished, Limits, run
from claimcheck_agent.confine.environment import NotInstalled, run_uv
from claimcheck_agent.confine.paths import OutsideProject, inside
from claimcheck_agent.contracts.audit_score import Finding, Place, severity
from claimcheck_agent.contracts.recompile import BadInput, Recompiled
from claimcheck_agent.contracts.tools import ToolFailed, install_once

VERSION = "0.11.6"
# With all that it needs: other versions may find other things, or nothing.
PINNED = (
    *(f"slither-analyzer=={VERSION}", "aiohappyeyeballs==2.7.1", "aiohttp==3.14.5", "aiosignal==1.4.0"),
    *("annotated-types==0.8.0", "attrs==26.1.0", "bitarray==3.12.3", "cbor2==6.2.1", "certifi==2026.10.18"),
    *("charset-normalizer==3.5.2", "ckzg==2.1.8", "crytic-compile==0.4.2", "cytoolz==1.2.0", "eth-abi==6.0.0"),
    *("eth-account==0.14.0", "eth-hash==0.8.0", "eth-keyfile==0.10.0", "eth-keys==0.8.0", "eth-rlp==3.0.0"),
    *("eth-typing==6.0.0", "eth-utils==6.0.0", "frozenlist==1.8.0", "hexbytes==2.0.0", "idna==3.20"),
    *("multidict==7.2.1", "packaging==26.3", "parsimonious==0.10.0", "prettytable==3.18.0", "propcache==0.5.4"),
    *("py-ecc==8.0.0", "pycryptodome==3.24.1", "pydantic==2.14.3", "pydantic-core==2.50.4", "pyunormalize==18.0.0"),
    *("regex==2026.11.15", "requests==2.34.2", "rlp==5.0.0", "solc-select==1.2.0", "toolz==1.2.0"),
    *("types-requests==2.33.0.20261030", "typing-extensions==4.16.0", "typing-inspection==0.4.5", "urllib3==2.8.0"),
    *("wcwidth==0.9.4", "web3==7.16.0", "websockets==15.0.1", "yarl==1.25.1"),
)
INSTALL_SECONDS, SECONDS = 600.0, 300.0
DETECTORS = "detectors.json"
LONGEST_DESCRIPTION = 1000  # Characters.

# Matters of style, and of versions, which are pinned here.
NOT_ASKED = ("naming-convention", "pragma", "similar-names", "solc-version", "too-many-digits")

# What stands in for solc: it tells its version, or what it has already made of the sources.
STAND_IN = """\
#!/bin/sh
if [ "$1" = --version ]; then cat ../version; else cat >/dev/null; cat ../output.json; fi
"""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Slither:
    """The folder of its virtual environment."""

    folder: Path

    @classmethod
    def installed(cls, parent: Path, say: Say) -> Self:
        """Install it in a folder of `parent`, unless it is there; agents that share it wait for each other.

        Raises:
            ToolFailed: it cannot be installed.
            OSError: the folder cannot be written.
        """
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        slither = cls(parent.resolve() / f"slither-{VERSION}-python{python}")
        install_once(slither.folder, slither._install, lambda: say("installing slither (once; about 70 MB)"))
        return slither

    def find(self, recompiled: Recompiled, trusted: frozenset[str]) -> list[Finding]:
        """Look at sources, compiled with all that `recompile.ANALYSIS` names; gives what is not in trusted ones.

        Raises:
            BadInput: a source has a path that leads out of its folder.
            ToolFailed: slither gave no answer.
        """
        with _laid_out(recompiled) as folder:
            report = folder / "report.json"
            options = (
                *("../input.json", "--compile-force-framework", "solc-json", "--solc", "../solc"),
                *("--json", str(report), "--fail-none", "--disable-color", "--exclude-optimization"),
                # What comments say does not silence it.
                *("--show-ignored-findings", "--exclude", ",".join(NOT_ASKED)),
            )
            finished = self._run((*self._program, *options), folder / "sources", folder)
            told = _read(report, finished)
        advice = {one["check"]: one for one in json.loads((self.folder / DETECTORS).read_text(encoding="utf-8"))}
        found = {_finding(one, advice.get(one["check"], {})) for one in told["results"].get("detectors", ())}
        return sorted((one for one in found if not one.place or one.place.file not in trusted), key=Finding.order)

    def _install(self) -> None:
        self.folder.mkdir(parents=True)
        python = str(self.folder / "bin" / "python")
        try:
            for arguments in (
                ("venv", "--allow-existing", "--python", sys.executable, str(self.folder)),
                ("pip", "install", "--python", python, "--no-build", "--no-deps", *PINNED),
            ):
                run_uv(arguments, cwd=self.folder, timeout=INSTALL_SECONDS, writes=(self.folder,))
        except NotInstalled as error:
            raise ToolFailed(f"slither could not be installed:\n{error}") from error
        # More than is kept of a command's output.
        listed = ("/bin/sh", "-c", f'exec "$@" --list-detectors-json >{DETECTORS}', "sh", *self._program)
        finished = self._run(listed, self.folder)
        if finished.code:
            raise ToolFailed(f"slither cannot be run: {_last(finished)}")

    @property
    def _program(self) -> tuple[str, ...]:
        return (str(self.folder / "bin" / "python"), "-I", "-m", "slither")

    def _run(self, argv: Sequence[str], cwd: Path, *writes: Path) -> Finished:
        return run(
            argv,
            cwd=cwd,
            timeout=SECONDS,
            limits=Limits(cpu=int(SECONDS), reads=(self.folder,), writes=writes),
        )


@contextmanager
def _laid_out(recompiled: Recompiled) -> Iterator[Path]:
    """Give a folder with the sources, and what the compiler has made of them."""
    with tempfile.TemporaryDirectory(prefix="slither-") as made:
        folder = Path(made).resolve()
        sources = folder / "sources"
        sources.mkdir()
        for path, source in recompiled.standard_input["sources"].items():
            try:
                file = inside(sources, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(source["content"].encode(errors="replace"))
            except (OutsideProject, OSError) as error:
                raise BadInput(f"A source has a path that cannot be audited: {path!r}.") from error
        (folder / "input.json").write_text(json.dumps(recompiled.standard_input), encoding="utf-8")
        (folder / "output.json").write_text(json.dumps(recompiled.output), encoding="utf-8")
        (folder / "version").write_text(f"Version: {recompiled.version}\n", encoding="utf-8")
        (folder / "solc").write_text(STAND_IN, encoding="utf-8")
        (folder / "solc").chmod(0o700)
        yield folder


def _read(report: Path, finished: Finished) -> Mapping[str, Any]:
    try:
        told = json.loads(report.read_bytes())
    except (OSError, ValueError) as error:
        raise ToolFailed(f"slither gave no answer: {_last(finished)}") from error
    if not told["success"]:
        raise ToolFailed(f"slither failed: {str(told['error']).strip().splitlines()[-1]}")
    return dict(told)


def _last(finished: Finished) -> str:
    lines = finished.output.strip().splitlines() or [""]
    return f"{lines[-1]} ({finished.describe()})"


def _finding(told: Mapping[str, Any], advice: Mapping[str, Any]) -> Finding:
    return Finding(
        severity=severity(told["impact"], told["confidence"]),
        title=_tidy(advice.get("title") or told["check"]),
        description=_tidy(told["description"])[:LONGEST_DESCRIPTION],
        recommendation=_tidy(advice.get("recommendation") or "See slither's documentation of this check."),
        place=_place(told),
    )


def _place(told: Mapping[str, Any]) -> Place | None:
    """Give where the first thing is of which it speaks."""
    for element in told["elements"][:1]:
        where = element["source_mapping"]
        if where["lines"]:
            return Place(file=where["filename_relative"], line=where["lines"][0])
    return None


def _tidy(text: str) -> str:
    return "\n".join(line for line in (" ".join(line.split()) for line in text.splitlines()) if line)
