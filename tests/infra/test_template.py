"""The merged template: what Chalice made, and what is laid over it."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra import stages
from local.cloud import LocalCloud

SECRETS = {"SessionSecret", "AdminApiKey", "AgentSecret", "OriginSecret", "GithubToken"}
FUNCTIONS = (
    "APIHandler", "Stream", "Sweep", "FilesStage", "Uploads", "EvaluationsStage", "Webhooks", "WebsocketConnect",
    "WebsocketMessage",
)  # fmt: skip
PREFIX = {"CLAIMCHECK_TABLE_PREFIX": "claimcheck-dev"}
# Fields of the agents contract's error envelope.
ENVELOPE = {"error", "code", "message", "details", "timestamp"}


def test_cfn_lint_finds_nothing(out: Path) -> None:
    lint = Path(sys.executable).with_name("cfn-lint")
    made = subprocess.run([lint, out / "sam.json"], capture_output=True, text=True, check=False)  # noqa: S603
    assert (made.returncode, made.stdout) == (0, "")


def test_secrets_are_parameters_that_nobody_sees(template: dict[str, Any], resources: dict[str, Any]) -> None:
    parameters = template["Parameters"]
    assert {name for name, each in parameters.items() if each.get("NoEcho")} == SECRETS
    for name in ("SessionSecret", "AdminApiKey"):
        assert "Default" not in parameters[name]
        assert parameters[name]["MinLength"] == 32
    for function in FUNCTIONS:
        variables = resources[function]["Properties"]["Environment"]["Variables"]
        assert variables["CLAIMCHECK_SESSION_SECRET"] == {"Ref": "SessionSecret"}
        assert variables["CLAIMCHECK_ADMIN_API_KEY"] == {"Ref": "AdminApiKey"}


def test_only_the_api_gets_what_only_it_uses(resources: dict[str, Any]) -> None:
    for function in FUNCTIONS[1:]:
        variables = resources[function]["Properties"]["Environment"]["Variables"]
        assert not {"CLAIMCHECK_AGENT_SECRET", "CLAIMCHECK_GITHUB_TOKEN", "CLAIMCHECK_ORIGIN_SECRET"} & set(variables)


def test_those_who_take_tokens_take_those_of_one_issuer(resources: dict[str, Any]) -> None:
    names = {"CLAIMCHECK_OPENID_ISSUER": "OpenidIssuer", "CLAIMCHECK_OPENID_AUDIENCE": "OpenidAudience"}
    for function in FUNCTIONS:
        variables = resources[function]["Properties"]["Environment"]["Variables"]
        told = {name: variables[name] for name in names if name in variables}
        takes = function in {"APIHandler", "WebsocketConnect"}
        assert told == ({name: {"Ref": parameter} for name, parameter in names.items()} if takes else {})


def test_only_the_stream_tells_of_changes(resources: dict[str, Any]) -> None:
    told = {
        name: resources[name]["Properties"]["Environment"]["Variables"].get("CLAIMCHECK_MESSAGES_TOPIC")
        for name in FUNCTIONS
    }
    assert {name: topic for name, topic in told.items() if topic} == {"Stream": {"Ref": "MessagesTopic"}}


def test_api_refuses_evaluations_by_what_the_stage_knows(resources: dict[str, Any]) -> None:
    names = ("DEFAULT_AGENT", "SEMANTIC_AGENTS")
    wanted = {f"CLAIMCHECK_EVALUATION_{name}" for name in names} | {
        f"CLAIMCHECK_EMBEDDINGS_{name}" for name in ("URL", "MODEL", "PROJECT")
    }
    api, stage = (
        resources[name]["Properties"]["Environment"]["Variables"] for name in ("APIHandler", "EvaluationsStage")
    )
    assert wanted <= set(api)
    assert {name: api[name] for name in wanted} == {name: stage[name] for name in wanted}


@pytest.mark.parametrize(("name", "needed"), [("OpenidIssuer", "OpenidAudience"), ("EmbeddingsUrl", "EmbeddingsModel")])
def test_parameter_is_refused_without_the_one_that_it_needs(template: dict[str, Any], name: str, needed: str) -> None:
    [rule] = [each for each in template["Rules"].values() if each["RuleCondition"] == _given(name)]
    assert [each["Assert"] for each in rule["Assertions"]] == [_given(needed)]


def test_every_variable_is_a_setting(resources: dict[str, Any]) -> None:
    from chalicelib.settings import PREFIX, Settings

    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for function in FUNCTIONS:
        assert set(resources[function]["Properties"]["Environment"]["Variables"]) <= known


def test_stream_reads_the_jobs_table_and_puts_aside_what_it_cannot_handle(resources: dict[str, Any]) -> None:
    source = resources["Stream"]["Properties"]["Events"]["StreamDynamodbEventSource"]
    assert source["Type"] == "DynamoDB"
    told = source["Properties"]
    assert told["Stream"] == {"Fn::GetAtt": ["JobsTable", "StreamArn"]}
    assert told["BatchSize"] == 100
    assert told["StartingPosition"] == "TRIM_HORIZON"
    assert told["BisectBatchOnFunctionError"] is True
    assert 0 < told["MaximumRetryAttempts"] <= 10
    assert told["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["StreamFailures", "Arn"]}


def test_sweep_runs_every_minute_and_puts_aside_what_it_cannot_handle(resources: dict[str, Any]) -> None:
    told = resources["Sweep"]["Properties"]
    assert [each["Properties"]["Schedule"] for each in told["Events"].values()] == ["rate(1 minute)"]
    failure = told["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]
    assert failure["Destination"] == {"Fn::GetAtt": ["SweepFailures", "Arn"]}


def test_api_gateway_answers_in_the_envelope(resources: dict[str, Any]) -> None:
    responses = resources["RestAPI"]["Properties"]["DefinitionBody"]["x-amazon-apigateway-gateway-responses"]
    for response in responses.values():
        body = json.loads(response["responseTemplates"]["application/json"])
        assert set(body) == ENVELOPE
        assert body["error"] is True
    unknown, large = responses["MISSING_AUTHENTICATION_TOKEN"], responses["REQUEST_TOO_LARGE"]
    assert (unknown["statusCode"], large["statusCode"]) == (404, 413)
    assert json.loads(unknown["responseTemplates"]["application/json"])["code"] == "NOT_FOUND"
    # Their statuses are as many as there are cases.
    assert not {"statusCode"} & (set(responses["DEFAULT_4XX"]) | set(responses["DEFAULT_5XX"]))


def test_api_has_one_stage_and_keeps_chalices_routes(resources: dict[str, Any]) -> None:
    told = resources["RestAPI"]["Properties"]
    assert told["StageName"] == "dev"
    # SAM adds a stage of its own where this is not said.
    assert told["OpenApiVersion"] == "2.0"
    assert "/api/jobs/claim" in told["DefinitionBody"]["paths"]


def test_parameters_of_paths_have_one_name_at_each_place(resources: dict[str, Any]) -> None:
    """API Gateway takes no two: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""
    names: dict[str, set[str]] = {}
    for path in resources["RestAPI"]["Properties"]["DefinitionBody"]["paths"]:
        parts = path.split("/")
        for number, part in enumerate(parts):
            if part.startswith("{"):
                names.setdefault(re.sub(r"{\w+}", "{}", "/".join(parts[:number])), set()).add(part)
    assert [place for place, found in names.items() if len(found) > 1] == []


