"""The result of an analysis, as the server and the analysis's owner get it."""

import json
from dataclasses import asdict
from typing import Any

from claimcheck_agent.analysis.findings import Findings
from claimcheck_agent.analysis.recommendations import MOST, recommend
from claimcheck_agent.analysis.scoring import count_smells, quality_score

MOST_ISSUES = 200
LARGEST = 60_000  # Bytes of JSON; the server keeps a little more.


def make_result(findings: Findings) -> dict[str, Any]:
    """Give the result; issues that do not fit are counted in its last recommendation."""
    metrics, smells, mistakes = findings.metrics, findings.smells, findings.mistakes
    result = {
        "quality_score": None if smells is None else quality_score(metrics, smells),
        "security_issues": None if findings.issues is None else [asdict(one) for one in findings.issues[:MOST_ISSUES]],
        "code_smells": None if smells is None else count_smells(metrics, smells),
        # What cannot be read cannot be checked either.
        "type_errors": None if mistakes is None else len(mistakes) + len(metrics.unreadable),
        "coverage_percent": findings.coverage.percent if findings.coverage else None,
        "recommendations": recommend(findings),
    }
    if findings.issues is not None:
        _fit(result, len(findings.issues))
    return result


def _fit(result: dict[str, Any], found: int) -> None:
    """Take away the least of the security issues until the result is small enough, and say so."""
    listed: list[dict[str, Any]] = result["security_issues"]
    while len(json.dumps(result).encode()) > LARGEST and listed:
        del listed[-max(1, len(listed) // 10) :]
    if found > len(listed):
        del result["recommendations"][MOST - 1 :]
        result["recommendations"].append(f"{found - len(listed)} further security issues are not listed here.")
