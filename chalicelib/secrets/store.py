"""Keeping secrets: store, list, rotate the data key, rewrap it under a new master key, delete.

Every write is conditional on the version it was made from, so that a rotation that races a new value loses.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from pydantic import SecretStr
from pynamodb.expressions.condition import Condition

from chalicelib import idempotency, times
from chalicelib.dynamo import BACKEND_ERRORS, Refused
from chalicelib.errors import SecretNotFound, StorageFailed
from chalicelib.telemetry import audit

from . import envelope
from .envelope import Sealed, Subject
from .table import SecretRow

TRIES = 8
REWRAP_PAGE = 25
_SEALED = ("ciphertext", "nonce", "wrapped_key", "key_id")


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """What may be said of a secret."""

    project_id: str
    type: str
    version: int
    created_at: datetime
    updated_at: datetime


def store(project_id: str, kind: str, value: SecretStr, *, actor: str = "admin") -> Description:
    """Keep a value as the next version; the last one stored stands."""
    for _ in range(TRIES):
        old = SecretRow.read(project_id, kind)
        made = _replace(project_id, kind, value, old)
        if made:
            audit("secret.stored", actor=actor, project_id=project_id, type=kind, version=made.version)
            return made
    raise StorageFailed


def read(project_id: str, kind: str) -> SecretStr:
    """The present value, for the house's own use; agents get theirs by claim tokens.

    Raises:
        SecretNotFound: there is none.
        EncryptionUnavailable: the key service did not answer.
    """
    row = SecretRow.read(project_id, kind)
    if row is None:
        raise SecretNotFound(type=kind, projectId=project_id)
    return open_row(row)


def describe(project_id: str) -> list[Description]:
    """The types that a project has, by name."""
    return [_described(row) for row in SecretRow.page(SecretRow.query(project_id, consistent_read=True))]


def rotate(project_id: str, kind: str) -> Description:
    """Encrypt the present value anew, under a new data key, as the next version.

    Raises:
        SecretNotFound: there is none.
    """
    return _retried(project_id, kind, _rotate, "secret.rotated")


def delete(project_id: str, kind: str, *, actor: str = "admin") -> None:
    """Delete a secret, for good.

    Raises:
        SecretNotFound: there is none.
    """
    row = SecretRow.read(project_id, kind)
    if row is None:
        raise SecretNotFound(type=kind)
    try:
        row.delete()
    except BACKEND_ERRORS as error:
        raise StorageFailed from error
    audit("secret.deleted", actor=actor, project_id=project_id, type=kind)


def rewrap_some(cursor: str | None) -> tuple[int, str | None]:
    """Rewrap a page of all secrets under the present master key: how many, and the cursor of the next page.

    Safe to repeat and to resume: rewrapping what is rewrapped already changes nothing that matters.
    """
    after = dict(zip(("project_id", "type"), cursor.split("/", 1), strict=True)) if cursor else None
    start = {name: {"S": value} for name, value in after.items()} if after else None
    found = SecretRow.scan(limit=REWRAP_PAGE, last_evaluated_key=start, consistent_read=True)
    rows = SecretRow.page(found)
    for row in rows:
        _rewrap_until_done(row)
    last = found.last_evaluated_key
    return len(rows), f"{last['project_id']['S']}/{last['type']['S']}" if last else None


def open_row(row: SecretRow) -> SecretStr:
    """The plain value.

    Raises:
        EncryptionFailed, EncryptionUnavailable: as ``envelope.open_sealed``.
    """
    return envelope.open_sealed(_sealed(row), _subject(row))


def _replace(project_id: str, kind: str, value: SecretStr, old: SecretRow | None) -> Description | None:
    """Seal and write the version after ``old``; None where somebody was faster."""
    subject = Subject(project_id, kind, (old.version if old else 0) + 1)
    now = times.now()
    row = SecretRow(
        project_id,
        kind,
        version=subject.version,
        seal_id=idempotency.new_seed(),
        scheme=envelope.SCHEME,
        created_at=old.created_at if old else now,
        updated_at=now,
        **asdict(envelope.seal(value, subject)),
    )
    return _write(row, _unchanged(old))


def _rotate(row: SecretRow) -> Description | None:
    return _replace(row.project_id, row.type, open_row(row), row)


def _rewrap(row: SecretRow) -> Description | None:
    sealed = envelope.rewrap(_sealed(row), _subject(row))
    unchanged = _unchanged(row)
    for name, value in asdict(sealed).items():
        setattr(row, name, value)
    row.seal_id = idempotency.new_seed()
    return _write(row, unchanged)


def _rewrap_until_done(row: SecretRow) -> None:
    try:
        _retried(row.project_id, row.type, _rewrap, "secret.rewrapped")
    except SecretNotFound:
        return  # Deleted since the page was read: there is nothing to rewrap.


def _retried(project_id: str, kind: str, change: Callable[[SecretRow], Description | None], action: str) -> Description:
    for _ in range(TRIES):
        row = SecretRow.read(project_id, kind)
        if row is None:
            raise SecretNotFound(type=kind)
        made = change(row)
        if made:
            audit(action, actor="admin", project_id=project_id, type=kind, version=made.version)
            return made
    raise StorageFailed


def _unchanged(old: SecretRow | None) -> Condition:
    """That the row is still the one that was read: each seal has an id of its own, a rewrapped one too."""
    return SecretRow.seal_id == old.seal_id if old else SecretRow.project_id.does_not_exist()


def _write(row: SecretRow, condition: Condition) -> Description | None:
    try:
        row.put(condition)
    except Refused as refused:
        if refused.old is None or refused.old.seal_id != row.seal_id:
            return None
    return _described(row)


def _sealed(row: SecretRow) -> Sealed:
    return Sealed(**{name: getattr(row, name) for name in _SEALED})


def _subject(row: SecretRow) -> Subject:
    return Subject(row.project_id, row.type, row.version)


def _described(row: SecretRow) -> Description:
    names = ("project_id", "type", "version", "created_at", "updated_at")
    return Description(**{name: getattr(row, name) for name in names})
