"""The template's own resources, deployed by moto's CloudFormation: the tables are what the models say."""

import fnmatch
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from pynamodb.models import Model

from local.cloud import LocalCloud

STACK = "claimcheck-dev"
QUEUES = ("files", "uploads", "evaluations", "messages", "webhooks")
KEYS = {"SessionSecret": "s" * 32, "AdminApiKey": "a" * 32}
# moto's CloudFormation knows no SAM and no WebSockets: what Chalice declares, and what speaks of it, stays out.
CHALICE = re.compile(
    r'"(APIHandler|Stream|Sweep|FilesStage|Uploads|EvaluationsStage|Webhooks|WebsocketConnect|WebsocketMessage|RestAPI)"'
)
ABSENT = ("AWS::Serverless::", "AWS::IAM::", "AWS::Lambda::", "AWS::ApiGatewayV2::", "AWS::CloudFront::")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A moto of our own, in another process: nothing that runs in this one can stand in for what is deployed."""
    script = (
        "from moto.server import ThreadedMotoServer\n"
        "import sys\n"
        "server = ThreadedMotoServer('127.0.0.1', 0, verbose=False)\n"
        "server.start()\n"
        "print(*server.get_host_and_port(), flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(  # noqa: S603  our own interpreter
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        host, port = process.stdout.readline().split()
        yield f"http://{host}:{port}"
        process.stdin.close()


@pytest.fixture(scope="module")
def stack(server: str, template: dict[str, Any]) -> dict[str, Any]:
    """The template's parameters, conditions and those of its resources that moto can make; deployed."""
    told = _standalone(template)
    _deploy(server, told, STACK, KEYS)
    return told


def test_tables_are_what_the_models_say(server: str, stack: dict[str, Any], cloud: LocalCloud) -> None:  # noqa: ARG001
    from chalicelib.storage import MODELS
    from infra.tables import short_name

    dynamodb = _client(server, "dynamodb")
    deployed = {
        name.removeprefix("claimcheck-dev-"): dynamodb.describe_table(TableName=name)["Table"]
        for name in dynamodb.list_tables()["TableNames"]
    }
    assert set(deployed) == {short_name(model) for model in MODELS}
    for model in MODELS:
        # What PynamoDB made of the model in the local cloud is the measure, and not what this template was made from.
        assert _shape(deployed[short_name(model)]) == _shape(_made_by_pynamodb(model)), model.__name__
        assert deployed[short_name(model)]["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_tables_forget_by_the_models_ttl(stack: dict[str, Any], cloud: LocalCloud) -> None:  # noqa: ARG001
    from pynamodb.attributes import TTLAttribute

    from chalicelib.storage import MODELS
    from infra.tables import logical_id

    for model in MODELS:
        # moto leaves TTL off, whatever the template says.
        told = stack["Resources"][logical_id(model)]["Properties"].get("TimeToLiveSpecification")
        names = [each.attr_name for each in model.get_attributes().values() if isinstance(each, TTLAttribute)]
        assert told == ({"AttributeName": names[0], "Enabled": True} if names else None)


def test_only_jobs_has_a_stream_with_both_images(server: str, stack: dict[str, Any]) -> None:  # noqa: ARG001
    dynamodb = _client(server, "dynamodb")
    streams = {
        name: dynamodb.describe_table(TableName=name)["Table"].get("StreamSpecification")
        for name in dynamodb.list_tables()["TableNames"]
    }
    found = {name: each["StreamViewType"] for name, each in streams.items() if each and each["StreamEnabled"]}
    assert found == {"claimcheck-dev-jobs": "NEW_AND_OLD_IMAGES"}


def test_key_rotates_and_is_used_by_the_api_and_read_by_two_more(server: str, stack: dict[str, Any]) -> None:
    kms = _client(server, "kms")
    [alias] = [each for each in kms.list_aliases()["Aliases"] if each["AliasName"] == "alias/claimcheck-dev"]
    assert kms.get_key_rotation_status(KeyId=alias["TargetKeyId"])["KeyRotationEnabled"] is True
    policy = stack["Resources"]["Key"]["Properties"]["KeyPolicy"]
    administration, use, reading = policy["Statement"]
    for using in ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:CreateGrant"):
        assert not any(fnmatch.fnmatchcase(using, pattern) for pattern in administration["Action"])
    assert _roles(use) == ["ApiHandlerRole"]
    assert _roles(reading) == ["EvaluationsStageRole", "WebhooksRole"]
    assert reading["Action"] == ["kms:Decrypt"]
    for statement in (use, reading):
        assert set(statement["Condition"]["Null"].values()) == {"false"}
        assert len(statement["Condition"]["Null"]) == 3


def test_queues_keep_what_failed_for_two_weeks(server: str, stack: dict[str, Any]) -> None:  # noqa: ARG001
    queues = _queues(server)
    failures = {name: told for name, told in queues.items() if name.endswith("-failures")}
    assert set(failures) == {f"claimcheck-dev-{name}-failures" for name in ("stream", "sweep", *QUEUES)}
    for told in failures.values():
        assert int(told["MessageRetentionPeriod"]) == 14 * 86400


def test_queues_put_aside_a_message_that_has_failed_five_times(server: str, stack: dict[str, Any]) -> None:  # noqa: ARG001
    queues = _queues(server)
    for name in (f"claimcheck-dev-{queue}" for queue in QUEUES):
        redrive = json.loads(queues[name]["RedrivePolicy"])
        assert redrive["deadLetterTargetArn"] == queues[f"{name}-failures"]["QueueArn"]
        assert int(redrive["maxReceiveCount"]) == 5


def test_only_uploads_are_delayed(server: str, stack: dict[str, Any]) -> None:  # noqa: ARG001
    delayed = {name: told["DelaySeconds"] for name, told in _queues(server).items() if told["DelaySeconds"] != "0"}
    assert delayed == {"claimcheck-dev-uploads": "60"}


def test_message_of_the_topic_is_in_both_of_its_queues_as_it_was_told(server: str, stack: dict[str, Any]) -> None:
    sns, sqs = _client(server, "sns"), _client(server, "sqs")
    [topic] = [each["TopicArn"] for each in sns.list_topics()["Topics"]]
    assert topic.endswith(":claimcheck-dev-messages")
    # moto's CloudFormation makes none.
    for told in (
        each["Properties"] for each in stack["Resources"].values() if each["Type"] == "AWS::SNS::Subscription"
    ):
        queue = stack["Resources"][told["Endpoint"]["Fn::GetAtt"][0]]["Properties"]["QueueName"]
        raw = {"RawMessageDelivery": str(told["RawMessageDelivery"]).lower()}
        arn = _queues(server)[queue]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol=told["Protocol"], Endpoint=arn, Attributes=raw)
    sns.publish(TopicArn=topic, Message='{"a": 1}')
    for name in ("messages", "webhooks"):
        url = sqs.get_queue_url(QueueName=f"claimcheck-dev-{name}")["QueueUrl"]
        assert [each["Body"] for each in sqs.receive_message(QueueUrl=url)["Messages"]] == ['{"a": 1}']


