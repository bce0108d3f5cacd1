"""Measures Python files with radon: `python -I measure.py FOLDER RESULT`.

Run as a file in a confined process of its own: parsing can take as much memory as the code's writer likes. The result
is a JSON object that has for each file, by its path in the folder, either what `metrics.FileMetrics` holds or
`{"error", "line", "lines"}`.

Radon's own count of lines takes time that grows with the square of a statement's length: 20 s for one of 2,000 lines.
So lines are counted here, and radon is given the counts.
"""

import ast
import io
import json
import os
import sys
import tokenize
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeGuard

from radon.metrics import h_visit_ast, mi_compute, mi_rank
from radon.visitors import Class, ComplexityVisitor, Function

Ends = Mapping[tuple[int, int], int]
"""The last line of a function by the line and column where it begins."""

FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)

NO_CODE = frozenset(
    {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
)


def main(folder: str, result: str) -> None:
    """Measure all files in the folder."""
    warnings.simplefilter("ignore")  # What Python thinks of the code is the linter's to say.
    measured = {
        (Path(place) / name).relative_to(folder).as_posix(): _measure((Path(place) / name).read_bytes())
        for place, _, names in os.walk(folder)
        for name in names
    }
    Path(result).write_text(json.dumps(measured), encoding="utf-8")


def _measure(source: bytes) -> dict[str, Any]:
    try:
        # Read as the interpreter reads it: by its coding line, and with one kind of line ends.
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        text = io.TextIOWrapper(io.BytesIO(source), encoding).read()
        return _metrics(text, ast.parse(source))
    except SyntaxError as error:
        problem, line = error.msg, error.lineno
    except (tokenize.TokenError, UnicodeError, LookupError, ValueError) as error:
        problem, line = str(error), None
    except (MemoryError, RecursionError):
        # Python's usual limit is far below what makes a tool crash, or leave a file out without a word.
        problem, line = "it is nested too deeply", None
    lines = sum(1 for text_line in source.splitlines() if text_line.strip())
    return {"error": " ".join(problem.split()), "line": line or 1, "lines": lines}


def _metrics(text: str, tree: ast.Module) -> dict[str, Any]:
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    strings = [range(node.lineno, (node.end_lineno or 0) + 1) for node in ast.walk(tree) if _is_string(node)]
    code = {line for token in tokens if token.type not in NO_CODE for line in range(token.start[0], token.end[0] + 1)}
    code.difference_update(*strings)
    comments = sum(token.type == tokenize.COMMENT for token in tokens) + sum(
        len(lines) for lines in strings if len(lines) > 1
    )
    statements = sum(isinstance(node, ast.stmt) for node in ast.walk(tree))
    visitor = ComplexityVisitor.from_ast(tree)
    index = mi_compute(
        h_visit_ast(tree).total.volume,
        visitor.total_complexity,
        statements,
        100 * comments / len(code) if code else 0,
    )
    ends = {
        (node.lineno, node.col_offset): node.end_lineno or 0 for node in ast.walk(tree) if isinstance(node, FUNCTION)
    }
    return {
        "lines": len(code),
        "maintainability": index,
        "rank": mi_rank(index),
        "functions": [
            {
                "name": function.fullname,
                "line": function.lineno,
                "complexity": function.complexity,
                "lines": len(code.intersection(_own_lines(function, ends))),
            }
            for function in _functions(visitor.functions, visitor.classes)
        ],
    }


def _own_lines(function: Function, ends: Ends) -> set[int]:
    """Give the lines of a function that are not those of a function within it, since that is measured by itself."""
    lines = set(range(function.lineno, ends[function.lineno, function.col_offset] + 1))
    return lines.difference(
        *(range(inner.lineno, ends[inner.lineno, inner.col_offset] + 1) for inner in function.closures)
    )


def _is_string(node: ast.AST) -> TypeGuard[ast.Expr]:
    """Say whether a statement is nothing but a string: a docstring, or one that is used as a comment."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _functions(functions: Iterable[Function], classes: Iterable[Class]) -> Iterator[Function]:
    """Give these functions and the methods of these classes, with all that are within them."""
    for function in functions:
        yield function
        yield from _functions(function.closures, ())
    for found in classes:
        yield from _functions(found.methods, found.inner_classes)


if __name__ == "__main__":
    main(*sys.argv[1:])
