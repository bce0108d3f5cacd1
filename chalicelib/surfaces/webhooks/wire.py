"""The bodies of webhooks and their deliveries."""

from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, WithJsonSchema, field_validator
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema

from chalicelib.jobs.changes import Event
from chalicelib.jobs.model import Kind
from chalicelib.surfaces.wire import Model, Moment, Query
from chalicelib.webhooks.addresses import MAX_URL
from chalicelib.webhooks.hooks import Order, Webhook
from chalicelib.webhooks.outbox import Delivery, Status


def _told_of(kind: Kind) -> Kind:
    if kind is Kind.BATCH:
        message = "is told of to nobody"
        raise ValueError(message)
    return kind


# Visible ASCII without credentials and without a fragment. That its host is on the public Internet is more than a
# pattern says; a host that the settings exempt may speak plain HTTP.
_URL = r'^[hH][tT][tT][pP][sS]://[!"$-.0->A-\[\]-~]+([/?][!"$-\[\]-~]*)?$'
Url = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_URL),
    Field(json_schema_extra={"pattern": _URL}),
]
Description = Annotated[str, StringConstraints(max_length=200)]
Events = Annotated[list[Event], Field(min_length=1, max_length=len(Event))]
_TOLD_OF = {"type": "string", "enum": [str(kind) for kind in Kind if kind is not Kind.BATCH]}
Kinds = Annotated[
    list[Annotated[Kind, AfterValidator(_told_of), WithJsonSchema(_TOLD_OF)]], Field(min_length=1, max_length=len(Kind))
]
Cursor = Annotated[str, StringConstraints(pattern=r"^dlv_[0-9a-z]{26}$")]


Given = TypeVar("Given")


def _without_default(schema: JsonDict) -> None:
    del schema["default"]


# To clients it is a field that may be left out and is never null.
_IfSent = Annotated[Given | SkipJsonSchema[None], Field(json_schema_extra=_without_default)]


class Nothing(Model):
    """An empty object."""


class WebhookCreate(Model):
    """Where to send messages, and which: those of all events and kinds unless some are named."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"url": "https://example.com/hook", "events": ["job_completed", "job_failed"]}]}
    )

    url: Url
    events: Annotated[Events, Field(default_factory=lambda: list(Event))]
    kinds: Kinds | None = None
    description: Description | None = None

    def order(self) -> Order:
        """What was decided."""
        return Order(url=self.url, events=self.events, kinds=self.kinds, description=self.description)


class WebhookChange(Model):
    """What to change: the fields that are sent. Of ``kinds`` and ``description`` null is none."""

    url: _IfSent[Url] = None
    events: _IfSent[Events] = None
    active: _IfSent[bool] = None
    kinds: Kinds | None = None
    description: Description | None = None

    @field_validator("url", "events", "active")
    @classmethod
    def _not_null(cls, value: object) -> object:
        if value is None:
            message = "may not be null; leave it out to leave it as it is"
            raise ValueError(message)
        return value

    def values(self) -> Mapping[str, Any]:
        """The fields that were sent."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class DeliveryQuery(Query):
    """Which deliveries, newest first."""

    outcome: Status | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Cursor | None = None


class WebhookView(Model):
    """A webhook; ``deactivated_because`` is ``gone`` (it answered 410) or ``failing`` where we stopped by ourselves."""

    id: str
    url: str
    events: list[str]
    kinds: list[str] | None
    description: str | None
    active: bool
    deactivated_because: str | None
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, hook: Webhook, **more: Any) -> Self:  # noqa: ANN401  fields of a subclass
        """A webhook."""
        names = ("url", "description", "active", "deactivated_because", "created_at", "updated_at")
        return cls(
            id=hook.webhook_id,
            events=list(hook.events),
            kinds=None if hook.kinds is None else list(hook.kinds),
            **{name: getattr(hook, name) for name in names},
            **more,
        )


class NewWebhookView(WebhookView):
    """A new webhook with its secret, which is not told again."""

    secret: str


class WebhookList(Model):
    """One's own webhooks, oldest first."""

    webhooks: list[WebhookView]


class SecretView(Model):
    """A new secret, which is not told again; until then the one before it signs too."""

    secret: str
    previous_secret_expires_at: Moment


class DeliveryView(Model):
    """A message on its way to a webhook.

    ``attempt`` counts the attempts that were made; ``response_status`` and ``error`` are of the last one.
    """

    id: str
    webhook_id: str
    message_id: str
    message_type: str
    job_id: str | None
    status: str
    attempt: int
    response_status: int | None
    error: str | None
    next_attempt_at: Moment | None
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """A delivery."""
        names = (
            "webhook_id", "message_id", "message_type", "job_id", "status", "attempt",
            "response_status", "error", "next_attempt_at", "created_at", "updated_at",
        )  # fmt: skip
        return cls(id=delivery.delivery_id, **{name: getattr(delivery, name) for name in names})


class DeliveryPage(Model):
    """A page of deliveries; ``next_cursor`` is null on the last. With an outcome it may hold fewer than asked for."""

    deliveries: list[DeliveryView]
    next_cursor: str | None
