"""Sizes that keep the house readable: routes of 20 lines, functions of 60, files of 400, an app.py of 60."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = [ROOT / "app.py", *sorted((ROOT / "chalicelib").rglob("*.py"))]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            yield node


def _length(function: Function) -> int:
    """Lines from the first decorator to the last of the body."""
    first = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
    return (function.end_lineno or first) - first + 1


def _is_route(function: Function) -> bool:
    return any(
        isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute) and decorator.func.attr == "on"
        for decorator in function.decorator_list
    )


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_app_puts_together_and_does_nothing_else() -> None:
    assert _lines(ROOT / "app.py") <= 60
    assert list(_functions(ROOT / "app.py")) == []


def test_routes_are_of_twenty_lines_at_the_most() -> None:
    routes = {
        f"{path.name}:{function.name}": _length(function)
        for path in OURS
        for function in _functions(path)
        if _is_route(function)
    }
    assert len(routes) > 30
    assert {name: length for name, length in routes.items() if length > 20} == {}


def test_functions_are_of_sixty_lines_at_the_most_and_nine_in_ten_under_thirty() -> None:
    lengths = sorted(_length(function) for path in OURS for function in _functions(path))
    assert lengths[-1] <= 60
    assert lengths[int(len(lengths) * 0.9)] < 30


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_of_four_hundred_lines_at_the_most(path: Path) -> None:
    assert _lines(path) <= 400


def test_settings_alone_read_the_environment() -> None:
    readers = [path for path in OURS if "environ" in path.read_text() or "getenv" in path.read_text()]
    assert [path.name for path in readers] == ["settings.py"]
