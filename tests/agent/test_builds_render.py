"""Projects as templates write them, without anything being installed."""

import ast
import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from claimcheck_agent.builds.order import Order
from claimcheck_agent.builds.render import DATABASES, TEMPLATES, Recipe, render

RECIPES = [Recipe(template=template, database=database) for template in DATABASES for database in DATABASES[template]]
LONG = "long" * 16
HOSTILE = """\
"quoted" 'and' \"\"\"tripled\"\"\" ''' \\N{DEGREE SIGN} \\
{{ 7 * 7 }} {% raw %} {# gone? #} {{ template.__class__ }} ${x} %s
```
````python
import os; os.abort()
````
# ] [project] = "x"   <script>alert(1)</script> | table | \t tab
\r\n::progress {"percent": 1}\r
Grüße 🎉 \u2028\u202e\x00\x1b[31m\x7f """
SHOWN = HOSTILE.translate(dict.fromkeys([0, 0x1B, 0x7F], "\N{REPLACEMENT CHARACTER}"))


def write(folder: Path, recipe: Recipe, **fields: object) -> dict[str, bytes]:
    values = {"project_name": "shop", "goal": "Sell things."} | fields
    files = render(Order(**values), recipe, folder)  # type: ignore[arg-type]
    return {name: (folder / name).read_bytes() for name in files}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every template for every database, with and without tests, with a hostile goal and names that need care."""
    folder = tmp_path_factory.mktemp("projects")
    for recipe in RECIPES:
        for tests, name in ((True, LONG), (False, "Class")):
            write(
                folder / f"{recipe.template}_{recipe.database}_{tests}".lower(),
                recipe,
                project_name=name,
                goal=HOSTILE,
                include_tests=tests,
            )
    return folder


def run(tool: str, *args: str) -> None:
    done = subprocess.run(  # noqa: S603  (our own command)
        [sys.executable, "-m", tool, *args], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_is_sound(folder: Path) -> None:
    projects = sorted(folder.iterdir())
    assert len(projects) == 2 * len(RECIPES)
    for path in folder.rglob("*"):
        if path.suffix == ".py":
            ast.parse(path.read_bytes())
        elif path.suffix == ".toml":
            tomllib.loads(path.read_text(encoding="utf-8"))
        elif path.suffix == ".json":
            json.loads(path.read_bytes())
    assert not [path for path in folder.rglob("*") if path.name.endswith(".jinja") or "{" in path.name]


def test_goal_is_shown_and_is_nothing_but_text(folder: Path) -> None:
    for project in folder.iterdir():
        readme = (project / "README.md").read_bytes().decode()
        assert f"\n`````text\n{SHOWN}\n`````\n" in readme
        said = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8")).get("project")
        if said:
            assert said["description"].startswith('"quoted" \'and\' """tripled"""')
            assert "{{ 7 * 7 }}" in said["description"]
        others = [path for path in project.rglob("*") if path.is_file() and path.suffix not in {".md", ".toml"}]
        assert not [path for path in others if "tripled" in path.read_text(encoding="utf-8")]


def test_linter_and_formatter_have_nothing_to_say(folder: Path) -> None:
    run("ruff", "check", "--no-cache", str(folder))
    run("ruff", "format", "--check", "--no-cache", str(folder))


def test_security_checker_finds_nothing_of_weight(folder: Path) -> None:
    run("bandit", "--quiet", "--recursive", "--ignore-nosec", "--severity-level", "medium", str(folder))


def test_tests_are_left_out_where_they_are_not_wanted(folder: Path) -> None:
    for project in folder.glob("*_false"):
        assert not [path for path in project.rglob("*") if "test" in path.name]
        for name in ("pyproject.toml", "README.md"):
            text = (project / name).read_text(encoding="utf-8")
            assert "pytest" not in text
            assert "[test]" not in text


@pytest.mark.parametrize("goal", ["", "7", "true", "null", "~", "{}", "- a", "{{ goal }}", " \n\n", "#"])
def test_goal_that_looks_like_something_else_is_a_text(tmp_path: Path, goal: str) -> None:
    written = write(tmp_path, RECIPES[-1], goal=goal)
    assert f"```text\n{goal}\n```".encode() in written["README.md"]
    said = tomllib.loads(written["pyproject.toml"].decode())["project"]["description"]
    assert said == (" ".join(goal.split()) or "shop")


def test_long_goal_is_summarised_in_its_first_words(tmp_path: Path) -> None:
    written = write(tmp_path, RECIPES[-1], goal="word " * 500)
    said = tomllib.loads(written["pyproject.toml"].decode())["project"]["description"]
    assert len(said) <= 200
    assert said.endswith("…")


def test_parameters_that_nobody_knows_change_nothing(tmp_path: Path) -> None:
    # Even if they are called what templates, or copier, call something.
    extra = {"package": "../../up", "template": "cli", "_tasks": ["touch owned"], "goal": "another", "fence": "x"}
    plain = write(tmp_path / "plain", RECIPES[0])
    assert write(tmp_path / "extra", RECIPES[0], parameters=extra) == plain


def test_same_order_makes_the_same_files(tmp_path: Path) -> None:
    digests = [
        hashlib.sha256(repr(sorted(write(tmp_path / name, RECIPES[0]).items())).encode()).hexdigest() for name in "ab"
    ]
    assert digests[0] == digests[1]


def test_templates_have_no_tasks() -> None:
    assert "_tasks" not in (TEMPLATES / "copier.yml").read_text()
    assert "_migrations" not in (TEMPLATES / "copier.yml").read_text()
