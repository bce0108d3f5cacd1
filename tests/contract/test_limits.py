"""Limits that routes declare: counted for each caller, told by headers on every answer, refused in the envelope."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from chalice.app import Chalice
from chalice.test import Client

from local.cloud import LocalCloud
from tests.contract.harness import changed_settings
from tests.support.api import Api

HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


_minutes = itertools.count(1, 2)


@pytest.fixture
def app(cloud: LocalCloud) -> Iterator[SimpleNamespace]:  # noqa: ARG001  the tables are there once it runs
    """An app of its own with a surface of 4 calls a minute, and routes that keep to more than that."""
    from pydantic import BaseModel

    from chalicelib.accounts.permissions import Permission
    from chalicelib.surfaces import surface as surfaces
    from chalicelib.surfaces.agents.errors import envelope
    from chalicelib.surfaces.callers import user
    from chalicelib.surfaces.limits import EVALUATION_REQUESTS, EVALUATION_SUBMISSIONS
    from chalicelib.surfaces.middleware import middleware

    class Wanted(BaseModel):
        name: str

    surface = surfaces.Surface("toy", envelope=envelope, limits=(EVALUATION_REQUESTS,))

    @surface.on("GET", "/toy", auth=user())
    def read(call: Any) -> Any:  # noqa: ARG001
        return {"read": True}

    @surface.on("POST", "/toy", auth=user(Permission.JOB_CREATE), body=Wanted, limits=(EVALUATION_SUBMISSIONS,))
    def submit(call: Any) -> Any:
        return {"name": call.body.name}

    @surface.on("PUT", "/toy", auth=user())
    def count_in_the_view(call: Any) -> Any:
        call.limited(EVALUATION_SUBMISSIONS)
        return {"counted": True}

    chalice = Chalice(app_name="toy", configure_logs=False)
    chalice.register_middleware(middleware, "http")
    chalice.register_blueprint(surface)
    # A minute of its own for each test: who is not known is counted with everybody else on this machine.
    begins = datetime.now(UTC).replace(second=10, microsecond=0) + timedelta(minutes=next(_minutes))
    settings = changed_settings(evaluation_requests_per_minute="4", evaluation_submissions_per_minute="2")
    try:
        with Client(chalice) as client, time_machine.travel(begins, tick=False), settings:
            yield SimpleNamespace(http=client.http, begins=begins)
    finally:
        surfaces._surfaces.remove(surface)


def _told(answer: Any) -> tuple[int, ...]:
    return tuple(int(answer.headers[name]) for name in HEADERS)


def test_answers_tell_what_is_left_and_when_it_begins_anew(app: SimpleNamespace, api: Api) -> None:
    caller, other = api.user().headers, api.user().headers
    reset = int((app.begins + timedelta(seconds=50)).timestamp())
    answers = [app.http.get("/toy", headers=caller) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]
    assert [_told(answer) for answer in answers] == [(4, left, reset) for left in (3, 2, 1, 0, 0)]
    assert answers[4].headers["Retry-After"] == "50"
    assert answers[4].json_body["code"] == "RATE_LIMITED"
    assert _told(app.http.get("/toy", headers=other)) == (4, 3, reset)
    with time_machine.travel(app.begins + timedelta(seconds=50), tick=False):
        assert _told(app.http.get("/toy", headers=caller)) == (4, 3, reset + 60)


@pytest.mark.parametrize("method", ["post", "put"])
def test_tighter_of_two_limits_is_told_and_kept(app: SimpleNamespace, api: Api, method: str) -> None:
    headers = {**api.user().headers, "Content-Type": "application/json"}
    ask = getattr(app.http, method)
    answers = [ask("/toy", headers=headers, body=b'{"name": "x"}') for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [_told(answer)[:2] for answer in answers] == [(2, 1), (2, 0), (2, 0)]
    # What one limit refuses, the wider one has counted: a fourth call of the surface passes and is the last.
    assert _told(app.http.get("/toy", headers=headers))[:2] == (4, 0)


def test_errors_of_a_known_caller_are_counted_and_told(app: SimpleNamespace, api: Api) -> None:
    json = {"Content-Type": "application/json"}
    invalid = app.http.post("/toy", headers={**api.user().headers, **json}, body=b"{}")
    forbidden = app.http.post("/toy", headers={**api.user(role="viewer").headers, **json}, body=b"{}")
    assert (invalid.status_code, forbidden.status_code) == (400, 403)
    assert _told(invalid)[:2] == _told(forbidden)[:2] == (2, 1)


def test_unknown_callers_are_counted_by_their_address(app: SimpleNamespace, api: Api) -> None:
    answers = [app.http.get("/toy", headers={"Authorization": f"Bearer {number}"}) for number in range(4)]
    assert [answer.status_code for answer in answers] == [401] * 4
    assert [_told(answer)[:2] for answer in answers] == [(4, left) for left in (3, 2, 1, 0)]
    refused = app.http.get("/toy")
    assert (refused.status_code, _told(refused)[:2]) == (429, (4, 0))
    assert refused.json_body["code"] == "RATE_LIMITED"
    assert app.http.get("/toy", headers=api.user().headers).status_code == 200, "a good token is its bearer's own count"


def test_what_reaches_no_route_is_counted_by_its_address(app: SimpleNamespace, api: Api) -> None:
    media_type = {**api.user().headers, "Content-Type": "text/plain"}
    answers = [app.http.post("/toy", headers=media_type, body=b"x"), app.http.patch("/toy"), app.http.get("/toy")]
    assert [answer.status_code for answer in answers] == [415, 405, 401]
    assert [_told(answer)[:2] for answer in answers] == [(4, 3), (4, 2), (4, 1)]
    assert answers[1].headers["Allow"]
    app.http.patch("/toy")
    refused = app.http.patch("/toy")
    assert (refused.status_code, _told(refused)[:2]) == (429, (4, 0))


def test_browsers_may_read_the_headers(api: Api) -> None:
    answer = api.anyone().get("/api/health", headers={"Origin": "https://dashboard.example.com"})
    assert set(HEADERS) <= set(answer.headers["Access-Control-Expose-Headers"].split(", "))
    assert not set(HEADERS) & set(answer.headers), "the health of the service is nobody's quota"
