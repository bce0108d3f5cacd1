"""What the process's environment must say before the app is imported."""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import botocore.session

SERVICES = {"DYNAMODB": "DynamoDB", "S3": "S3", "KMS": "KMS", "SNS": "SNS", "SQS": "SQS"}
"""What is embedded, as boto3's ``AWS_ENDPOINT_URL_…`` spells it, and its name."""
REGION = "us-east-1"
KEYS = ("CLAIMCHECK_ADMIN_API_KEY", "CLAIMCHECK_AGENT_SECRET", "CLAIMCHECK_SESSION_SECRET")

# No request leaves the machine, and nothing of the user's own AWS set-up is read.
_OFFLINE = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
_FOREIGN_IDENTITY = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN")


def endpoint(service: str) -> str | None:
    """Where the user has pointed boto3 for a service of ``SERVICES``; None where that is to be embedded."""
    return os.environ.get(f"AWS_ENDPOINT_URL_{service}") or os.environ.get("AWS_ENDPOINT_URL") or None


def embedded() -> frozenset[str]:
    """The services of ``SERVICES`` that nothing else provides."""
    return frozenset(service for service in SERVICES if endpoint(service) is None)


def use_endpoint(service: str, url: str) -> None:
    """Point boto3 to where a service of ``SERVICES`` is served."""
    os.environ[f"AWS_ENDPOINT_URL_{service}"] = url


def set_credentials() -> None:
    """Stand-ins for credentials and region, unless a service is elsewhere and the user has their own for it."""
    if len(embedded()) == len(SERVICES):
        for name in _FOREIGN_IDENTITY:
            os.environ.pop(name, None)
        os.environ.update(_OFFLINE)
    elif not _has_credentials():
        os.environ.update(_OFFLINE)
    region = botocore.session.Session().get_config_variable("region")
    os.environ.setdefault("AWS_DEFAULT_REGION", os.environ.get("AWS_REGION") or region or REGION)


def set_keys() -> dict[str, str]:
    """Make up the keys of ``KEYS`` that are not set; answers those that were made up."""
    made = {name: secrets.token_urlsafe(32) for name in KEYS if not os.environ.get(name)}
    os.environ.update(made)
    return made


@contextmanager
def changed(settings: Mapping[str, str]) -> Iterator[None]:
    """Apply settings, and put the whole environment back at the end, whatever was set meanwhile."""
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def _has_credentials() -> bool:
    # Asking the metadata service of a machine that is not in AWS would take seconds.
    with changed({"AWS_EC2_METADATA_DISABLED": "true"}):
        return botocore.session.Session().get_credentials() is not None
