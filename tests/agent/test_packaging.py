"""What `pip install` gets: the agent, and the engine that is only linked into its folder."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
ENGINE = Path("chalicelib/engines/tabular")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel of the agent, made of a copy, since setuptools leaves a folder behind."""
    copy = tmp_path_factory.mktemp("repository")
    unwanted = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT / "agent", copy / "agent", symlinks=True, ignore=unwanted)
    shutil.copytree(ROOT / ENGINE, copy / ENGINE, ignore=unwanted)
    build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run(  # noqa: S603  (our own command)
        [sys.executable, "-c", build, str(copy)], cwd=copy / "agent", check=True, capture_output=True, timeout=60
    )
    (made,) = copy.glob("*.whl")
    return zipfile.ZipFile(made)


def test_engine_is_a_link_to_the_one_on_lambda() -> None:
    link = ROOT / "agent/claimcheck_tabular"
    assert link.is_symlink()
    assert str(link.readlink()) == f"../{ENGINE}"


def test_wheel_holds_all_of_both_packages(wheel: zipfile.ZipFile) -> None:
    expected = {
        f"{name}/{path.relative_to(folder)}": path.read_bytes()
        for name, folder in (
            ("claimcheck_agent", ROOT / "agent/claimcheck_agent"),
            ("claimcheck_tabular", ROOT / ENGINE),
        )
        for path in folder.rglob("*")
        if path.suffix == ".py"
        or path.name == "py.typed"
        or ({"templates", "toolchain"} & set(path.parts) and path.is_file())
    }
    held = {name: wheel.read(name) for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == expected


def pins(name: str) -> dict[str, str]:
    lines = (line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines())
    return dict(line.split("==") for line in lines if "==" in line)


def extra(name: str) -> list[str]:
    project: dict[str, dict[str, list[str]]] = tomllib.loads((ROOT / "agent/pyproject.toml").read_text())["project"]
    return project["optional-dependencies"][name]


def test_engine_is_the_one_that_was_tested() -> None:
    assert f"duckdb=={pins('requirements.txt')['duckdb']}" in extra("files")


@pytest.mark.parametrize("name", ["analysis", "builds", "pipelines", "semantic"])
def test_libraries_include_those_that_were_tested(name: str) -> None:
    pinned = pins("requirements.txt") | pins("requirements-dev.txt")
    for requirement in map(Requirement, extra(name)):
        assert pinned[requirement.name] in requirement.specifier
