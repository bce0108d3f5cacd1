"""Surfaces are loaded by path: each path by the modules that have its routes, and by no others."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import KEYS

_ASK = """
import json, sys
import app
"%s" in app.app.routes
print(json.dumps([name for name in sys.modules if name.startswith("chalicelib.surfaces.")]))
"""


@pytest.mark.usefixtures("configured")
def test_every_path_loads_the_modules_that_have_its_routes() -> None:
    from chalicelib.surfaces import loading
    from chalicelib.surfaces.surface import all_surfaces

    owners: dict[str, set[str]] = {}
    for module in loading._all_modules():
        for route in loading._imported(module).declared:
            owners.setdefault(route.path, set()).add(module)
    assert {path: set(loading._modules_of(path)) for path in owners} == owners
    assert sum(len(surface.declared) for surface in all_surfaces()) >= len(owners)


@pytest.mark.parametrize(("path", "surface"), [
    ("/api/jobs/claim", "agents"), ("/api/v1/jobs", "files"), ("/api/jobs", "evaluations"), ("/auth/login", "builds"),
    ("/api/build", "builds"), ("/u/jobs", "pipelines"),
])  # fmt: skip
def test_cold_start_loads_one_surface(path: str, surface: str) -> None:
    done = subprocess.run(  # noqa: S603  our own words
        [sys.executable, "-c", _ASK % path], env={**KEYS, "AWS_DEFAULT_REGION": "us-east-1"},
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    loaded: list[Any] = json.loads(done.stdout.splitlines()[-1])
    contracts = {name.split(".")[2] for name in loaded} & {
        "agents",
        "builds",
        "evaluations",
        "files",
        "pipelines",
        "webhooks",
        "docs",
    }
    assert contracts == {surface}
