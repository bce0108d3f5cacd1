"""What is laid over the functions that Chalice declares: names, settings, failure handling; and their log groups."""

from typing import Any

from . import websockets
from .messages import TOPIC
from .queues import EVALUATIONS_QUEUE, FILES_QUEUE, UPLOADS_QUEUE, WEBHOOKS_QUEUE
from .stages import Stage
from .tables import DROPPED

Resource = dict[str, Any]

_LOGS_DAYS = 90
# Chalice's logical id of each function, and its name after the stage's prefix.
_NAMES = {
    "APIHandler": "api",
    "Stream": "stream",
    "Sweep": "sweep",
    "FilesStage": "files-stage",
    "Uploads": "uploads",
    "EvaluationsStage": "evaluations-stage",
    "Webhooks": "webhooks",
    "WebsocketConnect": "websocket-connect",
    "WebsocketMessage": "websocket-message",
}
# A record that fails alone this often is put aside; until then it holds up its shard.
_STREAM_RETRIES = 5
# The next sweep comes in a minute and does what this one left.
_SWEEP_RETRIES = 0
_SWEEP_AGE_SECONDS = 60
# As much as Lambda gives: input, output and what the engine cannot keep in memory lie in /tmp together.
_STORAGE_MIB = 10240

_EVERY_FUNCTION = {
    "CLAIMCHECK_BUCKET": {"Ref": "Bucket"},
    "CLAIMCHECK_KMS_KEY_ID": {"Fn::GetAtt": ["Key", "Arn"]},
    "CLAIMCHECK_SESSION_SECRET": {"Ref": "SessionSecret"},
    "CLAIMCHECK_ADMIN_API_KEY": {"Ref": "AdminApiKey"},
}
# Who answers an evaluation, and who scores it: the API refuses what nobody here does.
_EVALUATIONS = {
    "CLAIMCHECK_EVALUATION_DEFAULT_AGENT": {"Ref": "EvaluationDefaultAgent"},
    "CLAIMCHECK_EMBEDDINGS_URL": {"Ref": "EmbeddingsUrl"},
    "CLAIMCHECK_EMBEDDINGS_MODEL": {"Ref": "EmbeddingsModel"},
    "CLAIMCHECK_EMBEDDINGS_PROJECT": {"Ref": "EmbeddingsProject"},
    "CLAIMCHECK_EVALUATION_SEMANTIC_AGENTS": {"Ref": "EvaluationSemanticAgents"},
}
# Whose tokens are taken, beside our own.
_OPENID = {
    "CLAIMCHECK_OPENID_ISSUER": {"Ref": "OpenidIssuer"},
    "CLAIMCHECK_OPENID_AUDIENCE": {"Ref": "OpenidAudience"},
}
_OWN: dict[str, dict[str, Any]] = {
    "APIHandler": {
        "CLAIMCHECK_AGENT_SECRET": {"Ref": "AgentSecret"},
        "CLAIMCHECK_ALLOWED_ORIGINS": {"Fn::Join": [",", {"Ref": "AllowedOrigins"}]},
        "CLAIMCHECK_GITHUB_OWNER": {"Ref": "GithubOwner"},
        "CLAIMCHECK_GITHUB_PREFIX": {"Ref": "GithubPrefix"},
        "CLAIMCHECK_GITHUB_TOKEN": {"Ref": "GithubToken"},
        "CLAIMCHECK_ORIGIN_SECRET": {"Ref": "OriginSecret"},
        **_OPENID,
        **_EVALUATIONS,
    },
    "Stream": {"CLAIMCHECK_MESSAGES_TOPIC": {"Ref": TOPIC}},
    "WebsocketConnect": _OPENID,
    # Two thirds of the function's memory. Without a rest, what is larger would be killed instead of handed over.
    "FilesStage": {"CLAIMCHECK_FILE_MEMORY_BYTES": "2500000000"},
    "EvaluationsStage": {
        **_EVALUATIONS,
        "CLAIMCHECK_FILE_MEMORY_BYTES": "1300000000",
        # What is left of the disk beside the data set.
        "CLAIMCHECK_FILE_EXPANDED_MAX_BYTES": "9000000000",
    },
}


