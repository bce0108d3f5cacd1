"""SQS: JobMessages that may be for somebody's webhook, and the attempts to deliver them."""

import json

from chalice.app import Blueprint, SQSEvent

from chalicelib import queues

triggers = Blueprint(__name__)


@triggers.on_sqs_message(queue=queues.name_of(queues.WEBHOOKS), batch_size=1, name="webhooks")
def webhooks(event: SQSEvent) -> None:
    """A message from the topic becomes a delivery for each webhook that it is for; a ticket is an attempt at one."""
    # What it needs is of no use to the other functions.
    from chalicelib.messages.message import JobMessage  # noqa: PLC0415
    from chalicelib.webhooks import deliveries  # noqa: PLC0415

    for message in event:
        told = json.loads(message.body)
        if "deliver" in told:
            deliveries.attempt(deliveries.Ticket(**told["deliver"]))
        else:
            deliveries.fan_out(JobMessage.model_validate(told))
