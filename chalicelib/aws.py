"""AWS clients, made when first needed so that a cold start pays only for what its request uses."""

from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config

from .settings import settings

# The first try and two more; every write is conditional, so that a repeated one is recognised (see dynamo.py).
_RETRIES = {"total_max_attempts": 3, "mode": "standard"}
# A Lambda container needs one at a time, the local cloud one for each of its threads.
_CONNECTIONS = 64


@cache
def _session() -> botocore.session.Session:
    return botocore.session.Session()


@cache
def dynamodb() -> Any:  # noqa: ANN401  botocore's clients have no static type
    """DynamoDB, as PynamoDB configures its own clients: it has checked the parameters by itself."""
    config = Config(
        retries=_RETRIES,
        parameter_validation=False,
        connect_timeout=15,
        read_timeout=30,
        max_pool_connections=_CONNECTIONS,
    )
    return _session().create_client("dynamodb", config=config)


@cache
def s3() -> Any:  # noqa: ANN401  botocore's clients have no static type
    """S3, signing with version 4 and adding no checksum of its own to presigned requests."""
    config = Config(
        retries=_RETRIES,
        signature_version="s3v4",
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path"},
    )
    return _session().create_client("s3", config=config)


@cache
def sqs() -> Any:  # noqa: ANN401  botocore's clients have no static type
    """SQS."""
    return _session().create_client("sqs", config=Config(retries=_RETRIES))


@cache
def sns() -> Any:  # noqa: ANN401  botocore's clients have no static type
    """SNS."""
    return _session().create_client("sns", config=Config(retries=_RETRIES))


@cache
def connections() -> Any:  # noqa: ANN401  botocore's clients have no static type
    """API Gateway's WebSocket connections, at the endpoint of the settings."""
    config = Config(retries=_RETRIES, connect_timeout=2, read_timeout=5, max_pool_connections=_CONNECTIONS)
    return _session().create_client(
        "apigatewaymanagementapi", endpoint_url=settings().websocket_endpoint, config=config
    )


@cache
def kms() -> Any:  # noqa: ANN401  botocore's clients have no static type
    """KMS."""
    return _session().create_client("kms", config=Config(retries=_RETRIES))
