"""The routes of webhooks: what is taken, what is told, and to whom."""

import base64
import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from jsonschema import Draft202012Validator

from local.cloud import LocalCloud
from tests.contract.harness import ISO, People, api_of, everything_stored
from tests.contract.hooked import Hooked, hooked
from tests.support.api import Api, Caller, ok

URL = "https://hooks.example.com/claimcheck"
ALL = ["job_created", "job_started", "job_progress", "job_completed", "job_failed", "job_cancelled"]


@pytest.fixture(scope="module")
def user(cloud: LocalCloud) -> Caller:
    """Whose webhooks they are."""
    return api_of(cloud.url).user()


@pytest.fixture
def owner(api: Api, user: Caller) -> Iterator[Caller]:
    """A user who has no webhooks."""
    assert api
    yield user
    for hook in ok(user.get("/api/webhooks"))["webhooks"]:
        assert user.delete(f"/api/webhooks/{hook['id']}").status_code == 204


@pytest.fixture
def ours(cloud: LocalCloud, api: Api, owner: Caller) -> Iterator[Hooked]:
    """A webhook with a receiver."""
    with hooked(cloud, api, owner) as made:
        yield made


def error(answer: requests.Response) -> tuple[int, str]:
    """Status and code of a refusal, whose form is checked."""
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "details"}
    assert re.fullmatch("[0-9a-f]{32}", body["error"]["details"]["trace_id"])
    return answer.status_code, body["error"]["code"]


def test_create_tells_the_secret_and_nothing_else_does(owner: Caller) -> None:
    answer = owner.post("/api/webhooks", {"url": URL, "description": "CI"})
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["Location"] == f"/api/webhooks/{made['id']}"
    secret = made.pop("secret")
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    assert re.fullmatch(ISO, made["created_at"])
    assert made == {
        "id": made["id"], "url": URL, "events": ALL, "kinds": None, "description": "CI", "active": True,
        "deactivated_because": None, "created_at": made["created_at"], "updated_at": made["created_at"],
    }  # fmt: skip
    assert ok(owner.get(f"/api/webhooks/{made['id']}")) == made
    assert ok(owner.get("/api/webhooks")) == {"webhooks": [made]}
    assert secret not in everything_stored()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": None}, "url"),
        ({"url": "http://example.com/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": URL, "events": []}, "events"),
        ({"url": URL, "events": ["job_deleted"]}, "events.0"),
        ({"url": URL, "kinds": ["batch"]}, "kinds.0"),
        ({"url": URL, "kinds": ["nothing"]}, "kinds.0"),
        ({"url": URL, "description": "x" * 201}, "description"),
        ({"url": URL, "secret": "whsec_mine"}, "secret"),
        ({"url": URL, "active": False}, "active"),
    ],
)
def test_create_refuses_what_is_wrong_and_names_the_field(owner: Caller, body: Any, field: str) -> None:
    answer = owner.post("/api/webhooks", body)
    assert error(answer) == (400, "INVALID_REQUEST")
    assert answer.json()["error"]["details"]["field"] == field


@pytest.mark.parametrize(("change", "allowed"), [
    ({}, True), ({"kinds": None, "description": None}, True), ({"url": "HTTPS://example.com?x"}, True),
    ({"url": None}, False), ({"events": None}, False), ({"active": None}, False),
    ({"url": "http://example.com/"}, False), ({"url": "https://me@example.com/"}, False),
    ({"url": "https://example.com/#x"}, False), ({"url": "https://a b/"}, False), ({"url": "https://"}, False),
])  # fmt: skip
def test_document_allows_the_changes_that_are_taken(owner: Caller, change: dict[str, Any], *, allowed: bool) -> None:
    components = ok(owner.get("/openapi.json"))["components"]
    schema = {"$ref": "#/components/schemas/WebhooksWebhookChange", "components": components}
    assert Draft202012Validator(schema).is_valid(change) is allowed
    made = ok(owner.post("/api/webhooks", {"url": URL}))
    assert owner.patch(f"/api/webhooks/{made['id']}", change).ok is allowed


def test_same_idempotency_key_answers_the_same_webhook_and_secret(owner: Caller) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    first, again = (owner.post("/api/webhooks", {"url": URL}, headers=headers) for _ in range(2))
    assert first.json() == again.json()
    assert len(ok(owner.get("/api/webhooks"))["webhooks"]) == 1
    path = f"/api/webhooks/{first.json()['id']}/rotate-secret"
    rotated = [ok(owner.post(path, headers=headers)) for _ in range(2)]
    assert rotated[0] == rotated[1]
    assert rotated[0]["secret"] != first.json()["secret"]


