"""Compiles somebody's standard JSON input once more, for outputs of our own choice."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from claimcheck_agent.contracts.compiler import make_input, run_compiler
from claimcheck_agent.contracts.tools import Toolchain

# For comparing bytecode.
CODE = (
    *("abi", "evm.bytecode.object", "evm.bytecode.linkReferences", "evm.deployedBytecode.object"),
    *("evm.deployedBytecode.linkReferences", "evm.deployedBytecode.immutableReferences"),
    *("evm.legacyAssembly", "evm.methodIdentifiers"),
)
# For slither too.
ANALYSIS = (*CODE, "evm.bytecode.sourceMap", "evm.deployedBytecode.sourceMap", "userdoc", "devdoc")
MOST_ERRORS = 3  # Of the compiler's, in a message.
MOST_SOURCES, LARGEST_SOURCES = 500, 4 << 20  # How many, and characters of all together.


class BadInput(ValueError):
    """What is to be compiled is none; the message is for the job's owner."""


@dataclass(frozen=True, kw_only=True)
class Recompiled:
    """What came of it.

    Attributes:
        version: of the compiler, such as `0.8.37+commit.f401782d`.
        standard_input: the input with every source that was imported.
        imported: the text of the sources that were found among OpenZeppelin's contracts, by path.
        output: solc's standard JSON output.
    """

    version: str
    standard_input: dict[str, Any]
    imported: Mapping[str, str]
    output: Mapping[str, Any]

    def find(self, contract: str) -> "Target":
        """Find a contract by its name, or as `file:Contract`; those of the given sources go before imported ones.

        Raises:
            BadInput: there is none of that name, or there are several.
        """
        path, _, name = contract.rpartition(":")
        every = [
            Target(path=file, name=found, compiled=compiled)
            for file, contracts in self.output.get("contracts", {}).items()
            for found, compiled in contracts.items()
            if found == name and path in {"", file}
        ]
        own = [target for target in every if target.path not in self.imported] or every
        if len(own) != 1:
            few = "no contract" if not own else "more than one contract"
            raise BadInput(f"The sources have {few} {contract!r}.")
        return own[0]


@dataclass(frozen=True, kw_only=True)
class Target:
    """One contract: the path of its source, its name there, and what the compiler made of it."""

    path: str
    name: str
    compiled: Mapping[str, Any]

    @property
    def fq_name(self) -> str:
        """Its fully qualified name."""
        return f"{self.path}:{self.name}"


def recompile(
    tools: Toolchain, standard_input: Mapping[str, Any], outputs: tuple[str, ...], *, with_ast: bool = False
) -> Recompiled:
    """Compile an input with its own settings.

    Raises:
        BadInput: it is no standard JSON input for Solidity with the text of its sources.
        NotCompiled: its sources have errors.
        ToolFailed: the compiler did not work.
    """
    sources, settings = checked(standard_input)
    selected: dict[str, list[str]] = {"*": list(outputs)} | ({"": ["ast"]} if with_ast else {})
    # To stop early, or to leave outputs away, changes nothing of the bytecode.
    wanted = {name: value for name, value in settings.items() if name != "stopAfter"}
    wanted["outputSelection"] = {"*": selected}
    ran = run_compiler(tools, make_input(sources, wanted), most_errors=MOST_ERRORS)
    # Explorers want to be told which outputs there shall be.
    shown = {"outputSelection": {"*": {"*": ["*"]}}, **settings}
    return Recompiled(
        version=ran.version,
        standard_input=make_input({**sources, **ran.imported}, shown),
        imported=ran.imported,
        output=ran.output,
    )


def checked(standard_input: object) -> tuple[dict[str, str], dict[str, Any]]:
    """Give the text of the sources, by path, and the settings of an input.

    Raises:
        BadInput: it is not what it should be.
    """
    given = standard_input if isinstance(standard_input, dict) else {}
    sources, settings = given.get("sources"), given.get("settings", {})
    if given.get("language") != "Solidity" or not isinstance(sources, dict) or not sources:
        raise BadInput("The input must be a standard JSON input for Solidity with at least one source.")
    if not isinstance(settings, dict):
        raise BadInput("The settings of the input must be an object.")
    texts = {path: source["content"] for path, source in sources.items() if _is_text(source)}
    if len(texts) < len(sources):
        raise BadInput("Every source of the input must have its text as content.")
    if len(texts) > MOST_SOURCES or sum(map(len, texts.values())) > LARGEST_SOURCES:
        raise BadInput(f"The input has more than {MOST_SOURCES} sources, or more than 4 MB of them.")
    return texts, settings


def _is_text(source: object) -> bool:
    return isinstance(source, dict) and isinstance(source.get("content"), str)
