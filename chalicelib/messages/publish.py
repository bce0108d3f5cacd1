"""Telling the world: a change of a job becomes a JobMessage on the topic."""

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import aws
from chalicelib.errors import StorageFailed
from chalicelib.jobs.changes import ChangeRecord
from chalicelib.settings import settings

from . import message
from .message import JobMessage


def announce(change: ChangeRecord) -> None:
    """Publish a change, where there is a topic. Once more publishes the same message, under the same id, again.

    Raises:
        StorageFailed: SNS did not take the message, or what belongs into it could not be read.
    """
    if settings().messages_topic and not change.job.internal:
        _publish(message.of(change))


def _publish(made: JobMessage) -> None:
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in made.attributes.items()}
    try:
        aws.sns().publish(TopicArn=settings().messages_topic, Message=made.to_json(), MessageAttributes=attributes)
    except (BotoCoreError, ClientError) as error:
        raise StorageFailed from error
