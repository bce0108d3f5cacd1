"""Runs the engine on contents made up by a test."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from pydantic import TypeAdapter

from chalicelib.engines.tabular.process import Limits, Monitor, Output, Plan, process
from chalicelib.engines.tabular.steps import AnyStep, Options, Step

MEGABYTE = 1_000_000
LIMITS = Limits(memory_bytes=1_000 * MEGABYTE, temp_bytes=2_000 * MEGABYTE, expanded_bytes=1_000 * MEGABYTE, threads=2)

_STEPS: TypeAdapter[list[AnyStep]] = TypeAdapter(list[Step])


class Run(Protocol):
    """Takes a file through the engine."""

    def __call__(
        self,
        content: bytes | Path,
        *steps: dict[str, Any],
        name: str = "table.csv",
        limits: Limits = LIMITS,
        monitor: Monitor | None = None,
        **options: Any,
    ) -> Output: ...


def converting(to_format: str, **params: Any) -> dict[str, Any]:
    """The step that changes the format."""
    return {"type": "convert_format", "params": {"to_format": to_format, **params}}


def filtering(column: str, operator: str, value: Any = None) -> dict[str, Any]:
    """The step that keeps some rows."""
    return {"type": "filter", "params": {"column": column, "operator": operator, "value": value}}


def run_in(folder: Path, content: bytes | Path, steps: Sequence[dict[str, Any]], **how: Any) -> Output:
    """Take a file through the engine, in an empty folder."""
    source = content if isinstance(content, Path) else folder.with_name(f"{folder.name}-source")
    if isinstance(content, bytes):
        source.write_bytes(content)
    plan = Plan(
        file_name=how.pop("name", "table.csv"),
        steps=_STEPS.validate_python(list(steps)),
        options=Options(**{key: value for key, value in how.items() if key not in {"limits", "monitor"}}),
    )
    monitor = how.get("monitor") or (lambda _: None)
    return process(source, folder, plan, how.get("limits", LIMITS), monitor)
