"""What the functions do to AWS, as they do it, and what their policies let them; both as pairs (action, resource)."""

import json
import re
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient

from infra.stages import ROOT

Permission = tuple[str, str]

# Where each function's own code begins: whatever is called below it is called by that function.
_ENTRANCES = {
    ("chalicelib/surfaces/surface.py", None): "api",
    ("chalicelib/triggers/stream.py", None): "stream",
    ("chalicelib/triggers/schedules.py", None): "sweep",
    # Several functions in one file: there the name counts, too.
    ("chalicelib/triggers/stages.py", "files_stage"): "files_stage",
    ("chalicelib/triggers/stages.py", "uploads"): "uploads",
    ("chalicelib/triggers/stages.py", "evaluations_stage"): "evaluations_stage",
    ("chalicelib/triggers/webhooks.py", None): "webhooks",
    ("chalicelib/triggers/websockets.py", "websocket_connect"): "websocket_connect",
    ("chalicelib/triggers/websockets.py", "websocket_message"): "websocket_message",
}
# IAM's names for operations, where they are not the operation's own.
_ACTIONS = {
    "UploadPart": ("PutObject",),
    "CreateMultipartUpload": ("PutObject",),
    "CompleteMultipartUpload": ("PutObject",),
    "HeadBucket": ("ListBucket",),
    "HeadObject": ("GetObject",),
    "ListObjectsV2": ("ListBucket",),
    "ListMultipartUploads": ("ListBucketMultipartUploads",),
    "ReEncrypt": ("ReEncryptFrom", "ReEncryptTo"),
}
# By what method API Gateway is asked, which its permissions name.
_METHODS = {"PostToConnection": "POST", "DeleteConnection": "DELETE"}
# Without the right to list, S3 says "forbidden" of an object that is not there.
_LOOKING = {"HeadObject", "GetObject"}
# What Lambda itself does by a function's role: read the stream or the queue, write the log, put aside what failed.
_LAMBDAS_OWN = re.compile(
    r"logs:|dynamodb:(DescribeStream|GetRecords|GetShardIterator|ListStreams) "
    r"|sqs:(DeleteMessage|GetQueueAttributes|ReceiveMessage) |sqs:SendMessage \w+Failures$"
)
_EXECUTE = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:"
# For whom a thread works that has no entrance above it.
_working = threading.local()


@contextmanager
def recorded() -> Iterator[dict[str, set[Permission]]]:
    """Note what each function calls, or signs for others to call, by the function's name."""
    from chalicelib import aws, queues

    used: dict[str, set[Permission]] = defaultdict(set)
    call, sign = BaseClient._make_api_call, type(aws.s3()).generate_presigned_url
    submit, start = ThreadPoolExecutor.submit, threading.Thread.start

    def calling(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        service = client.meta.service_model.service_name
        _note(used, service, operation, parameters)
        if operation in _LOOKING:
            _note(used, service, "ListBucket", parameters)
        return call(client, operation, parameters)

    def signing(client: Any, ClientMethod: str, Params: dict[str, Any], **more: Any) -> Any:  # noqa: N803  botocore's
        operation = client.meta.method_to_api_mapping[ClientMethod]
        _note(used, "s3", operation, Params)
        return sign(client, ClientMethod, Params=Params, **more)

    def submitting(pool: Executor, work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        return submit(pool, _for_the_same(work), *arguments, **named)

    def starting(thread: threading.Thread) -> None:
        thread.run = _for_the_same(thread.run)  # type: ignore[method-assign]
        start(thread)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", calling)
        # Files are processed and uploaded with threads, below which nothing says who began them.
        patch.setattr(ThreadPoolExecutor, "submit", submitting)
        patch.setattr(threading.Thread, "start", starting)
        # Asked for once in a process's life, which all functions share here.
        patch.setattr(queues, "_url", queues._url.__wrapped__)
        patch.setattr(type(aws.s3()), "generate_presigned_url", signing)
        yield used


def allowed(function: str) -> set[Permission]:
    """What a function's policy allows its own code."""
    return {granted for granted in _granted(function) if not _LAMBDAS_OWN.match(" ".join(granted))}


def allowed_to_lambda(function: str) -> set[Permission]:
    """What a function's policy allows for the sake of Lambda itself."""
    return {granted for granted in _granted(function) if _LAMBDAS_OWN.match(" ".join(granted))}


def statements(function: str) -> list[dict[str, Any]]:
    """The statements of a function's policy."""
    document = json.loads(Path(ROOT, "infra", "policies", f"{function}.json").read_text())
    return list(document["Statement"])


def _granted(function: str) -> set[Permission]:
    return {
        (action, _named(resource))
        for statement in statements(function)
        for action in statement["Action"]
        for resource in statement["Resource"]
    }


def _named(resource: dict[str, Any]) -> str:
    """A resource as ``_resources`` names it: ``JobsTable``, ``JobsTable/index/agenda``, ``Bucket/artifacts/*``."""
    if "Ref" in resource:
        return str(resource["Ref"])
    if "Fn::GetAtt" in resource:
        name, attribute = resource["Fn::GetAtt"]
        return str(name) if attribute == "Arn" else f"{name}.{attribute}"
    return re.sub(r"\$\{(\w+)(?:\.Arn)?\}", r"\1", str(resource["Fn::Sub"]).removeprefix(_EXECUTE))


def _note(used: dict[str, set[Permission]], service: str, operation: str, parameters: dict[str, Any]) -> None:
    function = _function()
    if function and operation in _METHODS:
        connections = f"WebsocketAPI/WebsocketAPIStage/{_METHODS[operation]}/@connections/*"
        used[function].add(("execute-api:ManageConnections", connections))
    elif function:
        for action in _ACTIONS.get(operation, (operation,)):
            used[function] |= {(f"{service}:{action}", each) for each in _resources(service, action, parameters)}


def _resources(service: str, action: str, parameters: dict[str, Any]) -> list[str]:
    if service == "kms":
        return ["Key"]
    if service == "s3":
        return ["Bucket"] if action.startswith("ListBucket") else [f"Bucket/{parameters['Key'].split('/')[0]}/*"]
    if service == "sns":
        return [f"{_logical(parameters['TopicArn'].rpartition(':')[2])}Topic"]
    if service == "sqs":
        queue = parameters.get("QueueName") or parameters["QueueUrl"].rpartition("/")[2]
        return [f"{_logical(queue)}Queue"]
    index = f"/index/{parameters['IndexName']}" if "IndexName" in parameters else ""
    names = parameters.get("RequestItems") or [parameters["TableName"]]
    return [f"{_logical(name)}Table{index}" for name in names]


def _logical(name: str) -> str:
    """The beginning of a logical id: a name of a queue, topic or table without the deployment's prefix."""
    from chalicelib.settings import settings

    return name.removeprefix(f"{settings().table_prefix}-").title().replace("-", "")


def _function() -> str | None:
    """Whose code is being run; None for what a test or the local cloud does itself."""
    frame = sys._getframe(1)
    while frame:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT):
            file = path.relative_to(ROOT).as_posix()
            if name := _ENTRANCES.get((file, None)) or _ENTRANCES.get((file, frame.f_code.co_name)):
                return name
        frame = frame.f_back  # type: ignore[assignment]
    return getattr(_working, "function", None)


def _for_the_same(work: Callable[..., Any]) -> Callable[..., Any]:
    function = _function()

    def working(*arguments: Any, **named: Any) -> Any:
        before = getattr(_working, "function", None)
        _working.function = function
        try:
            return work(*arguments, **named)
        finally:
            _working.function = before

    return working
