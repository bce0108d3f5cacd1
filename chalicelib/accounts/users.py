"""Users: registering, logging in, and the roles that an administrator gives."""

import unicodedata
import uuid
from dataclasses import dataclass
from datetime import datetime

from chalicelib import times
from chalicelib.dynamo import Refused
from chalicelib.errors import AlreadyExists, Forbidden, InvalidCredentials, InvalidRequest, UserNotFound
from chalicelib.settings import settings
from chalicelib.telemetry import audit

from . import limits, passwords
from .permissions import Role
from .tables import UserRow

MAX_EMAIL_CHARACTERS = 254


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """A user, without the password hash."""

    user_id: str
    email: str
    role: Role
    created_at: datetime


def normalize(email: str) -> str:
    """The one spelling under which an address is kept: NFKC, no case, no blanks around it.

    Raises:
        InvalidRequest: it is too long in that spelling.
    """
    key = unicodedata.normalize("NFKC", email).strip().casefold()
    # One character may become eighteen, and a table's key has a limit.
    if len(key) > MAX_EMAIL_CHARACTERS:
        raise InvalidRequest(f"an e-mail address may have at most {MAX_EMAIL_CHARACTERS} characters", field="email")
    return key


def register(email: str, password: str, *, source_ip: str) -> User:
    """Create a user with the role ``user``, who asks for it.

    Raises:
        Forbidden: this deployment lets only administrators add users.
        AlreadyExists: the address is registered.
        TooManyRequests: too many registrations from one address of the network.
    """
    if not settings().registration_open:
        raise Forbidden("registration is closed; an administrator can add users")
    limits.hit("register", source_ip, limit=settings().registrations_per_minute)
    return create(email, password, Role.USER)


def create(email: str, password: str, role: Role) -> User:
    """Create a user.

    Raises:
        InvalidRequest: that is no address.
        AlreadyExists: the address is registered.
    """
    key = normalize(email)
    if key.count("@") != 1:  # A full-width one becomes an ordinary one by normalizing.
        raise InvalidRequest("that is not an e-mail address", field="email")
    now = times.now()
    row = UserRow(
        key,
        user_id=str(uuid.uuid4()),
        password_hash=passwords.hash_password(password),
        role=role,
        created_at=now,
        updated_at=now,
    )
    try:
        row.put(UserRow.email.does_not_exist())
    except Refused as refused:
        if refused.old.user_id != row.user_id:  # Our own put, answered at the second try, is not a conflict.
            raise AlreadyExists("that e-mail address is registered already", field="email") from refused
    audit("user.registered", actor=row.user_id, role=role)
    return _user(row)


def log_in(email: str, password: str, *, source_ip: str) -> User:
    """The user with this address and password.

    Raises:
        InvalidCredentials: the same for an unknown address and a wrong password, and as slow.
        TooManyRequests: too many attempts at this account, or from this address of the network.
    """
    key = normalize(email)
    _limit_log_ins(key, source_ip)
    row = UserRow.read(key) if key else None  # Blanks alone leave no key, and DynamoDB reads none that is empty.
    if not passwords.verify(password, row.password_hash if row else None) or row is None:
        audit("user.login", actor=row.user_id if row else "unknown", outcome="refused", source_ip=source_ip)
        raise InvalidCredentials("the e-mail address or the password is wrong")
    audit("user.login", actor=row.user_id, source_ip=source_ip)
    return _user(row)


def _limit_log_ins(account: str, source_ip: str) -> None:
    """Tight for one address at one account; wider for each alone, so that nobody locks a user out from one address."""
    limit = settings().login_attempts_per_minute
    limits.hit("login", f"{account} {source_ip}", limit=limit)
    limits.hit("login-from", source_ip, limit=limit * 10)
    limits.hit("login-to", account, limit=limit * 50)


def read(email: str) -> User:
    """The user with this address, as kept.

    Raises:
        UserNotFound: there is none.
    """
    row = UserRow.read(email)
    if row is None:
        raise UserNotFound
    return _user(row)


def set_role(email: str, role: Role) -> User:
    """Give a user a role; tokens issued before keep the old one until they expire.

    Raises:
        UserNotFound: there is no such user.
    """
    key = normalize(email)
    if not key:
        raise UserNotFound
    try:
        row = UserRow.change(
            key,
            actions=[UserRow.role.set(role), UserRow.updated_at.set(times.now())],
            condition=UserRow.email.exists(),
        )
    except Refused as refused:
        raise UserNotFound from refused
    audit("user.role_set", actor="admin", user_id=row.user_id, role=role)
    return _user(row)


def _user(row: UserRow) -> User:
    return User(user_id=row.user_id, email=row.email, role=Role(row.role), created_at=row.created_at)
