"""Where events go that a function could not handle, and the alarms that say so."""

from typing import Any

from .messages import TOPIC
from .stages import Stage
from .tables import DROPPED

Resource = dict[str, Any]

QUEUES = {
    "StreamFailures": "stream-failures",
    "SweepFailures": "sweep-failures",
    "FilesFailures": "files-failures",
    "UploadsFailures": "uploads-failures",
    "EvaluationsFailures": "evaluations-failures",
    "MessagesFailures": "messages-failures",
    "WebhooksFailures": "webhooks-failures",
}
_FUNCTIONS = {
    "APIHandler": "ApiErrors",
    "Stream": "StreamErrors",
    "Sweep": "SweepErrors",
    "FilesStage": "FilesStageErrors",
    "Uploads": "UploadsErrors",
    "EvaluationsStage": "EvaluationsStageErrors",
    "Webhooks": "WebhooksErrors",
    "WebsocketConnect": "WebsocketConnectErrors",
    "WebsocketMessage": "WebsocketMessageErrors",
}
_FOURTEEN_DAYS = 14 * 24 * 3600
_FIVE_MINUTES = 300


def resources(stage: Stage) -> dict[str, Resource]:
    """The queues, and alarms: on each queue's depth, each function's errors, the API's 5XX, and lost messages."""
    queues = {name: _queue(f"{stage.prefix}-{ending}") for name, ending in QUEUES.items()}
    depths = {f"{name}Waiting": _depth_alarm(name) for name in QUEUES}
    errors = {alarm: _error_alarm(function) for function, alarm in _FUNCTIONS.items()}
    others = {"ApiServerErrors": _server_error_alarm(stage), "MessagesLost": _lost_alarm()}
    return {**queues, **depths, **errors, **others}


def _queue(name: str) -> Resource:
    properties = {"QueueName": name, "MessageRetentionPeriod": _FOURTEEN_DAYS, "SqsManagedSseEnabled": True}
    return {"Type": "AWS::SQS::Queue", **DROPPED, "Properties": properties}


def _depth_alarm(queue: str) -> Resource:
    return _alarm(
        f"{queue} holds events that could not be handled. A stream keeps the records they name for one day.",
        namespace="AWS/SQS",
        metric="ApproximateNumberOfMessagesVisible",
        statistic="Maximum",
        dimensions={"QueueName": {"Fn::GetAtt": [queue, "QueueName"]}},
    )


def _error_alarm(function: str) -> Resource:
    return _alarm(
        f"{function} ended in an error.",
        namespace="AWS/Lambda",
        metric="Errors",
        statistic="Sum",
        dimensions={"FunctionName": {"Ref": function}},
    )


def _server_error_alarm(stage: Stage) -> Resource:
    return _alarm(
        # The API's function has caught what went wrong and answered it, which is no error to Lambda.
        "The API answers with 5XX.",
        namespace="AWS/ApiGateway",
        metric="5XXError",
        statistic="Sum",
        dimensions={"ApiName": stage.prefix, "Stage": stage.gateway_stage},
    )


def _lost_alarm() -> Resource:
    return _alarm(
        "The topic could not deliver messages to a queue, and has dropped them.",
        namespace="AWS/SNS",
        metric="NumberOfNotificationsFailed",
        statistic="Sum",
        dimensions={"TopicName": {"Fn::GetAtt": [TOPIC, "TopicName"]}},
    )


def _alarm(description: str, *, namespace: str, metric: str, statistic: str, dimensions: dict[str, Any]) -> Resource:
    properties = {
        "AlarmDescription": description,
        "Namespace": namespace,
        "MetricName": metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        "Statistic": statistic,
        "Period": _FIVE_MINUTES,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": 1,
        "TreatMissingData": "notBreaching",
        "AlarmActions": {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]},
    }
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}