def test_messages_wait_two_weeks_for_their_consumers(server: str, stack: dict[str, Any]) -> None:  # noqa: ARG001
    assert int(_queues(server)["claimcheck-dev-messages"]["MessageRetentionPeriod"]) == 14 * 86400


def _roles(statement: dict[str, Any]) -> list[str]:
    """The roles that a statement of the key's policy is for."""
    patterns = [role["Fn::Sub"] for role in statement["Condition"]["ArnLike"]["aws:PrincipalArn"]]
    return [re.fullmatch(r".*:role/\$\{AWS::StackName\}-(\w+)-\*", pattern)[1] for pattern in patterns]  # type: ignore[index]


def _queues(server: str) -> dict[str, dict[str, str]]:
    """The attributes of each queue, by its name."""
    sqs = _client(server, "sqs")
    return {
        url.rsplit("/", 1)[1]: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        for url in sqs.list_queues()["QueueUrls"]
    }


def _standalone(template: dict[str, Any]) -> dict[str, Any]:
    resources = {
        name: each
        for name, each in template["Resources"].items()
        if not each["Type"].startswith(ABSENT) and not CHALICE.search(json.dumps(each["Properties"]))
    }
    kept = {name: template[name] for name in ("Parameters", "Conditions")}
    return {"AWSTemplateFormatVersion": "2010-09-09", **kept, "Resources": resources}


def _deploy(server: str, template: dict[str, Any], name: str, parameters: dict[str, str]) -> None:
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    cloudformation = _client(server, "cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template), Parameters=given)
    deadline = time.monotonic() + 30
    while (status := cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]) != "CREATE_COMPLETE":
        assert status == "CREATE_IN_PROGRESS"
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _client(server: str, service: str) -> Any:
    return botocore.session.Session().create_client(
        service,
        endpoint_url=server,
        region_name="us-east-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
    )


def _made_by_pynamodb(model: type[Model]) -> dict[str, Any]:
    client = botocore.session.Session().create_client("dynamodb", region_name=os.environ["AWS_DEFAULT_REGION"])
    return dict(client.describe_table(TableName=model.Meta.table_name)["Table"])


def _shape(table: dict[str, Any]) -> dict[str, Any]:
    """What makes a table the one that the code expects, in one order."""
    stream = table.get("StreamSpecification") or {}
    indexes = table.get("GlobalSecondaryIndexes", [])
    return {
        "attributes": {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]},
        "keys": _keys(table),
        "indexes": {each["IndexName"]: (_keys(each), _projection(each["Projection"])) for each in indexes},
        "stream": stream.get("StreamViewType") if stream.get("StreamEnabled") else None,
    }


def _keys(described: dict[str, Any]) -> dict[str, str]:
    return {each["KeyType"]: each["AttributeName"] for each in described["KeySchema"]}


def _projection(told: dict[str, Any]) -> tuple[str, frozenset[str]]:
    return told["ProjectionType"], frozenset(told.get("NonKeyAttributes", ()))
