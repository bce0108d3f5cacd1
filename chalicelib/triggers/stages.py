"""SQS: what wakes the stages that run jobs on Lambda, and what tells of uploads."""

import json
from typing import Any
from urllib.parse import unquote_plus

from chalice.app import Blueprint, SQSEvent

from chalicelib import queues
from chalicelib.files import uploads as file_uploads
from chalicelib.objects import leftovers

triggers = Blueprint(__name__)


@triggers.on_sqs_message(queue=queues.name_of(queues.FILES), batch_size=1, name="files_stage")
def files_stage(event: SQSEvent) -> None:
    """Do one file job. Which one is in the tables; a message that comes twice finds nothing the second time."""
    # The engine takes a while to import, and no other function needs it.
    from chalicelib.files import stage  # noqa: PLC0415

    context: Any = event.context
    for message in event:
        told = json.loads(message.body)
        if "discard" in told:
            leftovers.discard_output(**told["discard"])
        else:
            stage.serve(context.aws_request_id, context.get_remaining_time_in_millis() / 1000)


@triggers.on_sqs_message(queue=queues.name_of(queues.UPLOADS), batch_size=1, name="uploads")
def uploads(event: SQSEvent) -> None:
    """Begin the jobs whose clients have forgotten to say that their upload is done."""
    for message in event:
        for record in json.loads(message.body).get("Records", ()):  # S3's own test message has none.
            file_uploads.arrived(unquote_plus(record["s3"]["object"]["key"]))


@triggers.on_sqs_message(queue=queues.name_of(queues.EVALUATIONS), batch_size=1, name="evaluations_stage")
def evaluations_stage(event: SQSEvent) -> None:
    """Do one evaluation or batch, or look at the batches of an evaluation of which one got on."""
    # The engines take a while to import, and no other function needs them.
    from chalicelib.evaluations import gathering, stage  # noqa: PLC0415

    context: Any = event.context
    for message in event:
        told = json.loads(message.body)
        if "gather" in told:
            gathering.look(told["gather"])
        else:
            stage.serve(context.aws_request_id, context.get_remaining_time_in_millis() / 1000)
