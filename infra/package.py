"""Make what is deployed: a SAM template, the code and its layer, without AWS and without credentials.

``python -m infra.package --stage dev --out build/dev`` writes ``sam.json``, ``deployment.zip`` and
``layer-deployment.zip``. Chalice resolves ``requirements.txt`` to wheels for Lambda; the Python runtime is the one
that this runs on.
"""

import argparse
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from . import archive, contents, stages
from .stages import ROOT, Stage

MIB = 1024 * 1024
# Lambda's limit on code and layers together, unpacked.
LIMIT_BYTES = 250 * MIB

# Chalice packs app.py and chalicelib; nothing else of the project is even there when it does.
_SOURCES = ("app.py", "chalicelib", "requirements.txt", ".chalice/config.json", "infra/policies")
_CODE, _LAYER, _TEMPLATE = "deployment.zip", "layer-deployment.zip", "sam.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """Bytes of what was made."""

    code: int
    layer: int
    code_zip: int
    layer_zip: int


def package(stage: Stage, out: Path) -> Sizes:
    """Package a stage into a folder, over what an earlier run left there.

    Raises:
        contents.NotFit: the package must not be deployed.
        subprocess.CalledProcessError: Chalice could not package it.
    """
    with TemporaryDirectory() as temporary:
        project, made = Path(temporary, "project"), Path(temporary, "made")
        _copy_sources(project)
        _run_chalice(stage, project, made)
        code, layer = _unpacked(made / _CODE), _unpacked(made / _LAYER)
        contents.trim(layer, contents.services(code))
        contents.compile_sources(code, contents.CODE_MOUNT)
        contents.compile_sources(layer, contents.LAYER_MOUNT)
        archive.pack(code, made / _CODE)
        archive.pack(layer, made / _LAYER)
        contents.check([code, layer], made / _TEMPLATE, limit=LIMIT_BYTES)
        sizes = Sizes(
            code=archive.size(code),
            layer=archive.size(layer),
            code_zip=(made / _CODE).stat().st_size,
            layer_zip=(made / _LAYER).stat().st_size,
        )
        _deliver(made, out)
    return sizes


def _copy_sources(project: Path) -> None:
    for name in _SOURCES:
        source, target = ROOT / name, project / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def _run_chalice(stage: Stage, project: Path, made: Path) -> None:
    environment = stages.clean_environment(stage)
    template = project / "template.json"
    with template.open("w") as file:
        _python("-m", "infra.template", "--stage", stage.name, folder=ROOT, environment=environment, output=file)
    chalice = "import sys; from chalice.cli import main; sys.exit(main())"
    arguments = ("package", "--stage", stage.name, "--merge-template", str(template), str(made))
    _python("-c", chalice, *arguments, folder=project, environment=environment)


def _python(*arguments: str, folder: Path, environment: dict[str, str], output: IO[str] | None = None) -> None:
    command = [sys.executable, *arguments]
    subprocess.run(command, check=True, cwd=folder, env=environment, stdout=output)  # noqa: S603  our own modules


def _unpacked(zipped: Path) -> Path:
    folder = zipped.with_suffix("")
    archive.unpack(zipped, folder)
    return folder


def _deliver(made: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name in (_TEMPLATE, _CODE, _LAYER):
        shutil.copyfile(made / name, out / name)


def main() -> None:
    """Package a stage and say how large it came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--out", required=True, type=Path)
    given = parser.parse_args()
    sizes = package(stages.load(given.stage), given.out)
    for what, zipped, unpacked in (
        ("code", sizes.code_zip, sizes.code),
        ("layer", sizes.layer_zip, sizes.layer),
        ("together", sizes.code_zip + sizes.layer_zip, sizes.code + sizes.layer),
    ):
        sys.stdout.write(f"{what:9}{zipped / MIB:7.1f} MiB zipped {unpacked / MIB:7.1f} MiB unpacked\n")
    sys.stdout.write(f"{given.out} is ready; Lambda takes up to {LIMIT_BYTES // MIB} MiB unpacked\n")


if __name__ == "__main__":
    main()
