"""Compiles Solidity, with the same settings always: the same sources make the same bytecode, byte for byte."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from claimcheck_agent.contracts.tools import Toolchain

COMPILE_SECONDS = 120.0
OPTIMIZE, RUNS = True, 200
# What OpenZeppelin's contracts need at least, and all the networks know; solc's own default is newer than some of them.
EVM_VERSION = "cancun"
# As solc wants to be told of them.
SETTINGS: Mapping[str, Any] = {"optimizer": {"enabled": OPTIMIZE, "runs": RUNS}, "evmVersion": EVM_VERSION}
LARGEST_CODE = 24_576  # Bytes that a deployed contract may have (EIP-170).
OUTPUTS = ("abi", "metadata", "evm.bytecode.object", "evm.deployedBytecode")
LONGEST_MESSAGE = 2000  # Characters.


class NotCompiled(Exception):
    """The sources have errors; the message is what the compiler says of them."""


@dataclass(frozen=True, kw_only=True)
class Compiler:
    """How it was compiled, as explorers want to know it: `version` is such as `0.8.37+commit.f401782d`."""

    version: str
    optimizer: bool
    runs: int
    evm_version: str

    def as_json(self) -> dict[str, Any]:
        """Give it as results hold it."""
        return {
            "version": self.version,
            "optimizer": self.optimizer,
            "runs": self.runs,
            "evm_version": self.evm_version,
        }


@dataclass(frozen=True, kw_only=True)
class Contract:
    """A contract that can be deployed.

    Attributes:
        path: its source's, such as `contracts/MyToken.sol`.
        name: its name there.
        abi: https://docs.soliditylang.org/en/latest/abi-spec.html#json
        creation: the code that is sent to deploy it, without the constructor's arguments.
        runtime: the code that it has then, with zeros where immutable values are written in.
    """

    path: str
    name: str
    abi: list[dict[str, Any]]
    creation: bytes
    runtime: bytes

    @property
    def fq_name(self) -> str:
        """Its fully qualified name."""
        return f"{self.path}:{self.name}"


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """What the compiler made of sources.

    Attributes:
        standard_input: solc's input, complete: it makes the same again.
        contracts: those of the sources that can be deployed, in no particular order.
        warnings: what the compiler had to say of the sources, but for those that they import.
        compiler: how it was done.
    """

    standard_input: dict[str, Any]
    contracts: list[Contract]
    warnings: list[str]
    compiler: Compiler


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What the compiler gave back.

    Attributes:
        version: its own, such as `0.8.37+commit.f401782d`.
        imported: the text of the sources that were found among OpenZeppelin's contracts, by path.
        output: solc's standard JSON output.
    """

    version: str
    imported: Mapping[str, str]
    output: Mapping[str, Any]


def compile_sources(tools: Toolchain, sources: Mapping[str, str]) -> Compiled:
    """Compile sources, by path, that may import OpenZeppelin's contracts.

    Raises:
        NotCompiled: they have errors.
        ToolFailed: the compiler did not work.
    """
    settings = {**SETTINGS, "outputSelection": {"*": {"*": list(OUTPUTS)}}}
    given = dict(sorted(sources.items()))
    ran = run_compiler(tools, make_input(given, settings))
    return Compiled(
        standard_input=make_input({**given, **ran.imported}, settings),
        contracts=[
            _contract(path, *found) for path in sources for found in ran.output["contracts"].get(path, {}).items()
        ],
        warnings=[
            _message(notice)
            for notice in ran.output.get("errors", [])
            if (notice.get("sourceLocation") or {}).get("file") in sources
        ],
        compiler=Compiler(version=ran.version, optimizer=OPTIMIZE, runs=RUNS, evm_version=EVM_VERSION),
    )


def make_input(sources: Mapping[str, str], settings: Mapping[str, Any] = SETTINGS) -> dict[str, Any]:
    """Make solc's standard JSON input of sources, by path; the settings are the usual ones unless others are given."""
    return {
        "language": "Solidity",
        "sources": {path: {"content": text} for path, text in sources.items()},
        "settings": dict(settings),
    }


def run_compiler(tools: Toolchain, standard_input: Mapping[str, Any], *, most_errors: int | None = None) -> Ran:
    """Run the compiler on an input; of its errors so many are told at most.

    Raises:
        NotCompiled: the sources have errors.
        ToolFailed: the compiler did not work.
    """
    told = json.loads(tools.run_script("compile.js", standard_input, seconds=COMPILE_SECONDS))
    notices = told["output"].get("errors", [])
    if errors := [_message(notice) for notice in notices if notice["severity"] == "error"]:
        raise NotCompiled("\n".join(errors[:most_errors]))
    return Ran(version=told["version"], imported=dict(sorted(told["imported"].items())), output=told["output"])


def _contract(path: str, name: str, found: Mapping[str, Any]) -> Contract:
    return Contract(
        path=path,
        name=name,
        abi=found["abi"],
        creation=_bytes(found["evm"]["bytecode"]["object"]),
        runtime=_bytes(found["evm"]["deployedBytecode"]["object"]),
    )


def _bytes(code: str) -> bytes:
    """Read bytecode; with a placeholder in it for a library's address, which nobody gives, there is none."""
    return b"" if "__$" in code else bytes.fromhex(code)


def _message(notice: Mapping[str, Any]) -> str:
    return str(notice.get("formattedMessage") or notice["message"]).strip()[:LONGEST_MESSAGE]
