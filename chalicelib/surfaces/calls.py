"""A request as a route sees it: who calls, and the parsed body and query."""

import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic
from urllib.parse import parse_qsl

from chalice.app import Request
from pydantic import BaseModel, ValidationError
from typing_extensions import TypeVar

from chalicelib import idempotency, strict_json
from chalicelib.accounts.agents import Agent
from chalicelib.accounts.sessions import Identity
from chalicelib.errors import InvalidRequest, InvalidShape, TooLarge
from chalicelib.jobs.holding import Holder

from . import origin
from .callers import Caller, TokenBearer
from .limits import Limit, Usage

MAX_BODY_BYTES = 1024 * 1024
MAX_KEY_CHARACTERS = 128
MAX_ATTEMPT_DIGITS = 9
FORM = "application/x-www-form-urlencoded"
# Pydantic's names of errors that are about a field and not about its value.
_OF_SHAPE = re.compile("^missing$|^extra_forbidden$|_type$|_parsing$")
IDEMPOTENCY_KEY = "Idempotency-Key"
OF_A_HOLDER = ("X-Claim-Attempt",)
"""The headers that ``Call.holder`` reads."""

Body = TypeVar("Body", default=None)
Query = TypeVar("Query", default=None)
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class Call(Generic[Body, Query]):
    """One request, authenticated and parsed; ``counted`` says whose limits it uses up."""

    caller: Caller
    body: Body
    query: Query
    request: Request
    usage: Usage
    counted: Sequence[str]

    def limited(self, *limits: Limit) -> None:
        """Count this call; from now on the answer, whatever it will be, tells how its caller stands.

        Raises:
            TooManyRequests: it is one too many.
        """
        for who in self.counted:
            self.usage.count(who, *limits)

    @property
    def user(self) -> Identity:
        """The caller of a route for users."""
        return _expect(Identity, self.caller)

    @property
    def agent(self) -> Agent:
        """The caller of a route for agents."""
        return _expect(Agent, self.caller)

    @property
    def bearer(self) -> TokenBearer:
        """The caller of the route that redeems claim tokens."""
        return _expect(TokenBearer, self.caller)

    @property
    def holder(self) -> Holder:
        """The agent, with the attempt it says it makes (the header ``X-Claim-Attempt``)."""
        text = self.header("x-claim-attempt")
        if text is not None and not (text.isascii() and text.isdigit() and len(text) <= MAX_ATTEMPT_DIGITS):
            raise InvalidRequest("X-Claim-Attempt must be a whole number", field="X-Claim-Attempt")
        return Holder(self.agent, int(text) if text else None)

    @property
    def source_ip(self) -> str:
        """See ``source_ip``."""
        return source_ip(self.request)

    @property
    def seed(self) -> str:
        """What the ids of everything this request creates are made from; one and the same for one Idempotency-Key."""
        key = self.header("idempotency-key")
        if key is None:
            return idempotency.new_seed()
        if not (0 < len(key) <= MAX_KEY_CHARACTERS and key.isascii() and key.isprintable()):
            message = f"Idempotency-Key must be 1 to {MAX_KEY_CHARACTERS} printable ASCII characters"
            raise InvalidRequest(message, field="Idempotency-Key")
        # Chalice's path is the route's template: what stands in its places makes the key another one.
        places = [value for _, value in sorted((self.request.uri_params or {}).items())]
        scope = idempotency.fingerprint(self.caller.principal, self.request.method, self.request.path, *places, key)
        return idempotency.seed_for(scope, idempotency.fingerprint(self._said()))

    def header(self, name: str) -> str | None:
        """A header's value."""
        value: str | None = self.request.headers.get(name)
        return value

    def _said(self) -> str:
        return self.body.model_dump_json() if isinstance(self.body, BaseModel) else ""


def source_ip(request: Request) -> str:
    """Where the gateway, or our CloudFront, saw the request come from; nobody else's header is believed."""
    return origin.viewer(request) or str(request.context.get("identity", {}).get("sourceIp", ""))


def parse_body(request: Request, model: type[Model] | None, *, optional: bool) -> Model | None:
    """The body as its model.

    Raises:
        TooLarge: over a megabyte.
        InvalidRequest: not what the model says, naming the field.
    """
    if model is None:
        return None
    content = _content(request)
    if len(content) > MAX_BODY_BYTES:
        raise TooLarge(f"the body may be at most {MAX_BODY_BYTES} bytes", limit=MAX_BODY_BYTES)
    if optional and not content.strip():
        return _validated(model, {})
    if str(request.headers.get("content-type") or "").lower().startswith(FORM):
        return _validated(model, _form(content))
    parsed = strict_json.parse(content)
    if not isinstance(parsed, dict):
        raise InvalidShape("the body must be a JSON object")
    try:
        # From the text, where pydantic's strict mode takes times and such from strings, as JSON has them.
        return model.model_validate_json(content, context={"inexact": strict_json.inexact(content)})
    except ValidationError as error:
        raise _invalid(error, parsed) from error


def parse_query(request: Request, model: type[Model] | None) -> Model | None:
    """The query as its model; names it does not know are passed over.

    Raises:
        InvalidRequest: not what the model says, naming the parameter.
    """
    return None if model is None else _validated(model, dict(request.query_params or {}))


def _content(request: Request) -> bytes:
    try:
        raw = request.raw_body
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("the body could not be decoded") from error
    return raw if isinstance(raw, bytes) else raw.encode()


def _form(content: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(content.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=50)
    except ValueError as error:
        raise InvalidRequest("the body is not a form") from error
    return dict(pairs)


def _validated(model: type[Model], values: dict[str, Any]) -> Model:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _invalid(error, values) from error


def _invalid(error: ValidationError, sent: Any) -> InvalidRequest:  # noqa: ANN401  any JSON
    """The first problem in words, and all of them in the details; what was sent is not repeated."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    problems = [
        {"field": _place(problem["loc"], sent), "message": problem["msg"].removeprefix("Value error, ")}
        for problem in found
    ]
    first = problems[0]
    message = f"{first['field']}: {first['message']}" if first["field"] else first["message"]
    kind = InvalidShape if _OF_SHAPE.search(found[0]["type"]) else InvalidRequest
    return kind(message, field=first["field"], problems=problems[:20])


def _place(location: tuple[int | str, ...], sent: Any) -> str:  # noqa: ANN401  any JSON
    """Where in what was sent a problem lies: its location less the names of the models that were tried there."""
    place: list[str] = []
    for number, part in enumerate(location):
        last = number == len(location) - 1
        if isinstance(sent, dict) and (part in sent or last):
            sent = sent.get(part)
        elif isinstance(sent, list) and isinstance(part, int) and part < len(sent):
            sent = sent[part]
        else:
            continue
        place.append(str(part))
    return ".".join(place)


Kind = TypeVar("Kind")


def _expect(kind: type[Kind], caller: object) -> Kind:
    if not isinstance(caller, kind):
        message = f"the route's authentication gives a {type(caller).__name__}, not a {kind.__name__}"
        raise TypeError(message)
    return caller


__all__ = ["FORM", "IDEMPOTENCY_KEY", "OF_A_HOLDER", "Call", "parse_body", "parse_query"]
