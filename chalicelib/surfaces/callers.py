"""Who may call a route: each way to authenticate, to be named by every route."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Protocol

from chalice.app import Request

from chalicelib.accounts import agents, sessions
from chalicelib.accounts.agents import Agent
from chalicelib.accounts.permissions import Permission
from chalicelib.accounts.sessions import Identity
from chalicelib.errors import Forbidden, InvalidCredentials, InvalidToken, Unauthenticated
from chalicelib.settings import settings

AGENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_MAX_CREDENTIAL = 4096


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

    def __call__(self, request: Request) -> Caller:
        """The caller of this request.

        Raises:
            Unauthenticated, Forbidden: and nothing else about why.
        """


def anyone(request: Request) -> Anyone:  # noqa: ARG001  a Scheme
    """No credentials needed."""
    return Anyone()


def user(permission: Permission | None = None) -> Scheme:
    """A bearer token; with the permission, where one is named."""

    def authenticate(request: Request) -> Identity:
        identity = sessions.verify(_bearer(request))
        if permission is not None and permission not in identity.permissions:
            raise Forbidden(required=permission)
        return identity

    return authenticate


def agent(request: Request) -> Agent:
    """The headers of the agents contract: an id, and the shared secret or the agent's own."""
    return agents.authenticate(_agent_id(request), _header(request, "x-colab-secret"))


def user_or_agent(permission: Permission) -> Scheme:
    """Either; the agent's headers are looked at where there is no bearer token."""
    by_token = user(permission)

    def authenticate(request: Request) -> Caller:
        return by_token(request) if "authorization" in request.headers else agent(request)

    return authenticate


def claim_token(request: Request) -> TokenBearer:
    """An agent's id and its claim token; the token is the credential."""
    return TokenBearer(_agent_id(request), _header(request, "x-claim-token"))


def admin(request: Request) -> Admin:
    """The deployment's admin key."""
    # Digests have one length and are bytes: compare_digest raises on text that is not ASCII.
    if not hmac.compare_digest(_digest(_header(request, "x-admin-api-key")), _digest(_admin_key())):
        raise InvalidCredentials("the admin key is wrong")
    return Admin()


def _admin_key() -> str:
    return settings().admin_api_key.get_secret_value()


def _bearer(request: Request) -> str:
    scheme, _, token = _header(request, "authorization").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise InvalidToken
    return token.strip()


def _agent_id(request: Request) -> str:
    agent_id = _header(request, "x-colab-id")
    if not AGENT_ID.fullmatch(agent_id):
        raise InvalidCredentials("X-Colab-Id must be 1 to 64 letters, digits, dots, colons, underscores or hyphens")
    return agent_id


def _header(request: Request, name: str) -> str:
    value = str(request.headers.get(name) or "")
    if not value:
        raise Unauthenticated(f"the header {name.title()} is missing", header=name.title())
    if len(value) > _MAX_CREDENTIAL:
        raise InvalidCredentials
    return value


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()
