"""What the template says of queues: what feeds them, whom they wake, and that one is there before the other."""

import json
import re
from typing import Any

import pytest

from chalicelib.settings import Settings

LIMITED = {
    "FilesStage": "FilesConcurrency",
    "EvaluationsStage": "EvaluationsConcurrency",
    "Webhooks": "WebhooksConcurrency",
}
SOURCES = {
    "FilesStage": ("FilesStageSqsEventSource", "FilesQueue", "claimcheck-dev-files"),
    "Uploads": ("UploadsSqsEventSource", "UploadsQueue", "claimcheck-dev-uploads"),
    "EvaluationsStage": ("EvaluationsStageSqsEventSource", "EvaluationsQueue", "claimcheck-dev-evaluations"),
    "Webhooks": ("WebhooksSqsEventSource", "WebhooksQueue", "claimcheck-dev-webhooks"),
}


@pytest.mark.parametrize("function", SOURCES)
def test_function_is_woken_by_its_own_queue_one_message_at_a_time(function: str, resources: dict[str, Any]) -> None:
    name, queue, queue_name = SOURCES[function]
    [(event, source)] = resources[function]["Properties"]["Events"].items()
    assert (event, source["Type"]) == (name, "SQS")
    # A reference, so that CloudFormation makes the queue first.
    assert source["Properties"]["Queue"] == {"Fn::Sub": f"${{{queue}.Arn}}"}
    assert source["Properties"]["BatchSize"] == 1
    assert resources[queue]["Properties"]["QueueName"] == queue_name


@pytest.mark.parametrize("function", SOURCES)
def test_message_does_not_come_again_while_its_function_may_run(function: str, resources: dict[str, Any]) -> None:
    queue = resources[SOURCES[function][1]]["Properties"]
    assert queue["VisibilityTimeout"] >= resources[function]["Properties"]["Timeout"]


def test_code_sends_to_queues_that_there_are(resources: dict[str, Any]) -> None:
    from chalicelib import queues

    names = {each["Properties"]["QueueName"] for each in resources.values() if each["Type"] == "AWS::SQS::Queue"}
    assert {f"claimcheck-dev-{name}" for name in (*queues.STAGES, queues.UPLOADS, queues.WEBHOOKS)} <= names


def test_every_queue_is_encrypted(resources: dict[str, Any]) -> None:
    queues = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::SQS::Queue"]
    assert all(each["SqsManagedSseEnabled"] is True for each in queues)


def test_bucket_announces_every_input_to_the_queue(resources: dict[str, Any]) -> None:
    [rule] = resources["Bucket"]["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    assert rule["Event"] == "s3:ObjectCreated:*"
    assert rule["Queue"] == {"Fn::GetAtt": ["UploadsQueue", "Arn"]}
    assert rule["Filter"] == {"S3Key": {"Rules": [{"Name": "prefix", "Value": "input/"}]}}


def test_only_the_bucket_of_this_stack_may_announce(resources: dict[str, Any]) -> None:
    policy = resources["UploadsQueuePolicy"]["Properties"]
    assert policy["Queues"] == [{"Ref": "UploadsQueue"}]
    [statement] = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "sqs:SendMessage")
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert statement["Resource"] == {"Fn::GetAtt": ["UploadsQueue", "Arn"]}
    # The pattern of the names that CloudFormation makes up holds only while it does.
    assert "BucketName" not in resources["Bucket"]["Properties"]
    assert statement["Condition"] == {
        "ArnLike": {"aws:SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:s3:::${AWS::StackName}-bucket-*"}},
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
    }


def test_queue_takes_announcements_before_the_bucket_is_told_of_it(resources: dict[str, Any]) -> None:
    assert resources["Bucket"]["DependsOn"] == "UploadsQueuePolicy"
    assert "Bucket" not in _needed("UploadsQueuePolicy", resources)


def test_files_stage_has_two_processors_and_all_the_disk_and_memory_to_spare(resources: dict[str, Any]) -> None:
    told = resources["FilesStage"]["Properties"]
    # A processor for each 1,769 MB: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
    assert told["MemorySize"] >= 2 * 1769
    assert told["EphemeralStorage"] == {"Size": 10240}
    assert told["Timeout"] == 900
    engine = int(told["Environment"]["Variables"]["CLAIMCHECK_FILE_MEMORY_BYTES"])
    assert engine < 0.7 * told["MemorySize"] * 2**20


def test_evaluations_stage_has_all_the_disk_and_memory_to_spare(resources: dict[str, Any]) -> None:
    told = resources["EvaluationsStage"]["Properties"]
    assert told["MemorySize"] >= 2048
    assert told["EphemeralStorage"] == {"Size": 10240}
    assert told["Timeout"] == 900
    variables = told["Environment"]["Variables"]
    assert int(variables["CLAIMCHECK_FILE_MEMORY_BYTES"]) < 0.7 * told["MemorySize"] * 2**20
    largest = Settings.model_fields["evaluation_max_bytes"].default
    assert int(variables["CLAIMCHECK_FILE_EXPANDED_MAX_BYTES"]) + largest < 10240 * 2**20


def test_topics_queues_let_it_send_before_they_are_subscribed(resources: dict[str, Any]) -> None:
    for queue in ("MessagesQueue", "WebhooksQueue"):
        subscription = resources[f"{queue}Subscription"]
        assert subscription["DependsOn"] == f"{queue}Policy"
        assert subscription["Properties"]["RawMessageDelivery"] is True
        policy = resources[f"{queue}Policy"]["Properties"]
        # SQS takes no policy that speaks of several queues.
        assert policy["Queues"] == [{"Ref": queue}]
        [statement] = policy["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Action"]) == ("Allow", "sqs:SendMessage")
        assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
        assert statement["Resource"] == {"Fn::GetAtt": [queue, "Arn"]}
        assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "MessagesTopic"}}}


def test_consumers_are_told_where_messages_are(template: dict[str, Any]) -> None:
    assert {"MessagesTopicArn", "MessagesQueueArn", "MessagesQueueUrl"} <= set(template["Outputs"])


def test_topic_is_encrypted(resources: dict[str, Any]) -> None:
    assert resources["MessagesTopic"]["Properties"]["KmsMasterKeyId"] == "alias/aws/sns"


@pytest.mark.parametrize("function", LIMITED)
def test_functions_leave_room_to_others(function: str, template: dict[str, Any], resources: dict[str, Any]) -> None:
    source = resources[function]["Properties"]["Events"][f"{function}SqsEventSource"]["Properties"]
    assert source["ScalingConfig"] == {"MaximumConcurrency": {"Ref": LIMITED[function]}}
    parameter = template["Parameters"][LIMITED[function]]
    assert 2 <= parameter["MinValue"] <= parameter["Default"] <= 100


def _needed(name: str, resources: dict[str, Any]) -> set[str]:
    """Every resource that CloudFormation makes before this one."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        told = resources[waiting.pop()]
        text = json.dumps(told)
        direct = re.findall(r'"Ref": "(\w+)"|"Fn::GetAtt": \["(\w+)"|\$\{(\w+)[.}]', text)
        names = {each for group in direct for each in group if each in resources}
        names |= {told["DependsOn"]} if "DependsOn" in told else set()
        waiting += names - found
        found |= names
    return found
