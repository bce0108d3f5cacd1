"""Surface: a Chalice blueprint whose routes say who may call, parse strictly, and err in their contract's words.

The OpenAPI document is made from what the routes declare, so a route says all of it where it is declared:

- its docstring is the summary (the first line) and the description (the rest); the view's name is the operation's;
- its return annotation is the answer's schema: a model, a list of models, or ``Reply`` of either. Where a view cannot
  have one, ``returns`` names it. An answer in other words than JSON is a ``Reply`` with a ``media_type``, and the
  route ``produces`` it; such an answer's body is text;
- ``takes`` and ``tells`` name the headers that it reads and answers beside those that all routes have;
- ``also`` names further statuses that are no errors, such as a redirection;
- ``gives`` says where in the answer the value of a path parameter stands (``{"job_id": "/id"}``), and links to the
  routes of the surface that take it;
- ``raises`` names errors with statuses that do not follow from the rest (400, 401, 403, 404, 409 and 413 mostly do);
- ``limits`` are counted per caller before anything else, beside those of the surface, and by the address that the
  request came from where nobody is known; what only a part of a route's calls has to keep, its view counts by
  ``call.limited(...)``. Either way each answer that follows tells of them in its headers.
- Examples are those of the models (``json_schema_extra={"examples": [...]}``).
"""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Generic
from urllib.parse import unquote

from chalice.app import Blueprint, Request, Response
from pydantic import BaseModel
from typing_extensions import TypeVar

from chalicelib.errors import ClaimcheckError, TooManyRequests, Unauthenticated
from chalicelib.telemetry import logger

from .callers import Anyone, Caller, Scheme, anyone
from .calls import FORM, Call, parse_body, parse_query, source_ip
from .limits import Limit, Usage, of_address
from .loading import import_all
from .problems import Internal, PathNotFound

JSON = "application/json"
MAX_PATH_VALUE = 512

Envelope = Callable[[ClaimcheckError], tuple[int, Any]]
View = Callable[..., Any]
Content = TypeVar("Content", default=Any)


class Answer(Response):
    """An answer made by a surface, as against one that Chalice made by itself."""


@dataclass(frozen=True, kw_only=True)
class Reply(Generic[Content]):
    """A route's answer, where it is more than a body with the route's own status.

    With a ``media_type`` the body is text that goes out as it is.
    """

    body: Content
    status: int | None = None
    headers: Mapping[str, str | list[str]] = field(default_factory=dict)
    media_type: str = JSON


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
    form: bool = False
    returns: Any = None
    produces: tuple[str, ...] = (JSON,)
    takes: tuple[str, ...] = ()
    tells: tuple[str, ...] = ()
    gives: Mapping[str, str] = field(default_factory=dict)
    raises: tuple[type[ClaimcheckError], ...] = ()
    also: tuple[int, ...] = ()
    limits: tuple[Limit, ...] = ()


