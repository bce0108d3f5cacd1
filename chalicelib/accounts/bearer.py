"""Bearer tokens: our own sessions, and those of the configured OpenID Connect issuer."""

from chalicelib.errors import InvalidToken

from . import openid, sessions
from .sessions import Identity


def verify(token: str) -> Identity:
    """Who the token speaks for.

    Raises:
        InvalidToken: it is neither ours nor the issuer's, not for this, or no longer good; never which.
        IssuerUnavailable: it may be the issuer's, whose keys could never be had.
    """
    import jwt  # noqa: PLC0415  as in sessions

    try:
        algorithm = jwt.get_unverified_header(token).get("alg")
    except jwt.PyJWTError as error:
        raise InvalidToken from error
    # Only whom to ask is read from the token. Each of the two has one algorithm, and keys that fit no other.
    return openid.verify(token) if algorithm == openid.ALGORITHM else sessions.verify(token)
