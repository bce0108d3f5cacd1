"""What the functions do to AWS, as they do it, and what their policies let them; both as pairs (action, resource)."""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient

from infra.stages import ROOT

Permission = tuple[str, str]

# Where each function's own code begins: whatever is called below it is called by that function.
_ENTRANCES = {
    "chalicelib/surfaces/surface.py": "api",
    "chalicelib/triggers/stream.py": "stream",
    "chalicelib/triggers/schedules.py": "sweep",
}
# IAM's names for S3's and KMS's operations, where they are not the operation's own.
_ACTIONS = {
    "UploadPart": ("PutObject",),
    "CreateMultipartUpload": ("PutObject",),
    "CompleteMultipartUpload": ("PutObject",),
    # Without the right to list, S3 says "forbidden" of an object that is not there.
    "HeadObject": ("GetObject", "ListBucket"),
    "ReEncrypt": ("ReEncryptFrom", "ReEncryptTo"),
}
# What Lambda itself does by a function's role: read the stream, write the log, put aside what failed.
_LAMBDAS_OWN = re.compile(r"logs:|sqs:|dynamodb:(DescribeStream|GetRecords|GetShardIterator|ListStreams)$")


@contextmanager
def recorded() -> Iterator[dict[str, set[Permission]]]:
    """Note what each function calls, or signs for others to call, by the function's name."""
    from chalicelib import aws

    used: dict[str, set[Permission]] = defaultdict(set)
    call, sign = BaseClient._make_api_call, type(aws.s3()).generate_presigned_url

    def calling(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        _note(used, client.meta.service_model.service_name, operation, parameters)
        return call(client, operation, parameters)

    def signing(client: Any, ClientMethod: str, Params: dict[str, Any], **more: Any) -> Any:  # noqa: N803  botocore's
        operation = client.meta.method_to_api_mapping[ClientMethod]
        _note(used, "s3", operation, Params)
        return sign(client, ClientMethod, Params=Params, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", calling)
        patch.setattr(type(aws.s3()), "generate_presigned_url", signing)
        yield used


def allowed(function: str) -> set[Permission]:
    """What a function's policy allows its own code."""
    return {(action, resource) for action, resource in _granted(function) if not _LAMBDAS_OWN.match(action)}


def allowed_to_lambda(function: str) -> set[Permission]:
    """What a function's policy allows for the sake of Lambda itself."""
    return {(action, resource) for action, resource in _granted(function) if _LAMBDAS_OWN.match(action)}


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
    if "Fn::GetAtt" in resource:
        name, attribute = resource["Fn::GetAtt"]
        return str(name) if attribute == "Arn" else f"{name}.{attribute}"
    return re.sub(r"\$\{(\w+)\.Arn\}", r"\1", str(resource["Fn::Sub"]))


def _note(used: dict[str, set[Permission]], service: str, operation: str, parameters: dict[str, Any]) -> None:
    function = _function()
    if function:
        for action in _ACTIONS.get(operation, (operation,)):
            used[function] |= {(f"{service}:{action}", each) for each in _resources(service, action, parameters)}


def _resources(service: str, action: str, parameters: dict[str, Any]) -> list[str]:
    if service == "kms":
        return ["Key"]
    if service == "s3":
        return ["Bucket"] if action == "ListBucket" else [f"Bucket/{parameters['Key'].split('/')[0]}/*"]
    index = f"/index/{parameters['IndexName']}" if "IndexName" in parameters else ""
    names = parameters.get("RequestItems") or [parameters["TableName"]]
    return [f"{name.rpartition('-')[2].title()}Table{index}" for name in names]


def _function() -> str | None:
    """Whose code is being run; None for what a test or the local cloud does itself."""
    frame = sys._getframe(1)
    while frame:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT) and (name := _ENTRANCES.get(path.relative_to(ROOT).as_posix())):
            return name
        frame = frame.f_back  # type: ignore[assignment]
    return None
