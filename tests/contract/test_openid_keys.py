"""The issuer's keys: fetched when first needed, seldom after that, and kept over its bad days. Threat 29."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from jwt.algorithms import RSAAlgorithm

from tests.contract.harness import changed_settings
from tests.contract.openid import GOOD, INVALID, bearer, outcome, trusted_issuer
from tests.support.api import Api
from tests.support.openid_issuer import DISCOVERY, KEYS, Answer, Issuer, entry, rsa_key

UNAVAILABLE = (503, "ISSUER_UNAVAILABLE")


@pytest.fixture
def issuer(api: Api) -> Iterator[Issuer]:
    assert api
    with trusted_issuer() as served:
        yield served


def _in(**duration: float) -> time_machine.travel:
    return time_machine.travel(datetime.now(UTC) + timedelta(**duration))


def _out(path: str) -> Answer:
    assert path
    return Answer(500)


def test_keys_are_fetched_once_and_kept(api: Api, issuer: Issuer) -> None:
    assert [outcome(api, issuer.token()) for _ in range(3)] == [GOOD] * 3
    assert issuer.asked == [DISCOVERY, KEYS]
    with _in(minutes=59):
        assert outcome(api, issuer.token()) == GOOD
    assert issuer.asked == [DISCOVERY, KEYS]
    with _in(minutes=61):
        assert [outcome(api, issuer.token()) for _ in range(2)] == [GOOD] * 2
    assert issuer.asked == [DISCOVERY, KEYS] * 2


def test_unknown_keys_make_us_ask_once_a_minute(api: Api, issuer: Issuer) -> None:
    """Threat 29: a hundred of them, one fetch; those whose key is known notice nothing."""
    assert outcome(api, issuer.token()) == GOOD
    forged = [issuer.token(kid=f"made-up-{number}", key=rsa_key("evil")) for number in range(100)]
    with _in(seconds=61):
        assert {outcome(api, token) for token in forged} == {INVALID}
        assert outcome(api, issuer.token()) == GOOD
        assert issuer.fetches == 2
    with _in(seconds=122):
        assert {outcome(api, token) for token in forged[:5]} == {INVALID}
        assert issuer.fetches == 3


def test_unknown_key_of_the_first_token_is_looked_for_once(api: Api, issuer: Issuer) -> None:
    assert outcome(api, issuer.token(kid="made-up")) == INVALID
    assert outcome(api, issuer.token(kid="made-up")) == INVALID
    assert outcome(api, issuer.token()) == GOOD
    assert issuer.fetches == 1


def test_many_at_once_with_an_unknown_key_fetch_once(api: Api, issuer: Issuer) -> None:
    """Threat 29: whoever comes while the keys are fetched waits for them, and does not fetch them again."""
    arrived, go = threading.Event(), threading.Event()

    def slow(path: str) -> None:
        assert path
        arrived.set()
        assert go.wait(20)

    issuer.bad_day = slow
    with ThreadPoolExecutor(16) as threads:
        found = [threads.submit(outcome, api, issuer.token(sub=str(number))) for number in range(16)]
        assert arrived.wait(20)
        go.set()
        assert [each.result() for each in found] == [GOOD] * 16
    assert issuer.fetches == 1


def test_whose_key_is_known_does_not_wait_for_a_fetch(api: Api, issuer: Issuer) -> None:
    assert outcome(api, issuer.token()) == GOOD
    issuer.published.append(entry("second"))
    arrived, go = threading.Event(), threading.Event()

    def slow(path: str) -> None:
        assert path
        arrived.set()
        assert go.wait(20)

    issuer.bad_day = slow
    with _in(minutes=61), ThreadPoolExecutor(1) as threads:
        rotated = threads.submit(outcome, api, issuer.token(kid="second"))
        assert arrived.wait(20)
        assert outcome(api, issuer.token()) == GOOD
        assert not rotated.done()
        go.set()
        assert rotated.result() == GOOD


def test_new_key_is_found_and_the_old_one_forgotten(api: Api, issuer: Issuer) -> None:
    """Rotation, as issuers do it: the new key beside the old, then alone."""
    assert outcome(api, issuer.token()) == GOOD
    issuer.published.append(entry("second"))
    with _in(seconds=61):
        assert outcome(api, issuer.token(kid="second")) == GOOD
        assert outcome(api, issuer.token()) == GOOD
    issuer.published = [entry("second")]
    with _in(minutes=70):
        assert outcome(api, issuer.token()) == INVALID
        assert outcome(api, issuer.token(kid="second")) == GOOD


def test_key_that_was_replaced_under_its_id_is_the_new_one(api: Api, issuer: Issuer) -> None:
    assert outcome(api, issuer.token()) == GOOD
    issuer.published = [entry("first", rsa_key("second"))]
    with _in(minutes=61):
        assert outcome(api, issuer.token(key=rsa_key("second"))) == GOOD
        assert outcome(api, issuer.token()) == INVALID


def test_keys_outlive_an_outage_of_any_length(api: Api, issuer: Issuer) -> None:
    """Threat 29: the last good copy, also past its age; the issuer is asked once a minute whether it is back."""
    assert outcome(api, issuer.token()) == GOOD
    issuer.bad_day = _out
    with _in(days=3):
        assert [outcome(api, issuer.token()) for _ in range(5)] == [GOOD] * 5
        assert outcome(api, issuer.token(kid="second")) == INVALID
        assert issuer.fetches == 2
    issuer.published, issuer.bad_day = [entry("second")], lambda path: None  # noqa: ARG005  a good day
    with _in(days=3, seconds=61):
        assert outcome(api, issuer.token(kid="second")) == GOOD
        assert outcome(api, issuer.token()) == INVALID


def test_outage_from_the_start_is_not_the_callers_fault(api: Api, issuer: Issuer) -> None:
    """A token may be good for all we know: 503, and not the 401 that makes its bearer throw it away."""
    issuer.bad_day = _out
    assert [outcome(api, issuer.token()) for _ in range(3)] == [UNAVAILABLE] * 3
    assert issuer.fetches == 1
    assert bearer(api, issuer.token()).get("/api/v1/jobs").status_code == 503
    assert outcome(api, issuer.token(iss="https://login.example.com/")) == INVALID
    assert outcome(api, issuer.token(kid=None)) == INVALID
    with _in(seconds=11):
        assert [outcome(api, issuer.token()) for _ in range(3)] == [UNAVAILABLE] * 3
        assert issuer.fetches == 2
    issuer.bad_day = lambda path: None  # noqa: ARG005  a good day
    with _in(seconds=22):
        assert outcome(api, issuer.token()) == GOOD


def test_clock_that_is_set_back_does_not_stop_us_from_asking(api: Api, issuer: Issuer) -> None:
    with _in(days=30):
        assert outcome(api, issuer.token()) == GOOD
    issuer.published.append(entry("second"))
    assert outcome(api, issuer.token(kid="second")) == GOOD


def _only(path: str, answer: Answer) -> Callable[[str], Answer | None]:
    return lambda asked: answer if asked == path else None


BAD_DAYS: dict[str, Answer] = {
    "status": Answer(404, b"{}"),
    "redirect": Answer(302, b"", {"Location": "/elsewhere"}),
    "no JSON": Answer(200, b"<html>"),
    "not UTF-8": Answer(200, b"\xff\xfe"),
    "nested": Answer(200, b"[" * 100_000),
    "a list": Answer(200, b"[]"),
    "empty": Answer(200, b""),
    "null": Answer(200, b"null"),
    "compressed": Answer(200, b"\x1f\x8b\x08\x00", {"Content-Encoding": "gzip"}),
    "cut off": Answer(200, b'{"issuer"', {"Content-Length": "5000"}),
    "keys are no list": Answer(200, b'{"keys": {}}'),
    "no keys": Answer(200, b'{"keys": []}'),
    "odd keys": Answer(200, b'{"keys": [1, null, {}, [], {"kty": "RSA"}, {"kty": [], "kid": {}}]}'),
}


@pytest.mark.parametrize("path", [DISCOVERY, KEYS])
@pytest.mark.parametrize("name", list(BAD_DAYS))
def test_documents_that_cannot_be_used_change_nothing(api: Api, issuer: Issuer, path: str, name: str) -> None:
    issuer.bad_day = _only(path, BAD_DAYS[name])
    assert outcome(api, issuer.token()) == UNAVAILABLE
    issuer.bad_day = lambda path: None  # noqa: ARG005  a good day
    with _in(seconds=61):
        assert outcome(api, issuer.token()) == GOOD
    issuer.bad_day = _only(path, BAD_DAYS[name])
    with _in(days=1):
        assert outcome(api, issuer.token()) == GOOD
    assert issuer.fetches == 3
    assert "/elsewhere" not in issuer.asked


@pytest.mark.parametrize(("characters", "expected"), [(250_000, GOOD), (262_144, UNAVAILABLE)])
@pytest.mark.parametrize("where", ["discovery", "keys"])
def test_document_has_an_end(api: Api, issuer: Issuer, where: str, characters: int, expected: tuple[int, str]) -> None:
    padding = {"padding": "x" * characters}
    if where == "discovery":
        issuer.discovery = padding
    else:
        issuer.published.append(padding)
    assert outcome(api, issuer.token()) == expected


@pytest.mark.parametrize("discovery", [
    {"issuer": "https://login.example.com/"}, {"issuer": None}, {"jwks_uri": None}, {"jwks_uri": 5}, {"jwks_uri": ""},
    {"jwks_uri": "/tenant/keys"}, {"jwks_uri": "file:///etc/passwd"}, {"jwks_uri": "http://192.0.2.1/keys"},
    {"jwks_uri": "http://127.0.0.1@192.0.2.1/keys"}, {"jwks_uri": "http://[::1/keys"}, {"jwks_uri": "http://x:y/keys"},
])  # fmt: skip
def test_discovery_document_that_leads_astray_is_not_followed(
    api: Api, issuer: Issuer, discovery: dict[str, Any]
) -> None:
    """A key set by plain http from another machine could be anybody's."""
    issuer.discovery = discovery
    assert outcome(api, issuer.token()) == UNAVAILABLE
    assert issuer.asked == [DISCOVERY]


