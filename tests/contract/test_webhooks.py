"""Webhooks end to end: a job's changes reach their owner's receiver, signed, and again until it takes them."""

import json
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from standardwebhooks import WebhookVerificationError

from local.cloud import ROOT, LocalCloud
from tests.contract.harness import AwsSpy, People, api_of, changed_settings
from tests.contract.hooked import Hooked, hooked
from tests.contract.receiver import plain
from tests.support.api import Api, Caller, ok
from tests.support.files import NEW_YORK, Files

CREATED = {"events": ["job_created"]}


@pytest.fixture(scope="module")
def owner(cloud: LocalCloud) -> Caller:
    """Whose webhooks they are."""
    return api_of(cloud.url).user()


@pytest.fixture
def ours(cloud: LocalCloud, api: Api, owner: Caller) -> Iterator[Hooked]:
    """A webhook for everything."""
    with hooked(cloud, api, owner) as made:
        yield made


@pytest.fixture
def created(cloud: LocalCloud, api: Api, owner: Caller) -> Iterator[Hooked]:
    """A webhook for new jobs only: one job, one delivery."""
    with hooked(cloud, api, owner, **CREATED) as made:
        yield made


def test_every_change_of_a_job_arrives_signed(ours: Hooked) -> None:
    job_id = ours.bench.running(payload={"secret": "canary-payload"})
    ours.bench.report(job_id, "running", {"percent": 50})
    ours.bench.report(job_id, "completed", {"answer": 42})
    ours.settle()
    told = sorted(
        (each.verified(ours.hook["secret"]) for each in ours.receiver.received), key=lambda it: it["sequence"]
    )
    assert [each["message_type"] for each in told] == ["job_created", "job_started", "job_progress", "job_completed"]
    assert told[2]["progress"] == {"percent": 50}
    assert told[3]["result"] == {"answer": 42}
    first = ours.receiver.received[0]
    assert first.path == "/hook?a=1"
    assert first.headers["content-type"] == "application/json"
    assert first.headers["user-agent"].startswith("Claimcheck")
    assert first.headers["traceparent"].split("-")[1] == told[0]["trace_id"]
    assert first.headers["webhook-id"] in {each["message_id"] for each in told}
    assert not any("canary-payload" in each.body for each in ours.receiver.received)
    assert {(each["status"], each["attempt"], each["response_status"]) for each in ours.deliveries()} == {
        ("succeeded", 1, 200)
    }


def test_documented_receiver_takes_what_is_ours_and_nothing_else(created: Hooked) -> None:
    found: dict[str, Any] = {}
    code = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "messages.md").read_text(), re.DOTALL)[-1]
    exec(code, found)  # noqa: S102  our own
    created.bench.create()
    created.settle()
    received, secret = created.receiver.received[0], created.hook["secret"]
    assert found["receive"](secret, received.headers, received.body.encode()) == received.verified(secret)
    assert found["receive"](secret, received.headers, received.body.encode() + b" ") is None
    assert found["receive"]("whsec_" + "A" * 43 + "=", received.headers, received.body.encode()) is None


def test_altered_body_is_told_by_its_signature(created: Hooked) -> None:
    created.bench.create()
    created.settle()
    received = created.receiver.received[0]
    with pytest.raises(WebhookVerificationError):
        type(received)(received.path, received.headers, received.body + " ").verified(created.hook["secret"])


def test_message_that_comes_twice_is_delivered_once(created: Hooked) -> None:
    created.bench.create()
    created.settle()
    from chalicelib.messages.message import JobMessage
    from chalicelib.webhooks import deliveries

    deliveries.fan_out(JobMessage.model_validate_json(created.receiver.received[0].body))
    created.settle(1)
    assert len(created.receiver.received) == 1
    assert len(created.deliveries()) == 1


def test_message_that_comes_twice_hurries_no_waiting_delivery(created: Hooked) -> None:
    from chalicelib.messages.message import JobMessage
    from chalicelib.webhooks import deliveries

    created.receiver.script = [500]
    created.bench.create()
    created.settle()
    deliveries.fan_out(JobMessage.model_validate_json(created.receiver.received[0].body))
    created.settle()
    assert len(created.receiver.received) == 1


