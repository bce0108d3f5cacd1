"""Webhooks: create, list, read, change, rotate the secret, delete."""

from http import HTTPStatus

from chalicelib.accounts.permissions import Permission
from chalicelib.surfaces.callers import user
from chalicelib.surfaces.calls import IDEMPOTENCY_KEY, Call
from chalicelib.surfaces.surface import Reply
from chalicelib.webhooks import hooks

from .surface import surface
from .wire import NewWebhookView, Nothing, SecretView, WebhookChange, WebhookCreate, WebhookList, WebhookView

PATH = "/api/webhooks/{webhook_id}"
READING, CHANGING = user(Permission.JOB_READ), user(Permission.JOB_CREATE)


@surface.on(
    "POST",
    "/api/webhooks",
    auth=CHANGING,
    body=WebhookCreate,
    status=HTTPStatus.CREATED,
    takes=(IDEMPOTENCY_KEY,),
    tells=("Location",),
    gives={"webhook_id": "/id"},
)
def create_webhook(call: Call[WebhookCreate]) -> Reply[NewWebhookView]:
    """Create a webhook; its secret is in this answer and in no other."""
    made, secret = hooks.create(call.user, call.body.order(), call.seed)
    view = NewWebhookView.of(made, secret=secret.get_secret_value())
    return Reply(body=view, headers={"Location": f"/api/webhooks/{view.id}"})


@surface.on("GET", "/api/webhooks", auth=READING)
def list_webhooks(call: Call) -> WebhookList:
    """One's own webhooks, oldest first."""
    return WebhookList(webhooks=[WebhookView.of(hook) for hook in hooks.list_own(call.user)])


@surface.on("GET", PATH, auth=READING)
def get_webhook(call: Call, webhook_id: str) -> WebhookView:
    """A webhook, without its secret."""
    return WebhookView.of(hooks.read(call.user, webhook_id))


@surface.on("PATCH", PATH, auth=CHANGING, body=WebhookChange)
def change_webhook(call: Call[WebhookChange], webhook_id: str) -> WebhookView:
    """Change what is sent; activating it forgets its failures."""
    return WebhookView.of(hooks.change(call.user, webhook_id, call.body.values()))


@surface.on("DELETE", PATH, auth=CHANGING, status=HTTPStatus.NO_CONTENT)
def delete_webhook(call: Call, webhook_id: str) -> Reply[str]:
    """Delete a webhook; what is on its way to it is not sent any more."""
    hooks.delete(call.user, webhook_id)
    return Reply(body="", media_type="text/plain")


@surface.on("POST", f"{PATH}/rotate-secret", auth=CHANGING, body=Nothing, body_optional=True, takes=(IDEMPOTENCY_KEY,))
def rotate_webhook_secret(call: Call[Nothing], webhook_id: str) -> SecretView:
    """Replace the secret; for a day both sign, so that the receiver can change over."""
    secret, until = hooks.rotate_secret(call.user, webhook_id, call.seed)
    return SecretView(secret=secret.get_secret_value(), previous_secret_expires_at=until)
