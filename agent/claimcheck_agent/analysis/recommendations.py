"""What is to be done first about what was found: each a sentence that names the place."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from claimcheck_agent.analysis.findings import Findings
from claimcheck_agent.analysis.metrics import VERY_COMPLEX, Function
from claimcheck_agent.analysis.security import SecurityIssue
from claimcheck_agent.analysis.smells import Smell
from claimcheck_agent.analysis.type_check import TypeMistake

MOST = 20
LONGEST = 300  # Characters.
ENOUGH_COVERAGE = 80.0  # Percent.

Found = TypeVar("Found")


def recommend(findings: Findings) -> list[str]:
    """Give what is to be done, the worst first, each once; at most 20."""
    unique = dict.fromkeys(_shortened(text) for text in _all(findings))
    return list(unique)[:MOST]


def _all(findings: Findings) -> Iterator[str]:
    yield from (f"This part of the analysis could not be made: {problem}" for problem in findings.failed)
    for file in findings.metrics.unreadable:
        yield f"{file.file}:{file.line}: correct what keeps Python from reading the file: {file.problem}"
    issues, smells = findings.issues or (), findings.smells or ()
    complex_functions = findings.metrics.complex_functions if findings.smells is not None else []
    coverage = findings.coverage
    yield from _for_issues(issues, "high")
    if coverage and coverage.problem:
        yield coverage.problem
    yield from _for_issues(issues, "medium")
    yield from _for_mistakes(findings.mistakes or ())
    yield from (_split(item) for item in complex_functions if item.complexity > VERY_COMPLEX)
    yield from _for_smells(smell for smell in smells if smell.likely_bug)
    yield from (_split(item) for item in complex_functions if item.complexity <= VERY_COMPLEX)
    yield from _for_issues(issues, "low")
    yield from _for_modules(findings)
    if coverage and coverage.percent is not None and coverage.percent < ENOUGH_COVERAGE:
        yield f"The tests cover {coverage.percent:g} % of the code: write more, up to {ENOUGH_COVERAGE:g} % and beyond."
    yield from _for_smells(smell for smell in smells if not smell.likely_bug)
    for name in findings.left_out:
        yield f"{name} was left out, being larger than 1 MB: keep data in files of their own."


def _for_issues(issues: Iterable[SecurityIssue], severity: str) -> Iterator[str]:
    chosen = (issue for issue in issues if issue.severity == severity)
    for first, *others in _grouped(chosen, lambda issue: issue.issue):
        yield f"{first.file}:{first.line}: {first.issue}{_elsewhere(others)}. {first.recommendation}"


def _for_mistakes(mistakes: Iterable[TypeMistake]) -> Iterator[str]:
    for first, *others in _grouped(mistakes, lambda mistake: mistake.file):
        more = f", and {len(others)} more in this file" if others else ""
        yield f"{first.file}:{first.line}: correct the type: {first.message} ({first.code}){more}"


def _for_smells(smells: Iterable[Smell]) -> Iterator[str]:
    for first, *others in _grouped(smells, lambda smell: smell.rule):
        todo = f". {first.fix}." if first.fix else ""
        yield f"{first.file}:{first.line}: {first.message} ({first.rule}){_elsewhere(others)}{todo}"


def _for_modules(findings: Findings) -> Iterator[str]:
    for module in findings.metrics.hard_to_maintain if findings.smells is not None else ():
        yield f"{module.file}: split this module, whose maintainability index is {module.maintainability:.0f} of 100"


def _split(function: Function) -> str:
    where = f"{function.file}:{function.line}"
    return (
        f"{where}: split {function.name}, whose cyclomatic complexity is {function.complexity}, into smaller functions"
    )


def _grouped(found: Iterable[Found], key: Callable[[Found], str]) -> list[list[Found]]:
    """Group by a key, the largest group first, and equal ones in the order in which they begin."""
    groups: defaultdict[str, list[Found]] = defaultdict(list)
    for item in found:
        groups[key(item)].append(item)
    return sorted(groups.values(), key=len, reverse=True)


def _elsewhere(others: list[Found]) -> str:
    return f", and {len(others)} more of this kind" if others else ""


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
