"""What CloudFormation makes in AWS: tables with their streams and TTL, the bucket, the key. Safe to repeat."""

import os
from collections.abc import Iterable
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from pynamodb.models import Model

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
