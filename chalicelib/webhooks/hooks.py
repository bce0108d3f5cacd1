"""A user's webhooks: create, list, change, rotate the secret, delete."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import times
from chalicelib.accounts.sessions import Identity
from chalicelib.dynamo import BACKEND_ERRORS, Refused
from chalicelib.errors import Conflict, StorageFailed, WebhookNotFound
from chalicelib.jobs.changes import Event
from chalicelib.telemetry import audit

from . import addresses, signing
from .tables import WebhookRow

PREFIX = "wh_"
MAX_PER_USER = 10
MAX_FAILURES = 50
"""Deliveries in a row that failed for good, after which nobody is believed to be there."""
BOTH_SIGN = timedelta(hours=24)
GONE, FAILING = "gone", "failing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhook:
    """Where a user's messages go; ``kinds`` is None for every kind, ``deactivated_because`` None while active."""

    webhook_id: str
    url: str
    events: tuple[Event, ...]
    kinds: tuple[str, ...] | None
    description: str | None
    active: bool
    deactivated_because: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What a user decides of a webhook."""

    url: str
    events: Iterable[Event]
    kinds: Iterable[str] | None
    description: str | None


def create(user: Identity, order: Order, seed: str) -> tuple[Webhook, SecretStr]:
    """Create a webhook; its secret is told here and at a rotation, and never again.

    Raises:
        InvalidRequest: no request of ours may go to that URL.
        Conflict: the user has as many as anybody may have.
    """
    addresses.parse(order.url)
    now = times.now()
    webhook_id, kind = f"{PREFIX}{seed}", signing.secret_type(seed)
    row = WebhookRow(
        user.user_id,
        webhook_id,
        email=user.email,
        url=order.url,
        events={str(event) for event in order.events},
        kinds={str(kind) for kind in order.kinds} if order.kinds is not None else None,
        description=order.description,
        active=True,
        secret=kind,
        created_at=now,
        updated_at=now,
    )
    secret = signing.keep_new(webhook_id, kind, actor=user.principal)
    try:
        # An id is made from a random seed: a row of that id is this very webhook, made by an earlier try.
        row.put(WebhookRow.webhook_id.does_not_exist())
    except Refused as refused:
        return _told(refused.old), secret
    _must_fit(user, row)
    audit("webhook.created", actor=user.principal, webhook_id=webhook_id)
    return _told(row), secret


def list_own(user: Identity) -> list[Webhook]:
    """A user's webhooks, oldest first."""
    return [_told(row) for row in rows_of(user.user_id)]


def read(user: Identity, webhook_id: str) -> Webhook:
    """A webhook, for its owner only.

    Raises:
        WebhookNotFound: there is none of that id that is theirs.
    """
    return _told(row_of(user, webhook_id))


def change(user: Identity, webhook_id: str, values: Mapping[str, Any]) -> Webhook:
    """Change what is named in ``values``: ``url``, ``events``, ``kinds``, ``description``, ``active``.

    Raises:
        InvalidRequest: no request of ours may go to that URL.
        WebhookNotFound: there is none of that id that is theirs.
    """
    if "url" in values:
        addresses.parse(values["url"])
    actions = [_set(name, value) for name, value in values.items()]
    if "active" in values:
        actions += [WebhookRow.failures.set(0), WebhookRow.deactivated_because.remove()]
    if not actions:
        return read(user, webhook_id)
    made = _write(user.user_id, webhook_id, actions)
    audit("webhook.changed", actor=user.principal, webhook_id=webhook_id, fields=sorted(values))
    return _told(made)


def rotate_secret(user: Identity, webhook_id: str, seed: str) -> tuple[SecretStr, datetime]:
    """Give a webhook a new secret; the one it had signs too for a day: the new one, and when that day ends.

    Raises:
        WebhookNotFound: there is none of that id that is theirs.
        Conflict: somebody else rotated it at the same moment.
    """
    row = row_of(user, webhook_id)
    kind = signing.secret_type(seed)
    secret = signing.keep_new(webhook_id, kind, actor=user.principal)
    if row.secret == kind and row.previous_until:
        return secret, row.previous_until  # An earlier try of the same request.
    until = times.now() + BOTH_SIGN
    changed: list[Action] = [
        WebhookRow.secret.set(kind),
        WebhookRow.previous_secret.set(row.secret),
        WebhookRow.previous_until.set(until),
    ]
    try:
        # The secret that is to sign beside the new one is the one that the receiver has.
        _write(user.user_id, webhook_id, changed, WebhookRow.secret == row.secret)
    except Refused as refused:
        if refused.old.secret != kind:
            signing.forget(webhook_id, kind, actor=user.principal)
            raise Conflict("the secret was rotated by another request at the same moment") from refused
    signing.forget(webhook_id, row.previous_secret, actor=user.principal)
    audit("webhook.secret_rotated", actor=user.principal, webhook_id=webhook_id)
    return secret, until


