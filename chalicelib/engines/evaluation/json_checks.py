"""JSON schemas of strangers, applied to answers of strangers: nothing is fetched, and the work is counted.

The library's keywords are used as they are, save those that search Python's patterns or compare all items with each
other; each counts its work, since a few hundred bytes of schema can ask for 2**100 steps.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .patterns import BadPattern, compiled, found

if TYPE_CHECKING:
    from jsonschema.protocols import Validator
    from referencing import Resource

MAX_SCHEMA_CHARACTERS = 64 * 1024
MAX_PATTERNS = 100
DRAFT = "https://json-schema.org/draft/2020-12/schema"
# For one answer; a second of work, or three where patterns are at their worst.
MAX_STEPS = 200_000
_CHARACTERS_A_STEP = 100
# They search with Python's patterns, and work that is not counted.
_REFUSED = ("unevaluatedProperties", "unevaluatedItems", "$dynamicRef")

Schema = bool | Mapping[str, Any]
Keyword = Callable[..., Iterable[Any] | None]


class BadSchema(ValueError):
    """It is no schema, or one that is not taken."""


class TooMuchWork(Exception):
    """The schema asks for more steps than are taken for one answer."""


class Checker:
    """A JSON Schema, draft 2020-12, that answers are checked against, by one thread at a time."""

    def __init__(self, schema: Schema) -> None:
        """Check the schema.

        Raises:
            BadSchema: in words.
        """
        _check(schema)
        self._left = 0
        self._validator = _validator(schema, self._take)

    def problem(self, document: Any) -> str | None:  # noqa: ANN401  any JSON
        """What is wrong with a document, and where; None if nothing is.

        Raises:
            TooMuchWork: the schema asks for too much.
            RecursionError, OverflowError: a reference to itself without an end; a number beyond a double.
        """
        self._left = MAX_STEPS
        error = next(iter(self._validator.iter_errors(document)), None)
        return None if error is None else f"{_place(error.absolute_path)}{error.message}"

    def _take(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise TooMuchWork


def _place(path: Iterable[str | int]) -> str:
    place = ".".join(map(str, path))
    return f"{place}: " if place else ""


def _check(schema: Schema) -> None:
    from jsonschema import Draft202012Validator, FormatChecker, SchemaError  # noqa: PLC0415  a cold start does without
    from referencing.jsonschema import DRAFT202012  # noqa: PLC0415

    if len(json.dumps(schema)) > MAX_SCHEMA_CHARACTERS:
        raise BadSchema(f"may have at most {MAX_SCHEMA_CHARACTERS} characters as JSON")
    if isinstance(schema, dict) and schema.get("$schema", DRAFT) != DRAFT:
        raise BadSchema(f"must be of the draft {DRAFT}")
    try:
        # Without formats: that of patterns is Python's, and compiles them.
        Draft202012Validator.check_schema(schema, format_checker=FormatChecker(formats=()))
    except SchemaError as error:
        raise BadSchema(f"is no JSON Schema: {_place(error.absolute_path)}{error.message[:300]}") from error
    _check_parts(DRAFT202012.create_resource(schema))


def _check_parts(root: "Resource[Any]") -> None:
    """Look at each schema in a schema."""
    parts = [root]
    for part in parts:  # It grows while it is gone through.
        parts += part.subresources()
    schemas = [part.contents for part in parts if isinstance(part.contents, dict)]
    _check_references(root, schemas)
    for number, schema in enumerate(schemas):
        _check_part(schema, inner=number > 0)
    patterns = {pattern for schema in schemas for pattern in _patterns(schema)}
    if len(patterns) > MAX_PATTERNS:
        raise BadSchema(f"may have at most {MAX_PATTERNS} patterns")
    for pattern in patterns:
        try:
            compiled(pattern)
        except BadPattern as error:
            raise BadSchema(f"has a pattern that {error}") from error


def _check_part(part: Mapping[str, Any], *, inner: bool) -> None:
    for keyword in _REFUSED:
        if keyword in part:
            raise BadSchema(f"uses {keyword}, which is not supported")
    if inner and "$id" in part:
        raise BadSchema("has a schema with an $id in it, which is not supported")


def _check_references(root: "Resource[Any]", schemas: Sequence[Mapping[str, Any]]) -> None:
    """Refuse what is not there, and what has not been looked at since it is no schema where it stands."""
    from referencing import Registry  # noqa: PLC0415
    from referencing.exceptions import Unresolvable  # noqa: PLC0415

    resolver = Registry().resolver_with_root(root)
    known = {id(schema) for schema in schemas}
    for reference in [str(schema["$ref"]) for schema in schemas if "$ref" in schema]:
        told = repr(reference[:200])
        if not reference.startswith("#"):
            raise BadSchema(f"refers to {told}; only references within the schema, beginning with #, are followed")
        try:
            aim = resolver.lookup(reference).contents
        except (Unresolvable, ValueError) as error:  # The latter for what is no number where an index must be.
            raise BadSchema(f"refers to {told}, which it does not have") from error
        if not isinstance(aim, bool) and id(aim) not in known:
            raise BadSchema(f"refers to {told}, which is no schema where it stands")


def _patterns(part: Mapping[str, Any]) -> set[str]:
    found_here = set(part.get("patternProperties", {}))
    return found_here | {part["pattern"]} if "pattern" in part else found_here


def _validator(schema: Schema, take: Callable[[int], None]) -> "Validator":
    from jsonschema import Draft202012Validator  # noqa: PLC0415
    from jsonschema.validators import extend  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    keywords: dict[str, Keyword] = {**Draft202012Validator.VALIDATORS, **_OURS}
    counted = {name: _counted(name, keyword, take) for name, keyword in keywords.items()}
    # An empty registry: the default one fetches what a reference names.
    made: Validator = extend(Draft202012Validator, counted)(schema, registry=Registry())  # type: ignore[no-untyped-call]
    return made


def _counted(name: str, keyword: Keyword, take: Callable[[int], None]) -> Keyword:
    def count(validator: object, value: object, instance: object, schema: Mapping[str, Any]) -> Iterator[Any]:
        take(_steps(name, value, instance, schema))
        for error in keyword(validator, value, instance, schema) or ():
            # Messages repeat the document, and those of alternatives are all kept.
            take(len(error.message) // _CHARACTERS_A_STEP)
            yield error

    return count


def _steps(name: str, value: object, instance: object, schema: Mapping[str, Any]) -> int:
    """What applying a keyword takes: one for each thing looked at, and for each character that a pattern sees."""
    steps = 1 + sum(len(each) for each in (value, instance) if isinstance(each, dict | list))
    if name in {"const", "enum"}:
        steps += _count(value)
    if name == "pattern" and isinstance(instance, str):
        steps += len(instance)
    if name in {"patternProperties", "additionalProperties"} and isinstance(instance, dict):
        steps += sum(map(len, instance)) * len(schema.get("patternProperties", ()))
    return steps


def _count(value: object) -> int:
    """How many values there are in a value."""
    if isinstance(value, dict):
        return 1 + sum(map(_count, value.values()))
    return 1 + sum(map(_count, value)) if isinstance(value, list) else 1


def _pattern(validator: "Validator", pattern: str, instance: Any, _: object) -> Iterator[Any]:  # noqa: ANN401
    if validator.is_type(instance, "string") and not found(pattern, instance):
        yield _error(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], instance: Any, _: object) -> Iterator[Any]:  # noqa: ANN401
    if validator.is_type(instance, "object"):
        for pattern, below in patterns.items():
            for key, value in instance.items():
                if found(pattern, key):
                    yield from validator.descend(value, below, path=key, schema_path=pattern)


def _additional(validator: Any, below: Any, instance: Any, schema: Mapping[str, Any]) -> Iterator[Any]:  # noqa: ANN401
    if not validator.is_type(instance, "object"):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for key, value in instance.items():
        if key in known or any(found(pattern, key) for pattern in patterns):
            continue
        if below is False:
            yield _error(f"{key!r} is not a property that it may have")
        else:
            yield from validator.descend(value, below, path=key)


def _unique_items(validator: "Validator", wanted: object, instance: Any, _: object) -> Iterator[Any]:  # noqa: ANN401
    if wanted and validator.is_type(instance, "array"):
        spelled = {_spelling(item) for item in instance}
        if len(spelled) < len(instance):
            yield _error("an item stands there twice")


def _spelling(item: object) -> str:
    """The same for equal values: 1 and 1.0 are, 1 and true are not."""
    return json.dumps(_plain(item), sort_keys=True)


def _plain(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def _error(message: str) -> Any:  # noqa: ANN401
    from jsonschema import ValidationError  # noqa: PLC0415

    return ValidationError(message)


_OURS: dict[str, Keyword] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional,
    "uniqueItems": _unique_items,
}
