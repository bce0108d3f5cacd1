"""CloudFront: the address of WebSockets, whose path API Gateway cannot route, and of the REST API if wanted.

See ``docs/decisions/0017-one-domain-by-cloudfront.md``. Nothing is logged here: the queries of WebSockets hold tokens.
"""

from pathlib import Path
from typing import Any

from . import websockets
from .stages import Stage

Resource = dict[str, Any]

# The template's condition that the REST API is served here, too.
WITH_REST = "HasOriginSecret"

_FUNCTION = Path(__file__).with_name("websocket_path.js")
_PATHS = "/api/ws/*"
_WEBSOCKETS, _REST = "websockets", "rest"
# AWS's own policies, the same in every account:
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
_CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
# API Gateway knows its APIs by the header Host, so that the viewer's must not reach it. Adds CloudFront-Viewer-Address.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
_ALL_VIEWER_EXCEPT_HOST_HEADER = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
# What CloudFront keeps for ten seconds even where caching is disabled, and mostly also where the origin forbids it:
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/custom-error-pages-expiration.html
_KEPT_ERRORS = (404, 414, 500, 501, 502, 503, 504)


def resources(stage: Stage) -> dict[str, Resource]:
    """The distribution and its function."""
    return {
        "WebsocketPath": {"Type": "AWS::CloudFront::Function", "Properties": _function(stage)},
        "Distribution": {
            "Type": "AWS::CloudFront::Distribution",
            "Properties": {"DistributionConfig": _distribution(stage)},
        },
    }


def outputs(stage: Stage) -> dict[str, Any]:
    """Where clients find the two APIs."""
    gateway = {"Fn::Sub": f"https://{_rest_domain()['Fn::Sub']}/{stage.gateway_stage}"}
    return {
        "ApiURL": {"Value": {"Fn::If": [WITH_REST, {"Fn::Sub": "https://${Distribution.DomainName}"}, gateway]}},
        "WebsocketURL": {"Value": {"Fn::Sub": "wss://${Distribution.DomainName}/api/ws"}},
    }


def _function(stage: Stage) -> dict[str, Any]:
    return {
        # The names of functions are the account's, those of tables the region's.
        "Name": {"Fn::Sub": f"{stage.prefix}-websocket-path-${{AWS::Region}}"},
        "AutoPublish": True,
        "FunctionConfig": {"Comment": f"{stage.prefix}: {_PATHS} to the query", "Runtime": "cloudfront-js-2.0"},
        "FunctionCode": _FUNCTION.read_text(),
    }


def _distribution(stage: Stage) -> dict[str, Any]:
    # Without the REST API its function answers whatever is no WebSocket's path.
    default = {"Fn::If": [WITH_REST, _rest_behavior(), _websocket_behavior()]}
    rest = _origin(stage, _REST, _rest_domain(), OriginCustomHeaders=[_proof()])
    return {
        "Comment": stage.prefix,
        "Enabled": True,
        "HttpVersion": "http2",
        "IPV6Enabled": True,
        "Origins": [
            _origin(stage, _WEBSOCKETS, websockets.domain()),
            {"Fn::If": [WITH_REST, rest, {"Ref": "AWS::NoValue"}]},
        ],
        "DefaultCacheBehavior": default,
        "CacheBehaviors": [{"PathPattern": _PATHS, **_websocket_behavior()}],
        "CustomErrorResponses": [{"ErrorCode": status, "ErrorCachingMinTTL": 0} for status in _KEPT_ERRORS],
    }


def _origin(stage: Stage, name: str, domain: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401  properties
    return {
        "Id": name,
        "DomainName": domain,
        "OriginPath": f"/{stage.gateway_stage}",
        "CustomOriginConfig": {"OriginProtocolPolicy": "https-only", "OriginSSLProtocols": ["TLSv1.2"]},
        **more,
    }


def _rest_domain() -> dict[str, Any]:
    return {"Fn::Sub": "${RestAPI}.execute-api.${AWS::Region}.${AWS::URLSuffix}"}


def _proof() -> dict[str, Any]:
    """That a request came through here; CloudFront replaces what a viewer sends by that name."""
    return {"HeaderName": "X-Origin-Secret", "HeaderValue": {"Ref": "OriginSecret"}}


def _rest_behavior() -> dict[str, Any]:
    return _behavior(_REST, AllowedMethods=["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"])


def _websocket_behavior() -> dict[str, Any]:
    function = {"EventType": "viewer-request", "FunctionARN": {"Fn::GetAtt": ["WebsocketPath", "FunctionARN"]}}
    return _behavior(_WEBSOCKETS, AllowedMethods=["GET", "HEAD"], FunctionAssociations=[function])


def _behavior(origin: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  properties of a behaviour
    return {
        "TargetOriginId": origin,
        # Not redirected: a token that came in plain text is told by then.
        "ViewerProtocolPolicy": "https-only",
        "CachePolicyId": _CACHING_DISABLED,
        "OriginRequestPolicyId": _ALL_VIEWER_EXCEPT_HOST_HEADER,
        **more,
    }