def delete(user: Identity, webhook_id: str) -> None:
    """Delete a webhook; what is on its way to it is not sent any more.

    Raises:
        WebhookNotFound: there is none of that id that is theirs.
    """
    row = row_of(user, webhook_id)
    _delete(row)
    for kind in (row.secret, row.previous_secret):
        signing.forget(webhook_id, kind, actor=user.principal)
    audit("webhook.deleted", actor=user.principal, webhook_id=webhook_id)


def rows_of(owner: str, *, consistent: bool = True) -> list[WebhookRow]:
    """A user's webhooks with all there is to know of them, oldest first."""
    return WebhookRow.page(WebhookRow.query(owner, consistent_read=consistent))


def row_of(user: Identity, webhook_id: str) -> WebhookRow:
    """A webhook with all there is to know of it, for its owner only."""
    row = WebhookRow.read(user.user_id, webhook_id)
    if row is None:
        raise WebhookNotFound(webhookId=webhook_id)
    return row


def count(row: WebhookRow, *, succeeded: bool) -> None:
    """Note that a delivery ended; after too many failures in a row the webhook is deactivated."""
    if succeeded:
        if row.failures:
            _quietly(row, [WebhookRow.failures.set(0)])
        return
    after = _quietly(row, [WebhookRow.failures.set(WebhookRow.failures + 1)])
    if after and after.active and after.failures >= MAX_FAILURES:
        deactivate(row, FAILING)


def deactivate(row: WebhookRow, why: str) -> None:
    """Send nothing more there until its owner says so."""
    _quietly(row, [WebhookRow.active.set(False), WebhookRow.deactivated_because.set(why)])
    audit("webhook.deactivated", actor="claimcheck", webhook_id=row.webhook_id, reason=why)


def _must_fit(user: Identity, row: WebhookRow) -> None:
    """Take a webhook away again where there are too many with it.

    It is looked at after the write: the last of several that are made at the same moment sees all the others. So
    there are never too many, and at worst one that would have fitted is refused.
    """
    if len(rows_of(user.user_id)) <= MAX_PER_USER:
        return
    _delete(row)
    signing.forget(row.webhook_id, row.secret, actor=user.principal)
    raise Conflict(f"a user may have at most {MAX_PER_USER} webhooks", limit=MAX_PER_USER)


def _set(name: str, value: Any) -> Action:  # noqa: ANN401  a value of one of the fields
    field: Any = getattr(WebhookRow, name)
    if value is None:
        removed: Action = field.remove()
        return removed
    changed: Action = field.set({str(each) for each in value} if isinstance(value, list) else value)
    return changed


def _write(owner: str, webhook_id: str, actions: list[Action], guard: Condition | None = None) -> WebhookRow:
    """One write of a webhook that is there.

    Raises:
        WebhookNotFound: it is not.
        Refused: it is, but not as ``guard`` says.
    """
    # Without it an update would make a webhook of nothing.
    condition = WebhookRow.webhook_id.exists()
    if guard is not None:
        condition &= guard
    try:
        return WebhookRow.change(
            owner, webhook_id, actions=[*actions, WebhookRow.updated_at.set(times.now())], condition=condition
        )
    except Refused as refused:
        if refused.old is None:
            raise WebhookNotFound(webhookId=webhook_id) from refused
        raise


def _quietly(row: WebhookRow, actions: list[Action]) -> WebhookRow | None:
    try:
        return _write(row.owner, row.webhook_id, actions)
    except WebhookNotFound:
        return None  # Deleted meanwhile: there is nothing left to note.


def _delete(row: WebhookRow) -> None:
    try:
        row.delete()
    except BACKEND_ERRORS as error:
        raise StorageFailed from error


def _told(row: WebhookRow) -> Webhook:
    names = ("webhook_id", "url", "description", "active", "deactivated_because", "created_at", "updated_at")
    return Webhook(
        events=tuple(event for event in Event if event in row.events),
        kinds=tuple(sorted(row.kinds)) if row.kinds else None,
        **{name: getattr(row, name) for name in names},
    )
