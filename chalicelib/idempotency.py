"""Creating once: what was asked under a key, remembered for a day, so that asking again answers the same thing.

All ids of what a request creates are made from one random seed. With an ``Idempotency-Key`` the seed is kept under
the key before anything is created, and every creation is a put that finds its own item already there. So a request
repeated after a crash half-way makes what is missing and nothing twice, which a store of answers could not promise.
"""

import hashlib
import re
from datetime import datetime, timedelta
from uuid import UUID

from pynamodb.attributes import TTLAttribute, UnicodeAttribute
from ulid import ULID

from . import times
from .dynamo import Refused, Table, expiry, named
from .errors import IdempotencyKeyReused

KEPT = timedelta(days=1)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class KeyRow(Table):
    """A key and what it stands for."""

    class Meta:
        """Keys are hashed, so that their length and content are of no matter."""

        table_name = named("idempotency")

    key = UnicodeAttribute(hash_key=True)
    value = UnicodeAttribute()
    request = UnicodeAttribute(null=True)
    expires = TTLAttribute()


def new_seed() -> str:
    """A time-ordered random id (ULID, 26 characters in lower case) to make other ids from.

    Its bits are those of a UUID of version 7 (RFC 9562), so that a contract whose ids are UUIDs can write it as one.
    """
    content = bytearray(ULID().bytes)
    content[6] = 0x70 | content[6] & 0x0F
    content[8] = 0x80 | content[8] & 0x3F
    return str(ULID(bytes(content))).lower()


def uuid_of(seed: str) -> str:
    """A seed as the contracts have it whose ids are UUIDs."""
    return str(ULID.from_str(seed.upper()).to_uuid())


def seed_of(uuid: str) -> str | None:
    """The seed that is written as a UUID; None for what is none."""
    try:
        return str(ULID.from_uuid(UUID(uuid))).lower() if _UUID.fullmatch(uuid) else None
    except ValueError:
        return None


def seed_for(key: str, request: str) -> str:
    """The seed of a request under a key: a new one the first time, the same one each time after.

    Args:
        key: a fingerprint of who asks, for what, under which key of theirs.
        request: a fingerprint of the request itself.

    Raises:
        IdempotencyKeyReused: the key stands for another request.
    """
    row = KeyRow(key, value=new_seed(), request=request, expires=_until())
    try:
        # DynamoDB deletes what has expired when it comes round to it; until then the key is free by its time.
        row.put(KeyRow.key.does_not_exist() | (KeyRow.expires < times.now()))
    except Refused as refused:
        if refused.old.request != request:
            raise IdempotencyKeyReused from refused
        return str(refused.old.value)
    return row.value


def note(key: str, value: str, *, instead_of: str | None) -> str:
    """Keep a value under a key for a day, in place of the one that ``recall`` answered; answers the one that is kept.

    That is another one where somebody else noted something under the key since.
    """
    known = KeyRow.key.does_not_exist() | (KeyRow.expires < times.now())
    if instead_of is not None:
        known |= KeyRow.value == instead_of
    try:
        KeyRow(key, value=value, expires=_until()).put(known)
    except Refused as refused:
        return str(refused.old.value)
    return value


def recall(key: str) -> str | None:
    """The value kept under a key."""
    row = KeyRow.read(key)
    return row.value if row and row.expires > times.now() else None


def fingerprint(*parts: str) -> str:
    """SHA-256 over the parts, each with its length, so that no two lists of parts look alike."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode()
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def _until() -> datetime:
    return expiry(times.now() + KEPT)
