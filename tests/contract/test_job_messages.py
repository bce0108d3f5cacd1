"""JobMessages: what is in them, and what is beside them."""

import json
import random
import re
import uuid
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import requests

from local.cloud import ROOT, LocalCloud
from tests.contract.harness import AwsSpy, changed_settings
from tests.contract.subscriber import Subscriber, subscribed
from tests.support.api import TIMEOUT, Bench, ok
from tests.support.files import NEW_YORK, Files

LIMIT = 256 * 1024


@pytest.fixture
def subscriber(cloud: LocalCloud) -> Iterator[Subscriber]:
    """A subscriber that has read what was told before."""
    with subscribed(cloud) as made:
        yield made


def _completed(bench: Bench, result: Any) -> str:
    job_id = bench.running()
    bench.report(job_id, "completed", result)
    return job_id


def _json_behind(blob: dict[str, Any]) -> Any:
    answer = requests.get(blob["access_url"], timeout=TIMEOUT)
    assert answer.ok, answer.text
    return answer.json()


def test_messages_are_what_the_schema_says(bench: Bench, subscriber: Subscriber) -> None:
    from chalicelib.messages.message import JobMessage

    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    body = {
        "projectId": bench.project_id,
        "jobType": "build",
        "queue": bench.queue,
        "payload": {"key": "canary-payload"},
    }
    job = ok(bench.user.post("/api/jobs/create", body, headers={"traceparent": parent}))
    claimed = bench.claim()
    bench.report(job["jobId"], "running", {"percent": 10})
    bench.report(job["jobId"], "failed", {"error": "no disk"})
    messages = subscriber.read()
    schema = JobMessage.model_json_schema(mode="serialization")
    for each in messages:
        jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(each["body"])
    bodies = [each["body"] for each in messages]
    assert [each["message_type"] for each in bodies] == ["job_created", "job_started", "job_failed"]
    assert [each["status"] for each in bodies] == ["ready", "running", "failed"]
    failed = bodies[-1]
    assert failed["error"] == {"code": "JOB_FAILED", "message": "no disk"}
    assert (failed["progress"], failed["attempt"], failed["result"]) == ({"percent": 10}, 1, None)
    assert {(each["trace_id"], each["project_id"]) for each in bodies} == {(parent.split("-")[1], bench.project_id)}
    assert failed["message_id"] == f"{job['jobId']}.{failed['sequence']}"
    assert messages[0]["attributes"] == {
        "message_type": "job_created", "kind": "task", "type": "build", "owner": f"project:{bench.project_id}",
    }  # fmt: skip
    assert "canary-payload" not in json.dumps(messages)
    assert claimed["claimToken"] not in json.dumps(messages)


def test_small_result_is_in_the_message(bench: Bench, subscriber: Subscriber) -> None:
    result = {"text": "ünï\ufffe\U0001f600", "big": 2**70, "list": [None, True, 0.1]}
    _completed(bench, result)
    told = subscriber.read()[-1]
    assert told["body"]["result"] == result
    # SQS takes not every character that JSON does; moto takes them all.
    assert told["ascii"]


def test_result_that_lies_in_the_store_is_referenced_there(bench: Bench, subscriber: Subscriber) -> None:
    result = {"noise": random.Random(1).randbytes(110_000).hex()}  # noqa: S311  not compressible, and the same each time
    job_id = _completed(bench, result)
    message = subscriber.of(job_id)[-1]
    assert message["result"] is None
    (blob,) = message["blob_references"]
    assert blob["blob_name"].startswith(f"documents/{job_id}/")
    assert (blob["container"], blob["storage_account"], blob["content_type"]) == (
        "claimcheck", "claimcheck", "application/json",
    )  # fmt: skip
    assert uuid.UUID(blob["blob_id"]).version == 5
    assert _json_behind(blob) == result