def test_what_holds_data_outlives_the_stack(resources: dict[str, Any]) -> None:
    passing = {"LimitsTable", "IdempotencyTable"}
    tables = {name for name, each in resources.items() if each["Type"] == "AWS::DynamoDB::Table"}
    for name in (tables - passing) | {"Bucket", "Key"}:
        assert resources[name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resources[name]["UpdateReplacePolicy"] == "Retain"
    for name in tables - passing:
        properties = resources[name]["Properties"]
        assert properties["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
        assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_bucket_is_private_and_encrypted(resources: dict[str, Any]) -> None:
    told = resources["Bucket"]["Properties"]
    assert set(told["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(told["PublicAccessBlockConfiguration"]) == 4
    assert told["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert told["BucketEncryption"]["ServerSideEncryptionConfiguration"]


def test_bucket_takes_only_tls(resources: dict[str, Any]) -> None:
    policy = resources["BucketPolicy"]["Properties"]
    [statement] = policy["PolicyDocument"]["Statement"]
    assert policy["Bucket"] == {"Ref": "Bucket"}
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [{"Fn::GetAtt": ["Bucket", "Arn"]}, {"Fn::Sub": "${Bucket.Arn}/*"}]


def test_bucket_lets_the_allowed_origins_upload_and_nobody_where_there_are_none(resources: dict[str, Any]) -> None:
    condition, cors, otherwise = resources["Bucket"]["Properties"]["CorsConfiguration"]["Fn::If"]
    [rule] = cors["CorsRules"]
    assert rule["AllowedOrigins"] == {"Ref": "AllowedOrigins"}
    assert set(rule["AllowedMethods"]) == {"GET", "HEAD", "PUT"}
    assert "ETag" in rule["ExposedHeaders"]
    assert (condition, otherwise) == ("HasAllowedOrigins", {"Ref": "AWS::NoValue"})


def test_bucket_forgets_abandoned_parts_and_objects_whose_rows_are_gone_and_files(resources: dict[str, Any]) -> None:
    rules = {rule["Id"]: rule for rule in resources["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]}
    files = {"inputs": "input/", "outputs": "output/", "datasets": "datasets/", "messages": "messages/"}
    assert set(rules) == {"abandoned-uploads", "artifacts", "documents", "evaluations", *files}
    assert rules["abandoned-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 2}
    assert "ExpirationInDays" not in rules["abandoned-uploads"]
    assert rules["documents"]["Prefix"] == "documents/"
    for name in ("artifacts", "documents"):
        assert rules[name]["ExpirationInDays"] > 365
    for name, prefix in files.items():
        assert (rules[name]["Prefix"], rules[name]["ExpirationInDays"]) == (prefix, 30)
    assert (rules["evaluations"]["Prefix"], rules["evaluations"]["ExpirationInDays"]) == ("evaluations/", 7)


def test_bucket_keeps_files_for_as_long_as_the_stage_says(cloud: LocalCloud) -> None:  # noqa: ARG001  with settings
    from infra import storage

    told = dataclasses.replace(stages.load("dev"), environment={"CLAIMCHECK_FILE_DAYS": "9", **PREFIX})
    rules = storage.resources(told)["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    kept = {rule["Id"] for rule in rules if rule.get("ExpirationInDays") == 9}
    assert kept == {"inputs", "outputs", "datasets", "messages"}


def test_whatever_the_code_puts_into_the_bucket_is_forgotten_by_one_rule(resources: dict[str, Any]) -> None:
    from chalicelib.objects import keys

    made = (
        keys.data_set("u", "n"), keys.batch_input("j", 0), keys.batch_segment("j", 0, 1, 0),
        keys.batch_scored("j", 0, 1), keys.output_folder("j", 1),
    )  # fmt: skip
    rules = resources["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    prefixes = [rule["Prefix"] for rule in rules if "Prefix" in rule]
    for key in made:
        assert len([prefix for prefix in prefixes if key.startswith(prefix)]) == 1, key


def test_logs_do_not_stay_for_ever(resources: dict[str, Any]) -> None:
    groups = {each["Properties"]["LogGroupName"]: each["Properties"] for each in _of(resources, "AWS::Logs::LogGroup")}
    assert set(groups) == {f"/aws/lambda/{resources[name]['Properties']['FunctionName']}" for name in FUNCTIONS}
    assert all(each["RetentionInDays"] == 90 for each in groups.values())


def test_an_alarm_watches_all_failures_and_each_function_and_the_api_and_the_topic(resources: dict[str, Any]) -> None:
    alarms = [alarm["Properties"] for alarm in _of(resources, "AWS::CloudWatch::Alarm")]
    watched = {json.dumps(alarm["Dimensions"][0]["Value"]) for alarm in alarms}
    # What waits in the other queues is being worked on.
    queues = {name for name, each in resources.items() if each["Type"] == "AWS::SQS::Queue" and "Failures" in name}
    wanted = [{"Fn::GetAtt": [name, "QueueName"]} for name in queues] + [{"Ref": name} for name in FUNCTIONS]
    title = resources["RestAPI"]["Properties"]["DefinitionBody"]["info"]["title"]
    topic = {"Fn::GetAtt": ["MessagesTopic", "TopicName"]}
    assert watched == {json.dumps(each) for each in [*wanted, title, topic]}
    assert all(alarm["AlarmActions"]["Fn::If"][0] == "HasAlarmTopic" for alarm in alarms)


def test_stages_share_no_names() -> None:
    assert stages.load("dev").prefix != stages.load("prod").prefix
    with pytest.raises(ValueError, match="dev, prod"):
        stages.load("staging")


def _given(parameter: str) -> dict[str, Any]:
    return {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}


def _of(resources: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each for each in resources.values() if each["Type"] == kind]
