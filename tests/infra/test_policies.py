"""Each function may do what its code does, and nothing else: everything is done once, and compared with its policy."""

import re
from pathlib import Path
from typing import Any

import pytest

from infra.stages import ROOT
from local.cloud import LocalCloud
from tests.infra import file_stories, permissions, stories
from tests.infra.permissions import Permission
from tests.support.api import Api, Bench
from tests.support.files import Files

Used = dict[str, set[Permission]]
FUNCTIONS = ("api", "stream", "sweep", "files_stage", "uploads")
ROLES = ("ApiHandlerRole", "StreamRole", "SweepRole", "FilesStageRole", "UploadsRole")

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
    return seen


@pytest.mark.parametrize("function", FUNCTIONS)
def test_policy_allows_what_the_function_does_and_nothing_else(function: str, used: Used) -> None:
    assert permissions.allowed(function) == used[function]


def test_stories_miss_no_way_of_touching_a_table(used: Used) -> None:
    """What the source says it does to tables: a call that no story makes yet would be missed by both sides above."""
    assert _written() <= set().union(*used.values())


def test_lambda_may_do_its_own_part() -> None:
    logs = ("logs:CreateLogStream", "logs:PutLogEvents")
    assert permissions.allowed_to_lambda("api") == {(action, "ApiLogs") for action in logs}
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


def test_stream_lists_nothing_but_outputs() -> None:
    [statement] = [each for each in permissions.statements("stream") if "s3:ListBucket" in each["Action"]]
    assert statement["Condition"] == {"StringLike": {"s3:prefix": "output/*"}}


def test_key_is_used_only_with_the_full_name_of_a_secret() -> None:
    from chalicelib.secrets.envelope import Subject

    [statement] = [each for each in permissions.statements("api") if each["Action"][0].startswith("kms:")]
    names = sorted(Subject("p", "github", 1).context)
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": names},
        "Null": {f"kms:EncryptionContext:{name}": "false" for name in names},
    }


def test_every_function_of_the_template_has_its_policy(resources: dict[str, Any]) -> None:
    for function, role in zip(FUNCTIONS, ROLES, strict=True):
        [policy] = resources[role]["Properties"]["Policies"]
        assert policy["PolicyDocument"]["Statement"] == permissions.statements(function)
        assert "ManagedPolicyArns" not in resources[role]["Properties"]


def _written() -> set[Permission]:
    """Every ``XRow.query(…)``, ``XRow.index.query(…)`` and the like in the source."""
    from chalicelib.storage import MODELS
    from infra.tables import logical_id

    tables = {model.__name__: logical_id(model) for model in MODELS}
    sources = [path.read_text() for path in Path(ROOT, "chalicelib").rglob("*.py")]
    calls = {call for source in sources for call in _CALL.findall(source) if call[0] in tables}
    return {
        (f"dynamodb:{_OPERATIONS[method]}", tables[row] + (f"/index/{index}" if index else ""))
        for row, index, method in calls
    }
