"""What the template says of WebSockets: their API, and CloudFront in front of it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.stages import ROOT

CONDITION = "HasOriginSecret"
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER_EXCEPT_HOST_HEADER = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
ROUTES = {"WebsocketConnect": "$connect", "WebsocketMessage": "$default"}
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html#limits-functions
FUNCTION_BYTES = 10_240
NAME_CHARACTERS = 64
LONGEST_REGION = "ap-southeast-99"


@pytest.fixture(scope="module")
def distribution(resources: dict[str, Any]) -> dict[str, Any]:
    """The configuration of the distribution."""
    return dict(resources["Distribution"]["Properties"]["DistributionConfig"])


@pytest.mark.parametrize("function", ROUTES)
def test_api_calls_each_function_for_its_route_alone(function: str, resources: dict[str, Any]) -> None:
    permission = resources[f"{function}InvokePermission"]["Properties"]
    assert (permission["Principal"], permission["FunctionName"]) == ("apigateway.amazonaws.com", {"Ref": function})
    [(_, arn)] = permission["SourceArn"].items()
    assert arn.endswith(f":${{WebsocketAPI}}/dev/{ROUTES[function]}")
    routes = {each["Properties"]["RouteKey"]: each for each in resources.values() if "RouteKey" in each["Properties"]}
    assert set(routes) == set(ROUTES.values())
    target = routes[ROUTES[function]]["Properties"]["Target"]
    assert {"Ref": f"{function}APIIntegration"} in target["Fn::Join"][1]


def test_strangers_cannot_take_all_functions_of_the_account(resources: dict[str, Any]) -> None:
    told = resources["WebsocketAPIStage"]["Properties"]["DefaultRouteSettings"]
    assert 0 < told["ThrottlingRateLimit"] <= told["ThrottlingBurstLimit"] <= 500


def test_only_the_stream_posts_to_connections(resources: dict[str, Any]) -> None:
    told = {
        name: each["Properties"]["Environment"]["Variables"].get("CLAIMCHECK_WEBSOCKET_ENDPOINT")
        for name, each in resources.items()
        if each["Type"] == "AWS::Serverless::Function"
    }
    stage = resources["WebsocketAPIStage"]["Properties"]["StageName"]
    endpoint = {"Fn::Sub": f"https://${{WebsocketAPI}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{stage}"}
    assert {name: given for name, given in told.items() if given} == {"Stream": endpoint}


def test_tokens_in_queries_are_logged_nowhere(distribution: dict[str, Any], resources: dict[str, Any]) -> None:
    assert "Logging" not in distribution
    assert not [each for each in _behaviors(distribution) if "RealtimeLogConfigArn" in each]
    stage = resources["WebsocketAPIStage"]["Properties"]
    assert "AccessLogSettings" not in stage
    assert not {"DataTraceEnabled", "LoggingLevel"} & set(stage["DefaultRouteSettings"])
    assert "console" not in resources["WebsocketPath"]["Properties"]["FunctionCode"]


def test_websockets_paths_go_to_their_api_through_the_function(distribution: dict[str, Any]) -> None:
    [behavior] = distribution["CacheBehaviors"]
    assert behavior["PathPattern"] == "/api/ws/*"
    assert behavior["FunctionAssociations"] == [
        {"EventType": "viewer-request", "FunctionARN": {"Fn::GetAtt": ["WebsocketPath", "FunctionARN"]}}
    ]
    origin = _origins(distribution)[behavior["TargetOriginId"]]
    assert "${WebsocketAPI}" in origin["DomainName"]["Fn::Sub"]
    # The root of the stage is this path and the function's "/".
    assert origin["OriginPath"] == "/dev"


def test_function_is_the_file_and_fits(resources: dict[str, Any]) -> None:
    told = resources["WebsocketPath"]["Properties"]
    assert told["FunctionCode"] == (ROOT / "infra" / "websocket_path.js").read_text()
    assert len(told["FunctionCode"].encode()) <= FUNCTION_BYTES
    assert told["FunctionConfig"]["Runtime"] == "cloudfront-js-2.0"
    assert told["AutoPublish"] is True
    # One name for each region: functions of CloudFront are in none.
    assert "${AWS::Region}" in told["Name"]["Fn::Sub"]
    assert len(told["Name"]["Fn::Sub"].replace("${AWS::Region}", LONGEST_REGION)) <= NAME_CHARACTERS


def test_nothing_is_kept_and_everything_but_the_host_is_passed_on(distribution: dict[str, Any]) -> None:
    for behavior in _behaviors(distribution):
        assert behavior["CachePolicyId"] == CACHING_DISABLED
        assert behavior["OriginRequestPolicyId"] == ALL_VIEWER_EXCEPT_HOST_HEADER
    errors = {each["ErrorCode"]: each for each in distribution["CustomErrorResponses"]}
    assert {404, 500, 502, 503, 504} <= set(errors)
    assert all(set(each) == {"ErrorCode", "ErrorCachingMinTTL"} for each in errors.values())
    assert all(each["ErrorCachingMinTTL"] == 0 for each in errors.values())


def test_nothing_travels_in_plain_text(distribution: dict[str, Any]) -> None:
    assert {each["ViewerProtocolPolicy"] for each in _behaviors(distribution)} == {"https-only"}
    for origin in _origins(distribution).values():
        assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
        assert origin["CustomOriginConfig"]["OriginSSLProtocols"] == ["TLSv1.2"]


def test_rest_api_is_served_only_with_a_secret_that_it_knows(
    distribution: dict[str, Any], template: dict[str, Any], resources: dict[str, Any]
) -> None:
    assert template["Conditions"][CONDITION] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "OriginSecret"}, ""]}]}
    condition, rest, otherwise = distribution["DefaultCacheBehavior"]["Fn::If"]
    assert condition == CONDITION
    assert {**otherwise, "PathPattern": "/api/ws/*"} == distribution["CacheBehaviors"][0]
    assert set(rest["AllowedMethods"]) == {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"}
    [(made_if, _, without)] = [each["Fn::If"] for each in distribution["Origins"] if "Fn::If" in each]
    assert (made_if, without) == (CONDITION, {"Ref": "AWS::NoValue"})
    origin = _origins(distribution)[rest["TargetOriginId"]]
    assert "${RestAPI}" in origin["DomainName"]["Fn::Sub"]
    assert origin["OriginPath"] == "/dev"
    assert origin["OriginCustomHeaders"] == [{"HeaderName": "X-Origin-Secret", "HeaderValue": {"Ref": "OriginSecret"}}]
    variables = resources["APIHandler"]["Properties"]["Environment"]["Variables"]
    assert variables["CLAIMCHECK_ORIGIN_SECRET"] == {"Ref": "OriginSecret"}


def test_nobody_else_is_told_the_secret(distribution: dict[str, Any], resources: dict[str, Any]) -> None:
    others = {name: each for name, each in resources.items() if name not in {"APIHandler", "Distribution"}}
    assert "OriginSecret" not in json.dumps(others).replace(CONDITION, "")
    for origin in _origins(distribution).values():
        assert ("OriginCustomHeaders" in origin) == (origin["Id"] == "rest")


def test_outputs_say_where_clients_go(template: dict[str, Any]) -> None:
    outputs = {name: each["Value"] for name, each in template["Outputs"].items()}
    gateway = {"Fn::Sub": "https://${RestAPI}.execute-api.${AWS::Region}.${AWS::URLSuffix}/dev"}
    cloudfront = {"Fn::Sub": "https://${Distribution.DomainName}"}
    assert outputs["ApiURL"] == {"Fn::If": [CONDITION, cloudfront, gateway]}
    assert outputs["WebsocketURL"] == {"Fn::Sub": "wss://${Distribution.DomainName}/api/ws"}


def _behaviors(distribution: dict[str, Any]) -> Iterator[dict[str, Any]]:
    _, *defaults = distribution["DefaultCacheBehavior"]["Fn::If"]
    yield from (*defaults, *distribution["CacheBehaviors"])


def _origins(distribution: dict[str, Any]) -> dict[str, dict[str, Any]]:
    every = [each["Fn::If"][1] if "Fn::If" in each else each for each in distribution["Origins"]]
    return {each["Id"]: each for each in every}
