"""Who may call a route: each way to authenticate, to be named by every route."""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from chalice.app import Request

from chalicelib.accounts import agents, bearer
from chalicelib.accounts.agents import Agent
from chalicelib.accounts.permissions import Permission
from chalicelib.accounts.sessions import Identity
from chalicelib.errors import InvalidCredentials, InvalidToken, Unauthenticated
from chalicelib.settings import settings

AGENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_MAX_CREDENTIAL = 4096
# Microsoft's tokens list a user's groups; API Gateway takes 10 KB of headers in all.
_MAX_TOKEN = 8192


@dataclass(frozen=True, slots=True)
class Admin:
    """Whoever has the admin key."""

    principal: str = "admin"


@dataclass(frozen=True, slots=True)
class Anyone:
    """A caller who need not say who they are."""

    principal: str = "anyone"


@dataclass(frozen=True, slots=True)
class TokenBearer:
    """An agent with a claim token; the token is checked by what redeems it."""

    agent_id: str
    token: str

    @property
    def principal(self) -> str:
        """As the agent says; nothing has been proved yet."""
        return f"token:{self.agent_id}"


Caller = Identity | Agent | Admin | Anyone | TokenBearer


class Scheme(Protocol):
    """A way to authenticate."""

    @property
    def security(self) -> tuple[tuple[str, ...], ...]:
        """The credentials by their names in the document: all of one of the tuples; no tuple, no credentials."""

    def __call__(self, request: Request) -> Caller:
        """Who calls.

        Raises:
            Unauthenticated: and nothing else about why.
        """

    def permit(self, caller: Caller) -> None:
        """Whether this caller may.

        Raises:
            Forbidden: and what would have been needed.
        """


@dataclass(frozen=True, slots=True)
class _Plain:
    """Whoever has the credentials may call."""

    identify: Callable[[Request], Caller]
    security: tuple[tuple[str, ...], ...]

    def __call__(self, request: Request) -> Caller:
        return self.identify(request)

    def permit(self, caller: Caller) -> None:
        """Nothing more is asked."""


@dataclass(frozen=True, slots=True)
class _User:
    """A bearer token with a permission; or an agent's headers, where there is no token and ``agents`` are let in."""

    permission: Permission | None
    agents: bool = False

    @property
    def security(self) -> tuple[tuple[str, ...], ...]:
        return (("bearer",), *((_AGENT,) if self.agents else ()))

    def __call__(self, request: Request) -> Caller:
        if self.agents and "authorization" not in request.headers:
            return agent(request)
        return bearer.verify(_bearer(request))

    def permit(self, caller: Caller) -> None:
        """An agent needs no permission."""
        if self.permission is not None and isinstance(caller, Identity):
            caller.must(self.permission)


def user(permission: Permission | None = None) -> Scheme:
    """A bearer token; with the permission, where one is named."""
    return _User(permission)


def user_or_agent(permission: Permission) -> Scheme:
    """Either; the agent's headers are looked at where there is no bearer token."""
    return _User(permission, agents=True)


def _agent(request: Request) -> Agent:
    return agents.authenticate(_agent_id(request), _header(request, "x-colab-secret"))


def _claim_token(request: Request) -> TokenBearer:
    return TokenBearer(_agent_id(request), _header(request, "x-claim-token"))


def _admin(request: Request) -> Admin:
    # Digests have one length and are bytes: compare_digest raises on text that is not ASCII.
    if not hmac.compare_digest(_digest(_header(request, "x-admin-api-key")), _digest(_admin_key())):
        raise InvalidCredentials("the admin key is wrong")
    return Admin()


def _admin_key() -> str:
    return settings().admin_api_key.get_secret_value()


def _bearer(request: Request) -> str:
    scheme, _, token = _header(request, "authorization", longest=_MAX_TOKEN).partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise InvalidToken
    return token.strip()


def _agent_id(request: Request) -> str:
    agent_id = _header(request, "x-colab-id")
    if not AGENT_ID.fullmatch(agent_id):
        raise InvalidCredentials("X-Colab-Id must be 1 to 64 letters, digits, dots, colons, underscores or hyphens")
    return agent_id


def _header(request: Request, name: str, *, longest: int = _MAX_CREDENTIAL) -> str:
    value = str(request.headers.get(name) or "")
    if not value:
        raise Unauthenticated(f"the header {name.title()} is missing", header=name.title())
    if len(value) > longest:
        raise InvalidCredentials
    return value


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()


_AGENT = ("agentId", "agentSecret")

anyone: Scheme = _Plain(lambda _: Anyone(), ())
"""No credentials needed."""
agent: Scheme = _Plain(_agent, (_AGENT,))
"""The headers of the agents contract: an id, and the shared secret or the agent's own."""
claim_token: Scheme = _Plain(_claim_token, (("agentId", "claimToken"),))
"""An agent's id and its claim token; the token is the credential."""
admin: Scheme = _Plain(_admin, (("adminKey",),))
"""The deployment's admin key."""
