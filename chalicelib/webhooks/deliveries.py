"""Delivering messages to webhooks: each to its own, one attempt at a time, with back-off until it is taken.

What calls for an attempt is a ticket on the queue. The ticket of the next attempt is put there before the present one
is noted, and one that is for another attempt than the delivery waits for does nothing: so no crash ends the tries,
and a ticket that comes twice does not double them.
"""

import json
import random
from dataclasses import asdict, dataclass
from datetime import timedelta

from chalicelib import queues, times
from chalicelib.accounts.permissions import Role
from chalicelib.accounts.sessions import Identity
from chalicelib.errors import Conflict, InvalidRequest, ProjectNotFound, StorageFailed
from chalicelib.messages.message import JobMessage
from chalicelib.projects import registry
from chalicelib.telemetry import logger, start_trace, trace_parent

from . import egress, hooks, outbox, signing
from .egress import Outcome
from .outbox import Delivery, Letter, Status
from .tables import DeliveryRow, WebhookRow

DELAYS = (5, 30, 120, 600, 900, 900, 900)
"""Seconds before each further attempt, give or take a fifth; SQS has no longer delay than the last."""
LONGEST_DELAY = queues.LONGEST_RUN_SECONDS
TEST = "webhook_test"
USER_AGENT = "Claimcheck-Webhooks/1"
INACTIVE, FORGOTTEN, URL_REFUSED, BAD_STATUS = "webhook_inactive", "message_expired", "url_refused", "bad_status"
_OK, _OK_END, _GONE = 200, 300, 410

_random = random.Random()  # noqa: S311  spreads load; keeps no secret


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticket:
    """One attempt that is to be made; ``attempt`` is how many were made before it."""

    owner: str
    webhook_id: str
    delivery_id: str
    attempt: int


def fan_out(message: JobMessage) -> None:
    """Begin the delivery of a message to each webhook that it is for. Once more begins none anew.

    Raises:
        StorageFailed: not all of them were begun.
    """
    # Every message asks, and most are for nobody: half the price is worth a webhook that begins a moment later.
    rows = hooks.rows_of(_recipient(message), consistent=False)
    wanted = [row for row in rows if _is_for(row, message)]
    if not wanted:
        return
    letter = outbox.letter_of(message)
    outbox.keep(letter)
    for row in wanted:
        _send(row, letter)


def attempt(ticket: Ticket) -> None:
    """Try a delivery, unless that was done already.

    Raises:
        StorageFailed, EncryptionUnavailable: it was not tried, or is not noted: to be tried again.
    """
    row = DeliveryRow.read(ticket.webhook_id, ticket.delivery_id)
    if row is None or row.status != Status.PENDING or row.attempt > ticket.attempt:
        return
    if row.attempt < ticket.attempt:
        raise StorageFailed("the attempt before this one is not noted yet")
    hook = WebhookRow.read(ticket.owner, ticket.webhook_id)
    if hook is not None:  # Of one that was deleted nothing is told any more.
        _settle(hook, row, _tried(hook, row))


def list_of(
    user: Identity, webhook_id: str, *, outcome: Status | None, limit: int, cursor: str | None
) -> tuple[list[Delivery], str | None]:
    """A webhook's deliveries; see ``outbox.page``.

    Raises:
        WebhookNotFound: there is none of that id that is theirs.
    """
    hooks.row_of(user, webhook_id)
    return outbox.page(webhook_id, outcome=outcome, limit=limit, cursor=cursor)


def redeliver(user: Identity, webhook_id: str, delivery_id: str) -> Delivery:
    """Send a message once more, however its delivery ended; one that is still being tried is tried now.

    Raises:
        WebhookNotFound, DeliveryNotFound: there is none of that id that is theirs.
        Conflict: the webhook is not active.
    """
    hook = _active(user, webhook_id)
    row = outbox.read(webhook_id, delivery_id)
    if row.status != Status.PENDING:
        row = outbox.reopen(row)
    _call_for(hook, row)
    return outbox.delivery_of(row)


