import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import pytest
import requests
from moto.sqs.models import SQSBackend

from local import embedded_sqs
from tests.local.toy import Toy

NewToy = Callable[..., AbstractContextManager[Toy]]
UPLOADS = "claimcheck-uploads"


def records(toy: Toy, queue: str = "toy-work") -> list[dict[str, Any]]:
    batches = [call["event"]["Records"] for call in toy.call("calls")]
    return [record for batch in batches for record in batch if record["eventSourceARN"].endswith(f":{queue}")]


def times_delivered(toy: Toy, body: str) -> int:
    return sum(record["body"] == body for record in records(toy))


def wait_for(condition: Callable[[], object], seconds: float = 5) -> None:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    assert condition()


def announced(toy: Toy) -> list[tuple[str, str]]:
    bodies = [json.loads(record["body"]) for record in records(toy, UPLOADS)]
    events = [event for body in bodies for event in body.get("Records", [])]
    return [(event["eventName"], event["s3"]["object"]["key"]) for event in events]


@pytest.fixture
def paused(toy: Toy) -> Iterator[Toy]:
    toy.call("pause")
    yield toy
    toy.call("resume")


def test_message_is_delivered_and_deleted_without_being_asked(toy: Toy) -> None:
    toy.call("send", "write unasked")
    wait_for(lambda: toy.get("/echoes/unasked")["echoes"] == [1])
    wait_for(lambda: toy.call("count_waiting", "toy-work") == [0, 0, 0])


def test_drain_delivers_messages_and_what_follows(toy: Toy) -> None:
    toy.call("send_and_drain", *["write followed"] * 5)
    assert toy.get("/echoes/followed")["echoes"] == [1, 2, 3, 4, 5]
    assert toy.call("drain") == 0


def test_drain_waits_for_a_handler_that_is_running(toy: Toy) -> None:
    toy.call("send", "sleep 0.4")
    wait_for(lambda: toy.call("running"))
    toy.call("drain")
    assert toy.call("running") == []
    assert times_delivered(toy, "sleep 0.4") == 1


def test_record_is_what_lambda_hands_over(toy: Toy) -> None:
    toy.call("send_with_attributes", "shape")
    toy.call("drain")
    record = next(record for record in records(toy) if record["body"] == "shape")
    attributes = record.pop("attributes")
    assert record.pop("messageId")
    assert record.pop("receiptHandle")
    assert record.pop("md5OfMessageAttributes")
    empty: dict[str, list[str]] = {"stringListValues": [], "binaryListValues": []}
    assert record == {
        "body": "shape",
        "messageAttributes": {
            "text": {"dataType": "String", "stringValue": "text", **empty},
            "binary": {"dataType": "Binary", "binaryValue": "AAE=", **empty},
        },
        "md5OfBody": "8c73a98a300905900337f535531dfca6",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:toy-work",
        "awsRegion": "us-east-1",
    }
    assert attributes["ApproximateReceiveCount"] == "1"
    assert {"SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"} <= attributes.keys()


def test_context_counts_down_from_lambdas_limit_and_names_each_call(toy: Toy) -> None:
    toy.call("send_and_drain", "context one", "context two")
    calls = [call for call in toy.call("calls") if call["event"]["Records"][0]["body"].startswith("context ")]
    assert [890_000 < call["milliseconds"] <= 900_000 for call in calls] == [True, True]
    assert len({call["request_id"] for call in calls}) == 2


@pytest.mark.parametrize(("how", "error"), [("fail", "RuntimeError('fail')"), ("kill", "Killed('kill')")])
def test_failed_message_stays_until_it_is_taken(toy: Toy, how: str, error: str) -> None:
    body = f"{how} 2 {how}"
    toy.call("hurry")
    toy.call("send_and_drain", body)
    assert toy.call("drain") == 0
    assert times_delivered(toy, body) == 1
    assert toy.call("count_waiting", "toy-work") == [0, 0, 1]
    assert toy.call("hurry") == 1
    assert toy.call("hurry") == 1
    assert times_delivered(toy, body) == 3
    assert toy.call("count_waiting", "toy-work") == [0, 0, 0]
    assert toy.call("hurry") == 0
    counts = [each["attributes"]["ApproximateReceiveCount"] for each in records(toy) if each["body"] == body]
    assert counts == ["1", "2", "3"]
    failure = {"queue": "toy-work", "bodies": [body], "error": error}
    assert [each for each in toy.call("failures") if each["bodies"] == [body]] == [failure] * 2
    told = [line for line in toy.call("logged") if error in line]
    assert len(told) == 2
    assert told[0].startswith("ERROR MESSAGE LEFT: work failed on 1 of toy-work")


def test_message_that_always_fails_ends_among_the_failures(toy: Toy) -> None:
    body = "fail 1000 always"
    toy.call("send_and_drain", body, "write beside")
    for _ in range(6):
        toy.call("hurry")
    assert times_delivered(toy, body) == 5
    assert toy.call("count_waiting", "toy-work") == [0, 0, 0]
    assert toy.call("count_waiting", "toy-work-failures") == [1, 0, 0]
    assert toy.get("/echoes/beside")["echoes"] == [1]


def test_delayed_message_comes_when_its_delay_ends_and_is_not_asked_for_before(toy: Toy) -> None:
    before = toy.call("receives")
    toy.call("send_later", "write delayed", "1")
    toy.call("drain")
    assert toy.get("/echoes/delayed")["echoes"] == []
    wait_for(lambda: toy.get("/echoes/delayed")["echoes"] == [1])
    # Each worker at most once, and perhaps once more for a clock that is a moment early.
    assert toy.call("receives") - before <= 4


