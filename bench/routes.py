"""Our own CPU of a warm route: reading a job through the app, less the same DynamoDB calls made bare."""

import threading
import time
from collections.abc import Callable
from typing import Any

import botocore.session
from botocore.config import Config
from chalice.local import LambdaContext

from local.proxy import HttpRequest, to_event
from local.routes import RouteTable

from .boundary import Answer, AwsCall, intercepted
from .deployment import Deployment
from .report import Row

BUDGET_MS = 1.0
ROUNDS, CALLS = 60, 10


def rows(deployment: Deployment) -> list[Row]:
    """CPU of this thread alone, DynamoDB Local being another process: the least of many rounds, taken in turns.

    Whatever else the machine does can only add to it, by crowding caches and cores.
    """
    place = deployment.workplace()
    job_id = place.create(payload={"branch": "main"})["jobId"]
    route = _route(f"/api/jobs/{job_id}", place.user.headers)
    bare = _bare(_calls_of(route), deployment.endpoint)
    pairs = [(_cpu_ms(route), _cpu_ms(bare)) for _ in range(ROUNDS)]
    whole, calls = (min(times) for times in zip(*pairs, strict=True))
    return [
        Row(what="own CPU of a warm GET of a job", measured=whole - calls, unit="ms", budget=BUDGET_MS),
        Row(what="… over its DynamoDB calls made bare", measured=calls, unit="ms"),
    ]


def _route(path: str, headers: dict[str, str]) -> Callable[[], object]:
    from app import app  # noqa: PLC0415  its settings are there only now

    match = RouteTable(app.routes).match(path)
    assert match is not None
    named = [(name.lower(), value) for name, value in headers.items()]
    request = HttpRequest(method="GET", path=path, query="", headers=named, body=b"", source_ip="127.0.0.1")
    event = to_event(request, match, app.api.binary_types)
    context = LambdaContext("api", memory_size=1024, max_runtime_ms=29_000)

    def call() -> object:
        answer = app(event, context)
        assert answer["statusCode"] == 200, answer  # noqa: PLR2004  HTTP
        return answer

    return call


def _calls_of(route: Callable[[], object]) -> list[tuple[str, dict[str, Any]]]:
    made: list[tuple[str, dict[str, Any]]] = []
    this_thread = threading.get_ident()

    def note(call: AwsCall) -> Answer:
        if call.service == "dynamodb" and threading.get_ident() == this_thread:
            made.append((call.operation, call.arguments))
        return call.proceed()

    with intercepted(note):
        route()
    return made


def _bare(calls: list[tuple[str, dict[str, Any]]], endpoint: str) -> Callable[[], object]:
    # Configured as PynamoDB's own clients are, so that only what is done around the calls makes a difference.
    config = Config(parameter_validation=False, retries={"mode": "standard", "total_max_attempts": 4})
    client = botocore.session.Session().create_client("dynamodb", endpoint_url=endpoint, config=config)
    methods = {operation: name for name, operation in client.meta.method_to_api_mapping.items()}
    ready = [(getattr(client, methods[operation]), arguments) for operation, arguments in calls]
    return lambda: [method(**arguments) for method, arguments in ready]


def _cpu_ms(work: Callable[[], object]) -> float:
    began = time.thread_time()
    for _ in range(CALLS):
        work()
    return (time.thread_time() - began) / CALLS * 1000
