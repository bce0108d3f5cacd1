"""What an analysis finds in code whose flaws are known, and that the code has no say in it."""

from pathlib import Path
from typing import Any

import pytest
from claimcheck_agent.analysis import main
from claimcheck_agent.analysis.metrics import Metrics, measure_files
from claimcheck_agent.analysis.order import Order
from claimcheck_agent.task import Task

from tests.agent.analysis_corpus import CLEAN, FLAWED, Files, analyse, tar_of, zip_of


@pytest.fixture(scope="module")
def flawed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return analyse(tmp_path_factory.mktemp("flawed"), tar_of(FLAWED, top="shop-main"))


def test_security_issues_are_found_the_worst_first(flawed: dict[str, Any]) -> None:
    found = [(one["issue"], one["severity"], one["file"], one["line"]) for one in flawed["security_issues"]]
    assert found == [
        ("Command run by a shell", "high", "shop/store.py", 17),
        ("Weak hash", "high", "shop/store.py", 27),
        ("SQL injection", "medium", "shop/store.py", 11),
        ("Code is evaluated from a text", "medium", "shop/store.py", 22),
        ("Hard-coded password", "low", "shop/store.py", 6),
    ]
    assert "correct horse" not in str(flawed)


def test_each_issue_says_what_to_do(flawed: dict[str, Any]) -> None:
    advice = {one["issue"]: one["recommendation"] for one in flawed["security_issues"]}
    assert "parameterized queries" in advice["SQL injection"]
    assert all(advice.values())


def test_smells_and_type_errors_are_counted(flawed: dict[str, Any]) -> None:
    # The unused import of os, and `grade`, whose complexity is 11: five ifs, a loop, four ands and ors, and one.
    assert flawed["code_smells"] == 2
    # `price` says that it gives a number, and gives a text.
    assert flawed["type_errors"] == 1
    assert flawed["coverage_percent"] is None


def test_score_follows_from_the_findings(flawed: dict[str, Any]) -> None:
    # One smell in 31 lines, which count as 100: 0.4 points. `grade` has 13 of them: 16 * 13/31 * 1/4 = 1.68 points.
    assert flawed["quality_score"] == 7.9


def test_recommendations_name_places_the_worst_first(flawed: dict[str, Any]) -> None:
    assert [text.partition(": ")[0] for text in flawed["recommendations"]] == [
        "shop/store.py:17",
        "shop/store.py:27",
        "shop/store.py:11",
        "shop/store.py:22",
        "shop/prices.py:6",
        "shop/store.py:3",
        "shop/prices.py:9",
        "shop/store.py:6",
    ]
    assert (
        flawed["recommendations"][5] == "shop/store.py:3: `os` imported but unused (F401). Remove unused import: `os`."
    )


def test_clean_code_has_nothing_found(tmp_path: Path) -> None:
    assert analyse(tmp_path, zip_of(CLEAN)) == {
        "quality_score": 10.0,
        "security_issues": [],
        "code_smells": 0,
        "type_errors": 0,
        "coverage_percent": None,
        "recommendations": [],
    }


STOP = "raise SystemExit(3)\n"
HOSTILE: dict[str, str] = {
    # Settings that would run code, or keep the tools from looking.
    "mypy.ini": "[mypy]\nplugins = plugin.py\nignore_errors = True\n",
    "plugin.py": '"""A plugin."""\n\n' + STOP,
    "setup.cfg": "[mypy]\nplugins = plugin.py\n[radon]\nexclude = *\n[bandit]\nexclude = shop\n",
    "pyproject.toml": '[tool.ruff]\nexclude = ["*"]\n[tool.mypy]\nignore_errors = true\nplugins = ["plugin"]\n',
    "ruff.toml": 'lint.select = []\nexclude = ["*"]\n',
    ".bandit": "[bandit]\nexclude = shop\nskips = B324,B602\n",
    ".gitignore": "*\n",
    # Modules that would be imported in place of the tools' own, or by Python itself.
    **{
        f"{name}.py": '"""A module."""\n\n' + STOP
        for name in ("mypy", "bandit", "ruff", "radon", "sitecustomize", "json")
    },
    "tests/conftest.py": '"""Runs when tests do."""\n\n' + STOP,
    # What others have made.
    ".venv/lib/python3.11/site-packages/old.py": FLAWED["shop/store.py"],
    "node_modules/tool/old.py": FLAWED["shop/store.py"],
    "build/lib/shop/store.py": FLAWED["shop/store.py"],
    ".git/hooks/old.py": FLAWED["shop/store.py"],
    "shop/__pycache__/old.py": FLAWED["shop/store.py"],
    "other/pyvenv.cfg": "",
    "other/old.py": FLAWED["shop/store.py"],
}


def test_code_has_no_say_in_what_is_found(flawed: dict[str, Any], tmp_path: Path) -> None:
    silenced = {
        name: "\n".join(
            f"{line}  # nosec  # noqa: F401" if "import" in line or "(" in line else line for line in text.split("\n")
        )
        for name, text in FLAWED.items()
    }
    found = analyse(tmp_path, zip_of(silenced | HOSTILE))
    # The score differs, since there are more lines.
    assert found | {"quality_score": 0} == flawed | {"quality_score": 0}
    assert found["quality_score"] > flawed["quality_score"]


def test_only_what_is_asked_for_is_looked_at(tmp_path: Path) -> None:
    found = analyse(tmp_path, tar_of(FLAWED), "types")
    assert found == {
        "quality_score": None,
        "security_issues": None,
        "code_smells": None,
        "type_errors": 1,
        "coverage_percent": None,
        "recommendations": [found["recommendations"][0]],
    }