def test_hurry_ends_a_delay(toy: Toy) -> None:
    toy.call("send_later", "write hurried", "900")
    assert toy.call("drain") == 0
    toy.call("hurry")
    assert toy.get("/echoes/hurried")["echoes"] == [1]


def test_paused_queues_keep_their_messages_while_streams_go_on(paused: Toy) -> None:
    paused.call("send", "write waiting")
    paused.request("POST", "/count/going").raise_for_status()
    paused.call("drain")
    assert paused.get("/echoes/going")["echoes"] == [1]
    assert paused.call("count_waiting", "toy-work") == [1, 0, 0]
    paused.call("resume")
    wait_for(lambda: paused.get("/echoes/waiting")["echoes"] == [1])


def test_long_job_holds_up_neither_the_next_nor_another_queue(toy: Toy) -> None:
    toy.call("send", "sleep 1.5")
    wait_for(lambda: "sleep 1.5" in toy.call("running"))
    toy.call("send", "write meanwhile")
    toy.call("send_to", UPLOADS, '{"meanwhile": true}', "0")
    wait_for(lambda: toy.get("/echoes/meanwhile")["echoes"] == [1])
    wait_for(lambda: any("meanwhile" in record["body"] for record in records(toy, UPLOADS)))
    assert "sleep 1.5" in toy.call("running")


def test_queue_has_two_handlers_at_once_and_no_more(new_toy: NewToy) -> None:
    with new_toy() as toy:
        toy.call("send", *["sleep 0.2"] * 5)
        wait_for(lambda: times_delivered(toy, "sleep 0.2") == 5)
        assert toy.call("most_running") == 2


def test_embedded_sqs_hands_each_message_of_many_threads_to_one_of_them() -> None:
    embedded_sqs.repair()
    sqs = SQSBackend("us-east-1", "123456789012")
    sqs.create_queue("shared")

    def take() -> list[str]:
        taken = sqs.receive_message("shared", 10, 0, 900)
        for message in taken:
            sqs.delete_message("shared", str(message.receipt_handle))
        return [message.body for message in taken]

    def work(thread: int) -> list[str]:
        taken = []
        for number in range(100):
            sqs.send_message("shared", f"{thread} {number}")
            taken += take()
        return taken

    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            bodies = [body for taken in pool.map(work, range(8)) for body in taken]
    finally:
        sys.setswitchinterval(switching)
    while taken := take():
        bodies += taken
    assert sorted(bodies) == sorted(f"{thread} {number}" for thread in range(8) for number in range(100))
    assert sqs.get_queue("shared").approximate_number_of_messages_not_visible == 0


def test_queues_are_made_as_the_template_makes_them(toy: Toy) -> None:
    work = toy.call("attributes", "toy-work")
    assert (work["VisibilityTimeout"], work["DelaySeconds"]) == ("960", "0")
    redrive = {"deadLetterTargetArn": f"{work['QueueArn']}-failures", "maxReceiveCount": 5}
    assert json.loads(work["RedrivePolicy"]) == redrive
    assert toy.call("attributes", UPLOADS)["DelaySeconds"] == "60"


def test_upload_is_announced_once_after_its_delay(toy: Toy) -> None:
    toy.call("hurry")
    before = len(announced(toy))
    url = toy.get("/upload/input%2Fjob%2F%C3%A9%20b.csv")["put"]
    assert requests.put(url, data=b"a,b", timeout=10).ok
    toy.request("POST", "/uploads/parts.csv").raise_for_status()
    assert requests.put(toy.get("/upload/output%2Fx")["put"], data=b"elsewhere", timeout=10).ok
    assert toy.call("drain") == 0
    assert len(announced(toy)) == before
    assert toy.call("hurry") == 2
    assert announced(toy)[before:] == [
        ("ObjectCreated:Put", "input/job/%C3%A9+b.csv"),
        ("ObjectCreated:CompleteMultipartUpload", "input/parts.csv"),
    ]
    batch = toy.call("calls")[-1]["event"]["Records"]
    assert len(batch) == 2


def test_upload_is_announced_by_itself(new_toy: NewToy) -> None:
    with new_toy(CLAIMCHECK_UPLOAD_EVENT_DELAY_SECONDS="1") as toy:
        assert requests.put(toy.get("/upload/input%2Fx")["put"], data=b"x", timeout=10).ok
        assert announced(toy) == []
        wait_for(lambda: announced(toy) == [("ObjectCreated:Put", "input/x")])


def test_stop_gives_a_running_handler_its_time(new_toy: NewToy) -> None:
    with new_toy() as toy:
        toy.call("send", "sleep 1")
        wait_for(lambda: toy.call("running"))
        assert toy.call("stop_seconds") < 3
        assert toy.call("running") == []
        assert toy.call("logged") == []


def test_stop_does_not_wait_for_a_handler_forever_and_the_next_start_knows_nothing_of_it(new_toy: NewToy) -> None:
    with new_toy() as toy:
        toy.call("send", "sleep 5", "sleep 60", "write never")
        wait_for(lambda: len(toy.call("running")) == 2)
        assert toy.call("stop_seconds") < 6
        assert toy.call("logged") == ["WARNING left before its end: a handler of toy-work"]
        toy.url = toy.call("restart")
        assert toy.call("count_waiting", "toy-work") == [0, 0, 0]
        toy.call("send_and_drain", "write again")
        assert toy.get("/echoes/again")["echoes"] == [1]
        wait_for(lambda: toy.call("running") == ["sleep 60"])
        assert toy.call("failures") == []
        assert toy.get("/echoes/never")["echoes"] == []
