"""Fixtures: the engine, in a folder of its own each time."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from chalicelib.engines.tabular.process import Output
from tests.engine.running import Run, run_in


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Give the engine."""
    numbers = count()

    def take(content: bytes | Path, *steps: dict[str, Any], **how: Any) -> Output:
        folder = tmp_path / f"work-{next(numbers)}"
        folder.mkdir()
        return run_in(folder, content, steps, **how)

    return take