def test(user: Identity, webhook_id: str, seed: str) -> Delivery:
    """Send a message of its own kind, for a receiver to be tried with.

    Raises:
        WebhookNotFound: there is none of that id that is theirs.
        Conflict: the webhook is not active.
    """
    hook, now = _active(user, webhook_id), times.now()
    told = {
        "message_id": f"test_{seed}",
        "message_type": TEST,
        "timestamp": times.iso(now),
        "trace_parent": trace_parent(),
        "webhook_id": webhook_id,
    }
    letter = Letter(
        message_id=f"test_{seed}",
        message_type=TEST,
        job_id=None,
        moment=now,
        body=json.dumps(told, separators=(",", ":")),
    )
    outbox.keep(letter)
    return outbox.delivery_of(_send(hook, letter))


def _recipient(message: JobMessage) -> str:
    """The user whose job it is: its owner, or its creator where a team owns it."""
    if message.owner.startswith("project:"):
        return message.created_by.removeprefix("user:")
    return message.owner


def _is_for(row: WebhookRow, message: JobMessage) -> bool:
    wanted = row.active and message.message_type in row.events and (row.kinds is None or message.kind in row.kinds)
    return wanted and (message.project_id is None or _on_the_team(row, message.project_id))


def _on_the_team(row: WebhookRow, project_id: str) -> bool:
    """Whoever has left a team hears no more of its jobs, their own among them."""
    someone = Identity(user_id=row.owner, email=row.email, role=Role.USER, permissions=frozenset(), expires=times.now())
    try:
        registry.member(someone, project_id)
    except ProjectNotFound:
        return False
    return True


def _send(hook: WebhookRow, letter: Letter) -> DeliveryRow:
    row = outbox.begin(hook.webhook_id, letter)
    if row.status == Status.PENDING and row.attempt == 0:
        _call_for(hook, row)
    return row


def _call_for(hook: WebhookRow, row: DeliveryRow, *, made: int | None = None, delay: int = 0) -> None:
    number = row.attempt if made is None else made
    ticket = Ticket(owner=hook.owner, webhook_id=hook.webhook_id, delivery_id=row.delivery_id, attempt=number)
    queues.deliver(asdict(ticket), delay=delay)


def _tried(hook: WebhookRow, row: DeliveryRow) -> Outcome:
    """What the receiver answered, or why it was not asked."""
    if not hook.active:
        return Outcome(None, INACTIVE)
    body = outbox.fetch(row.message_id)
    if body is None:
        return Outcome(None, FORGOTTEN)
    trace = start_trace(json.loads(body)["trace_parent"])
    headers = {
        **signing.headers(hook, row.message_id, body),
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "traceparent": trace.parent,
    }
    try:
        return egress.post(hook.url, body.encode(), headers)
    except InvalidRequest:  # It was good when it was given; the deployment's rules have changed since.
        return Outcome(None, URL_REFUSED)


def _settle(hook: WebhookRow, row: DeliveryRow, outcome: Outcome) -> None:
    status, error = outcome.status, outcome.error
    succeeded = status is not None and _OK <= status < _OK_END
    if not succeeded and error is None:
        error = BAD_STATUS
    made = row.attempt + 1
    final = succeeded or made >= row.last_attempt or status == _GONE or error in {INACTIVE, FORGOTTEN, URL_REFUSED}
    again = None
    if not final:
        delay = _delay(made - (row.last_attempt - outbox.TRIES))
        again = times.now() + timedelta(seconds=delay)
        _call_for(hook, row, made=made, delay=delay)
    ended = Status.SUCCEEDED if succeeded else Status.FAILED if final else Status.PENDING
    noted = outbox.note(row, status=ended, response_status=status, error=error, again=again)
    logger.info(
        "webhook.tried",
        webhook_id=row.webhook_id,
        delivery_id=row.delivery_id,
        outcome=ended,
        error=error,
        status=status,
    )
    if status == _GONE:
        hooks.deactivate(hook, hooks.GONE)
    elif final and noted and error != INACTIVE:
        hooks.count(hook, succeeded=succeeded)


def _delay(made: int) -> int:
    return min(round(DELAYS[made - 1] * _random.uniform(0.8, 1.2)), LONGEST_DELAY)


def _active(user: Identity, webhook_id: str) -> WebhookRow:
    hook = hooks.row_of(user, webhook_id)
    if not hook.active:
        raise Conflict("the webhook is not active")
    return hook


__all__ = ["Ticket", "attempt", "fan_out", "list_of", "redeliver", "test"]
