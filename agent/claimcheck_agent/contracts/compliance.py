"""Checks contracts against standards and rules: `docs/contracts.md` has the same in words."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from claimcheck_agent.contracts.audit import Step, Subject, unchanged
from claimcheck_agent.contracts.bytecode import Code, selectors
from claimcheck_agent.contracts.compiler import LARGEST_CODE
from claimcheck_agent.contracts.markdown import compliance_markdown
from claimcheck_agent.contracts.recompile import Recompiled, Target
from claimcheck_agent.contracts.standards import (
    STANDARDS,
    Standard,
    find_standard,
    missing_events,
    missing_functions,
    missing_selectors,
)
from claimcheck_agent.contracts.syntax import Node, bases, pragmas, silent_functions
from claimcheck_agent.contracts.tools import LIBRARY, Toolchain

OPENZEPPELIN = "OpenZeppelin"
KNOWN_FIELDS = frozenset({"standards", "rules"})
MOST_NAMES = 50  # In a policy's lists.
SHOWN = 60  # Characters of a name that nobody knows.
VERSION = re.compile(r"[\^=]?0*(?P<major>\d+)\.0*(?P<minor>\d+)\.\d+")
OLDEST = (0, 8)  # Since then arithmetic is checked.


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check: its id, what it is, whether it is passed, and why."""

    id: str
    title: str
    passed: bool
    details: str


@dataclass(frozen=True)
class Contract:
    """All that is known of the contract that is checked."""

    recompiled: Recompiled
    target: Target
    library: frozenset[str]

    @property
    def trees(self) -> dict[str, Node]:
        """The syntax trees by path."""
        return {path: source["ast"] for path, source in self.recompiled.output["sources"].items()}

    @property
    def own(self) -> dict[str, Node]:
        """Those of the sources that are not OpenZeppelin's."""
        return {path: tree for path, tree in self.trees.items() if path not in self.library}

    @property
    def bases(self) -> list[tuple[str, Node]]:
        """The contract and what it inherits from, each with the path of its source."""
        return bases(self.trees, self.target.path, self.target.name)

    @property
    def code(self) -> bytes:
        """What it is on a chain; empty for an abstract contract or an interface."""
        return Code.runtime(self.target.compiled).code

    @property
    def instructions(self) -> frozenset[str]:
        """The names of all instructions in its code, and in the code of what it creates."""
        return frozenset(_instructions(self.target.compiled["evm"].get("legacyAssembly")))


Rule = Callable[[Contract], tuple[bool, str]]


def check(subject: Subject, tools: Toolchain, policy: Mapping[str, Any], step: Step) -> dict[str, Any]:
    """Check a contract against a policy; gives the job's result.

    Raises:
        BadInput, NotCompiled: the sources cannot be checked.
        ToolFailed: the compiler did not work.
    """
    step(20, "Compiling")
    recompiled = subject.compiled(tools)
    contract = Contract(recompiled, recompiled.find(subject.contract), unchanged(recompiled, tools))
    step(70, "Checking")
    checks = [
        *_check_policy(policy),
        *(found for name in _names(policy, "standards") or [] for found in _check_standard(name, contract, tools)),
        *(_check_rule(name, contract) for name in _names(policy, "rules", list(RULES)) or []),
    ]
    passed = sum(one.passed for one in checks)
    score = 100 * passed // len(checks) if checks else 100
    return {
        "compliant": passed == len(checks),
        "score": score,
        "checks": [asdict(one) for one in checks],
        "markdown": compliance_markdown(subject.contract, score, checks),
    }


def _names(policy: Mapping[str, Any], field: str, otherwise: list[str] | None = None) -> list[str] | None:
    """Give a policy's list of names, each once; None if it is no such list."""
    value = policy.get(field)
    if value is None:
        return otherwise or []
    if not isinstance(value, list) or len(value) > MOST_NAMES or not all(isinstance(one, str) for one in value):
        return None
    return list(dict.fromkeys(value))


def _check_policy(policy: Mapping[str, Any]) -> Iterator[Check]:
    """Give a check that fails for each part of a policy that cannot be understood."""
    for field in sorted(set(policy) - KNOWN_FIELDS):
        details = f"A policy has {' and '.join(sorted(KNOWN_FIELDS))}, and nothing of this name."
        yield Check(id="policy", title=f"The policy asks for {field[:SHOWN]!r}", passed=False, details=details)
    for field in sorted(KNOWN_FIELDS):
        if _names(policy, field) is None:
            details = f"It must be a list of at most {MOST_NAMES} names."
            yield Check(id="policy", title=f"The policy's {field}", passed=False, details=details)


def _check_standard(name: str, contract: Contract, tools: Toolchain) -> Iterator[Check]:
    if name.lower() == OPENZEPPELIN.lower():
        yield from _check_openzeppelin(contract, tools)
        return
    found = find_standard(name)
    if found is None:
        known = ", ".join((*STANDARDS, OPENZEPPELIN))
        details = f"There is no standard of this name here; there are {known}."
        yield Check(id="standard", title=f"Standard {name[:SHOWN]!r}", passed=False, details=details)
        return
    yield from _check_interface(*found, contract)


