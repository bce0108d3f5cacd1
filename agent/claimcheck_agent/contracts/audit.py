"""Audits contracts: what slither finds, what a model has to add if one is asked, and a score."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from claimcheck_agent.builds.model import Model
from claimcheck_agent.builds.model.chat import ModelFailed
from claimcheck_agent.contracts.audit_score import Finding, score
from claimcheck_agent.contracts.compiler import make_input
from claimcheck_agent.contracts.markdown import audit_markdown
from claimcheck_agent.contracts.recompile import ANALYSIS, Recompiled, recompile
from claimcheck_agent.contracts.review import review
from claimcheck_agent.contracts.slither import Slither
from claimcheck_agent.contracts.tools import LIBRARY, Toolchain

Step = Callable[[int, str], None]
"""Shows how far it is: percent, and what is being done."""

LARGEST_RESULT = 60_000  # Bytes of JSON; the server keeps a little more.


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Sources to be looked at.

    Attributes:
        contract: the name of the contract that they are about, or `file:Contract`.
        standard_input: solc's standard JSON input.
    """

    contract: str
    standard_input: Mapping[str, Any]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Subject":
        """Read the input of a job: `contract`, and `standard_input` or `sources`."""
        standard_input = given.get("standard_input")
        if standard_input is None:
            sources = given.get("sources")
            named = sources.items() if isinstance(sources, dict) else ()
            standard_input = make_input({path: text for path, text in named if str(path).endswith(".sol")})
        return cls(contract=str(given.get("contract") or ""), standard_input=standard_input)

    def compiled(self, tools: Toolchain) -> Recompiled:
        """Compile them for all that is looked at.

        Raises:
            BadInput: they are none, or have no such contract.
            NotCompiled: they have errors.
            ToolFailed: the compiler did not work.
        """
        recompiled = recompile(tools, self.standard_input, ANALYSIS, with_ast=True)
        recompiled.find(self.contract)
        return recompiled


def unchanged(recompiled: Recompiled, tools: Toolchain) -> frozenset[str]:
    """Give the paths of the sources that are, to the letter, OpenZeppelin's of the version that is used here."""
    sources: Mapping[str, Mapping[str, str]] = recompiled.standard_input["sources"]
    same = (path for path, source in sources.items() if _is_library(path, source["content"], tools))
    return frozenset((*recompiled.imported, *same))


def _is_library(path: str, text: str, tools: Toolchain) -> bool:
    if not path.startswith(f"{LIBRARY}/") or ".." in path:
        return False
    try:
        return (tools.modules / path).read_bytes() == text.encode(errors="replace")
    except (OSError, ValueError):
        return False


def audit(subject: Subject, tools: Toolchain, slither: Slither, model: Model | None, step: Step) -> dict[str, Any]:
    """Audit contracts; gives the job's result.

    Raises:
        BadInput, NotCompiled: the sources cannot be audited.
        ToolFailed: the compiler or slither did not work.
    """
    step(20, "Compiling")
    recompiled = subject.compiled(tools)
    library = unchanged(recompiled, tools)
    step(40, "Looking for vulnerabilities")
    findings = slither.find(recompiled, library)
    notes: list[str] = []
    if model:
        step(70, f"Asking the model {model.name}")
        own = {
            path: source["content"]
            for path, source in recompiled.standard_input["sources"].items()
            if path not in library
        }
        try:
            findings += review(model, own, findings)
        except ModelFailed as error:
            notes.append(f"No model has reviewed this: {error}")
    findings.sort(key=Finding.order)
    step(95, "Writing the report")
    return result(subject.contract, findings, notes)


def result(contract: str, findings: Sequence[Finding], notes: Sequence[str]) -> dict[str, Any]:
    """Give the result; of more findings than it has room for, the least severe are left out, which is said."""
    points, listed = score(findings), list(findings)
    while True:
        left_out = len(findings) - len(listed)
        said = [*notes, *([f"{left_out} further findings are not listed here."] if left_out else [])]
        made = {
            "score": points,
            "findings": [finding.as_json() for finding in listed],
            "notes": said,
            "markdown": audit_markdown(contract, points, listed, said),
        }
        if not listed or len(json.dumps(made).encode()) <= LARGEST_RESULT:
            return made
        del listed[-max(1, len(listed) // 10) :]