class Surface(Blueprint):
    """The routes of one contract."""

    def __init__(
        self,
        import_name: str,
        *,
        envelope: Envelope,
        title: str = "",
        about: str = "",
        error: type[BaseModel] | None = None,
        limits: tuple[Limit, ...] = (),
        limits_by_id: Callable[[], tuple[Limit, ...]] = tuple,
        by_address: bool = False,
        speaks: tuple[Envelope, ...] = (),
    ) -> None:
        """Make an empty surface.

        Args:
            import_name: the module's.
            envelope: renders an error in the contract's words.
            title: the contract's name in the document, under which its operations are found.
            about: the contract in a sentence or two.
            error: the model of what the envelope renders.
            limits: of all its routes.
            limits_by_id: further ones that depend on what the present request is about.
            by_address: whether its limits hold for each address that is called from, too.
            speaks: the envelopes of which ``envelope`` chooses one, where the request decides.
        """
        super().__init__(import_name)
        self.envelope = envelope
        self.title = title
        self.about = about
        self.error = error
        self.limits = limits
        self.limits_by_id = limits_by_id
        self.by_address = by_address
        self.speaks = speaks or (envelope,)
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
        limits: tuple[Limit, ...] = (),
        **documented: Any,  # noqa: ANN401  see Route
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
            limits: those of this route, beside the surface's.
            documented: ``returns``, ``produces``, ``takes``, ``tells``, ``gives``, ``raises`` and ``also``: see above.
        """

        def register(view: View) -> View:
            declared = Route(
                method=method, path=path, auth=auth, status=status, body=body, body_optional=body_optional,
                query=query, view=view, form=form, limits=(*self.limits, *limits), **documented,
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
        if allowed_methods(path):
            return  # By this surface or another one: two may share a path.

        def preflight(**_: str) -> Response:
            return Answer(body="", status_code=HTTPStatus.NO_CONTENT)

        self.route(path, methods=["OPTIONS"], content_types=["*/*"], name=f"OPTIONS {path}")(preflight)

    def _answer(self, route: Route, path: Mapping[str, str]) -> Response:
        usage = Usage()
        response = self._outcome(route, path, usage)
        response.headers.update(usage.headers)
        return response

    def _outcome(self, route: Route, path: Mapping[str, str], usage: Usage) -> Response:
        try:
            values = {
                name: unquote(value) for name, value in path.items()
            }  # API Gateway leaves them as they were sent.
            return _rendered(route, route.view(self._call(route, values, usage), **values))
        except ClaimcheckError as error:
            return self.refuse(error)
        except Exception:  # noqa: BLE001
            # Whatever it is, the caller gets the contract's envelope and the log gets the reason.
            logger.exception("request.crashed", route=f"{route.method} {route.path}")
            return self.refuse(Internal())

    def _call(self, route: Route, path: Mapping[str, str], usage: Usage) -> Call[Any, Any]:
        request: Request = self.current_request
        limits = (*self.limits_by_id(), *route.limits)
        caller = _known(route.auth, request, usage, limits)
        logger.thread_safe_append_keys(actor=caller.principal)
        counted = self._counted(caller, request)
        for who in counted:
            usage.count(who, *limits)
        # What a caller may do is asked after that: who is refused over and over is slowed down as well.
        route.auth.permit(caller)
        if not all(_sane(value) for value in path.values()):
            raise PathNotFound
        body = parse_body(request, route.body, optional=route.body_optional)
        query = parse_query(request, route.query)
        return Call(caller=caller, body=body, query=query, request=request, usage=usage, counted=counted)

    def _counted(self, caller: Caller, request: Request) -> list[str]:
        """Whose counts a request is of."""
        if isinstance(caller, Anyone):
            return [of_address(source_ip(request))]
        return [caller.principal, of_address(source_ip(request))] if self.by_address else [caller.principal]

    def refuse_early(self, error: ClaimcheckError) -> Response:
        """Refuse what has reached no route; it is counted by where it came from, as nobody is known yet."""
        usage = Usage()
        try:
            usage.count(of_address(source_ip(self.current_request)), *self.limits_by_id(), *self.limits)
        except ClaimcheckError as refused:
            error = refused
        response = self.refuse(error)
        response.headers.update(usage.headers)
        return response

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


def all_surfaces() -> list[Surface]:
    """Every surface with all its routes."""
    import_all()
    return list(_surfaces)


def surface_of(path: str) -> Surface:
    """The surface that owns a path, or the nearest one: that of the route which shares most of its beginning."""

    def shared(route: Route) -> int:
        if route.path == path:
            return MAX_PATH_VALUE
        pairs = list(zip(route.path.strip("/").split("/"), path.strip("/").split("/"), strict=False))
        return next((index for index, (ours, theirs) in enumerate(pairs) if not _fits(ours, theirs)), len(pairs))

    return max(_surfaces, key=lambda surface: max(shared(route) for route in surface.declared))


def unknown_path(path: str) -> dict[str, Any]:
    """The body of a 404 for a path that no route has."""
    _, body = surface_of(path).envelope(PathNotFound(path=path))
    return dict(body)


def allowed_methods(path: str) -> list[str]:
    """The methods that a declared path takes."""
    return sorted({route.method for surface in _surfaces for route in surface.declared if route.path == path})


def _known(auth: Scheme, request: Request, usage: Usage, limits: tuple[Limit, ...]) -> Caller:
    try:
        return auth(request)
    except Unauthenticated:
        usage.count(of_address(source_ip(request)), *limits)
        raise


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
    headers: dict[str, str | list[str]] = {"Content-Type": reply.media_type, **reply.headers}
    body = _json(reply.body) if reply.media_type == JSON else str(reply.body)
    return Answer(body=body, status_code=reply.status or route.status, headers=headers)


def _json(body: Any) -> str:  # noqa: ANN401  models, and lists and dicts of them
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: object) -> Any:  # noqa: ANN401  JSON
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True)
    message = f"{type(value).__name__} cannot go over the wire"
    raise TypeError(message)


__all__ = [
    "Answer",
    "Reply",
    "Route",
    "Surface",
    "all_surfaces",
    "allowed_methods",
    "anyone",
    "surface_of",
    "unknown_path",
]
