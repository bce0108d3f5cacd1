"""What the contract's tests need beside the API: its settings changed, and AWS watched or failing."""

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from unittest.mock import patch

import botocore.client
from botocore.exceptions import ClientError

from local import environment
from tests.support.api import Api, Caller

ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
JSON_TYPE = {"Content-Type": "application/json"}


def api_of(url: str) -> Api:
    """The API of the cloud that runs, whose keys are in the environment."""
    return Api(url, os.environ["CLAIMCHECK_ADMIN_API_KEY"], os.environ["CLAIMCHECK_AGENT_SECRET"])


@dataclass(frozen=True)
class People:
    """Users with what they may do."""

    member: Caller
    member_email: str
    viewer: Caller
    viewer_email: str
    stranger: Caller
    stranger_email: str

    @classmethod
    def registered(cls, api: Api) -> Self:
        names = ("member", "viewer", "stranger")
        member, viewer, stranger = (f"{name}-{uuid.uuid4().hex}@example.com" for name in names)
        viewing = api.user(viewer, role="viewer")
        return cls(api.user(member), member, viewing, viewer, api.user(stranger), stranger)


@contextmanager
def changed_settings(**values: str) -> Iterator[None]:
    """Other settings for as long as the block lasts; a process reads them once, so it is made to forget them."""
    from chalicelib.settings import settings

    try:
        with environment.changed({f"CLAIMCHECK_{name.upper()}": value for name, value in values.items()}):
            settings.cache_clear()
            yield
    finally:
        settings.cache_clear()


Answerer = Callable[[str, dict[str, Any]], Exception | None]


@dataclass
class AwsSpy:
    """Calls of botocore in order, and whom to ask whether one is to fail instead of going through."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    failing: Answerer = lambda operation, parameters: None  # noqa: ARG005  nothing fails

    def of(self, *operations: str) -> list[tuple[str, dict[str, Any]]]:
        return [call for call in self.calls if call[0] in operations]

    def fail(self, operation: str, code: str, *, table: str = "") -> None:
        """Let an operation fail with an error code, where a table is named only on that."""

        def answer(asked: str, parameters: dict[str, Any]) -> Exception | None:
            hit = asked == operation and str(parameters.get("TableName", "")).endswith(table)
            return ClientError({"Error": {"Code": code, "Message": "made up"}}, asked) if hit else None

        self.failing = answer


@contextmanager
def spied() -> Iterator[AwsSpy]:
    """Watch every call that a botocore client of this process makes, on its way to the real one."""
    spy, lock = AwsSpy(), threading.Lock()
    call = botocore.client.BaseClient._make_api_call

    def watched(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        with lock:
            spy.calls.append((operation, parameters))
        error = spy.failing(operation, parameters)
        if error:
            raise error
        return call(self, operation, parameters)

    with patch.object(botocore.client.BaseClient, "_make_api_call", watched):
        yield spy


def everything_stored() -> str:
    """All items of all tables and all objects of the bucket as one text, binary values decoded where they can be."""
    from chalicelib import aws
    from chalicelib.settings import settings
    from chalicelib.storage import MODELS

    texts: list[str] = []
    for model in MODELS:
        for row in model.scan():
            texts += _texts(row.serialize())
    s3, bucket = aws.s3(), settings().bucket
    for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        texts += _unpacked(s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read())
    return "\n".join(texts)


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for part in value.values() for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    if isinstance(value, bytes):
        return _unpacked(value)
    return [str(value)]


def _unpacked(content: bytes) -> list[str]:
    import zlib

    texts = [content.decode("latin-1")]
    try:
        texts.append(zlib.decompress(content).decode("latin-1"))
    except zlib.error:
        return texts
    return texts
