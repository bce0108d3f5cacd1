"""Threat 33: limits that are bypassed, by a forged X-Forwarded-For or by calls at the same moment at the edge."""

import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
import requests
import time_machine

from tests.contract.harness import changed_settings
from tests.support.api import Api

_minutes = count(10, step=2)


@pytest.fixture
def one_window() -> Iterator[datetime]:
    """A minute of its own, from its first second on, so that no window ends in the middle of a test."""
    begins = datetime.now(UTC).replace(second=1, microsecond=0) + timedelta(minutes=next(_minutes))
    with time_machine.travel(begins):
        yield begins


def _log_in(api: Api, email: str, **headers: str) -> requests.Response:
    return api.anyone().post("/auth/login", {"username": email, "password": "wrong horse"}, headers=headers)


def _somebody() -> str:
    return f"{uuid.uuid4().hex}@example.com"


def test_log_in_is_limited_for_an_account_and_says_when_to_come_back(api: Api, one_window: datetime) -> None:
    email = _somebody()
    with changed_settings(login_attempts_per_minute="3"):
        assert [_log_in(api, email).status_code for _ in range(5)] == [401, 401, 401, 429, 429]
        refused = _log_in(api, email.upper())
        form = api.anyone().request("POST", "/api/v1/auth/login", data={"username": email, "password": "x"})
        assert _log_in(api, _somebody()).status_code == 401
    assert refused.status_code == form.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.json()["error"] == "rate_limit_exceeded"
    with time_machine.travel(one_window + timedelta(minutes=1)), changed_settings(login_attempts_per_minute="3"):
        assert _log_in(api, email).status_code == 401


def test_right_password_past_the_limit_is_refused_as_well(api: Api, one_window: datetime) -> None:
    """Threat 15: who guesses on learns nothing."""
    assert one_window
    email = _somebody()
    told = {"email": email, "password": "correct horse"}
    api.anyone().post("/api/v1/auth/register", told)
    with changed_settings(login_attempts_per_minute="1"):
        _log_in(api, email)
        answer = api.anyone().post("/auth/login", {"username": email, "password": "correct horse"})
    assert answer.status_code == 429


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP"])
def test_forged_header_does_not_change_whose_limit_it_is(api: Api, one_window: datetime, header: str) -> None:
    """Threat 33: the gateway's source address counts, whatever a header claims."""
    from chalicelib.accounts.tables import LimitRow

    assert one_window
    statuses = []
    with changed_settings(registrations_per_minute="2"):
        for number in range(4):
            forged = {header: f"203.0.113.{number}"}
            told = {"email": _somebody(), "password": "correct horse"}
            statuses.append(api.anyone().post("/api/v1/auth/register", told, headers=forged).status_code)
    assert statuses == [201, 201, 429, 429]
    assert not [row.key for row in LimitRow.scan() if "203.0.113" in row.key]


def test_log_ins_from_one_address_are_limited_over_all_accounts(api: Api, one_window: datetime) -> None:
    """Threat 33: one address that tries many accounts."""
    assert one_window
    with changed_settings(login_attempts_per_minute="1"):
        statuses = [_log_in(api, _somebody(), **{"X-Forwarded-For": f"203.0.113.{n}"}).status_code for n in range(12)]
    assert statuses == [401] * 10 + [429] * 2


def test_calls_at_the_same_moment_at_the_edge_pass_exactly_as_often_as_allowed(api: Api, one_window: datetime) -> None:
    """Threat 33: one atomic addition; of many at once, none slips through and none is refused too early."""
    assert one_window
    email = _somebody()
    with changed_settings(login_attempts_per_minute="5"), ThreadPoolExecutor(8) as threads:
        statuses = Counter(threads.map(lambda _: _log_in(api, email).status_code, range(16)))
    assert statuses == {401: 5, 429: 11}
