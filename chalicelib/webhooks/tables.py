"""The tables of webhooks: where to send, what was sent, and how that went."""

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, TTLAttribute, UnicodeAttribute, UnicodeSetAttribute

from chalicelib.dynamo import IntegerAttribute, Table, TimeAttribute, named


class WebhookRow(Table):
    """A user's webhook; ``secret`` and ``previous_secret`` are the types under which its signing secrets are kept."""

    class Meta:
        """Keyed by owner, so that all that a message could go to is one query."""

        table_name = named("webhooks")

    owner = UnicodeAttribute(hash_key=True)
    webhook_id = UnicodeAttribute(range_key=True)
    email = UnicodeAttribute()
    url = UnicodeAttribute()
    events = UnicodeSetAttribute()
    kinds = UnicodeSetAttribute(null=True)
    description = UnicodeAttribute(null=True)
    active = BooleanAttribute()
    deactivated_because = UnicodeAttribute(null=True)
    failures = IntegerAttribute(default=0)
    secret = UnicodeAttribute()
    previous_secret = UnicodeAttribute(null=True)
    previous_until = TimeAttribute(null=True)
    created_at = TimeAttribute()
    updated_at = TimeAttribute()


class DeliveryRow(Table):
    """One message on its way to one webhook, and how the last attempt went."""

    class Meta:
        """The ids are ordered by the messages' times."""

        table_name = named("webhook-deliveries")

    webhook_id = UnicodeAttribute(hash_key=True)
    delivery_id = UnicodeAttribute(range_key=True)
    message_id = UnicodeAttribute()
    message_type = UnicodeAttribute()
    job_id = UnicodeAttribute(null=True)
    status = UnicodeAttribute()
    attempt = IntegerAttribute()
    last_attempt = IntegerAttribute()
    response_status = IntegerAttribute(null=True)
    error = UnicodeAttribute(null=True)
    next_attempt_at = TimeAttribute(null=True)
    created_at = TimeAttribute()
    updated_at = TimeAttribute()
    expires = TTLAttribute()


class MessageRow(Table):
    """A message as it is sent, compressed: once, however many webhooks and attempts there are."""

    class Meta:
        """Lasts as long as the deliveries of it."""

        table_name = named("webhook-messages")

    message_id = UnicodeAttribute(hash_key=True)
    data = BinaryAttribute(legacy_encoding=False)
    expires = TTLAttribute()


TABLES: tuple[type[Table], ...] = (WebhookRow, DeliveryRow, MessageRow)