@pytest.mark.parametrize("change", [
    {"use": "enc"}, {"alg": "RS512"}, {"alg": "HS256"}, {"kty": "oct", "k": "c2VjcmV0"}, {"kty": "EC"}, {"kid": None},
    {"kid": 1}, {"n": "AQAB"}, {"n": "!"}, {"n": 5}, {"e": ""},
    {"issuer": "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"}, {"issuer": 5},
])  # fmt: skip
def test_key_that_is_not_for_this_is_passed_over(api: Api, issuer: Issuer, change: dict[str, Any]) -> None:
    issuer.published = [{**entry("first"), **change}, entry("second")]
    assert outcome(api, issuer.token()) == INVALID
    assert outcome(api, issuer.token(kid="second")) == GOOD


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits long")
def test_weak_key_is_passed_over(api: Api, issuer: Issuer) -> None:
    weak = rsa_key("weak", 1024)
    issuer.published = [entry("first", weak), entry("second")]
    assert outcome(api, issuer.token(key=weak)) == INVALID
    assert outcome(api, issuer.token(kid="second")) == GOOD


def test_private_key_that_is_published_is_passed_over(api: Api, issuer: Issuer) -> None:
    issuer.published = [{**entry("first"), **RSAAlgorithm.to_jwk(rsa_key("first"), as_dict=True)}, entry("second")]
    assert outcome(api, issuer.token()) == INVALID
    assert outcome(api, issuer.token(kid="second")) == GOOD


@pytest.mark.parametrize("status", [201, 203, 404, 500])
def test_keys_that_come_with_another_status_are_not_taken(api: Api, issuer: Issuer, status: int) -> None:
    issuer.bad_day = _only(KEYS, Answer(status, json.dumps({"keys": issuer.published}).encode()))
    assert outcome(api, issuer.token()) == UNAVAILABLE


def test_issuer_that_does_not_answer_is_given_up(api: Api, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.accounts import issuer_keys

    monkeypatch.setattr(issuer_keys, "TIMEOUT_SECONDS", 0.2)
    released = threading.Event()

    def silent(path: str) -> None:
        assert path
        released.wait(20)

    issuer.bad_day = silent
    assert outcome(api, issuer.token()) == UNAVAILABLE
    released.set()


def test_issuer_that_nobody_runs_is_unavailable(api: Api) -> None:
    with trusted_issuer() as issuer:
        token = issuer.token()
        with changed_settings(openid_issuer="http://127.0.0.1:1"):
            assert outcome(api, token) == INVALID
            assert outcome(api, issuer.token(iss="http://127.0.0.1:1")) == UNAVAILABLE
