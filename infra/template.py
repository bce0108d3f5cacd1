"""What ``chalice package`` merges into its template: everything but the functions and the API themselves.

``python -m infra.template --stage dev`` prints it.
"""

import argparse
import json
import sys
from typing import Any

from . import failures, functions, gateway, queues, stages, storage, tables
from .stages import Stage

_MINIMUM_KEY_CHARACTERS = 32
_FILES_AT_ONCE = 20


def build(stage: Stage) -> dict[str, Any]:
    """Parameters, conditions, resources and outputs. Resources without a ``Type`` are laid over Chalice's own."""
    return {
        "Description": f"Claimcheck, {stage.name}",
        "Parameters": _parameters(),
        "Conditions": {
            "HasAllowedOrigins": _given({"Fn::Join": ["", {"Ref": "AllowedOrigins"}]}),
            "HasAlarmTopic": _given({"Ref": "AlarmTopicArn"}),
        },
        "Resources": {
            **tables.resources(stage),
            **storage.resources(stage),
            **queues.resources(stage),
            **failures.resources(stage),
            **functions.resources(stage),
            "RestAPI": gateway.rest_api(stage),
        },
        "Outputs": {"BucketName": {"Value": {"Ref": "Bucket"}}, "KeyArn": {"Value": {"Fn::GetAtt": ["Key", "Arn"]}}},
    }


def _parameters() -> dict[str, Any]:
    """What differs from account to account. Secrets have no default, so that none can be left in place."""
    secret = {"Type": "String", "NoEcho": True}
    required = {**secret, "MinLength": _MINIMUM_KEY_CHARACTERS}
    optional = {"Type": "String", "Default": ""}
    return {
        "SessionSecret": {**required, "Description": "Signs session tokens; a new one ends every session."},
        "AdminApiKey": {**required, "Description": "The administrators' X-Admin-Api-Key."},
        "AgentSecret": {
            **optional,
            **secret,
            "AllowedPattern": f"^$|^.{{{_MINIMUM_KEY_CHARACTERS},}}$",
            "Description": "The agents' shared X-Colab-Secret; empty means that each agent must have its own.",
        },
        "AllowedOrigins": {
            "Type": "CommaDelimitedList",
            "Default": "",
            "Description": "Origins of web front ends, such as https://app.example.com; none by default.",
        },
        "GithubOwner": {**optional, "Description": "Whose repositories are projects; empty means none."},
        "GithubPrefix": {"Type": "String", "Default": "mrx-", "Description": "What their names begin with."},
        "GithubToken": {**optional, **secret, "Description": "For private repositories and a higher rate limit."},
        "FilesConcurrency": {
            "Type": "Number",
            "Default": _FILES_AT_ONCE,
            # What Lambda lets the concurrency of an event source be.
            "MinValue": 2,
            "MaxValue": 1000,
            "Description": "How many files are processed at once, so that the account's other functions have room.",
        },
        "AlarmTopicArn": {**optional, "Description": "The SNS topic that alarms are sent to; empty means nobody."},
        "DeletionProtection": {
            "Type": "String",
            "Default": "true",
            "AllowedValues": ["true", "false"],
            "Description": "Whether DynamoDB refuses to delete the tables that hold data.",
        },
    }


def _given(value: Any) -> dict[str, Any]:  # noqa: ANN401  any intrinsic function
    return {"Fn::Not": [{"Fn::Equals": [value, ""]}]}


def main() -> None:
    """Print the template of a stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", required=True)
    stage = stages.load(parser.parse_args().stage)
    json.dump(build(stage), sys.stdout, indent=2)


if __name__ == "__main__":
    main()
