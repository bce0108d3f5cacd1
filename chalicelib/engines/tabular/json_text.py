"""Values of any DuckDB type as JSON text, with no digit lost: decimals and long integers as they are."""

from collections.abc import Callable

from duckdb import DuckDBPyConnection
from duckdb.sqltypes import DuckDBPyType

from .forms import token_of
from .quoting import literal

_PLAIN = frozenset({
    "boolean", "tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint",
    "uhugeint", "bignum", "decimal",
})  # fmt: skip
NESTED = frozenset({"struct", "list", "array", "map"})


def type_of(connection: DuckDBPyConnection, sql_type: str) -> DuckDBPyType:
    """The type that an SQL text names."""
    return connection.type(sql_type)


def inner_types(kind: DuckDBPyType) -> list[tuple[str, DuckDBPyType]]:
    """The types of which a nested one is made, with their names."""
    # An array has its size among them.
    return [(name, inner) for name, inner in kind.children if isinstance(inner, DuckDBPyType)]


def json_of(kind: DuckDBPyType, value: str, depth: int = 0) -> str:
    """SQL that makes a value JSON text, ``null`` of NULL.

    Args:
        kind: the value's type.
        value: SQL.
        depth: of nesting, which names the variables of what is inside.
    """
    return f"coalesce({_present(kind, value, depth)}, 'null')"


def _present(kind: DuckDBPyType, value: str, depth: int) -> str:
    if str(kind) == "JSON":
        return f"CAST({value} AS VARCHAR)"
    if kind.id in _PLAIN:
        return f"CAST({value} AS VARCHAR)"
    if kind.id in {"float", "double"}:
        text = f"CAST({value} AS VARCHAR)"
        return f"CASE WHEN isfinite({value}) THEN {text} ELSE {token_of(text)} END"
    nested = _NESTED.get(kind.id)
    return nested(kind, value, depth) if nested else token_of(text_of_value(kind, value))


def text_of_value(kind: DuckDBPyType, value: str) -> str:
    """SQL that makes a value text: nested ones JSON, bytes Base64, all others as DuckDB writes them."""
    if kind.id in NESTED:
        return f"CASE WHEN {value} IS NOT NULL THEN {json_of(kind, value)} END"
    return f"base64({value})" if kind.id == "blob" else f"CAST({value} AS VARCHAR)"


def _struct(kind: DuckDBPyType, value: str, depth: int) -> str:
    fields = [
        f"{token_of(literal(name))} || ':' || {json_of(inner, f'struct_extract({value}, {literal(name)})', depth)}"
        for name, inner in inner_types(kind)
    ]
    joined = " || ',' || ".join(fields)
    return f"CASE WHEN {value} IS NOT NULL THEN '{{' || {joined} || '}}' END"


def _list(kind: DuckDBPyType, value: str, depth: int) -> str:
    return _joined(value, depth, json_of(inner_types(kind)[0][1], f"v{depth}", depth + 1), "[]")


def _map(kind: DuckDBPyType, value: str, depth: int) -> str:
    (_, key), (_, inner) = inner_types(kind)
    name, content = f"v{depth}.key", json_of(inner, f"v{depth}.value", depth + 1)
    if key.id == "varchar":
        return _joined(f"map_entries({value})", depth, f"{token_of(name)} || ':' || {content}", "{}")
    entry = f"'{{\"key\":' || {json_of(key, name, depth + 1)} || ',\"value\":' || {content} || '}}'"
    return _joined(f"map_entries({value})", depth, entry, "[]")


def _joined(items: str, depth: int, item: str, brackets: str) -> str:
    return (
        f"'{brackets[0]}' || array_to_string(list_transform({items}, lambda v{depth}: {item}), ',') || '{brackets[1]}'"
    )


_NESTED: dict[str, Callable[[DuckDBPyType, str, int], str]] = {
    "struct": _struct,
    "list": _list,
    "array": _list,
    "map": _map,
}
