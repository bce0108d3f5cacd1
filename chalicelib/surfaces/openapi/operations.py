"""One operation of the document, from one route."""

import inspect
import re
from http import HTTPStatus
from typing import Any, get_type_hints

from pydantic import BaseModel

from chalicelib.surfaces.agents.errors import ErrorBody
from chalicelib.surfaces.calls import FORM
from chalicelib.surfaces.limits import HEADERS as LIMIT_HEADERS
from chalicelib.surfaces.surface import JSON, Route, Surface, all_surfaces

from . import refusals
from .refusals import Refusal
from .schemas import SERIALIZATION, VALIDATION, Mode, Schemas, answered, models_in
from .vocabulary import PATH_PARAMETERS, Json

# What is too large or too much for the gateway it refuses by itself, with one body for all paths.
_OF_THE_GATEWAY = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.TOO_MANY_REQUESTS}
_PLACE = re.compile(r"\{(\w+)\}")


def key_of(surface: Surface) -> str:
    """The contract's short name: the package or module that the surface is made in."""
    name = str(surface._import_name)  # noqa: SLF001  Chalice has no other way to it
    return name.removeprefix("chalicelib.surfaces.").split(".")[0]


def id_of(surface: Surface, route: Route) -> str:
    """The operation's id, such as ``agents_create_job``."""
    return f"{key_of(surface)}_{route.view.__name__}"


def returned(route: Route) -> Any:  # noqa: ANN401  a type, as annotations have them
    """What the route's successful answers hold."""
    if route.returns is not None:
        return route.returns
    return answered(get_type_hints(route.view).get("return"))


def places(route: Route) -> list[str]:
    """The path's parameters."""
    return _PLACE.findall(route.path)


def operation(surface: Surface, route: Route, schemas: Schemas) -> Json:
    """All that the document says of a route."""
    lines = inspect.cleandoc(route.view.__doc__ or "").partition("\n")
    made: Json = {
        "operationId": id_of(surface, route),
        "tags": [surface.title or key_of(surface)],
        "summary": lines[0].rstrip("."),
        "description": " ".join(line for line in (lines[0], lines[2].strip()) if line),
        "security": [{name: [] for name in together} for together in route.auth.security],
        "parameters": _parameters(route, schemas),
        "responses": {
            str(route.status): _success(surface, route, schemas),
            **{str(status): _without_body(route, status) for status in route.also},
            **_errors(surface, route, schemas),
        },
    }
    if route.body:
        content = {FORM if route.form else JSON: {"schema": schemas.of(route.body, VALIDATION)}}
        made["requestBody"] = {"required": not route.body_optional, "content": content}
    return made


def _parameters(route: Route, schemas: Schemas) -> list[Json]:
    in_path = [
        {"name": name, "in": "path", "required": True, **_described(name, dict(PATH_PARAMETERS.get(name, {})))}
        for name in places(route)
    ]
    in_query = _query(schemas.resolved(route.query, VALIDATION)) if route.query else []
    in_headers = [{"$ref": f"#/components/parameters/{name}"} for name in (*route.takes, "traceparent")]
    return [*in_path, *in_query, *in_headers]


def _described(name: str, known: Json) -> Json:
    text = known.pop("description", f"The {name.replace('_', ' ')}.")
    return {"description": text, "schema": {"type": "string", "minLength": 1, "maxLength": 512, **known}}


def _query(model: Json) -> list[Json]:
    required = model.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _without_null(schema)}
        for name, schema in model.get("properties", {}).items()
    ]


def _without_null(schema: Json) -> Json:
    """A parameter that is left out has no value; in a URL there is no null that could stand for it."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == len(schema.get("anyOf", ())):
        return schema
    rest = {name: value for name, value in schema.items() if name != "anyOf" and (name, value) != ("default", None)}
    return {**rest, **(choices[0] if len(choices) == 1 else {"anyOf": choices})}


def _success(surface: Surface, route: Route, schemas: Schemas) -> Json:
    made: Json = {"description": f"{HTTPStatus(route.status).phrase}.", "headers": _headers(route, *route.tells)}
    if route.status != HTTPStatus.NO_CONTENT:
        made["content"] = {kind: {"schema": _schema(route, kind, schemas)} for kind in route.produces}
    links = _links(surface, route)
    return {**made, "links": links} if links else made


def _without_body(route: Route, status: int) -> Json:
    return {"description": f"{HTTPStatus(status).phrase}.", "headers": _headers(route, *route.tells)}


EVENTS = "text/event-stream"
"""Of a stream the schema is that of each of its events."""


def _schema(route: Route, kind: str, schemas: Schemas) -> Json:
    if kind not in {JSON, EVENTS}:
        return {"type": "string"}
    made = returned(route)
    return made if isinstance(made, dict) else schemas.of_answer(made)


def _errors(surface: Surface, route: Route, schemas: Schemas) -> dict[str, Json]:
    told = refusals.of_route(surface, route)
    return {str(status): _refusal(surface, route, refused, schemas) for status, refused in told.items()}


def _refusal(surface: Surface, route: Route, refused: list[Refusal], schemas: Schemas) -> Json:
    status = refused[0].status
    schema = _error_schema(surface, status, schemas)
    examples = {each.name: {"$ref": f"#/components/examples/{each.name}"} for each in refused}
    own = {401: ("WWW-Authenticate",), 429: ("Retry-After",)}.get(status, ())
    return {
        "description": refusals.description(status, refused),
        "headers": _headers(route, *own),
        "content": {JSON: {"schema": schema, "examples": examples}},
    }


def _error_schema(surface: Surface, status: int, schemas: Schemas) -> Json:
    own = schemas.of(surface.error, SERIALIZATION) if surface.error else {"type": "object"}
    if status not in _OF_THE_GATEWAY:
        return own
    gateways = schemas.of(ErrorBody, SERIALIZATION)
    return own if own == gateways else {"anyOf": [own, gateways]}


def _headers(route: Route, *own: str) -> Json:
    names = ["traceparent", *own, *(LIMIT_HEADERS if route.limits else ())]
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _links(surface: Surface, route: Route) -> Json:
    """From what a route made to the routes that take it: those whose every parameter is known by then."""
    known = {name: f"$response.body#{pointer}" for name, pointer in route.gives.items()}
    passed_on = {name: f"$request.path.{name}" for name in places(route)}
    links = {}
    for owner, other in _reachable(surface):
        needed = places(other)
        if other is not route and set(needed) <= {*known, *passed_on} and set(needed) & set(known):
            parameters = {name: {**passed_on, **known}[name] for name in needed}
            links[id_of(owner, other)] = {"operationId": id_of(owner, other), "parameters": parameters}
    return links


def _reachable(surface: Surface) -> list[tuple[Surface, Route]]:
    """The routes of a contract, and those that it shares with another: under whose paths its own go on."""
    own = surface.declared
    shared = [
        (other, route)
        for other in all_surfaces()
        for route in other.declared
        if len(other.speaks) > 1 and places(route) and any(mine.path.startswith(f"{route.path}/") for mine in own)
    ]
    return [(surface, route) for route in own] + shared


def models_of(surface: Surface, route: Route) -> list[tuple[type[BaseModel], Mode]]:
    """The models that an operation refers to, each with its mode."""
    made = returned(route)
    given = [] if isinstance(made, dict) else models_in(made)
    told: list[type[BaseModel]] = [*given, ErrorBody, *([surface.error] if surface.error else [])]
    pairs: list[tuple[type[BaseModel], Mode]] = [(model, SERIALIZATION) for model in told]
    return pairs + [(model, VALIDATION) for model in (route.body, route.query) if model]
