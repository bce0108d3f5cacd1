"""Reports as Markdown (https://spec.commonmark.org), for people.

What was found has words in it that others have written, a model or whoever wrote the sources: they are shown as they
are, and can be neither markup nor links.
"""

import html
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from claimcheck_agent.contracts.audit_score import SEVERITIES, SLITHER, Finding

if TYPE_CHECKING:
    from claimcheck_agent.contracts.compliance import Check

# What begins markup within a line, and the colon of a URL; HTML's own characters are replaced.
NEEDS_ESCAPE = re.compile(r"([\\`*_\[\]#!|~]|:(?=//))")


def audit_markdown(contract: str, score: int, findings: Sequence[Finding], notes: Sequence[str]) -> str:
    """Give the report of an audit."""
    return _text(_audit(contract, score, findings, notes))


def compliance_markdown(contract: str, score: int, checks: "Sequence[Check]") -> str:
    """Give the report of a compliance check."""
    return _text(_compliance(contract, score, checks))


def plain(text: str) -> str:
    """Give text that is shown as it is, on one line."""
    return html.escape(NEEDS_ESCAPE.sub(r"\\\1", " ".join(text.split())), quote=False)


def _audit(contract: str, score: int, findings: Sequence[Finding], notes: Sequence[str]) -> Iterator[str]:
    yield f"# Security audit of {plain(contract)}"
    yield f"Score: **{score}** of 100."
    counts = ((one, sum(finding.severity == one for finding in findings)) for one in SEVERITIES)
    yield "\n".join(("| severity | findings |", "|---|---|", *(f"| {one} | {count} |" for one, count in counts)))
    for note in notes:
        yield f"> {plain(note)}"
    if not findings:
        yield "Nothing was found."
    for number, finding in enumerate(findings, start=1):
        yield f"## {number}. {plain(finding.title)} ({finding.severity})"
        where = f"{finding.place.file}, line {finding.place.line}" if finding.place else "the whole contract"
        by = "slither" if finding.source == SLITHER else "a model"
        yield f"In {plain(where)}. Found by {by}."
        yield "\n".join(f"> {plain(line)}  " for line in finding.description.splitlines())
        yield f"Recommendation: {plain(finding.recommendation)}"


def _compliance(contract: str, score: int, checks: "Sequence[Check]") -> Iterator[str]:
    failed = sum(not check.passed for check in checks)
    yield f"# Compliance of {plain(contract)}"
    yield f"{'Not compliant' if failed else 'Compliant'}: **{score}** of 100, {failed} of {len(checks)} checks failed."
    rows = (
        f"| {'passed' if check.passed else '**failed**'} | {plain(check.title)} | {plain(check.details)} |"
        for check in checks
    )
    yield "\n".join(("| | check | details |", "|---|---|---|", *rows))


def _text(blocks: Iterator[str]) -> str:
    return "\n\n".join(blocks) + "\n"
