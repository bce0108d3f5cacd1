"""What is laid over the functions that Chalice declares: names, settings, failure handling; and their log groups."""

from typing import Any

from .stages import Stage
from .tables import DROPPED

Resource = dict[str, Any]

_LOGS_DAYS = 90
# Chalice's logical id of each function, and its name after the stage's prefix.
_NAMES = {"APIHandler": "api", "Stream": "stream", "Sweep": "sweep"}
# A record that fails alone this often is put aside; until then it holds up its shard.
_STREAM_RETRIES = 5
# The next sweep comes in a minute and does what this one left.
_SWEEP_RETRIES = 0
_SWEEP_AGE_SECONDS = 60

_EVERY_FUNCTION = {
    "CLAIMCHECK_BUCKET": {"Ref": "Bucket"},
    "CLAIMCHECK_KMS_KEY_ID": {"Fn::GetAtt": ["Key", "Arn"]},
    "CLAIMCHECK_SESSION_SECRET": {"Ref": "SessionSecret"},
    "CLAIMCHECK_ADMIN_API_KEY": {"Ref": "AdminApiKey"},
}
_API_ONLY = {
    "CLAIMCHECK_AGENT_SECRET": {"Ref": "AgentSecret"},
    "CLAIMCHECK_ALLOWED_ORIGINS": {"Fn::Join": [",", {"Ref": "AllowedOrigins"}]},
    "CLAIMCHECK_GITHUB_OWNER": {"Ref": "GithubOwner"},
    "CLAIMCHECK_GITHUB_PREFIX": {"Ref": "GithubPrefix"},
    "CLAIMCHECK_GITHUB_TOKEN": {"Ref": "GithubToken"},
}


def resources(stage: Stage) -> dict[str, Resource]:
    """The log groups, whole, and what is merged into Chalice's functions."""
    logs = {f"{name.title()}Logs": _log_group(f"{stage.prefix}-{name}") for name in _NAMES.values()}
    functions = {logical: _function(logical, f"{stage.prefix}-{name}") for logical, name in _NAMES.items()}
    return {**logs, **functions}


def _log_group(function: str) -> Resource:
    # Made here, because a group that Lambda makes by itself keeps everything for ever.
    properties = {"LogGroupName": f"/aws/lambda/{function}", "RetentionInDays": _LOGS_DAYS}
    return {"Type": "AWS::Logs::LogGroup", **DROPPED, "Properties": properties}


def _function(logical: str, name: str) -> Resource:
    own = _API_ONLY if logical == "APIHandler" else {}
    common = {"FunctionName": name, "Environment": {"Variables": {**_EVERY_FUNCTION, **own}}}
    return {"Properties": {**common, **_TRIGGERS.get(logical, {})}}


def _on_failure(queue: str) -> dict[str, Any]:
    return {"DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": {"Fn::GetAtt": [queue, "Arn"]}}}}


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
}
