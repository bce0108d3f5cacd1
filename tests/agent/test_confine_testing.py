"""Running the tests of a project: it is installed, its tests are counted, what they cover is measured."""

import os
import textwrap
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from claimcheck_agent.confine.environment import Environment
from claimcheck_agent.confine.launch import landlock_version
from claimcheck_agent.confine.testing import TestRun, run_installed_tests, run_tests, run_tests_in

pytestmark = pytest.mark.projects

Make = Callable[[Mapping[str, str]], Path]

PACKAGE = """\
    [build-system]
    requires = ["hatchling"]
    build-backend = "hatchling.build"

    [project]
    name = "shop"
    version = "1"
    dependencies = ["click>=8"]

    [project.optional-dependencies]
    test = ["iniconfig"]
    """

JUNIT = "junit = next(word[12:] for word in sys.argv if word.startswith('--junit-xml='))\n"
ENTITIES = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
BOMB = f"<!DOCTYPE t [<!ENTITY a0 'x'>{ENTITIES}]><testsuites><testsuite>&a11;</testsuite></testsuites>"


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def write(files: Mapping[str, str]) -> Path:
        folder = tmp_path / "shop"
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(textwrap.dedent(content))
        return folder

    return write


def everything_in(folder: Path) -> dict[str, str]:
    return {str(path): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_package_in_rounds(make: Make) -> None:
    """The environment is kept while the project changes: it fails, it is repaired, it cannot be installed."""
    folder = make(
        {
            "pyproject.toml": PACKAGE,
            "src/shop/__init__.py": """\
                import click

                def double(number: int) -> int:
                    return 2 * number

                def half(number: int) -> int:
                    return number // 2
                """,
            "src/shop/unused.py": "a = 1\nb = 2\n",
            "tests/test_shop.py": """\
                import iniconfig
                import os
                import pytest
                from shop import double

                def test_passes():
                    assert double(2) == 4

                def test_fails():
                    assert double(2) == 5

                @pytest.mark.skip
                def test_skipped(): ...

                @pytest.fixture
                def broken():
                    raise RuntimeError

                def test_errs(broken): ...

                def test_writes():
                    open("left.txt", "w").write("by a test")
                """,
        }
    )
    before = everything_in(folder)
    told: list[str] = []
    with Environment(folder) as environment:
        first = run_tests_in(environment, timeout=120, tell=told.append)
        assert (first.passed, first.failed, first.errors, first.coverage) == (2, 1, 1, 57.1)
        assert not first.succeeded
        assert "assert 4 == 5" in first.output
        assert told[:2] == ["installing what the project needs", "running the tests"]
        assert everything_in(folder) == before

        (folder / "tests/test_shop.py").write_text("from shop.more import one\ndef test_one(): assert one() == 1\n")
        (folder / "src/shop/more.py").write_text("def one() -> int:\n    return 1\n")
        (folder / "src/shop/unused.py").unlink()
        second = run_tests_in(environment, timeout=120, tell=told.append)
        assert (second.passed, second.failed, second.errors, second.coverage) == (1, 0, 0, 71.4)
        assert second.succeeded

        assert environment.run(("python", "-c", "import shop, os; print(os.getcwd())"), timeout=60).code == 0
        assert environment.run(("sh", "-c", "echo > $VIRTUAL_ENV/evil"), timeout=60).code != 0

        (folder / "pyproject.toml").write_text(
            before[str(folder / "pyproject.toml")].replace("click>=8", "click>=8888")
        )
        third = run_tests_in(environment, timeout=120, tell=told.append)
        assert (third.passed, third.failed, third.errors, third.coverage) == (0, 0, 1, None)
        assert "could not be installed" in third.output
        assert "click>=8888" in third.output
    assert not environment.root.exists()


def test_what_is_installed_is_not_copied_again(make: Make) -> None:
    folder = make({"test_shop.py": "def test_one(): pass\n"})
    told: list[str] = []
    with Environment(folder) as environment:
        environment.refresh(deadline=time.monotonic() + 120, tell=told.append)
        (folder / "test_shop.py").write_text("def test_one(): assert not 1\n")
        assert run_installed_tests(environment, timeout=120, tell=told.append).succeeded
        assert not run_tests_in(environment, timeout=120, tell=told.append).succeeded
    assert [line for line in told if line.startswith("installing")] == ["installing what the project needs"]


@pytest.mark.skipif(not landlock_version(), reason="this kernel has no Landlock")
def test_requirements_that_only_a_build_tells(make: Make) -> None:
    """They are installed by a build of the project, with a cache of its own: the shared one stays out of its reach."""
    shared = os.environ.get("UV_CACHE_DIR") or Path.home() / ".cache" / "uv"
    folder = make(
        {
            "setup.py": f"""\
                import os
                from setuptools import setup
                try:
                    found = os.listdir({str(shared)!r})
                except OSError:
                    found = []
                setup(name="shop", version="1", py_modules=["shop"], install_requires=["iniconfig"],
                      description="the cache has " + str(len(found)))
                """,
            "shop.py": "def one():\n    return 1\n",
            "test_shop.py": """\
                from importlib.metadata import metadata
                import iniconfig, shop
                def test_one(): assert shop.one() == 1
                def test_cache(): assert metadata("shop")["Summary"] == "the cache has 0"
                """,
        }
    )
    tests = run_tests(folder, timeout=120, tell=print)
    assert (tests.passed, tests.failed, tests.errors, tests.coverage) == (2, 0, 0, 100.0)


def test_reports_that_the_tests_forge(make: Make) -> None:
    folder = make(
        {
            "conftest.py": """\
                import os, sys
                junit = next(word[12:] for word in sys.argv if word.startswith("--junit-xml="))
                reports = os.path.dirname(junit)
                os.symlink("/etc/passwd", junit)
                os.symlink("/etc/passwd", os.path.join(reports, "coverage.json"))
                os.mkdir(os.path.join(reports, "data"))
                os._exit(int(os.path.exists("code") and open("code").read() or 0))
                """,
            "test_shop.py": "def test_one(): pass\n",
        }
    )
    with Environment(folder) as environment:
        for code, errors in (("0", 0), ("3", 1)):
            (folder / "code").write_text(code)
            tests = run_tests_in(environment, timeout=120, tell=print)
            assert (tests.passed, tests.failed, tests.errors, tests.coverage) == (0, 0, errors, None)
            assert not tests.succeeded

        (folder / "code").unlink()
        (folder / "bomb.xml").write_text(BOMB)
        (folder / "conftest.py").write_text(
            f"import os, shutil, sys\n{JUNIT}shutil.move('bomb.xml', junit)\nos._exit(0)\n"
        )
        tests = run_tests_in(environment, timeout=120, tell=print)
        assert (tests.passed, tests.failed, tests.errors) == (0, 0, 0)


@pytest.mark.parametrize(
    "pyproject", ["[project", "[project]\nname = 7\n", "\ud800", "a = " + "[" * 5000], ids=range(4)
)
def test_metadata_that_is_none(make: Make, pyproject: str) -> None:
    folder = make({"test_shop.py": "def test_one(): pass\n"})
    (folder / "pyproject.toml").write_bytes(pyproject.encode(errors="surrogatepass"))
    tests = run_tests(folder, timeout=60, tell=print)
    assert (tests.passed, tests.errors) == (0, 1)
    assert "could not be installed" in tests.output


def test_no_time(make: Make) -> None:
    tests = run_tests(make({"test_shop.py": "def test_one(): pass\n"}), timeout=0, tell=print)
    assert tests.errors == 1
    assert "took too long" in tests.output


def test_succeeding_takes_a_test() -> None:
    assert not TestRun(passed=0, failed=0, errors=0, coverage=None, output="").succeeded
