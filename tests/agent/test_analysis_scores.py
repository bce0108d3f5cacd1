"""The quality score, worked out by hand, and what is recommended first."""

import json

import pytest
from claimcheck_agent.analysis.findings import Coverage, Findings
from claimcheck_agent.analysis.metrics import FileMetrics, Function, Metrics, Unreadable
from claimcheck_agent.analysis.report import make_result
from claimcheck_agent.analysis.scoring import count_smells, quality_score
from claimcheck_agent.analysis.security import SecurityIssue
from claimcheck_agent.analysis.smells import Smell
from claimcheck_agent.analysis.type_check import TypeMistake


def module(lines: int, *functions: tuple[int, int], rank: str = "A", name: str = "a.py") -> FileMetrics:
    """A file of so many lines, with functions of such complexities and lines."""
    return FileMetrics(
        file=name,
        lines=lines,
        maintainability=5.0,
        rank=rank,
        functions=tuple(
            Function(name=f"f{number}", file=name, line=number, complexity=complexity, lines=length)
            for number, (complexity, length) in enumerate(functions, 1)
        ),
    )


def metrics(*files: FileMetrics, unreadable: tuple[Unreadable, ...] = ()) -> Metrics:
    return Metrics(files=files, unreadable=unreadable)


def smell(rule: str = "F401", file: str = "a.py", line: int = 1) -> Smell:
    return Smell(file=file, line=line, rule=rule, message=f"{rule} is broken")


def issue(severity: str, line: int = 1, file: str = "a.py") -> SecurityIssue:
    return SecurityIssue(
        issue=f"{severity} issue", severity=severity, line=line, file=file, recommendation="Repair it."
    )


BROKEN = Unreadable(file="b.py", problem="invalid syntax", line=3, lines=100)


@pytest.mark.parametrize(
    ("measured", "smells", "score"),
    [
        (metrics(), [], 10.0),
        (metrics(module(0)), [], 10.0),
        (metrics(module(1000, (10, 900))), [], 10.0),
        # A single smell never leaves 10: 0.04 points, rounded down.
        (metrics(module(1000)), [smell()], 9.9),
        (metrics(module(1000)), [smell()] * 50, 8.0),
        (metrics(module(1000)), [smell()] * 5000, 6.0),
        # Few lines count as 100.
        (metrics(module(10)), [smell()] * 5, 8.0),
        (metrics(module(1000)), [smell("D103")] * 40, 9.6),
        # 16 times the share of lines, weighed with 1/4, 1/2 or 1; no more than 4.
        (metrics(module(1000, (11, 100))), [], 9.6),
        (metrics(module(1000, (20, 100))), [], 9.6),
        (metrics(module(1000, (21, 100))), [], 9.2),
        (metrics(module(1000, (40, 100))), [], 9.2),
        (metrics(module(1000, (41, 100))), [], 8.4),
        (metrics(module(1000, (41, 900))), [], 6.0),
        (metrics(module(500, rank="B"), module(500)), [], 9.5),
        (metrics(module(500, rank="C"), module(500)), [], 9.0),
        (metrics(module(300), unreadable=(BROKEN,)), [], 7.5),
        (metrics(unreadable=(BROKEN,)), [], 0.0),
        (metrics(module(1000, (99, 1000), rank="C"), unreadable=(BROKEN,)), [smell()] * 5000, 0.0),
    ],
)
def test_score(measured: Metrics, smells: list[Smell], score: float) -> None:
    assert quality_score(measured, smells) == score


def test_smells_are_counted_once_each() -> None:
    measured = metrics(module(10, (11, 5), (10, 5)), module(10, rank="C", name="c.py"), unreadable=(BROKEN,))
    assert count_smells(measured, [smell(), smell()]) == 5


def test_worst_is_recommended_first() -> None:
    findings = Findings(
        metrics=metrics(module(100, (11, 5), (21, 5), rank="B"), unreadable=(BROKEN,)),
        smells=[smell("D103"), smell("F401"), smell("F401", line=9), smell("B006"), smell("SIM102")],
        issues=[issue("high"), issue("high", 7), issue("medium"), issue("low")],
        mistakes=[TypeMistake(file="a.py", line=line, message="wrong", code="arg-type") for line in (5, 8)],
        coverage=Coverage(percent=50.0),
        failed=["a tool: it broke"],
        left_out=["data.py"],
    )
    assert make_result(findings)["recommendations"] == [
        "This part of the analysis could not be made: a tool: it broke",
        "b.py:3: correct what keeps Python from reading the file: invalid syntax",
        "a.py:1: high issue, and 1 more of this kind. Repair it.",
        "a.py:1: medium issue. Repair it.",
        "a.py:5: correct the type: wrong (arg-type), and 1 more in this file",
        "a.py:2: split f2, whose cyclomatic complexity is 21, into smaller functions",
        "a.py:1: F401 is broken (F401), and 1 more of this kind",
        "a.py:1: B006 is broken (B006)",
        "a.py:1: split f1, whose cyclomatic complexity is 11, into smaller functions",
        "a.py:1: low issue. Repair it.",
        "a.py: split this module, whose maintainability index is 5 of 100",
        "The tests cover 50 % of the code: write more, up to 80 % and beyond.",
        "a.py:1: D103 is broken (D103)",
        "a.py:1: SIM102 is broken (SIM102)",
        "data.py was left out, being larger than 1 MB: keep data in files of their own.",
    ]


def test_result_stays_small_and_says_what_it_leaves_out() -> None:
    issues = [issue("low", line, file=f"{'a' * 200}{line}.py") for line in range(1, 501)]
    smells = [smell(f"F{number}", file="é" * 100) for number in range(400, 450)]
    result = make_result(Findings(metrics=metrics(module(10)), smells=smells, issues=issues))
    assert len(json.dumps(result)) <= 60_000
    assert len(result["recommendations"]) == 20
    listed = result["security_issues"]
    assert 100 < len(listed) <= 200
    assert [one["line"] for one in listed] == list(range(1, len(listed) + 1))
    assert result["recommendations"][-1] == f"{500 - len(listed)} further security issues are not listed here."


def test_analysis_that_was_not_asked_for_is_null() -> None:
    result = make_result(Findings(metrics=metrics(module(10, (50, 10), rank="C"))))
    assert {value for name, value in result.items() if name != "recommendations"} == {None}
    assert result["recommendations"] == []
