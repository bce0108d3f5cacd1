"""Session tokens: HS256, one to two hours, good on every surface that takes bearer tokens."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chalicelib import times
from chalicelib.errors import Forbidden, InvalidToken
from chalicelib.settings import settings

from .permissions import PERMISSIONS, Permission, Role
from .users import User

ALGORITHM = "HS256"
ISSUER = "claimcheck"
AUDIENCE = "claimcheck-api"
TYPE = "session"
REQUIRED = ["sub", "uid", "role", "permissions", "typ", "iss", "aud", "iat", "exp"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Who a token speaks for, what it allows, and until when; ``family_id`` is of the log-in by cookie behind it."""

    user_id: str
    email: str
    role: Role
    permissions: frozenset[Permission]
    expires: datetime
    family_id: str | None = None

    @property
    def principal(self) -> str:
        """The name of this identity in owners, audits and idempotency."""
        return f"user:{self.user_id}"

    def must(self, permission: Permission) -> None:
        """Refuse what this identity may not do.

        Raises:
            Forbidden: with the permission that would have been needed.
        """
        if permission not in self.permissions:
            raise Forbidden(required=permission)


def issue(user: User, *, seconds: int | None = None, family_id: str | None = None) -> str:
    """A session token for a user who has just proved who they are.

    Args:
        user: whom it speaks for.
        seconds: how long it is good; as the settings say unless given.
        family_id: of the refresh tokens that it came with, for one that is kept in a cookie.
    """
    import jwt  # noqa: PLC0415  with the cryptography it loads, a tenth of the cold start; agents never need it

    now = times.now()
    claims = {
        "sub": user.email,
        "uid": user.user_id,
        "role": user.role,
        "permissions": sorted(PERMISSIONS[user.role]),
        "typ": TYPE,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + timedelta(seconds=seconds or settings().session_seconds),
        **({"fam": family_id} if family_id else {}),
    }
    return jwt.encode(claims, settings().session_secret.get_secret_value(), ALGORITHM)


def verify(token: str) -> Identity:
    """Who the token speaks for.

    Raises:
        InvalidToken: it is not ours, not for this, or no longer good; never which.
    """
    import jwt  # noqa: PLC0415  as in issue

    try:
        claims = jwt.decode(
            token,
            settings().session_secret.get_secret_value(),
            # Fixed here and never read from the token: "none" and a public key taken for an HMAC key end there.
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            # PyJWT accepts a token with no "exp" at all unless it is required.
            options={"require": REQUIRED},
        )
        if claims["typ"] != TYPE:
            raise InvalidToken
        return Identity(
            user_id=claims["uid"],
            email=claims["sub"],
            role=Role(claims["role"]),
            permissions=frozenset(Permission(name) for name in claims["permissions"]),
            expires=datetime.fromtimestamp(claims["exp"], UTC),
            family_id=claims.get("fam"),
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise InvalidToken from error
