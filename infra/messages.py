"""The topic on which every change of a job is told, and its queues: of consumers outside, and of webhooks."""

from typing import Any

from . import queues
from .queues import WEBHOOKS_QUEUE
from .stages import Stage

Resource = dict[str, Any]

TOPIC = "MessagesTopic"
MESSAGES_QUEUE = "MessagesQueue"
NAME = "messages"

# Consumers are not ours: they may be away for a while, and each can set another time for what it receives.
_FOURTEEN_DAYS = 14 * 24 * 3600
_VISIBILITY_SECONDS = 60
_SUBSCRIBED = (MESSAGES_QUEUE, WEBHOOKS_QUEUE)


def resources(stage: Stage) -> dict[str, Resource]:
    """The topic, the consumers' queue, the subscriptions, and the policies that let the topic send."""
    return {
        TOPIC: {"Type": "AWS::SNS::Topic", "Properties": _topic(stage)},
        MESSAGES_QUEUE: queues.queue(
            stage,
            NAME,
            "MessagesFailures",
            VisibilityTimeout=_VISIBILITY_SECONDS,
            MessageRetentionPeriod=_FOURTEEN_DAYS,
        ),
        **{_policy_id(queue): {"Type": "AWS::SQS::QueuePolicy", "Properties": _policy(queue)} for queue in _SUBSCRIBED},
        **{f"{queue}Subscription": _subscription(queue) for queue in _SUBSCRIBED},
    }


def outputs() -> dict[str, Any]:
    """What consumers need to know: where to receive, and what to subscribe to with filters of their own."""
    return {
        "MessagesTopicArn": {"Value": {"Ref": TOPIC}},
        "MessagesQueueArn": {"Value": {"Fn::GetAtt": [MESSAGES_QUEUE, "Arn"]}},
        "MessagesQueueUrl": {"Value": {"Ref": MESSAGES_QUEUE}},
    }


def _topic(stage: Stage) -> dict[str, Any]:
    # AWS's own key for SNS, which whoever may publish may use.
    return {"TopicName": f"{stage.prefix}-{NAME}", "KmsMasterKeyId": "alias/aws/sns"}


def _subscription(queue: str) -> Resource:
    properties = {
        "TopicArn": {"Ref": TOPIC},
        "Protocol": "sqs",
        "Endpoint": {"Fn::GetAtt": [queue, "Arn"]},
        "RawMessageDelivery": True,
    }
    # SNS drops what a queue does not let it send.
    return {"Type": "AWS::SNS::Subscription", "DependsOn": _policy_id(queue), "Properties": properties}


def _policy_id(queue: str) -> str:
    return f"{queue}Policy"


def _policy(queue: str) -> dict[str, Any]:
    statement = {
        "Sid": "MessagesFromTheTopic",
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": {"Fn::GetAtt": [queue, "Arn"]},
        "Condition": {"ArnEquals": {"aws:SourceArn": {"Ref": TOPIC}}},
    }
    return {"Queues": [{"Ref": queue}], "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