def test_user_has_ten_at_most_however_they_are_made(owner: Caller) -> None:
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: owner.post("/api/webhooks", {"url": URL}), range(14)))
    made = [answer for answer in answers if answer.status_code == 201]
    assert {error(answer) for answer in answers if answer not in made} == {(409, "CONFLICT")}
    listed = {each["id"] for each in ok(owner.get("/api/webhooks"))["webhooks"]}
    assert listed == {answer.json()["id"] for answer in made}
    assert len(listed) <= 10
    while len(made) < 10:
        made.append(owner.post("/api/webhooks", {"url": URL}))
        assert made[-1].status_code == 201
    assert error(owner.post("/api/webhooks", {"url": URL})) == (409, "CONFLICT")
    assert owner.delete(f"/api/webhooks/{made[0].json()['id']}").status_code == 204
    assert owner.post("/api/webhooks", {"url": URL}).status_code == 201


def test_change_changes_what_is_sent_and_nothing_else(owner: Caller) -> None:
    made = ok(owner.post("/api/webhooks", {"url": URL, "kinds": ["file"], "description": "x"}))
    path = f"/api/webhooks/{made['id']}"
    changed = ok(owner.patch(path, {"url": f"{URL}/2", "events": ["job_failed"], "active": False, "kinds": None}))
    assert (changed["url"], changed["events"], changed["active"]) == (f"{URL}/2", ["job_failed"], False)
    assert (changed["kinds"], changed["description"]) == (None, "x")
    assert ok(owner.patch(path, {})) == ok(owner.get(path)) == changed
    for body, field in (({"url": "https://[::1]/"}, "url"), ({"active": None}, "active"), ({"id": "x"}, "id")):
        answer = owner.patch(path, body)
        assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, field)


def test_rotation_that_races_another_makes_one_new_secret(owner: Caller) -> None:
    made = ok(owner.post("/api/webhooks", {"url": URL}))
    path = f"/api/webhooks/{made['id']}/rotate-secret"
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: owner.post(path), range(8)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    from chalicelib.secrets import store

    kept = [each.type for each in store.describe(f"webhook:{made['id']}")]
    assert len(kept) == 2
    told = {answer.json()["secret"] for answer in answers if answer.ok}
    assert {store.read(f"webhook:{made['id']}", kind).get_secret_value() for kind in kept} & told


def test_others_find_nothing(ours: Hooked, people: People) -> None:
    ours.bench.create()
    ours.settle()
    delivery = ours.deliveries()[0]["id"]
    unknown = "/api/webhooks/wh_00000000000000000000000000"
    for caller, path in (
        (people.stranger, ours.path),
        (ours.bench.user, unknown),
        (ours.bench.api.user(role="admin"), ours.path),
    ):
        refused = [
            caller.get(path),
            caller.patch(path, {"active": False}),
            caller.delete(path),
            caller.post(f"{path}/rotate-secret"),
            caller.post(f"{path}/test"),
            caller.get(f"{path}/deliveries"),
            caller.post(f"{path}/deliveries/{delivery}/redeliver"),
        ]
        assert {error(answer) for answer in refused} == {(404, "NOT_FOUND")}
    assert ok(people.stranger.get("/api/webhooks"))["webhooks"] == []
    other = ok(people.stranger.post("/api/webhooks", {"url": URL}))["id"]
    assert error(people.stranger.post(f"/api/webhooks/{other}/deliveries/{delivery}/redeliver")) == (404, "NOT_FOUND")
    assert ours.read()["active"]


def test_viewer_reads_and_does_not_write(people: People, api: Api) -> None:
    assert ok(people.viewer.get("/api/webhooks")) == {"webhooks": []}
    assert error(people.viewer.post("/api/webhooks", {"url": URL})) == (403, "FORBIDDEN")
    assert error(api.anyone().get("/api/webhooks")) == (401, "UNAUTHORIZED")


def test_deliveries_are_listed_newest_first_in_pages_and_by_outcome(ours: Hooked) -> None:
    ours.receiver.script = [410]
    for number in range(5):
        if number == 1:
            ok(ours.bench.user.patch(ours.path, {"active": True}))
        ours.bench.create()
        ours.settle()
    everything = ours.deliveries()
    assert [each["created_at"] for each in everything] == sorted((e["created_at"] for e in everything), reverse=True)
    pages, cursor = [], None
    while True:
        page = ok(ours.bench.user.get(f"{ours.path}/deliveries", params={"limit": 2, "cursor": cursor}))
        pages.append(page["deliveries"])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [each for page in pages for each in page] == everything
    assert ours.deliveries(outcome="failed") == everything[-1:]
    assert ours.deliveries(outcome="succeeded") == everything[:-1]
    assert ours.deliveries(outcome="pending") == []
    for query in ({"outcome": "lost"}, {"limit": 0}, {"limit": 101}, {"cursor": "x"}):
        assert error(ours.bench.user.get(f"{ours.path}/deliveries", params=query)) == (400, "INVALID_REQUEST")
