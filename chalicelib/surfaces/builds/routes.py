"""The builds contract's routes."""

from chalicelib.accounts import sessions, users
from chalicelib.surfaces.callers import anyone
from chalicelib.surfaces.calls import Call
from chalicelib.surfaces.surface import Surface
from chalicelib.surfaces.wire import LOG_IN_ERRORS, Credentials, Token

from .errors import ErrorBody, envelope

surface = Surface(__name__, envelope=envelope, error=ErrorBody, title="Builds", about="Logging in with JSON.")


@surface.on("POST", "/auth/login", auth=anyone, body=Credentials, raises=LOG_IN_ERRORS)
def log_in(call: Call[Credentials]) -> Token:
    """Log in with JSON."""
    found = users.log_in(call.body.username, call.body.password, source_ip=call.source_ip)
    return Token(access_token=sessions.issue(found), token_type="bearer")  # noqa: S106  the kind of token
