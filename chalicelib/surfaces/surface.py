"""Surface: a Chalice blueprint whose routes say who may call, parse strictly, and err in their contract's words."""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from chalice.app import Blueprint, Request, Response
from pydantic import BaseModel

from chalicelib.errors import ClaimcheckError, TooManyRequests
from chalicelib.telemetry import logger

from .callers import Caller, Scheme, anyone
from .calls import FORM, Call, parse_body, parse_query
from .problems import Internal, PathNotFound

JSON = "application/json"
MAX_PATH_VALUE = 512

Envelope = Callable[[ClaimcheckError], tuple[int, Any]]
View = Callable[..., Any]


class Answer(Response):
    """An answer made by a surface, as against one that Chalice made by itself."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A route's answer, where it is more than a body with the route's own status."""

    body: Any
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Route:
    """A route as it was declared; what documents and tests of the whole API are made from."""

    method: str
    path: str
    auth: Scheme
    status: int
    body: type[BaseModel] | None
    body_optional: bool
    query: type[BaseModel] | None
    view: View


class Surface(Blueprint):
    """The routes of one contract."""

    def __init__(self, import_name: str, *, envelope: Envelope) -> None:
        super().__init__(import_name)
        self.envelope = envelope
        self.declared: list[Route] = []
        _surfaces.append(self)

    def on(
        self,
        method: str,
        path: str,
        *,
        auth: Scheme,
        status: int = HTTPStatus.OK,
        body: type[BaseModel] | None = None,
        body_optional: bool = False,
        query: type[BaseModel] | None = None,
        form: bool = False,
    ) -> Callable[[View], View]:
        """Declare a route. ``auth`` has no default: a route that does not say who may call it does not import.

        Args:
            method: the HTTP method.
            path: with ``{name}`` for parts that are passed to the view by name.
            auth: who may call; see ``callers``.
            status: of a successful answer.
            body: the model of the body; None takes none.
            body_optional: whether no body at all stands for an empty object.
            query: the model of the query.
            form: whether the body is a form instead of JSON.
        """

        def register(view: View) -> View:
            declared = Route(
                method=method, path=path, auth=auth, status=status, body=body,
                body_optional=body_optional, query=query, view=view,
            )  # fmt: skip
            self._preflight(path)
            self.declared.append(declared)
            self._add(declared, [FORM] if form else [JSON])
            return view

        return register

    def _add(self, declared: Route, content_types: list[str]) -> None:
        @functools.wraps(declared.view)
        def answer(**path: str) -> Response:
            return self._answer(declared, path)

        name = f"{declared.method} {declared.path}"
        self.route(declared.path, methods=[declared.method], content_types=content_types, name=name)(answer)

    def _preflight(self, path: str) -> None:
        """Answer OPTIONS on a path; the headers that matter are put on by the middleware."""
        if any(route.path == path for route in self.declared):
            return

        def preflight(**_: str) -> Response:
            return Answer(body="", status_code=HTTPStatus.NO_CONTENT)

        self.route(path, methods=["OPTIONS"], content_types=["*/*"], name=f"OPTIONS {path}")(preflight)

    def _answer(self, route: Route, path: Mapping[str, str]) -> Response:
        try:
            values = {
                name: unquote(value) for name, value in path.items()
            }  # API Gateway leaves them as they were sent.
            return _rendered(route, route.view(self._call(route, values), **values))
        except ClaimcheckError as error:
            return self.refuse(error)
        except Exception:  # noqa: BLE001
            # Whatever it is, the caller gets the contract's envelope and the log gets the reason.
            logger.exception("request.crashed", route=f"{route.method} {route.path}")
            return self.refuse(Internal())

    def _call(self, route: Route, path: Mapping[str, str]) -> Call[Any, Any]:
        request: Request = self.current_request
        caller: Caller = route.auth(request)
        logger.thread_safe_append_keys(actor=caller.principal)
        if not all(_sane(value) for value in path.values()):
            raise PathNotFound
        body = parse_body(request, route.body, optional=route.body_optional)
        return Call(caller=caller, body=body, query=parse_query(request, route.query), request=request)

    def refuse(self, error: ClaimcheckError) -> Response:
        """The error in this contract's envelope."""
        status, body = self.envelope(error)
        headers: dict[str, str | list[str]] = {"Content-Type": JSON}
        if status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        if isinstance(error, TooManyRequests):
            headers["Retry-After"] = str(error.retry_after)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.error("request.failed", code=error.code, cause=repr(error.__cause__))
        return Answer(body=json.dumps(body), status_code=status, headers=headers)


_surfaces: list[Surface] = []


def surface_of(path: str) -> Surface:
    """The surface that owns a path, or the nearest one: that of the route which shares most of its beginning."""

    def shared(route: Route) -> int:
        pairs = zip(route.path.strip("/").split("/"), path.strip("/").split("/"), strict=False)
        return next((index for index, (ours, theirs) in enumerate(pairs) if not _fits(ours, theirs)), len(route.path))

    return max(_surfaces, key=lambda surface: max(shared(route) for route in surface.declared))


def unknown_path(path: str) -> dict[str, Any]:
    """The body of a 404 for a path that no route has."""
    _, body = surface_of(path).envelope(PathNotFound(path=path))
    return dict(body)


def allowed_methods(path: str) -> list[str]:
    """The methods that a declared path takes."""
    return sorted({route.method for surface in _surfaces for route in surface.declared if route.path == path})


def _fits(ours: str, theirs: str) -> bool:
    return ours == theirs or ours.startswith("{")


def _sane(value: str) -> bool:
    """Whether a value from a path could be part of a key at all."""
    try:
        return 0 < len(value.encode()) <= MAX_PATH_VALUE and value.isprintable()
    except UnicodeEncodeError:
        return False


def _rendered(route: Route, made: Any) -> Response:  # noqa: ANN401  a body, or a Reply
    reply = made if isinstance(made, Reply) else Reply(body=made)
    headers: dict[str, str | list[str]] = {"Content-Type": JSON, **reply.headers}
    return Answer(body=_json(reply.body), status_code=reply.status or route.status, headers=headers)


def _json(body: Any) -> str:  # noqa: ANN401  models, and lists and dicts of them
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: object) -> Any:  # noqa: ANN401  JSON
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True)
    message = f"{type(value).__name__} cannot go over the wire"
    raise TypeError(message)


__all__ = ["Answer", "Reply", "Route", "Surface", "allowed_methods", "anyone", "surface_of", "unknown_path"]
