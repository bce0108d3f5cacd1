"""Accounts: register, log in, who am I."""

from http import HTTPStatus

from chalicelib import errors
from chalicelib.accounts import sessions, users
from chalicelib.surfaces.callers import anyone, user
from chalicelib.surfaces.calls import Call
from chalicelib.surfaces.wire import LOG_IN_ERRORS, Credentials, Token

from .surface import surface
from .wire import Registration, UserView


@surface.on(
    "POST",
    "/api/v1/auth/register",
    auth=anyone,
    body=Registration,
    status=HTTPStatus.CREATED,
    raises=(errors.AlreadyExists, errors.Forbidden, errors.TooManyRequests),
)
def register(call: Call[Registration]) -> UserView:
    """Create an account."""
    made = users.register(call.body.email, call.body.password, source_ip=call.source_ip)
    return UserView(id=made.user_id, email=made.email, role=made.role)


@surface.on("POST", "/api/v1/auth/login", auth=anyone, body=Credentials, form=True, raises=LOG_IN_ERRORS)
def log_in(call: Call[Credentials]) -> Token:
    """Log in with a form, as OAuth 2's password flow has it."""
    found = users.log_in(call.body.username, call.body.password, source_ip=call.source_ip)
    return Token(access_token=sessions.issue(found), token_type="bearer")  # noqa: S106  the kind of token


@surface.on("GET", "/api/v1/users/me", auth=user())
def me(call: Call) -> UserView:
    """Who the token speaks for."""
    return UserView(id=call.user.user_id, email=call.user.email, role=call.user.role)
