"""The whole document."""

import json
from functools import cache
from pathlib import Path

import chalicelib
from chalicelib.surfaces.surface import Route, Surface, all_surfaces

from . import refusals
from .operations import key_of, models_of, operation
from .schemas import Schemas
from .vocabulary import ANSWER_HEADERS, REQUEST_HEADERS, SECURITY_SCHEMES, Json

INFO: Json = {
    "title": "Claimcheck",
    "version": chalicelib.VERSION,
    "summary": "A serverless job backend: jobs, claims, logs, secrets and files, for people and for remote agents.",
    "description": (
        "Front ends create jobs; agents claim them, hold a lease, collect one-time secrets, write logs and upload "
        "results straight to the object store. Each tag is a contract of its own with its own error body.\n\n"
        "Times are UTC, ISO 8601, with milliseconds and `Z`. Fields that a body does not know are refused."
    ),
    "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
}


@cache
def document() -> Json:
    """The document of this process's routes. It is one and the same object each time: do not change it."""
    surfaces = sorted(all_surfaces(), key=key_of)
    routes = [(surface, route) for surface in surfaces for route in surface.declared]
    schemas = Schemas(pair for surface, route in routes for pair in models_of(surface, route))
    return _without_unused(
        {
            "openapi": "3.1.0",
            "info": INFO,
            "servers": [{"url": "/", "description": "This deployment."}],
            "tags": _tags(surfaces),
            "paths": _paths(routes, schemas),
            "components": {
                "schemas": _with_examples(schemas),
                "examples": _examples(routes),
                "headers": ANSWER_HEADERS,
                "parameters": {
                    name: {"name": name, "in": "header", "required": False, **said}
                    for name, said in REQUEST_HEADERS.items()
                },
                "securitySchemes": SECURITY_SCHEMES,
            },
        }
    )


def _with_examples(schemas: Schemas) -> Json:
    """The schemas by name; those whose models bring no examples have real requests and answers that were kept."""
    kept = json.loads(Path(__file__).with_name("examples.json").read_text(encoding="utf-8"))
    return {
        name: {"examples": kept[name], **schema} if name in kept else schema
        for name, schema in sorted(schemas.components.items())
    }


def _without_unused(whole: Json) -> Json:
    """The document without the components that nothing refers to."""
    components = whole["components"]
    used, before = _references({**whole, "components": {}}), -1
    while len(used) > before:
        before = len(used)
        for kind, name in tuple(used):
            used |= _references(components[kind][name])
    kept = {
        kind: {name: made for name, made in named.items() if kind == "securitySchemes" or (kind, name) in used}
        for kind, named in components.items()
    }
    return {**whole, "components": kept}


def _references(part: object) -> set[tuple[str, str]]:
    """The components that a part of the document refers to, by kind and name."""
    if isinstance(part, list):
        return {each for inner in part for each in _references(inner)}
    if not isinstance(part, dict):
        return set()
    own = str(part.get("$ref", "")).removeprefix("#/components/").split("/")
    found = {(own[0], own[1])} if len(own) == 2 else set()  # noqa: PLR2004  a kind and a name
    return found.union(*(_references(inner) for inner in part.values()))


def _tags(surfaces: list[Surface]) -> list[Json]:
    return [
        {"name": title, "description": description}
        for title, description in dict.fromkeys((surface.title, surface.about) for surface in surfaces)
    ]


def _paths(routes: list[tuple[Surface, Route]], schemas: Schemas) -> Json:
    paths: Json = {}
    for surface, route in sorted(routes, key=lambda pair: pair[1].path):
        paths.setdefault(route.path, {})[route.method.lower()] = operation(surface, route, schemas)
    return paths


def _examples(routes: list[tuple[Surface, Route]]) -> Json:
    """Every error of every contract, once."""
    refused = [refusals.of_route(surface, route).values() for surface, route in routes]
    found = {each.name: each for by_status in refused for several in by_status for each in several}
    return {name: {"summary": refusals.meaning(each.kind), "value": each.body} for name, each in sorted(found.items())}
