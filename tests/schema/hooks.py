"""What schemathesis is told in its own process: how this API writes numbers, and where claim tokens come from."""

import os
import re
from typing import Any

import requests
import schemathesis


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    """A valid body, and what is valid in any other, as this API's clients write it.

    A whole number has no fraction: the models are strict, and JSON Schema cannot say so. What is named is there: a
    project, a data set, a queue that is served.
    """
    operation = context.operation.definition.raw["operationId"] if context.operation else ""
    body = _whole(body)
    if isinstance(body, dict) and operation == "agents_create_job":
        return {name: _known(name, value) for name, value in body.items()}
    if isinstance(body, dict) and operation == "evaluations_submit_evaluation":
        told = body.get("configuration")
        if isinstance(told, dict) and isinstance(told.get("data_source"), str) and told["data_source"]:
            return {**body, "configuration": {**told, "data_source": os.environ["DATA_SET"]}}
    return body


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:  # noqa: ARG001
    """A claim token is good once, so each call with the one that is known gets a new one in its place."""
    given: list[Any] = [case.headers, kwargs.get("headers")]
    for headers in filter(None, given):
        for name in list(headers):
            if name.lower() == "x-claim-token" and headers[name] == os.environ["CLAIM_TOKEN"]:
                headers[name] = _minted()


def _minted() -> str:
    url = f"{os.environ['API_URL']}/api/jobs/{os.environ['JOB_ID']}/claim-token"
    headers = {"X-Colab-Id": os.environ["AGENT_ID"], "X-Colab-Secret": os.environ["AGENT_SECRET"]}
    answer = requests.post(url, headers=headers, timeout=30)
    answer.raise_for_status()
    return str(answer.json()["claimToken"])


def _known(name: str, value: Any) -> Any:
    """The project and the queue that there are, where the value names one at all."""
    there = {"projectId": os.environ["PROJECT_ID"], "queue": "default"}.get(name)
    return there if there and isinstance(value, str) and re.fullmatch("[a-z][a-z0-9_-]{0,31}", value) else value


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