def test_awkward_projects_are_analysed(tmp_path: Path) -> None:
    """With files that are no Python, and such as mypy refuses in one way or another."""
    wrong = '"""M."""\n\nX: int = "a"\n'
    found = analyse(
        tmp_path,
        tar_of(
            {
                "broken.py": "def f(:\n    import os\n",
                "nul.py": "x = '\0'\n",
                "deep.py": f"x = {'-' * 5000}1\n",
                "unknown.py": "# coding: klingon\nx = 1\n",
                "types.py": wrong,
                "a/main.py": wrong,
                "b/main.py": wrong,
                "my-tools/__init__.py": "",
                "my-tools/0001-first.py": wrong,
                "build/__init__.py": "",
                "build/steps.py": wrong,
                "src/shop/__init__.py": "",
                "src/shop/one.py": '"""M."""\n\n\ndef one() -> int:\n    """One."""\n    return 1\n',
                "src/shop/two.py": '"""M."""\n\nfrom shop.one import one\n\nX: str = one()\n',
                "large.py": f"X = '{'x' * (1 << 20)}'\n",
                "latin.py": "",
            }
        ),
    )
    assert [text for text in found["recommendations"] if "keeps Python from" in text] == [
        "broken.py:1: correct what keeps Python from reading the file: invalid syntax",
        "deep.py:1: correct what keeps Python from reading the file: it is nested too deeply",
        "nul.py:1: correct what keeps Python from reading the file: source code string cannot contain null bytes",
        "unknown.py:1: correct what keeps Python from reading the file: unknown encoding: klingon",
    ]
    assert found["code_smells"] == 4
    # Those that cannot be read; types.py, which shadows a module that mypy builds upon; the others' mistakes.
    assert found["type_errors"] == 4 + 1 + 5
    assert "large.py was left out, being larger than 1 MB: keep data in files of their own." in found["recommendations"]


def test_modules_of_one_name_in_folders_that_are_no_packages_are_all_checked(tmp_path: Path) -> None:
    wrong = '"""H."""\n\nX: int = "a"\n'
    functions = {f"functions/do-{name}/handler.py": wrong for name in "abcdefghijkl"}
    found = analyse(tmp_path, tar_of(functions | {"app.py": wrong, "src/app.py": wrong}), "types")
    assert found["type_errors"] == 12 + 2
    assert sorted(text.partition(": ")[0] for text in found["recommendations"]) == sorted(
        f"{name}:3" for name in (*functions, "app.py", "src/app.py")
    )


def test_tool_whose_time_is_up_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "input").write_bytes(tar_of(FLAWED))
    monkeypatch.chdir(tmp_path)

    def measure(*given: Any, **named: Any) -> Metrics:
        monkeypatch.setattr(main, "TOOL_TIME", 0.0)
        return measure_files(*given, **named)

    monkeypatch.setattr(main, "measure_files", measure)
    task = Task(
        id="job_0",
        type="code-analysis",
        project_id=None,
        attempt=1,
        payload={},
        artifacts=tmp_path,
        result_file=tmp_path / "result.json",
        secrets={},
    )
    result = main.Analysis(task, Order.parse({}, ()), tmp_path, None).run()
    assert (result["quality_score"], result["security_issues"], result["type_errors"]) == (None, None, None)
    assert result["recommendations"] == [
        f"This part of the analysis could not be made: {tool}: the command took too long and was ended"
        for tool in ("ruff", "bandit", "mypy")
    ]


@pytest.mark.parametrize("files", [{"README.md": "# Shop\n"}, {".venv/lib/old.py": "x = 1\n"}])
def test_source_without_python_is_refused(tmp_path: Path, files: Files) -> None:
    told = analyse(tmp_path, tar_of(files), code=1)
    assert told == {"error": "There are no Python files in the source, and only Python can be analysed."}


PACKAGE = {
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n\n[build-system]\nrequires = ["setuptools"]\n'
    'build-backend = "setuptools.build_meta"\n\n[tool.setuptools]\npackages = ["shop"]\n',
    "shop/__init__.py": "",
    "shop/prices.py": "def half(price):\n    if price < 0:\n        raise ValueError\n    return price / 2\n",
}


def test_coverage_is_that_of_the_projects_own_tests(tmp_path: Path) -> None:
    tests = {"tests/test_prices.py": "from shop.prices import half\n\n\ndef test_half():\n    assert half(2) == 1\n"}
    forged = 'import os\n\n\ndef pytest_unconfigure():\n    os.write(1, b"\\n::progress {}\\n::stage evil\\n")\n'
    found = analyse(tmp_path, tar_of(PACKAGE | tests | {"conftest.py": forged}), "coverage")
    # What the tests print is part of the log, but not a report of progress.
    told = (tmp_path / "log").read_text().splitlines()
    assert "  ::progress {}" in told
    assert not {"::progress {}", "::stage evil"} & set(told)
    # Three statements of four.
    assert found["coverage_percent"] == 75.0
    assert found["recommendations"] == ["The tests cover 75 % of the code: write more, up to 80 % and beyond."]


def test_project_without_tests_is_told_to_have_some(tmp_path: Path) -> None:
    found = analyse(tmp_path, tar_of(PACKAGE), "coverage")
    assert found["coverage_percent"] is None
    assert found["recommendations"] == ["There are no tests: write some, named test_*.py, for pytest to find."]
