"""What CloudFormation makes in AWS: tables with their streams and TTL, bucket, queues, key. Safe to repeat."""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from pynamodb.models import Model

VISIBILITY_SECONDS = 960
"""How long a message stays with a handler: longer than Lambda lets any of them run."""
MAX_RECEIVES = 5
_FOURTEEN_DAYS = 14 * 24 * 3600

_CORS = {
    "CORSRules": [
        {
            "AllowedMethods": ["GET", "HEAD", "PUT"],
            "AllowedOrigins": ["*"],
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["ETag", "x-amz-checksum-sha256"],
            "MaxAgeSeconds": 3600,
        }
    ]
}


def client(service: str, **options: Any) -> Any:  # noqa: ANN401  botocore's clients have no static type
    """A client of the local cloud's own, by the environment as it is now."""
    return botocore.session.Session().create_client(service, **options)


def create_tables(models: Iterable[type[Model]]) -> None:
    """Create the tables that are not there yet, with indexes, stream and TTL."""
    for model in models:
        if not model.exists():
            model.create_table(wait=True, billing_mode="PAY_PER_REQUEST")


def create_bucket(name: str) -> None:
    """Create the bucket unless it is there, and let browsers use its presigned URLs."""
    s3 = client("s3")
    if not _found(s3.head_bucket, "404", Bucket=name):
        region = os.environ["AWS_DEFAULT_REGION"]
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=name, **place)
    s3.put_bucket_cors(Bucket=name, CORSConfiguration=_CORS)


def create_queue(sqs: Any, name: str, delay_seconds: int = 0) -> str:  # noqa: ANN401  a client of botocore
    """Create a queue unless it is there, and the one for messages that its handler failed on; answers its URL."""
    with suppress(sqs.exceptions.QueueDoesNotExist):
        return str(sqs.get_queue_url(QueueName=name)["QueueUrl"])
    keep = {"MessageRetentionPeriod": str(_FOURTEEN_DAYS)}
    failures = sqs.create_queue(QueueName=f"{name}-failures", Attributes=keep)["QueueUrl"]
    redrive = {"deadLetterTargetArn": queue_arn(sqs, failures), "maxReceiveCount": MAX_RECEIVES}
    attributes = {
        "VisibilityTimeout": str(VISIBILITY_SECONDS),
        "DelaySeconds": str(delay_seconds),
        "RedrivePolicy": json.dumps(redrive),
    }
    return str(sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def queue_arn(sqs: Any, url: str) -> str:  # noqa: ANN401  a client of botocore
    """The ARN of the queue at a URL."""
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])


def announce_uploads(bucket: str, prefix: str, arn: str) -> None:
    """Have the bucket tell a queue of every object made under a prefix.

    Raises:
        ClientError: this S3 does not know the queue.
    """
    rule = {
        "QueueArn": arn,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
    }
    client("s3").put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [rule]}
    )


def create_topic(name: str) -> str:
    """Create a topic unless it is there; answers its ARN."""
    return str(client("sns").create_topic(Name=name)["TopicArn"])


def subscribe(topic: str, queue: str) -> None:
    """Have a queue, by its ARN, get what a topic is told, as it was told; once more changes nothing.

    Raises:
        ClientError: this SNS does not know the queue.
    """
    raw = {"RawMessageDelivery": "true"}
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=raw)


def create_key(alias: str) -> None:
    """Create an encryption key under an alias unless it is there.

    Raises:
        ValueError: ``alias`` is a key's id, which only KMS can choose, and there is no such key.
    """
    kms = client("kms")
    if _found(kms.describe_key, "NotFoundException", KeyId=alias):
        return
    if not alias.startswith("alias/"):
        message = f"there is no key {alias!r}: name an alias, such as alias/claimcheck"
        raise ValueError(message)
    key = kms.create_key(Description="Claimcheck, local")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=alias, TargetKeyId=key)


def _found(read: Any, missing: str, **arguments: str) -> bool:  # noqa: ANN401  a method of a client
    try:
        read(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] != missing:
            raise
        return False
    return True
