"""Tokens of the one OpenID Connect issuer that the settings name, such as a tenant of Microsoft's identity platform.

They are RS256 JSON Web Tokens, checked against the issuer's published keys. Whoever has one is a user of ours without
being registered: nothing reads a user's row but log-in, and what a user owns is theirs by the id, which is made from
the issuer's name and the subject's. The same person's account with a password is another user.

https://openid.net/specs/openid-connect-core-1_0.html, 2 and 3.1.3.7; RFC 8725 for what is checked and why.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any

from chalicelib import strict_json
from chalicelib.errors import InvalidRequest, InvalidToken
from chalicelib.settings import Settings, settings

from .issuer_keys import keys_of
from .permissions import PERMISSIONS, Role
from .sessions import Identity
from .users import normalize

ALGORITHM = "RS256"
LEEWAY_SECONDS = 60
REQUIRED = ["sub", "iss", "aud", "iat", "exp"]
PREFIX = "oidc-"
ID_DIGITS = 40
# Where a token names several roles, the first of these is the user's.
_ROLES = (Role.ADMIN, Role.USER, Role.VIEWER)


def verify(token: str) -> Identity:
    """Who the token speaks for.

    Raises:
        InvalidToken: it is not the issuer's, not for us, or not good now; never which. Or there is no issuer.
        IssuerUnavailable: no key of the issuer's could be had since this process began.
    """
    import jwt  # noqa: PLC0415  as in sessions

    here = settings()
    if here.openid_issuer is None:
        raise InvalidToken
    try:
        # A token that does not even claim to be the issuer's is nothing to ask the issuer about.
        if jwt.decode(token, options={"verify_signature": False}).get("iss") != here.openid_issuer:
            raise InvalidToken
        key = keys_of(here.openid_issuer).key(jwt.get_unverified_header(token).get("kid"))
        claims = jwt.decode(
            token,
            key,
            # Fixed here and never read from the token; and the keys are public keys for RS256 and nothing else.
            algorithms=[ALGORITHM],
            issuer=here.openid_issuer,
            audience=here.openid_audience,
            leeway=LEEWAY_SECONDS,
            options={"require": REQUIRED},
        )
        return _identity(claims, here)
    except (jwt.PyJWTError, UnicodeEncodeError) as error:  # A subject may be no text at all: half a surrogate pair.
        raise InvalidToken from error


def _identity(claims: dict[str, Any], here: Settings) -> Identity:
    if not claims["sub"]:
        raise InvalidToken
    role = _role(claims, here)
    return Identity(
        user_id=_user_id(claims["iss"], claims["sub"]),
        email=_email(claims, here),
        role=role,
        permissions=PERMISSIONS[role],
        expires=datetime.fromtimestamp(claims["exp"], UTC),
    )


def _user_id(issuer: str, subject: str) -> str:
    """The same for the same subject of the same issuer, for good: a subject's id is unique only at its issuer."""
    return PREFIX + hashlib.sha256(strict_json.canonical([issuer, subject])).hexdigest()[:ID_DIGITS]


def _email(claims: dict[str, Any], here: Settings) -> str:
    """The first of the configured claims that is an address; none where the issuer says that it is not verified.

    A project's members are named by address, so an address that anybody could have given themselves counts for nothing.
    """
    if claims.get("email_verified", True) not in (True, "true"):
        return ""
    for name in here.openid_email_claims:
        found = claims.get(name)
        try:
            if isinstance(found, str) and found.isprintable() and (address := normalize(found)).count("@") == 1:
                return address
        except InvalidRequest:
            continue
    return ""


def _role(claims: dict[str, Any], here: Settings) -> Role:
    """The role that the configured claim names, alone or in a list; a user's where it names none of ours."""
    told = claims.get(here.openid_role_claim) if here.openid_role_claim else None
    named = [told] if isinstance(told, str) else told if isinstance(told, list) else []
    return next((role for role in _ROLES if role in named), Role.USER)
