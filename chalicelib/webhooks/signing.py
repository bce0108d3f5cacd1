"""Signing as the Standard Webhooks specification has it (https://www.standardwebhooks.com), and its secrets."""

import base64
import secrets
from datetime import datetime

from pydantic import SecretStr

from chalicelib import times
from chalicelib.errors import SecretNotFound
from chalicelib.secrets import store

from .tables import WebhookRow

SECRET_PREFIX = "whsec_"  # noqa: S105  what secrets begin with
SECRET_BYTES = 32


def secret_type(seed: str) -> str:
    """The type under which a secret is kept: each has its own, so that none ever takes another's place."""
    return f"signing-{seed}"


def keep_new(webhook_id: str, kind: str, *, actor: str) -> SecretStr:
    """A webhook's secret of that type: the one that is there, by an earlier try of the same request, or a new one."""
    try:
        return store.read(_scope(webhook_id), kind)
    except SecretNotFound:
        made = SecretStr(SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode())
    store.store(_scope(webhook_id), kind, made, actor=actor)
    return made


def forget(webhook_id: str, kind: str | None, *, actor: str) -> None:
    """Delete a secret; one that is gone already is no matter."""
    if kind is None:
        return
    try:
        store.delete(_scope(webhook_id), kind, actor=actor)
    except SecretNotFound:
        return


def headers(row: WebhookRow, message_id: str, body: str) -> dict[str, str]:
    """The three headers by which a receiver knows the message for ours: a signature for each secret that is good.

    Raises:
        EncryptionUnavailable: the key service did not answer.
    """
    now = times.now()
    kinds = [row.secret]
    if row.previous_secret and row.previous_until and row.previous_until > now:
        kinds.append(row.previous_secret)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(_signature(row, kind, message_id, now, body) for kind in kinds),
    }


def _signature(row: WebhookRow, kind: str, message_id: str, now: datetime, body: str) -> str:
    from standardwebhooks import Webhook  # noqa: PLC0415  only deliveries sign

    return Webhook(store.read(_scope(row.webhook_id), kind).get_secret_value()).sign(message_id, now, body)


def _scope(webhook_id: str) -> str:
    """In place of a project, none of which has a colon in its id."""
    return f"webhook:{webhook_id}"
