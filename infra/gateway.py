"""What API Gateway answers by itself, without running the app: the agents contract's envelope, as the app would.

Its templates only put in variables, so two things differ from the app's own errors: ``timestamp`` is API Gateway's
form of the time, and there are no CORS headers, because which origin may read an answer depends on the request.
"""

import json
from typing import Any

from chalicelib.errors import ClaimcheckError, InvalidRequest, TooLarge, TooManyRequests
from chalicelib.surfaces.agents.errors import envelope
from chalicelib.surfaces.problems import Internal, PathNotFound

from .stages import Stage

_TIME = "$context.requestTime"
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def rest_api(stage: Stage) -> dict[str, Any]:
    """What is merged into Chalice's REST API."""
    return {
        "Properties": {
            # Without a version SAM publishes a second stage, named "Stage".
            "OpenApiVersion": "2.0",
            "DefinitionBody": {
                # What the API is called, also in its metrics.
                "info": {"title": stage.prefix},
                "x-amazon-apigateway-gateway-responses": _responses(),
            },
        }
    }


def _responses() -> dict[str, Any]:
    return {
        # What API Gateway calls a path that it does not know.
        "MISSING_AUTHENTICATION_TOKEN": _response(PathNotFound()),
        "REQUEST_TOO_LARGE": _response(TooLarge()),
        "THROTTLED": _response(TooManyRequests(1), {"Retry-After": "1"}),
        # The status is the one of each case, and only API Gateway knows which that is.
        "DEFAULT_4XX": _without_status(_response(InvalidRequest())),
        "DEFAULT_5XX": _without_status(_response(Internal())),
    }


def _response(error: ClaimcheckError, more: dict[str, str] | None = None) -> dict[str, Any]:
    status, body = envelope(error)
    headers = {**_HEADERS, **(more or {})}
    return {
        "statusCode": int(status),
        "responseParameters": {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in headers.items()},
        "responseTemplates": {"application/json": json.dumps({**body, "timestamp": _TIME})},
    }


def _without_status(response: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in response.items() if name != "statusCode"}