def test_result_that_does_not_fit_its_message_is_put_beside_it(bench: Bench, subscriber: Subscriber) -> None:
    """At the edge: what fills the message to its last byte is in it, and one byte more is beside it."""

    def told(letters: int) -> dict[str, Any]:
        _completed(bench, {"x": "y" * letters})
        return subscriber.read()[-1]

    fits = 1000 + LIMIT - told(1000)["size"]
    inside, outside = told(fits), told(fits + 1)
    assert inside["size"] == LIMIT
    assert inside["body"]["result"] == {"x": "y" * fits}
    assert outside["body"]["result"] is None
    (blob,) = outside["body"]["blob_references"]
    assert blob["blob_name"] == f"messages/{outside['body']['job_id']}/{outside['body']['sequence']}.json"
    assert blob["size_bytes"] == fits + len('{"x":"y"}')
    assert _json_behind(blob) == {"x": "y" * (fits + 1)}


def test_message_is_never_larger_than_what_the_topic_takes(bench: Bench, subscriber: Subscriber) -> None:
    """Characters that ASCII has six bytes for, in numbers around the limit."""
    for count in (43_400, 43_550, 43_700):
        result = {"x": "ü" * count}
        job_id = _completed(bench, result)
        told = [each for each in subscriber.read() if each["body"]["job_id"] == job_id][-1]
        assert told["size"] <= LIMIT
        found = told["body"]["result"] or _json_behind(told["body"]["blob_references"][0])
        assert found == result


def test_output_of_a_file_job_is_referenced(files: Files, subscriber: Subscriber) -> None:
    job, output = files.processed(NEW_YORK)
    message = subscriber.of(job["id"])[-1]
    (blob,) = message["blob_references"]
    assert (message["message_type"], blob["blob_name"]) == ("job_completed", job["output_object_key"])
    assert (blob["size_bytes"], blob["content_type"]) == (len(output), "text/csv")
    assert requests.get(blob["access_url"], timeout=TIMEOUT).content == output


def test_each_of_several_outputs_is_referenced(bench: Bench, subscriber: Subscriber) -> None:
    from chalicelib.objects import contents

    job_id = bench.running()
    names = {f"output/{job_id}/1/{name}": {"object_key": f"output/{job_id}/1/{name}"} for name in ("a.json", "b.csv")}
    for key in names:
        contents.write(key, key.encode(), "text/plain")
    missing = {"object_key": f"output/{job_id}/1/never-uploaded"}
    bench.report(job_id, "completed", {"outputs": {**names, "c": missing}, "output": [*names.values()]})
    blobs = subscriber.of(job_id)[-1]["blob_references"]
    assert [blob["blob_name"] for blob in blobs] == list(names)
    assert [requests.get(blob["access_url"], timeout=TIMEOUT).text for blob in blobs] == list(names)


def test_what_is_no_output_of_the_job_is_not_referenced(bench: Bench, subscriber: Subscriber) -> None:
    from chalicelib.objects import contents

    another = f"output/{uuid.uuid4()}/1/x"
    contents.write(another, b"somebody's", "text/plain")
    made_up = ({"output": {"object_key": another}}, {"outputs": [{"object_key": another}]}, {"output": 1})
    for told in (*made_up, {"outputs": [None, {"object_key": 3}]}, [another], another):
        assert subscriber.of(_completed(bench, told))[-1]["blob_references"] == []


def test_topic_that_fails_makes_the_stream_try_again(bench: Bench, subscriber: Subscriber, aws: AwsSpy) -> None:
    left = [1]
    real = aws.failing

    def once(operation: str, parameters: dict[str, Any]) -> Exception | None:
        if operation == "Publish" and left:
            left.pop()
            aws.fail("Publish", "InternalError")
            error = aws.failing(operation, parameters)
            aws.failing = real
            return error
        return None

    aws.failing = once
    job_id = bench.create()["jobId"]
    told = subscriber.of(job_id)
    assert left == []
    assert [each["message_type"] for each in told] == ["job_created"]


def test_without_a_topic_nothing_is_told(bench: Bench, subscriber: Subscriber, aws: AwsSpy) -> None:
    with changed_settings(messages_topic=""):
        _completed(bench, {"a": 1})
        assert subscriber.read() == []
    assert aws.of("Publish") == []


def test_documented_message_is_one() -> None:
    from chalicelib.messages.message import JobMessage

    text = (ROOT / "docs" / "messages.md").read_text()
    example = re.findall(r"```json\n(.*?)```", text, re.DOTALL)[0]
    assert JobMessage.model_validate_json(example).message_type == "job_completed"
    assert set(json.loads(example)) == set(JobMessage.model_fields)
