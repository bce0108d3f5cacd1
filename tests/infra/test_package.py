"""What goes to Lambda: all that it needs, nothing that is not its business, and the same bytes each time."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra import archive, contents, package, stages
from infra.stages import PLACEHOLDER
from tests.infra.conftest import CANARY

UNCHECKED_HASH = 0b01
# That of Amazon Linux 2: 2.26, and what the tags of wheels say that they need, as 2.x.
LAMBDAS_GLIBC = 26
TAGS = r"Tag: \S+?-(?:\S+\.)?manylinux(?:_2_)?(\d+)_x86_64"
# https://peps.python.org/pep-0600/
OLD_GLIBCS = {"1": 5, "2010": 12, "2014": 17}
WHEELS_WITH_BINARIES = (
    "cryptography", "pydantic_core", "argon2_cffi_bindings", "cffi", "duckdb", "msgspec", "zstandard",
    "google_re2", "rapidfuzz", "rpds_py",
)  # fmt: skip
FUNCTIONS = (
    "APIHandler", "Stream", "Sweep", "FilesStage", "Uploads", "EvaluationsStage", "Webhooks", "WebsocketConnect",
    "WebsocketMessage",
)  # fmt: skip


def test_package_holds_the_app_and_chalice_and_nothing_else_of_the_project(code: Path) -> None:
    assert {path.name for path in code.iterdir()} == {"app.py", "chalicelib", "chalice", "__pycache__"}


def test_package_is_within_lambdas_limit(code: Path, layer: Path) -> None:
    assert archive.size(code) + archive.size(layer) < package.LIMIT_BYTES


@pytest.mark.parametrize("part", ["code", "layer"])
def test_every_source_is_compiled_and_never_checked_against_its_source(
    part: str, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(part)
    for source in folder.rglob("*.py"):
        compiled = Path(importlib.util.cache_from_source(str(source)))
        header = compiled.read_bytes()[:8]
        assert header[:4] == importlib.util.MAGIC_NUMBER
        assert int.from_bytes(header[4:], "little") == UNCHECKED_HASH, source


def test_no_key_of_the_packaging_or_of_whoever_packages_is_in_it(out: Path, code: Path, layer: Path) -> None:
    every = [*archive.files(out), *archive.files(code), *archive.files(layer)]
    for canary in (PLACEHOLDER.encode(), CANARY.encode()):
        assert [path for path in every if canary in path.read_bytes()] == []


def test_traces_name_the_places_where_lambda_unpacks(code: Path, layer: Path) -> None:
    assert b"/var/task/app.py" in next(code.glob("__pycache__/app.*.pyc")).read_bytes()
    six = next(layer.glob("python/lib/*/site-packages/__pycache__/six.*.pyc"))
    assert re.search(rb"/opt/python/lib/python3\.\d+/site-packages/six\.py", six.read_bytes())


def test_binaries_are_for_lambdas_linux(layer: Path) -> None:
    for name in WHEELS_WITH_BINARIES:
        tags = next(layer.rglob(f"{name}-*.dist-info/WHEEL")).read_text()
        needed = [OLD_GLIBCS.get(version) or int(version) for version in re.findall(TAGS, tags)]
        assert min(needed, default=99) <= LAMBDAS_GLIBC, name


def test_runtime_is_the_python_that_compiled(resources: dict[str, dict[str, dict[str, str]]]) -> None:
    ours = f"python{sys.version_info.major}.{sys.version_info.minor}"
    runtimes = {resources[name]["Properties"]["Runtime"] for name in FUNCTIONS}
    assert runtimes == {ours}


def test_botocore_describes_exactly_the_services_that_the_code_calls(code: Path, layer: Path) -> None:
    data = next(layer.rglob("botocore/data"))
    described = {path.name for path in data.iterdir() if path.is_dir()}
    assert described == contents.services(code) >= {"dynamodb", "kms", "s3", "sns", "sqs"}


def test_what_chalice_cannot_package_is_an_error(tmp_path: Path) -> None:
    package._copy_sources(tmp_path / "project")
    (tmp_path / "project" / "app.py").write_text("raise SystemError")
    with pytest.raises(subprocess.CalledProcessError):
        package._run_chalice(stages.load("dev"), tmp_path / "project", tmp_path / "made")


def test_pack_gives_the_same_bytes_whenever_and_in_whatever_order(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, names in ((first, ["a", "b", "c/d"]), (second, ["c/d", "b", "a"])):
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)
    (second / "a").chmod(0o700)
    archive.pack(first, tmp_path / "1.zip")
    archive.pack(second, tmp_path / "2.zip")
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


def test_compiling_twice_gives_the_same_bytes(code: Path, tmp_path: Path) -> None:
    made = []
    for name in ("one", "another"):
        folder = tmp_path / name
        archive.unpack(_packed(code, tmp_path / f"{name}.zip"), folder)
        contents.compile_sources(folder, contents.CODE_MOUNT)
        made.append(_packed(folder, tmp_path / f"{name}-again.zip").read_bytes())
    assert made[0] == made[1]


def test_check_refuses_a_package_that_is_too_large(tmp_path: Path) -> None:
    template = tmp_path / "sam.json"
    template.write_text("{}")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text("12345")
    contents.check([tmp_path / "code"], template, limit=5)
    with pytest.raises(contents.NotFit, match="5 bytes"):
        contents.check([tmp_path / "code"], template, limit=4)


def test_check_refuses_a_placeholder(tmp_path: Path) -> None:
    template = tmp_path / "sam.json"
    template.write_text(f'{{"Environment": "{PLACEHOLDER}"}}')
    with pytest.raises(contents.NotFit, match=r"sam\.json"):
        contents.check([], template, limit=0)


def test_trim_refuses_a_service_that_botocore_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "botocore" / "data" / "s3").mkdir(parents=True)
    with pytest.raises(contents.NotFit, match="teleport"):
        contents.trim(tmp_path, ["s3", "teleport"])


def _packed(folder: Path, zipped: Path) -> Path:
    archive.pack(folder, zipped)
    return zipped
