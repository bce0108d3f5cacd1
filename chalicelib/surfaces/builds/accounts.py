"""Logging in with JSON."""

from chalicelib.accounts import sessions, users
from chalicelib.errors import InvalidShape
from chalicelib.surfaces.callers import anyone
from chalicelib.surfaces.calls import Call
from chalicelib.surfaces.wire import LOG_IN_ERRORS, Credentials, Token

from .surface import surface


@surface.on("POST", "/auth/login", auth=anyone, body=Credentials, raises=(*LOG_IN_ERRORS, InvalidShape))
def log_in(call: Call[Credentials]) -> Token:
    """Log in with JSON."""
    found = users.log_in(call.body.username, call.body.password, source_ip=call.source_ip)
    return Token(access_token=sessions.issue(found), token_type="bearer")  # noqa: S106  the kind of token
