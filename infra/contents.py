"""What is made of the folders that Chalice packed: less of what no function reads, and compiled."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from .archive import files
from .stages import PLACEHOLDER

# Where Lambda unpacks the code and the layer; compiled files name their source by it, and so do tracebacks.
CODE_MOUNT = "/var/task"
LAYER_MOUNT = "/opt"

_CLIENT = re.compile(r"""(?:create_client|\.client)\(\s*["']([a-z0-9-]+)["']""")
# PynamoDB makes its own client.
_ALWAYS = frozenset({"dynamodb"})


class NotFit(Exception):
    """The package is not fit to be deployed."""


def services(code: Path) -> frozenset[str]:
    """The AWS services that the code makes clients of."""
    sources = (path.read_text() for path in files(code) if path.suffix == ".py")
    return _ALWAYS | {name for source in sources for name in _CLIENT.findall(source)}


def trim(layer: Path, used: Iterable[str]) -> None:
    """Drop botocore's descriptions of services that the code makes no client of, which are most of its bytes."""
    kept = set(used)
    for data in layer.rglob("botocore/data"):
        missing = kept - {each.name for each in data.iterdir()}
        if missing:
            raise NotFit(f"botocore knows no {', '.join(sorted(missing))}")
        for folder in data.iterdir():
            if folder.is_dir() and folder.name not in kept:
                shutil.rmtree(folder)


def compile_sources(folder: Path, mount: str) -> None:
    """Put a .pyc beside every source, never checked against it: Lambda cannot write them, and starts slowly without."""
    for cache in list(folder.rglob("__pycache__")):
        shutil.rmtree(cache)
    paths = ["-s", str(folder), "-p", mount]
    command = [sys.executable, "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash", *paths]
    # One process and one seed, because the order of things in a compiled file depends on both.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    subprocess.run([*command, str(folder)], check=True, env=environment)  # noqa: S603  our own interpreter


def check(folders: Iterable[Path], template: Path, *, limit: int) -> None:
    """Refuse what must not be deployed.

    Raises:
        NotFit: more than ``limit`` bytes unpacked, or a key of the packaging itself in a file.
    """
    every = [path for folder in folders for path in files(folder)]
    size = sum(path.stat().st_size for path in every)
    if size > limit:
        raise NotFit(f"{size} bytes unpacked; Lambda takes {limit}")
    marked = [path.name for path in (*every, template) if PLACEHOLDER.encode() in path.read_bytes()]
    if marked:
        raise NotFit(f"a placeholder key is in {', '.join(marked)}")
