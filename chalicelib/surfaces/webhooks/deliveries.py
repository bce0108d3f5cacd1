"""Deliveries: list them, send one again, send a test."""

from http import HTTPStatus

from chalicelib.surfaces.calls import IDEMPOTENCY_KEY, Call
from chalicelib.surfaces.limits import WEBHOOK_SENDS
from chalicelib.webhooks import deliveries

from .hooks import CHANGING, PATH, READING
from .surface import surface
from .wire import DeliveryPage, DeliveryQuery, DeliveryView, Nothing


@surface.on("GET", f"{PATH}/deliveries", auth=READING, query=DeliveryQuery)
def list_deliveries(call: Call[None, DeliveryQuery], webhook_id: str) -> DeliveryPage:
    """The deliveries of the last 30 days, newest first."""
    wanted = call.query
    found, cursor = deliveries.list_of(
        call.user, webhook_id, outcome=wanted.outcome, limit=wanted.limit, cursor=wanted.cursor
    )
    return DeliveryPage(deliveries=[DeliveryView.of(delivery) for delivery in found], next_cursor=cursor)


@surface.on(
    "POST",
    f"{PATH}/deliveries/{{delivery_id}}/redeliver",
    auth=CHANGING,
    body=Nothing,
    body_optional=True,
    status=HTTPStatus.ACCEPTED,
    limits=(WEBHOOK_SENDS,),
)
def redeliver(call: Call[Nothing], webhook_id: str, delivery_id: str) -> DeliveryView:
    """Send a message again, whether or not it arrived."""
    return DeliveryView.of(deliveries.redeliver(call.user, webhook_id, delivery_id))


@surface.on(
    "POST",
    f"{PATH}/test",
    auth=CHANGING,
    body=Nothing,
    body_optional=True,
    status=HTTPStatus.ACCEPTED,
    limits=(WEBHOOK_SENDS,),
    takes=(IDEMPOTENCY_KEY,),
)
def test_webhook(call: Call[Nothing], webhook_id: str) -> DeliveryView:
    """Send a message of the type ``webhook_test``; how that went is among the deliveries."""
    return DeliveryView.of(deliveries.test(call.user, webhook_id, call.seed))
