"""The package of the stage ``dev``, made once: what is deployed is what is looked at."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from infra import archive

ROOT = Path(__file__).resolve().parents[2]
CANARY = "canary-of-whoever-packages-0123456789"


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that packaging writes, made by somebody whose own environment is full of keys."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        # Workers have folders of their own below that of the run, and one packaging serves them all.
        shared = tmp_path_factory.getbasetemp().parent / "package"
        with FileLock(f"{shared}.lock"):
            return _packaged(shared / "dev")
    return _packaged(tmp_path_factory.mktemp("package") / "dev")


def _packaged(folder: Path) -> Path:
    if folder.exists():
        return folder
    names = ("CLAIMCHECK_SESSION_SECRET", "CLAIMCHECK_ADMIN_API_KEY", "CLAIMCHECK_BUCKET", "AWS_PROFILE")
    # In a process of its own: the threads of the local cloud read the environment of this one.
    command = [sys.executable, "-m", "infra.package", "--stage", "dev", "--out", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, **dict.fromkeys(names, CANARY)})  # noqa: S603
    return folder


@pytest.fixture(scope="session")
def template(out: Path) -> dict[str, Any]:
    """The SAM template."""
    return dict(json.loads((out / "sam.json").read_text()))


@pytest.fixture(scope="session")
def resources(template: dict[str, Any]) -> dict[str, Any]:
    """The template's resources."""
    return dict(template["Resources"])


@pytest.fixture(scope="session")
def code(out: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Lambda finds under /var/task."""
    return _unpacked(out / "deployment.zip", tmp_path_factory)


@pytest.fixture(scope="session")
def layer(out: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Lambda finds under /opt."""
    return _unpacked(out / "layer-deployment.zip", tmp_path_factory)


def _unpacked(zipped: Path, factory: pytest.TempPathFactory) -> Path:
    folder = factory.mktemp(zipped.stem)
    archive.unpack(zipped, folder)
    return folder
