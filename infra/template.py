"""What ``chalice package`` merges into its template: everything but the functions and the API themselves.

``python -m infra.template --stage dev`` prints it.
"""

import argparse
import json
import sys
from typing import Any

from chalicelib.settings import Settings

from . import distribution, failures, functions, gateway, messages, queues, stages, storage, tables, websockets
from .stages import Stage

_MINIMUM_KEY_CHARACTERS = 32
_AT_ONCE = 20
_HTTPS = "^$|^https://.+"
_OPTIONAL = {"Type": "String", "Default": ""}


def build(stage: Stage) -> dict[str, Any]:
    """The template; its resources without a ``Type`` are laid over Chalice's own."""
    return {
        "Description": f"Claimcheck, {stage.name}",
        "Parameters": _parameters(),
        "Conditions": {
            "HasAllowedOrigins": _given({"Fn::Join": ["", {"Ref": "AllowedOrigins"}]}),
            "HasAlarmTopic": _given({"Ref": "AlarmTopicArn"}),
            distribution.WITH_REST: _given({"Ref": "OriginSecret"}),
        },
        "Resources": {
            **tables.resources(stage),
            **storage.resources(stage),
            **queues.resources(stage),
            **messages.resources(stage),
            **failures.resources(stage),
            **functions.resources(stage),
            "RestAPI": gateway.rest_api(stage),
            **websockets.resources(stage),
            **distribution.resources(stage),
        },
        "Rules": {
            "IssuerNeedsAudience": _together("OpenidIssuer", "OpenidAudience"),
            "EmbeddingsNeedModel": _together("EmbeddingsUrl", "EmbeddingsModel"),
        },
        "Outputs": {
            "BucketName": {"Value": {"Ref": "Bucket"}},
            "KeyArn": {"Value": {"Fn::GetAtt": ["Key", "Arn"]}},
            **messages.outputs(),
            **distribution.outputs(stage),
        },
    }


def _parameters() -> dict[str, Any]:
    """What differs from account to account. Secrets have no default, so that none can be left in place."""
    secret = {"Type": "String", "NoEcho": True}
    required = {**secret, "MinLength": _MINIMUM_KEY_CHARACTERS}
    optional = {**_OPTIONAL, **secret, "AllowedPattern": f"^$|^.{{{_MINIMUM_KEY_CHARACTERS},}}$"}
    return {
        "SessionSecret": {**required, "Description": "Signs session tokens; a new one ends every session."},
        "AdminApiKey": {**required, "Description": "The administrators' X-Admin-Api-Key."},
        "AgentSecret": {
            **optional,
            "Description": "The agents' shared X-Colab-Secret; empty means that each agent must have its own.",
        },
        "OriginSecret": {
            **optional,
            "Description": "By which CloudFront proves itself; empty keeps the REST API off the WebSockets' domain.",
        },
        "AllowedOrigins": {
            "Type": "CommaDelimitedList",
            "Default": "",
            "Description": "Origins of web front ends, such as https://app.example.com; none by default.",
        },
        "GithubOwner": {**_OPTIONAL, "Description": "Whose repositories are projects; empty means none."},
        "GithubPrefix": {"Type": "String", "Default": "mrx-", "Description": "What their names begin with."},
        "GithubToken": {**_OPTIONAL, **secret, "Description": "For private repositories and a higher rate limit."},
        "FilesConcurrency": _concurrency("How many files are processed at once"),
        "EvaluationsConcurrency": _concurrency("How many evaluations and batches of them are done at once"),
        "WebhooksConcurrency": _concurrency("How many webhooks are called at once"),
        **_openid(),
        **_evaluations(),
        "AlarmTopicArn": {**_OPTIONAL, "Description": "The SNS topic that alarms are sent to; empty means nobody."},
        "DeletionProtection": {
            "Type": "String",
            "Default": "true",
            "AllowedValues": ["true", "false"],
            "Description": "Whether DynamoDB refuses to delete the tables that hold data.",
        },
    }


def _concurrency(what: str) -> dict[str, Any]:
    return {
        "Type": "Number",
        "Default": _AT_ONCE,
        # What Lambda lets the concurrency of an event source be.
        "MinValue": 2,
        "MaxValue": 1000,
        "Description": f"{what}, so that the account's other functions have room.",
    }


def _openid() -> dict[str, Any]:
    return {
        "OpenidIssuer": {
            **_OPTIONAL,
            "AllowedPattern": _HTTPS,
            "Description": "The OpenID Connect issuer whose tokens are taken beside our own; empty means none.",
        },
        "OpenidAudience": {**_OPTIONAL, "Description": "The id under which the issuer knows this deployment."},
    }


def _evaluations() -> dict[str, Any]:
    return {
        "EvaluationDefaultAgent": {
            **_OPTIONAL,
            "Description": "The registered agent that answers where a data set and its submitter name nobody.",
        },
        "EvaluationSemanticAgents": {
            "Type": "String",
            "Default": "false",
            "AllowedValues": ["true", "false"],
            "Description": "Whether agents give semantic scores where there is no embeddings endpoint.",
        },
        "EmbeddingsUrl": {
            **_OPTIONAL,
            "AllowedPattern": _HTTPS,
            "Description": "An OpenAI-compatible endpoint that gives semantic scores; empty means none.",
        },
        "EmbeddingsModel": {**_OPTIONAL, "Description": "The model that it is asked for."},
        "EmbeddingsProject": {
            "Type": "String",
            "Default": Settings.model_fields["embeddings_project"].default,
            "MinLength": 1,
            "Description": "The project whose secret of the type embeddings is its key.",
        },
    }


def _together(name: str, needed: str) -> dict[str, Any]:
    """The rule that where one parameter is given the other is, too; otherwise functions would not start, or refuse."""
    claim = {"Assert": _given({"Ref": needed}), "AssertDescription": f"{name} needs {needed}."}
    return {"RuleCondition": _given({"Ref": name}), "Assertions": [claim]}


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
