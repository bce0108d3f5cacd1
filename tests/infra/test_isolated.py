"""The package alone, with nothing of this machine but its Python: what Lambda would run."""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import zstandard

HEALTH = {
    "httpMethod": "GET",
    "path": "/api/health",
    "headers": {"Host": "example.com"},
    "multiValueHeaders": {"Host": ["example.com"]},
    "queryStringParameters": None,
    "multiValueQueryStringParameters": None,
    "pathParameters": None,
    "stageVariables": None,
    "body": None,
    "isBase64Encoded": False,
    "requestContext": {
        "resourcePath": "/api/health",
        "httpMethod": "GET",
        "identity": {"sourceIp": "192.0.2.1"},
        "requestId": "r",
        "stage": "dev",
    },
}
CREATED = {
    "job_id": {"S": "job_1"},
    "kind": {"S": "task"},
    "type": {"S": "build"},
    "queue": {"S": "default"},
    "owner": {"S": "project:p"},
    "created_by": {"S": "user:u"},
    "state": {"S": "ready"},
    "created_at": {"N": "1767323045678"},
    "updated_at": {"N": "1767323045678"},
    "version": {"N": "0"},
}
RECORD = {
    "eventID": "1",
    "eventName": "INSERT",
    "eventSource": "aws:dynamodb",
    "awsRegion": "us-east-1",
    "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/claimcheck-dev-jobs/stream/now",
    "dynamodb": {
        "ApproximateCreationDateTime": 1767323045,
        "Keys": {"job_id": {"S": "job_1"}},
        "NewImage": CREATED,
        "SequenceNumber": "1",
        "SizeBytes": 256,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    },
}
HANDSHAKE: dict[str, Any] = {
    "queryStringParameters": {"kind": "build", "id": "550e8400-e29b-41d4-a716-446655440000"},
    "requestContext": {
        "apiId": "a",
        "connectionId": "c",
        "domainName": "a.execute-api.us-east-1.amazonaws.com",
        "identity": {"sourceIp": "192.0.2.1"},
        "routeKey": "$connect",
        "stage": "dev",
    },
}
CALL = """
import importlib, json, sys
module, _, name = sys.argv[1].rpartition(".")
handler = getattr(importlib.import_module(module), name)
answer = handler(json.loads(sys.argv[2]), None)
foreign = [m.__file__ for m in sys.modules.values() if "site-packages" in (getattr(m, "__file__", None) or "")]
json.dump({"answer": answer, "foreign": [f for f in foreign if not f.startswith(sys.argv[3])]}, sys.stderr)
"""
CLIENTS = """
import json, sys
from chalicelib import aws
from botocore.session import Session
for service in json.loads(sys.argv[1]):
    Session().create_client(service)
print(aws.kms().meta.service_model.service_name)
print(aws.s3().generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"}))
"""


ENGINE = """
import json, sys, tempfile
from pathlib import Path
from pydantic import TypeAdapter
from chalicelib.engines.tabular.process import Limits, Plan, process
from chalicelib.engines.tabular.steps import Options, Step
with tempfile.TemporaryDirectory() as folder:
    source = Path(folder, "source")
    source.write_text(sys.argv[1])
    work = Path(folder, "work")
    work.mkdir()
    plan = Plan(
        file_name="people.jsonl",
        steps=TypeAdapter(list[Step]).validate_python(json.loads(sys.argv[2])),
        options=Options(),
    )
    limits = Limits(memory_bytes=2**30, temp_bytes=2**26, expanded_bytes=2**20, threads=2)
    output = process(source, work, plan, limits, lambda done: None)
    print(output.path.read_bytes().hex())
"""
PEOPLE = '{"name": "Alice", "city": "New York"}\n{"name": "Bob", "city": "London"}\n'
STEPS = [
    {"type": "filter", "params": {"column": "city", "operator": "eq", "value": "New York"}},
    {"type": "convert_format", "params": {"to_format": "csv", "compression": "zstd"}},
]
SCORING = """
import json, sys
from chalicelib.engines.evaluation.criteria import Criteria
from chalicelib.engines.evaluation.scoring import score_row
result = score_row(1, "?", "[1]", "[1]", Criteria.model_validate(json.loads(sys.argv[1])), None)
print([result["similarity"], *(each["score"] for each in result["evaluators"])])
"""
CRITERIA = {
    "custom_evaluators": [
        {"name": "regex", "pattern": "^.[0-9]"},
        {"name": "json_schema", "schema": {"type": "object"}},
    ]
}
SIGNING = """
from datetime import UTC, datetime
from standardwebhooks import Webhook
print(Webhook("whsec_" + "c2VjcmV0" * 4).sign("m", datetime.now(UTC), "{}"))
"""
OF_SOME = {"duckdb", "zstandard", "boto3", "s3transfer", "rapidfuzz", "re2", "jsonschema", "standardwebhooks"}
# What S3 sends when it is told of a queue.
TEST_EVENT = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}


def test_api_answers_an_event_of_api_gateway(
    code: Path, layer: Path, resources: dict[str, dict[str, dict[str, Any]]]
) -> None:
    made = _handle(code, layer, resources["APIHandler"]["Properties"]["Handler"], HEALTH)
    assert made["answer"]["statusCode"] == 200
    told = json.loads(made["answer"]["body"])
    assert (told["status"], told["service"], told["stage"]) == ("healthy", "claimcheck", "dev")
    assert made["foreign"] == []


