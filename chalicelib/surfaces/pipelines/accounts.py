"""Sessions by cookie: register, log in, refresh, log out, who am I."""

from http import HTTPStatus
from typing import Any, Literal

from chalicelib import errors
from chalicelib.accounts import families, users
from chalicelib.accounts.families import Refreshed
from chalicelib.accounts.permissions import Role
from chalicelib.surfaces import cookies
from chalicelib.surfaces.callers import anyone
from chalicelib.surfaces.calls import Call
from chalicelib.surfaces.cookies import CookieSession
from chalicelib.surfaces.surface import Reply
from chalicelib.surfaces.wire import LOG_IN_ERRORS, Email, Model, Password

from .surface import surface
from .wire import Done

LOG_OUT = (errors.Unauthenticated, cookies.CsrfMismatch)


class Account(Model):
    """An address and a password."""

    email: Email
    password: Password


class Person(Model):
    """A user."""

    id: str
    email: str
    role: Role


class Session(Model):
    """Who is logged in. ``csrfToken`` is the value of the cookie ``evium_csrf``, for pages that cannot read that."""

    ok: Literal[True]
    user: Person
    csrfToken: str  # noqa: N815  the contract's spelling


@surface.on(
    "POST",
    "/u/auth/register",
    auth=anyone,
    body=Account,
    status=HTTPStatus.CREATED,
    tells=("Set-Cookie",),
    raises=(errors.AlreadyExists, errors.Forbidden, errors.TooManyRequests),
)
def register_for_cookies(call: Call[Account]) -> Reply[Session]:
    """Create an account, and log in."""
    made = users.register(call.body.email, call.body.password, source_ip=call.source_ip)
    return _session(call, families.begin(made))


@surface.on("POST", "/u/auth/login", auth=anyone, body=Account, tells=("Set-Cookie",), raises=LOG_IN_ERRORS)
def log_in_for_cookies(call: Call[Account]) -> Reply[Session]:
    """Log in; the session is in three cookies."""
    found = users.log_in(call.body.email, call.body.password, source_ip=call.source_ip)
    return _session(call, families.begin(found))


@surface.on("POST", "/u/auth/refresh", auth=anyone, tells=("Set-Cookie",), takes=("X-Csrf-Token",), raises=LOG_OUT)
def refresh_cookies(call: Call) -> Reply[Session]:
    """Go on with a session. Its refresh token is good once: one that comes again ends the session."""
    return _session(call, families.rotate(cookies.refresh_token(call.request)))


@surface.on("POST", "/u/auth/logout", auth=anyone, tells=("Set-Cookie",), takes=("X-Csrf-Token",), raises=LOG_OUT)
def log_out(call: Call) -> Reply[Done]:
    """End a session."""
    families.end(cookies.family_of_session(call.request), "logged out")
    return Reply(body=Done(ok=True), headers={"Set-Cookie": cookies.ended(call.request)})


@surface.on("GET", "/u/auth/me", auth=CookieSession())
def who_am_i(call: Call) -> Session:
    """Whose session it is."""
    person = Person(id=call.user.user_id, email=call.user.email, role=call.user.role)
    return Session(ok=True, user=person, csrfToken=families.csrf_token(call.user.family_id or ""))


def _session(call: Call[Any], refreshed: Refreshed) -> Reply[Session]:
    user = refreshed.user
    person = Person(id=user.user_id, email=user.email, role=user.role)
    body = Session(ok=True, user=person, csrfToken=families.csrf_token(refreshed.family_id))
    return Reply(body=body, headers={"Set-Cookie": cookies.begun(call.request, refreshed)})
