"""Refresh tokens: each is good once, and brings the next.

One that comes a second time has been in somebody else's hands, the owner's or a thief's, and nobody can tell whose: it
ends its whole family, which is all that came of one log-in (RFC 9700, 4.14.2).
"""

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from chalicelib import idempotency, times
from chalicelib.dynamo import Refused, expiry
from chalicelib.errors import InvalidToken, UserNotFound
from chalicelib.settings import settings
from chalicelib.telemetry import audit

from . import users
from .tables import FamilyRow
from .users import User

# What ``_token`` makes: the family's id, and 256 bits.
_FORM = re.compile(r"(?P<family>[0-9a-z]{26})\.[A-Za-z0-9_-]{43}")


class Refreshed(NamedTuple):
    """Whose family it is, its id, and its one good token."""

    user: User
    family_id: str
    token: str


def begin(user: User) -> Refreshed:
    """A family for a user who has just logged in."""
    family_id = idempotency.new_seed()
    token = _token(family_id)
    now = times.now()
    FamilyRow(family_id, email=user.email, token_hash=_hash(token), created_at=now, expires=_until()).put()
    return Refreshed(user, family_id, token)


def rotate(token: str) -> Refreshed:
    """The next token of a family, for its present one.

    Raises:
        InvalidToken: it is none, has expired, or was used before, which ends the family; never which.
    """
    family_id = family_of(token)
    following = _token(family_id)
    try:
        row = FamilyRow.change(
            family_id,
            actions=[FamilyRow.token_hash.set(_hash(following)), FamilyRow.expires.set(_until())],
            condition=(FamilyRow.token_hash == _hash(token))
            & FamilyRow.revoked_at.does_not_exist()
            & (FamilyRow.expires > times.now()),
        )
    except Refused as refused:
        row = refused.old
        # A try of our own may have been made whose answer was lost.
        if row is None or not hmac.compare_digest(row.token_hash, _hash(following)):
            _end_stolen(row)
            raise InvalidToken from refused
    try:
        return Refreshed(users.read(row.email), family_id, following)
    except UserNotFound as error:
        raise InvalidToken from error


def end(family_id: str, why: str) -> None:
    """End a family: none of its tokens brings another."""
    try:
        row = FamilyRow.change(
            family_id,
            actions=[FamilyRow.revoked_at.set(times.now())],
            condition=FamilyRow.revoked_at.does_not_exist() & FamilyRow.family_id.exists(),
        )
    except Refused:
        return
    audit("session.ended", actor=row.email, why=why)


def family_of(token: str) -> str:
    """The family that a token is of, if it is one.

    Raises:
        InvalidToken: it has not the form of one.
    """
    found = _FORM.fullmatch(token)
    if found is None:
        raise InvalidToken
    return found["family"]


def csrf_token(family_id: str) -> str:
    """What a page shows to prove that it can read its session's cookie: good for this family and no other."""
    key = settings().session_secret.get_secret_value().encode()
    return hmac.new(key, f"csrf {family_id}".encode(), hashlib.sha256).hexdigest()


def _end_stolen(row: FamilyRow | None) -> None:
    if row is not None and row.revoked_at is None and row.expires > times.now():
        end(row.family_id, "a refresh token was used twice")


def _token(family_id: str) -> str:
    return f"{family_id}.{secrets.token_urlsafe(32)}"


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _until() -> datetime:
    return expiry(times.now() + timedelta(seconds=settings().refresh_cookie_seconds))