def test_failing_receiver_is_tried_again_later(created: Hooked) -> None:
    created.receiver.script = [500, 302]
    created.bench.create()
    created.settle()
    (waiting,) = created.deliveries()
    assert (waiting["status"], waiting["attempt"], waiting["response_status"]) == ("pending", 1, 500)
    assert waiting["error"] == "bad_status"
    assert waiting["next_attempt_at"] > waiting["updated_at"]
    created.settle(2)
    (done,) = created.deliveries()
    assert (done["status"], done["attempt"], done["response_status"], done["error"]) == ("succeeded", 3, 200, None)
    assert len({each.headers["webhook-id"] for each in created.receiver.received}) == 1


def test_delays_grow_to_the_longest_that_the_queue_has(created: Hooked, aws: AwsSpy) -> None:
    created.receiver.script = [503] * 20
    created.bench.create()
    created.settle(10)
    (failed,) = created.deliveries(outcome="failed")
    assert (failed["attempt"], failed["next_attempt_at"]) == (8, None)
    assert len(created.receiver.received) == 8
    sent = [each["DelaySeconds"] for _, each in aws.of("SendMessage") if '"deliver"' in each["MessageBody"]]
    for delay, meant in zip(sent, (0, 5, 30, 120, 600, 900, 900, 900), strict=True):
        assert meant * 0.8 - 1 <= delay <= min(meant * 1.2 + 1, 900)


def test_gone_deactivates_the_webhook(created: Hooked) -> None:
    created.receiver.script = [410]
    created.bench.create()
    created.settle()
    assert (created.read()["active"], created.read()["deactivated_because"]) == (False, "gone")
    assert created.deliveries()[0]["status"] == "failed"
    created.bench.create()
    created.settle(1)
    assert len(created.receiver.received) == 1
    assert created.bench.user.post(f"{created.path}/test").status_code == 409
    ok(created.bench.user.patch(created.path, {"active": True}))
    created.bench.create()
    created.settle()
    assert len(created.receiver.received) == 2
    assert created.read()["deactivated_because"] is None


def test_receiver_that_never_answers_times_out(created: Hooked) -> None:
    from chalicelib.webhooks import egress

    def hang(_: BaseHTTPRequestHandler) -> None:
        created.receiver.over.wait(30)

    created.receiver.script = [hang]
    with patch.object(egress.post, "__kwdefaults__", {"seconds": 0.2}):
        created.bench.create()
        created.settle()
    created.receiver.over.set()
    assert created.deliveries()[0]["error"] == "timed_out"
    created.settle(1)
    assert created.deliveries()[0]["status"] == "succeeded"


def test_receiver_that_is_not_there(created: Hooked) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{taken.getsockname()[1]}"
        with patch("chalicelib.webhooks.addresses.settings") as told:
            told.return_value.webhook_allowed_hosts = (nobody,)
            ok(created.bench.user.patch(created.path, {"url": f"http://{nobody}/"}))
            created.bench.create()
            created.settle()
    assert created.deliveries()[0]["error"] == "connection_failed"


def test_nothing_of_an_answers_body_is_shown(created: Hooked) -> None:
    created.receiver.script = [lambda handler: plain(handler, 400, Location="http://169.254.169.254/canary")]
    created.bench.create()
    created.settle()
    assert "canary" not in created.bench.user.get(f"{created.path}/deliveries").text


def test_only_wanted_events_and_kinds_are_sent(cloud: LocalCloud, api: Api, owner: Caller) -> None:
    with hooked(cloud, api, owner, events=["job_created", "job_completed"], kinds=["file"]) as ours:
        ours.bench.create()
        job = Files(ours.bench.user).started(NEW_YORK)
        ours.settle()
        told = sorted(each.verified(ours.hook["secret"])["message_type"] for each in ours.receiver.received)
        assert {each.verified(ours.hook["secret"])["job_id"] for each in ours.receiver.received} == {job["id"]}
        assert told == ["job_completed", "job_created"]


