"""Each function may do what its code does, and nothing else: everything is done once, and compared with its policy."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from infra.stages import ROOT
from local.cloud import LocalCloud
from tests.infra import (
    build_stories,
    evaluation_stories,
    file_stories,
    message_stories,
    permissions,
    pipeline_stories,
    stories,
)
from tests.infra.permissions import Permission
from tests.support.api import Api, Bench
from tests.support.builds import Builds
from tests.support.contracts import Maker, Page
from tests.support.evaluations import Evaluations
from tests.support.files import Files

Used = dict[str, set[Permission]]
ROLES = {
    "api": "ApiHandlerRole",
    "stream": "StreamRole",
    "sweep": "SweepRole",
    "files_stage": "FilesStageRole",
    "uploads": "UploadsRole",
    "evaluations_stage": "EvaluationsStageRole",
    "webhooks": "WebhooksRole",
    "websocket_connect": "WebsocketConnectRole",
    "websocket_message": "WebsocketMessageRole",
}
FUNCTIONS = tuple(ROLES)

# Whose secrets a function opens, as projects are named in them; the API has those of every project.
OWN_SECRETS: dict[str, list[Any]] = {
    "evaluations_stage": ["answering-agent:*", {"Ref": "EmbeddingsProject"}],
    "webhooks": ["webhook:*"],
}

_OPERATIONS = {
    "batch_get": "BatchGetItem",
    "change": "UpdateItem",
    "get": "GetItem",
    "move": "UpdateItem",
    "query": "Query",
    "read": "GetItem",
    "scan": "Scan",
}
_CALL = re.compile(rf"(\w+Row)\.(?:(\w+)\.)?({'|'.join(_OPERATIONS)})\(")


@pytest.fixture(scope="module")
def used(cloud: LocalCloud) -> Used:
    """Everything that the functions were seen to do."""
    from tests.conftest import KEYS

    api = Api(cloud.url, KEYS["CLAIMCHECK_ADMIN_API_KEY"], KEYS["CLAIMCHECK_AGENT_SECRET"])
    # An agent's credential and its being seen are remembered for a while, and would not be looked up here.
    from chalicelib.accounts import agents

    agents._seen.clear()
    with permissions.recorded() as seen:
        for story in stories.ALL:
            queue = f"q-{story.__name__.replace('_', '-')}"
            story(Bench(api, api.user(), api.agent(), api.project(), queue))
            cloud.drain()
            cloud.sweep()
        for file_story in file_stories.ALL:
            file_story(Files(api.user()), api, cloud)
            cloud.drain()
            cloud.sweep()
        for evaluation_story in evaluation_stories.ALL:
            evaluation_story(Evaluations(api.user()), api, cloud)
            cloud.drain()
        for message_story in message_stories.ALL:
            message_story(cloud, api)
            cloud.drain()
        for build_story in build_stories.ALL:
            build_story(Builds(api, api.user(), api.agent()), api, cloud)
            cloud.drain()
        for pipeline_story in pipeline_stories.ALL:
            pipeline_story(Page(api).register(), Maker(api.agent()), api)
            cloud.drain()
    return seen


@pytest.mark.parametrize("function", FUNCTIONS)
def test_policy_allows_what_the_function_does_and_nothing_else(function: str, used: Used) -> None:
    assert permissions.allowed(function) == used[function]


def test_stories_miss_no_way_of_touching_a_table(used: Used) -> None:
    """What the source says it does to tables: a call that no story makes yet would be missed by both sides above."""
    assert _written() <= set().union(*used.values())


def test_lambda_may_do_its_own_part() -> None:
    logs = ("logs:CreateLogStream", "logs:PutLogEvents")
    for function, group in (
        ("api", "ApiLogs"),
        ("websocket_connect", "WebsocketConnectLogs"),
        ("websocket_message", "WebsocketMessageLogs"),
    ):
        assert permissions.allowed_to_lambda(function) == {(action, group) for action in logs}
    assert permissions.allowed_to_lambda("sweep") == {
        *((action, "SweepLogs") for action in logs),
        ("sqs:SendMessage", "SweepFailures"),
    }
    reading = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
    assert permissions.allowed_to_lambda("stream") == {
        *((action, "StreamLogs") for action in logs),
        *((action, "JobsTable.StreamArn") for action in reading),
        ("dynamodb:ListStreams", "JobsTable/stream/*"),
        ("sqs:SendMessage", "StreamFailures"),
    }
    receiving = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
    for function, group, queue in (
        ("files_stage", "FilesStageLogs", "FilesQueue"),
        ("uploads", "UploadsLogs", "UploadsQueue"),
        ("evaluations_stage", "EvaluationsStageLogs", "EvaluationsQueue"),
        ("webhooks", "WebhooksLogs", "WebhooksQueue"),
    ):
        assert permissions.allowed_to_lambda(function) == {
            *((action, group) for action in logs),
            *((action, queue) for action in receiving),
        }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_policy_has_no_stars_but_below_one_resource(function: str) -> None:
    for statement in permissions.statements(function):
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in statement["Action"])
        for resource in statement["Resource"]:
            assert isinstance(resource, dict), "an ARN is a reference, never text"
            assert re.fullmatch(r"[^*]+(/\*)?", permissions._named(resource))


@pytest.mark.parametrize("function", ["api", *OWN_SECRETS])
def test_key_is_used_only_with_the_full_name_of_a_secret(function: str) -> None:
    from chalicelib.secrets.envelope import Subject

    condition = dict(_statement(function, "kms:Decrypt")["Condition"])
    owners = condition.pop("StringLike", None)
    names = sorted(Subject("p", "github", 1).context)
    assert condition == {
        "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": names},
        "Null": {f"kms:EncryptionContext:{name}": "false" for name in names},
    }
    assert owners == ({"kms:EncryptionContext:project": OWN_SECRETS[function]} if function in OWN_SECRETS else None)


@pytest.mark.parametrize("function", OWN_SECRETS)
def test_functions_read_only_the_secrets_that_they_use(function: str) -> None:
    [statement] = [each for each in permissions.statements(function) if each["Sid"] == "Secrets"]
    assert statement["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": OWN_SECRETS[function]}}


def test_secrets_that_functions_use_are_named_as_the_code_names_them() -> None:
    from chalicelib.evaluations import answering
    from chalicelib.webhooks import signing

    assert OWN_SECRETS["evaluations_stage"][0] == f"{answering.PROJECT}*"
    assert OWN_SECRETS["webhooks"] == [signing._scope("*")]


def test_every_function_of_the_template_has_its_policy(resources: dict[str, Any]) -> None:
    for function, role in ROLES.items():
        [policy] = resources[role]["Properties"]["Policies"]
        assert policy["PolicyDocument"]["Statement"] == permissions.statements(function)
        assert "ManagedPolicyArns" not in resources[role]["Properties"]


def _statement(function: str, action: str) -> dict[str, Any]:
    [found] = [each for each in permissions.statements(function) if action in each["Action"]]
    return found


def _written() -> set[Permission]:
    """Every ``XRow.query(…)``, ``XRow.index.query(…)`` and the like in the source."""
    from infra.tables import logical_id

    found = set()
    for path in Path(ROOT, "chalicelib").rglob("*.py"):
        for row, index, method in _CALL.findall(path.read_text()):
            table = getattr(importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts)), row)
            found.add((f"dynamodb:{_OPERATIONS[method]}", logical_id(table) + (f"/index/{index}" if index else "")))
    return found
