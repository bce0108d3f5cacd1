"""What is laid over the WebSocket API that Chalice declares, and how it is named from outside."""

from typing import Any

from .stages import Stage

Resource = dict[str, Any]

API = "WebsocketAPI"

# Each runs for some 50 ms: what strangers can have at work at once is a few functions of the account's.
_PER_SECOND = 100
_AT_ONCE = 200
# Chalice's names of what lets API Gateway call a function, and the route that it is called for.
_ROUTES = {"WebsocketConnectInvokePermission": "$connect", "WebsocketMessageInvokePermission": "$default"}


def resources(stage: Stage) -> dict[str, Resource]:
    """The API's name, its limits, and who may call its functions: the API itself, each for its own route."""
    throttling = {"ThrottlingRateLimit": _PER_SECOND, "ThrottlingBurstLimit": _AT_ONCE}
    permissions = {
        name: {"Properties": {"SourceArn": _execute_arn(f"{stage.gateway_stage}/{route}")}}
        for name, route in _ROUTES.items()
    }
    return {
        API: {"Properties": {"Name": f"{stage.prefix}-websockets"}},
        "WebsocketAPIStage": {"Properties": {"DefaultRouteSettings": throttling}},
        **permissions,
    }


def domain() -> dict[str, Any]:
    """The API's host name."""
    return {"Fn::Sub": f"${{{API}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}"}


def endpoint(stage: Stage) -> dict[str, Any]:
    """Where messages to connections are posted."""
    return {"Fn::Sub": f"https://{domain()['Fn::Sub']}/{stage.gateway_stage}"}


def _execute_arn(what: str) -> dict[str, Any]:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{{API}}}/{what}"}