def test_jobs_of_others_are_not_sent(created: Hooked, people: People) -> None:
    others = type(created.bench)(**{**vars(created.bench), "user": people.stranger})
    others.create()
    Files(people.stranger).create()
    created.settle()
    assert created.receiver.received == []


def test_who_has_left_the_team_hears_no_more(cloud: LocalCloud, api: Api, owner: Caller, people: People) -> None:
    with hooked(cloud, api, owner, **CREATED) as ours:
        project = api.project(members=[people.member_email, people.viewer_email])
        from chalicelib.projects.tables import ProjectRow

        job = {"projectId": project, "jobType": "build", "queue": ours.bench.queue}
        url = {"url": f"{ours.receiver.url}/", "events": ["job_created"]}
        theirs = ok(people.member.post("/api/webhooks", url))
        ok(people.member.post("/api/jobs/create", job))
        ours.settle()
        assert len(ours.receiver.received) == 1
        with cloud.queues_paused():
            ok(people.member.post("/api/jobs/create", job))
            ProjectRow.change(project, actions=[ProjectRow.members.set({people.viewer_email})], condition=None)
        ours.settle()
        assert len(ours.receiver.received) == 1
        assert people.member.delete(f"/api/webhooks/{theirs['id']}").status_code == 204


def test_rotated_secret_and_the_one_before_it_both_sign_for_a_day(created: Hooked) -> None:
    rotated = ok(created.bench.user.post(f"{created.path}/rotate-secret"))
    assert rotated["secret"] != created.hook["secret"]
    created.receiver.script = [500]
    created.bench.create()
    created.settle()
    received = created.receiver.received[0]
    assert received.verified(rotated["secret"]) == received.verified(created.hook["secret"])
    with time_machine.travel(datetime.fromisoformat(rotated["previous_secret_expires_at"])):
        created.settle(1)
        late = created.receiver.received[1]
        assert late.verified(rotated["secret"])["message_type"] == "job_created"
        with pytest.raises(WebhookVerificationError):
            late.verified(created.hook["secret"])


def test_test_message_arrives(created: Hooked) -> None:
    sent = created.bench.user.post(f"{created.path}/test")
    assert sent.status_code == 202
    created.settle()
    told = created.receiver.received[0].verified(created.hook["secret"])
    assert (told["message_type"], told["webhook_id"]) == ("webhook_test", created.hook["id"])
    assert [each["id"] for each in created.deliveries()] == [sent.json()["id"]]


def test_delivery_is_sent_again_on_request(created: Hooked) -> None:
    created.receiver.script = [500] * 8
    created.bench.create()
    created.settle(8)
    (failed,) = created.deliveries()
    assert failed["status"] == "failed"
    for expected in (9, 10):
        again = created.bench.user.post(f"{created.path}/deliveries/{failed['id']}/redeliver")
        assert (again.status_code, again.json()["status"]) == (202, "pending")
        created.settle()
        assert (created.deliveries()[0]["status"], created.deliveries()[0]["attempt"]) == ("succeeded", expected)
    assert len({each.body for each in created.receiver.received}) == 1


def test_deleted_webhook_gets_nothing_of_what_was_on_its_way(created: Hooked) -> None:
    created.receiver.script = [500]
    created.bench.create()
    created.settle()
    assert created.bench.user.delete(created.path).status_code == 204
    created.settle(1)
    assert len(created.receiver.received) == 1
    assert created.bench.user.get(created.path).status_code == 404
    from chalicelib.secrets import store

    assert store.describe(f"webhook:{created.hook['id']}") == []


def test_failures_of_ours_are_made_good(created: Hooked, aws: AwsSpy) -> None:
    """KMS does not answer: nothing was sent, and the message comes back."""
    created.settle()
    aws.fail("Decrypt", "DependencyTimeoutException")
    created.bench.create()
    created.settle()
    assert created.receiver.received == []
    aws.failing = lambda *_: None
    created.settle(1)
    assert created.deliveries()[0]["status"] == "succeeded"
    assert created.cloud.failures
    created.cloud.failures.clear()


