"""The topic of messages: who gets them, and in what form."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from tests.local.toy import Toy

NewToy = Callable[..., AbstractContextManager[Toy]]
MESSAGES, WEBHOOKS = "claimcheck-messages", "claimcheck-webhooks"


def delivered(toy: Toy) -> list[dict[str, Any]]:
    batches = [call["event"]["Records"] for call in toy.call("calls")]
    return [record for batch in batches for record in batch if record["eventSourceARN"].endswith(f":{WEBHOOKS}")]


def test_handler_gets_what_the_topic_was_told_as_it_was_told(toy: Toy) -> None:
    toy.call("publish", '{"number": 1}')
    toy.call("drain")
    [record] = [record for record in delivered(toy) if record["body"] == '{"number": 1}']
    assert record["messageAttributes"]["text"]["stringValue"] == "text"


def test_messages_stay_for_consumers_whatever_is_drained(toy: Toy) -> None:
    toy.call("messages")
    for number in range(25):
        toy.call("publish", f'{{"number": {number}}}')
    toy.call("drain")
    toy.call("hurry")
    assert toy.call("count_waiting", MESSAGES) == [25, 0, 0]
    assert sorted(each["number"] for each in toy.call("messages")) == list(range(25))
    assert toy.call("count_waiting", MESSAGES) == [0, 0, 0]
    assert toy.call("messages") == []


def test_pausing_holds_up_handlers_and_no_consumer(toy: Toy) -> None:
    toy.call("messages")
    toy.call("pause")
    toy.call("publish", '{"paused": true}')
    assert toy.call("drain") == 0
    assert toy.call("count_waiting", WEBHOOKS) == [1, 0, 0]
    assert toy.call("messages") == [{"paused": True}]
    toy.call("resume")
    toy.call("drain")
    assert toy.call("count_waiting", WEBHOOKS) == [0, 0, 0]


def test_topic_is_there_again_after_a_restart(new_toy: NewToy) -> None:
    with new_toy() as toy:
        toy.call("restart")
        toy.call("publish", "{}")
        assert toy.call("messages") == [{}]


def test_without_an_sns_that_reaches_the_queues_nothing_is_told(new_toy: NewToy) -> None:
    with new_toy(AWS_ENDPOINT_URL_SNS="http://127.0.0.1:9") as toy:
        assert toy.call("messages") == []
        assert [line for line in toy.call("logged") if "changes are not told" in line]
