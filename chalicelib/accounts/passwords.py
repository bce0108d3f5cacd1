"""Passwords: Argon2id with the library's recommended parameters (RFC 9106's low-memory profile)."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """An Argon2id hash in PHC form, with its own salt and parameters."""
    return _hasher.hash(password)


def verify(password: str, stored: str | None) -> bool:
    """Whether the password is right; takes as long for a user who does not exist, whose ``stored`` is None."""
    try:
        matches = _hasher.verify(stored or _of_nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return matches and stored is not None


@cache
def _of_nobody() -> str:
    return hash_password("the password of a user who does not exist")
