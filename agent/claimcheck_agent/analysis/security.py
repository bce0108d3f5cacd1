"""What bandit finds in the code's security, whatever the code's comments say of it."""

from dataclasses import dataclass
from pathlib import Path

from claimcheck_agent.analysis.security_advice import advice_for
from claimcheck_agent.analysis.tools import ToolFailed, read_report, run_python
from claimcheck_agent.analysis.tree import Tree, is_test

SEVERITIES = ("high", "medium", "low")
# That a module is imported is no issue as long as it is used well, and how it is used has tests of its own:
# pickle, subprocess, XML parsers. B603 finds every call of a program that is made as it should be.
NOT_ASKED = ("B403", "B404", "B405", "B406", "B407", "B408", "B409", "B603")
# Tests assert, use the passwords of made-up users and paths that are never opened, and want no secrecy of chance.
NOT_IN_TESTS = frozenset({"B101", "B105", "B106", "B107", "B108", "B311"})


@dataclass(frozen=True, kw_only=True)
class SecurityIssue:
    """One issue: its name, how severe it is (`high`, `medium`, `low`), where it is, and what is to be done about it."""

    issue: str
    severity: str
    line: int
    file: str
    recommendation: str

    def order(self) -> tuple[int, str, int, str]:
        """Give what to sort by: the worst first, then by place."""
        return SEVERITIES.index(self.severity), self.file, self.line, self.issue


def find_issues(tree: Tree, reports: Path, *, until: float) -> list[SecurityIssue]:
    """Look for security issues in all files; the worst first. `until` says when it is given up, on the monotonic clock.

    Raises:
        ToolFailed: bandit gave no answer, or none for one of the files.
    """
    report = reports / "bandit.json"
    arguments = (
        *("-m", "bandit", "--recursive", ".", "--ignore-nosec", f"--skip={','.join(NOT_ASKED)}"),
        *("--format=json", f"--output={report}", "--quiet", "--exit-zero"),
    )
    finished = run_python("bandit", arguments, tree, writes=(reports,), until=until)
    said, issues = read_report("bandit", report, finished), set()
    if said["errors"]:
        raise ToolFailed(f"bandit: {said['errors'][0]['filename']}: {said['errors'][0]['reason']}")
    for found in said["results"]:
        file, severity = Path(found["filename"]).as_posix(), found["issue_severity"].lower()
        if is_test(file) and found["test_id"] in NOT_IN_TESTS:
            continue
        issue, recommendation = advice_for(found["test_id"], found["test_name"])
        issues.add(
            SecurityIssue(
                issue=issue,
                severity=severity if severity in SEVERITIES else "low",
                line=found["line_number"],
                file=file,
                recommendation=recommendation,
            )
        )
    return sorted(issues, key=SecurityIssue.order)
