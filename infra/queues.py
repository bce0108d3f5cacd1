"""The queues that wake functions: of stages, by the jobs table's stream, and of uploads, by the bucket itself.

The queues that the topic of messages feeds are in ``messages``.
"""

from typing import Any

from chalicelib import queues

from .stages import Stage
from .tables import DROPPED

Resource = dict[str, Any]

FILES_QUEUE = "FilesQueue"
EVALUATIONS_QUEUE = "EvaluationsQueue"
WEBHOOKS_QUEUE = "WebhooksQueue"
UPLOADS_QUEUE = "UploadsQueue"
UPLOADS_QUEUE_POLICY = "UploadsQueuePolicy"

# A message comes again when its function failed, so each time is longer than Lambda lets that function run.
_STAGE_VISIBILITY_SECONDS = 960
_VISIBILITY_SECONDS = 180
_RECEIVES = 5


def resources(stage: Stage) -> dict[str, Resource]:
    """The queues, and the policy that lets the bucket send."""
    delay = stage.number("upload_event_delay_seconds")
    return {
        FILES_QUEUE: queue(stage, queues.FILES, "FilesFailures", VisibilityTimeout=_STAGE_VISIBILITY_SECONDS),
        EVALUATIONS_QUEUE: queue(
            stage, queues.EVALUATIONS, "EvaluationsFailures", VisibilityTimeout=_STAGE_VISIBILITY_SECONDS
        ),
        WEBHOOKS_QUEUE: queue(stage, queues.WEBHOOKS, "WebhooksFailures", VisibilityTimeout=_VISIBILITY_SECONDS),
        UPLOADS_QUEUE: queue(
            stage, queues.UPLOADS, "UploadsFailures", VisibilityTimeout=_VISIBILITY_SECONDS, DelaySeconds=delay
        ),
        UPLOADS_QUEUE_POLICY: {"Type": "AWS::SQS::QueuePolicy", "Properties": _uploads_policy()},
    }


def queue(stage: Stage, name: str, failures: str, **more: int) -> Resource:
    """A queue that puts a message aside once it has come back too often."""
    redrive = {"deadLetterTargetArn": {"Fn::GetAtt": [failures, "Arn"]}, "maxReceiveCount": _RECEIVES}
    properties = {
        "QueueName": f"{stage.prefix}-{name}",
        "SqsManagedSseEnabled": True,
        "RedrivePolicy": redrive,
        **more,
    }
    # What it holds are hints: what there is to do is in the tables.
    return {"Type": "AWS::SQS::Queue", **DROPPED, "Properties": properties}


def _uploads_policy() -> dict[str, Any]:
    """Only the stack's bucket, and only of this account.

    The bucket is named by the pattern of the names that CloudFormation makes up, in lower case as the stack's own:
    the bucket waits for this policy, so that the policy cannot wait for the bucket's name. A name of our own would
    do too, but would replace the bucket of every stack that there is.
    """
    bucket = {"Fn::Sub": "arn:${AWS::Partition}:s3:::${AWS::StackName}-bucket-*"}
    statement = {
        "Sid": "UploadsFromTheBucket",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": {"Fn::GetAtt": [UPLOADS_QUEUE, "Arn"]},
        "Condition": {
            "ArnLike": {"aws:SourceArn": bucket},
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
        },
    }
    return {"Queues": [{"Ref": UPLOADS_QUEUE}], "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