def test_many_failures_in_a_row_deactivate(created: Hooked) -> None:
    from chalicelib.webhooks import hooks

    caller: Caller = created.bench.user
    with patch.object(hooks, "MAX_FAILURES", 2):
        for active in (True, False):
            created.receiver.script = [500] * 8
            ok(caller.post(f"{created.path}/test"))
            created.settle(8)
            assert created.read()["active"] is active
    assert created.read()["deactivated_because"] == "failing"


def test_ticket_that_comes_twice_or_late_does_not_double_the_tries(created: Hooked) -> None:
    from chalicelib import queues

    created.receiver.script = [500] * 5
    created.bench.create()
    created.settle()
    ticket = {"owner": _owner(created), "webhook_id": created.hook["id"], "delivery_id": created.deliveries()[0]["id"]}
    for attempt in (0, 1, 1):
        queues.deliver({**ticket, "attempt": attempt}, delay=60)
    created.settle(1)
    assert len(created.receiver.received) == 2
    assert created.deliveries()[0]["attempt"] == 2
    assert created.cloud.failures == []


def test_of_two_attempts_at_once_the_first_to_be_noted_counts(created: Hooked) -> None:
    """SQS may deliver a ticket twice at the same moment: here the second overtakes the first."""
    from chalicelib.webhooks import deliveries, egress

    created.receiver.script = [500, 200, 500]
    created.bench.create()
    created.settle()
    told = created.deliveries()[0]
    ticket = deliveries.Ticket(
        owner=_owner(created), webhook_id=created.hook["id"], delivery_id=told["id"], attempt=told["attempt"]
    )
    real = egress.post
    overtaken: list[bool] = []

    def overtake(*arguments: Any) -> Any:
        if not overtaken:
            overtaken.append(True)
            deliveries.attempt(ticket)
        return real(*arguments)

    with patch.object(egress, "post", overtake):
        deliveries.attempt(ticket)
    assert len(created.receiver.received) == 3
    created.settle(2)
    assert (created.deliveries()[0]["status"], created.deliveries()[0]["attempt"]) == ("succeeded", 2)
    assert len(created.receiver.received) == 3


def test_attempt_that_could_not_be_noted_ends_no_tries(created: Hooked, aws: AwsSpy) -> None:
    """The ticket of the next attempt is there already; the present one comes back, is tried again, and goes on."""
    created.receiver.script = [500]
    aws.fail("UpdateItem", "InternalServerError", table="-webhook-deliveries")
    created.bench.create()
    created.settle()
    assert created.deliveries()[0]["attempt"] == 0
    aws.failing = lambda *_: None
    created.settle(4)
    assert (created.deliveries()[0]["status"], created.deliveries()[0]["attempt"]) == ("succeeded", 1)
    assert len(created.receiver.received) == 2
    created.cloud.failures.clear()
    created.settle(1)
    assert created.cloud.failures == []


def test_too_many_tests_are_refused(created: Hooked) -> None:
    asked: list[Any] = []
    with changed_settings(webhook_sends_per_minute="2", webhook_allowed_hosts=created.receiver.host):
        while len(asked) < 3 or asked[-1].status_code != 429:
            asked.append(created.bench.user.post(f"{created.path}/test"))
            assert len(asked) < 9
    assert asked[-1].headers["X-RateLimit-Limit"] == "2"


def test_urls_in_a_late_message_are_signed_anew(created: Hooked) -> None:
    ok(created.bench.user.patch(created.path, {"events": ["job_completed"]}))
    created.receiver.script = [500]
    job = Files(created.bench.user).started(NEW_YORK)
    created.settle()
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=3)):
        created.settle(1)
    early, late = (json.loads(each.body)["blob_references"][0] for each in created.receiver.received)
    assert early.pop("access_url") != late.pop("access_url")
    assert early == late
    assert job["id"] in late["blob_name"]


def _owner(ours: Hooked) -> str:
    return str(ok(ours.bench.user.get("/api/v1/users/me"))["id"])