def resources(stage: Stage) -> dict[str, Resource]:
    """The log groups, whole, and what is merged into Chalice's functions."""
    logs = {_logs_id(name): _log_group(f"{stage.prefix}-{name}") for name in _NAMES.values()}
    functions = {logical: _function(stage, logical, f"{stage.prefix}-{name}") for logical, name in _NAMES.items()}
    return {**logs, **functions}


def _logs_id(name: str) -> str:
    return f"{name.title().replace('-', '')}Logs"


def _log_group(function: str) -> Resource:
    # Made here, because a group that Lambda makes by itself keeps everything for ever.
    properties = {"LogGroupName": f"/aws/lambda/{function}", "RetentionInDays": _LOGS_DAYS}
    return {"Type": "AWS::Logs::LogGroup", **DROPPED, "Properties": properties}


def _function(stage: Stage, logical: str, name: str) -> Resource:
    # What the stage says for itself comes first.
    told = {**_OWN.get(logical, {}), **_of_the_stage(stage).get(logical, {})}
    own = {variable: value for variable, value in told.items() if variable not in stage.environment}
    common = {"FunctionName": name, "Environment": {"Variables": {**_EVERY_FUNCTION, **own}}}
    return {"Properties": {**common, **_TRIGGERS.get(logical, {})}}


def _of_the_stage(stage: Stage) -> dict[str, dict[str, Any]]:
    return {"Stream": {"CLAIMCHECK_WEBSOCKET_ENDPOINT": websockets.endpoint(stage)}}


def _on_failure(queue: str) -> dict[str, Any]:
    return {"DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": {"Fn::GetAtt": [queue, "Arn"]}}}}


def _from_queue(event: str, queue: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  properties of the mapping
    # Laid over the Fn::Sub by which Chalice names the queue: as a reference, so that the queue is made first.
    return {"Events": {event: {"Properties": {"Queue": {"Fn::Sub": f"${{{queue}.Arn}}"}, **more}}}}


def _at_most(parameter: str) -> dict[str, Any]:
    return {"ScalingConfig": {"MaximumConcurrency": {"Ref": parameter}}}


_TRIGGERS: dict[str, dict[str, Any]] = {
    "Stream": {
        "Events": {
            "StreamDynamodbEventSource": {
                "Properties": {
                    "Stream": {"Fn::GetAtt": ["JobsTable", "StreamArn"]},
                    "BisectBatchOnFunctionError": True,
                    "MaximumRetryAttempts": _STREAM_RETRIES,
                    **_on_failure("StreamFailures"),
                }
            }
        }
    },
    "Sweep": {
        "EventInvokeConfig": {
            "MaximumRetryAttempts": _SWEEP_RETRIES,
            "MaximumEventAgeInSeconds": _SWEEP_AGE_SECONDS,
            **_on_failure("SweepFailures"),
        }
    },
    "FilesStage": {
        "EphemeralStorage": {"Size": _STORAGE_MIB},
        **_from_queue("FilesStageSqsEventSource", FILES_QUEUE, **_at_most("FilesConcurrency")),
    },
    "Uploads": _from_queue("UploadsSqsEventSource", UPLOADS_QUEUE),
    "EvaluationsStage": {
        "EphemeralStorage": {"Size": _STORAGE_MIB},
        **_from_queue("EvaluationsStageSqsEventSource", EVALUATIONS_QUEUE, **_at_most("EvaluationsConcurrency")),
    },
    "Webhooks": _from_queue("WebhooksSqsEventSource", WEBHOOKS_QUEUE, **_at_most("WebhooksConcurrency")),
}
