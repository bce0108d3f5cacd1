"""What is on its way to webhooks: messages kept once, and a row for each delivery of them."""

import hashlib
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, auto

from ulid import ULID

from chalicelib import times
from chalicelib.dynamo import Refused, expiry
from chalicelib.errors import DeliveryNotFound
from chalicelib.messages import blobs
from chalicelib.messages.message import JobMessage

from .tables import DeliveryRow, MessageRow

PREFIX = "dlv_"
KEPT = timedelta(days=30)
TRIES = 8


class Status(StrEnum):
    """How a delivery stands."""

    PENDING = auto()
    SUCCEEDED = auto()
    FAILED = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One message on its way to one webhook.

    ``attempt`` counts the attempts that were made, ``response_status`` and ``error`` are of the last one, and
    ``next_attempt_at`` is about when there will be another.
    """

    delivery_id: str
    webhook_id: str
    message_id: str
    message_type: str
    job_id: str | None
    status: Status
    attempt: int
    response_status: int | None
    error: str | None
    next_attempt_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """A message as it is sent to webhooks."""

    message_id: str
    message_type: str
    job_id: str | None
    moment: datetime
    body: str


def letter_of(message: JobMessage) -> Letter:
    """A JobMessage as it is sent to webhooks."""
    return Letter(
        message_id=message.message_id,
        message_type=message.message_type,
        job_id=message.job_id,
        moment=message.timestamp,
        body=message.to_json(),
    )


def keep(letter: Letter) -> None:
    """Keep a message for its deliveries; once more changes nothing that matters."""
    MessageRow(letter.message_id, data=zlib.compress(letter.body.encode()), expires=_until()).put()


def fetch(message_id: str) -> str | None:
    """A message as it is to be sent now: the URLs in it are good from now on. None where it has aged out."""
    row = MessageRow.read(message_id)
    return _fresh(zlib.decompress(row.data).decode()) if row else None


def begin(webhook_id: str, letter: Letter) -> DeliveryRow:
    """The delivery of a message to a webhook: a new one, or the one that there is."""
    now = times.now()
    row = DeliveryRow(
        webhook_id,
        _delivery_id(webhook_id, letter),
        message_id=letter.message_id,
        message_type=letter.message_type,
        job_id=letter.job_id,
        status=Status.PENDING,
        attempt=0,
        last_attempt=TRIES,
        next_attempt_at=now,
        created_at=now,
        updated_at=now,
        expires=_until(),
    )
    try:
        # The id is made from webhook and message: the same message again is no other delivery.
        row.put(DeliveryRow.delivery_id.does_not_exist())
    except Refused as refused:
        there: DeliveryRow = refused.old
        return there
    return row


def read(webhook_id: str, delivery_id: str) -> DeliveryRow:
    """A delivery.

    Raises:
        DeliveryNotFound: there is none of that id.
    """
    row = DeliveryRow.read(webhook_id, delivery_id)
    if row is None:
        raise DeliveryNotFound(deliveryId=delivery_id)
    return row


def page(
    webhook_id: str, *, outcome: Status | None, limit: int, cursor: str | None
) -> tuple[list[Delivery], str | None]:
    """A webhook's deliveries, newest first, and the cursor of the next page.

    With an outcome a page may hold fewer than ``limit`` and still have a next one.
    """
    older = DeliveryRow.delivery_id < cursor if cursor else None
    found = DeliveryRow.query(webhook_id, older, scan_index_forward=False, limit=limit + 1, consistent_read=True)
    rows = DeliveryRow.page(found)
    wanted = rows[:limit]
    told = [delivery_of(row) for row in wanted if outcome in (None, row.status)]
    return told, wanted[-1].delivery_id if len(rows) > limit else None


def note(
    row: DeliveryRow, *, status: Status, response_status: int | None, error: str | None, again: datetime | None
) -> bool:
    """Write how an attempt went; whether it was the one that the delivery was waiting for."""
    changed = [
        DeliveryRow.status.set(status),
        DeliveryRow.attempt.set(row.attempt + 1),
        DeliveryRow.updated_at.set(times.now()),
        DeliveryRow.response_status.remove()
        if response_status is None
        else DeliveryRow.response_status.set(response_status),
        DeliveryRow.error.remove() if error is None else DeliveryRow.error.set(error),
        DeliveryRow.next_attempt_at.remove() if again is None else DeliveryRow.next_attempt_at.set(again),
    ]
    # Nobody has noted an attempt since this one began: SQS may have delivered its ticket twice.
    unchanged = (DeliveryRow.status == Status.PENDING) & (DeliveryRow.attempt == row.attempt)
    try:
        DeliveryRow.change(row.webhook_id, row.delivery_id, actions=changed, condition=unchanged)
    except Refused:
        return False
    return True


def reopen(row: DeliveryRow) -> DeliveryRow:
    """Let a delivery that has ended begin anew, with as many attempts as a new one has."""
    now = times.now()
    changed = [
        DeliveryRow.status.set(Status.PENDING),
        DeliveryRow.last_attempt.set(row.attempt + TRIES),
        DeliveryRow.next_attempt_at.set(now),
        DeliveryRow.updated_at.set(now),
    ]
    try:
        # Still ended, and not again by another attempt in between.
        same = (DeliveryRow.status == row.status) & (DeliveryRow.attempt == row.attempt)
        return DeliveryRow.change(row.webhook_id, row.delivery_id, actions=changed, condition=same)
    except Refused as refused:
        if refused.old is None:
            raise DeliveryNotFound(deliveryId=row.delivery_id) from refused
        there: DeliveryRow = refused.old
        return there


def delivery_of(row: DeliveryRow) -> Delivery:
    """The row as the frozen value that the rest of the house works with."""
    names = ("delivery_id", "webhook_id", "message_id", "message_type", "job_id", "attempt", "response_status", "error")
    more = ("next_attempt_at", "created_at", "updated_at")
    return Delivery(status=Status(row.status), **{name: getattr(row, name) for name in (*names, *more)})


def _delivery_id(webhook_id: str, letter: Letter) -> str:
    """Ordered by the message's time, and the same for the same message and webhook."""
    digest = hashlib.sha256(f"{webhook_id} {letter.message_id}".encode()).digest()
    moment = times.to_epoch_ms(letter.moment).to_bytes(6, "big")
    return f"{PREFIX}{ULID(moment + digest[:10])}".lower()


def _fresh(body: str) -> str:
    if '"blob_references":[{' not in body:
        return body
    message = JobMessage.model_validate_json(body)
    references = [blobs.signed_anew(blob) for blob in message.blob_references]
    return message.model_copy(update={"blob_references": references}).to_json()


def _until() -> datetime:
    return expiry(times.now() + KEPT)