def _check_interface(name: str, standard: Standard, contract: Contract) -> Iterator[Check]:
    abi, key = contract.target.compiled["abi"], name.lower()
    missing = missing_functions(standard, abi)
    yield _check(f"{key}.functions", f"Has the functions of {name}", missing, "All are there, with the right types.")
    if standard.events:
        missing = missing_events(standard, abi)
        yield _check(f"{key}.events", f"Has the events of {name}", missing, "All are there, with the right types.")
    identifiers = contract.target.compiled["evm"].get("methodIdentifiers", {})
    missing = missing_selectors(standard, identifiers, selectors(contract.code))
    yield _check(f"{key}.code", f"Answers to the functions of {name}", missing, "Its bytecode knows all selectors.")


def _check(key: str, title: str, missing: Sequence[str], otherwise: str) -> Check:
    details = f"Missing, or not as they should be: {'; '.join(missing)}." if missing else otherwise
    return Check(id=key, title=title, passed=not missing, details=details)


def _check_openzeppelin(contract: Contract, tools: Toolchain) -> Iterator[Check]:
    version = tools.version(LIBRARY)
    given = [path for path in contract.trees if path.startswith(f"{LIBRARY}/")]
    changed = sorted(set(given) - contract.library)
    used = f"Imports {LIBRARY} {version}, unchanged"
    details = (
        f"Other than in that version: {', '.join(changed)}." if changed else f"{len(given)} of its sources are used."
    )
    details = details if given else "Nothing of it is imported."
    yield Check(id="openzeppelin.imports", title=used, passed=bool(given) and not changed, details=details)
    inherited = [node["name"] for path, node in contract.bases if path in contract.library]
    details = f"It inherits from {', '.join(inherited)}." if inherited else "It inherits from none of them."
    yield Check(
        id="openzeppelin.inherits",
        title="Inherits from OpenZeppelin's contracts",
        passed=bool(inherited),
        details=details,
    )


def _check_rule(name: str, contract: Contract) -> Check:
    if name not in RULES:
        details = f"There is no rule of this name; there are {', '.join(RULES)}."
        return Check(id="rule", title=f"Rule {name[:SHOWN]!r}", passed=False, details=details)
    title, rule = RULES[name]
    passed, details = rule(contract)
    return Check(id=name, title=title, passed=passed, details=details)


def _license(contract: Contract) -> tuple[bool, str]:
    without = sorted(path for path, tree in contract.own.items() if not tree.get("license"))
    return not without, f"Without: {', '.join(without)}." if without else "Each of its sources has one."


def _pragma(contract: Contract) -> tuple[bool, str]:
    wrong = sorted(path for path, tree in contract.own.items() if not _is_pinned(pragmas(tree)))
    return not wrong, f"Not so in {', '.join(wrong)}." if wrong else "It is so in each of its sources."


def _is_pinned(versions: Sequence[str]) -> bool:
    found = [VERSION.fullmatch(version) for version in versions]
    return bool(found) and all(one and (int(one["major"]), int(one["minor"])) >= OLDEST for one in found)


def _without(*names: str) -> Rule:
    def rule(contract: Contract) -> tuple[bool, str]:
        found = sorted(contract.instructions.intersection(names))
        return not found, f"Its bytecode has {', '.join(found)}." if found else "Its bytecode has none."

    return rule


def _events(contract: Contract) -> tuple[bool, str]:
    own = (node for path, node in contract.bases if path not in contract.library and node["contractKind"] == "contract")
    silent = silent_functions(contract.trees, own)
    return not silent, f"These emit none: {', '.join(silent)}." if silent else "All emit one, or change nothing."


def _size(contract: Contract) -> tuple[bool, str]:
    size = len(contract.code)
    if not size:
        return False, "It is abstract, or an interface, and cannot be deployed."
    return size <= LARGEST_CODE, f"It has {size} of {LARGEST_CODE} bytes."


RULES: Mapping[str, tuple[str, Rule]] = {
    "license": ("Sources name their licence (SPDX)", _license),
    "pragma": ("Sources are for one version of Solidity (0.8 or later), exactly or with a caret", _pragma),
    "no-selfdestruct": ("Cannot destroy itself", _without("SELFDESTRUCT")),
    "no-delegatecall": ("Runs no other contract's code in its place", _without("DELEGATECALL", "CALLCODE")),
    "no-tx-origin": ("Does not ask who began the transaction (tx.origin)", _without("ORIGIN")),
    "events": ("Functions that change its state emit an event", _events),
    "size": ("Can be deployed: its code is not too large (EIP-170)", _size),
}


def _instructions(assembly: object) -> Iterator[str]:
    if not isinstance(assembly, dict):
        return
    yield from (item["name"] for item in assembly.get(".code") or ())
    for part in (assembly.get(".data") or {}).values():
        yield from _instructions(part)