def test_websocket_is_refused_to_whoever_has_no_token(
    code: Path, layer: Path, resources: dict[str, dict[str, dict[str, Any]]]
) -> None:
    made = _handle(code, layer, resources["WebsocketConnect"]["Properties"]["Handler"], HANDSHAKE)
    assert made["answer"]["statusCode"] == 401
    assert json.loads(made["answer"]["body"])["error"] == "invalid_token"
    assert made["foreign"] == []


def test_what_watchers_say_is_taken(code: Path, layer: Path, resources: dict[str, dict[str, dict[str, Any]]]) -> None:
    message = {"requestContext": {**HANDSHAKE["requestContext"], "routeKey": "$default"}, "body": "hello"}
    made = _handle(code, layer, resources["WebsocketMessage"]["Properties"]["Handler"], message)
    assert made == {"answer": {"statusCode": 200}, "foreign": []}


def test_stream_takes_a_batch(code: Path, layer: Path, resources: dict[str, dict[str, dict[str, Any]]]) -> None:
    made = _handle(code, layer, resources["Stream"]["Properties"]["Handler"], {"Records": [RECORD]})
    assert made == {"answer": None, "foreign": []}


def test_uploads_takes_the_event_that_s3_tries_the_queue_with(
    code: Path, layer: Path, resources: dict[str, dict[str, dict[str, Any]]]
) -> None:
    message = {"messageId": "m", "receiptHandle": "r", "body": json.dumps(TEST_EVENT), "eventSource": "aws:sqs"}
    made = _handle(code, layer, resources["Uploads"]["Properties"]["Handler"], {"Records": [message]})
    assert made == {"answer": None, "foreign": []}


@pytest.mark.parametrize(("function", "needed"), [
    ("Sweep", "chalicelib.jobs.sweeper"), ("FilesStage", "chalicelib.files.stage"),
    ("EvaluationsStage", "chalicelib.evaluations.stage"), ("Webhooks", "chalicelib.webhooks.deliveries"),
])  # fmt: skip
def test_handler_is_there_to_be_called(
    function: str, needed: str, code: Path, layer: Path, resources: dict[str, dict[str, dict[str, Any]]]
) -> None:
    module, _, name = str(resources[function]["Properties"]["Handler"]).rpartition(".")
    script = f"import {module} as module, {needed}; assert callable(module.{name})"
    made = _run(code, layer, script)
    assert made.returncode == 0, made.stderr


def test_engine_reads_a_file_does_its_steps_and_writes_another(code: Path, layer: Path) -> None:
    made = _run(code, layer, ENGINE, PEOPLE, json.dumps(STEPS))
    assert made.returncode == 0, made.stderr
    written = zstandard.ZstdDecompressor().decompressobj().decompress(bytes.fromhex(made.stdout))
    assert written == b"name,city\nAlice,New York\n"


def test_engine_scores_an_answer(code: Path, layer: Path) -> None:
    made = _run(code, layer, SCORING, json.dumps(CRITERIA))
    assert made.stdout.splitlines() == ["[1.0, 1.0, 0.0]"], made.stderr


def test_webhooks_are_signed(code: Path, layer: Path) -> None:
    made = _run(code, layer, SIGNING)
    assert made.stdout.startswith("v1,"), made.stderr


def test_functions_do_not_wait_for_what_only_others_use(code: Path, layer: Path) -> None:
    made = _run(code, layer, f"import app, sys; print(sorted({OF_SOME} & set(sys.modules)))")
    assert made.stdout.splitlines() == ["[]"], made.stderr


def test_every_client_that_the_code_makes_can_be_made(code: Path, layer: Path) -> None:
    data = next(layer.rglob("botocore/data"))
    services = [path.name for path in data.iterdir() if path.is_dir()]
    made = _run(code, layer, CLIENTS, json.dumps(services))
    assert made.stdout.splitlines()[0] == "kms"
    assert "X-Amz-Signature" in made.stdout


@pytest.mark.parametrize("missing", ["CLAIMCHECK_SESSION_SECRET", "CLAIMCHECK_ADMIN_API_KEY"])
def test_api_does_not_start_without_its_keys(code: Path, layer: Path, missing: str) -> None:
    made = _run(code, layer, "import app", without=missing)
    assert made.returncode != 0
    assert missing.removeprefix("CLAIMCHECK_").lower() in made.stderr


def _handle(code: Path, layer: Path, handler: str, event: dict[str, Any]) -> dict[str, Any]:
    made = _run(code, layer, CALL, handler, json.dumps(event), str(layer))
    assert made.returncode == 0, made.stderr
    return dict(json.loads(made.stderr.splitlines()[-1]))


def _run(code: Path, layer: Path, script: str, *arguments: str, without: str = "") -> subprocess.CompletedProcess[str]:
    libraries = next(layer.rglob("site-packages"))
    environment = {
        "PYTHONPATH": os.pathsep.join([str(code), str(libraries)]),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_LAMBDA_FUNCTION_NAME": "claimcheck-dev-api",
        "CLAIMCHECK_SESSION_SECRET": secrets.token_hex(32),
        "CLAIMCHECK_ADMIN_API_KEY": secrets.token_hex(32),
    }
    environment.pop(without, None)
    # No site-packages but the layer's, and no current folder.
    command = [sys.executable, "-S", "-s", "-P", "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=60)  # noqa: S603
