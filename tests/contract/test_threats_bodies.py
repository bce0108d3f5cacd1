"""Bodies, paths, queries and headers that nobody meant: threat 35 (never a 5xx), and mass assignment, threat 25."""

import json
import string
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from local.cloud import LocalCloud
from tests.contract.harness import JSON_TYPE, People, api_of
from tests.contract.routes import declared, fill, furnish, name_of
from tests.support.api import Bench, error
from tests.support.contracts import Page

HARD = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))

SCALARS = st.one_of(
    st.none(), st.booleans(), st.floats(), st.text(max_size=40),
    st.integers(min_value=-(10**30), max_value=10**30),
    st.sampled_from([10**400, -(2**63), 2**64, 1e308, "\u0000", "\ufdfa" * 20, "x" * 3000, "2026-01-01T00:00:00Z",
                     "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "job_" + "0" * 26, "a" * 64]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
BROKEN = st.sampled_from([
    b"[" * 100_000, b'{"a":' * 5000 + b"1" + b"}" * 5000, b"NaN", b'{"payload": NaN}', b'{"payload": -Infinity}',
    b'{"payload": ' + b"9" * 5000 + b"}", b'{"priority": ' + b"9" * 5000 + b"}", b'{"a": 1e999}', b'{"payload": 1e999}',
    b'{"message": "a", "message": "b"}', b'{"title": "\\ud800"}', b'{"content": "\\udc00\\ud800"}',
    b'{"title": "\\u0000"}', b'{"title": "\x00"}', b'{"\\ud800": 1}', b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00",
    b'{"title": "\xed\xa0\x80"}', b"", b" ", b"\x00", b"{", b'{"a": 1,}', b"1", b'"x"', b"[]", b"null", b"{} {}",
])  # fmt: skip


def _near(model: type[BaseModel]) -> st.SearchStrategy[bytes]:
    """Bodies with the model's own fields, each right in name and mostly wrong in value."""
    names = [field.alias or name for name, field in model.model_fields.items()]
    fields = st.fixed_dictionaries({}, optional=dict.fromkeys(names, VALUES))
    return fields.map(lambda body: json.dumps(body).encode())


def _writes() -> list[Any]:
    return [route for route in declared() if route.method in {"POST", "PUT", "PATCH"}]


@pytest.fixture(scope="module")
def caller(cloud: LocalCloud, people: People) -> tuple[Bench, dict[str, str], dict[str, str]]:
    """One caller with every kind of credential at once, so that every route is passed into."""
    api = api_of(cloud.url)
    bench = Bench(api, people.member, api.agent(), api.project(), "q-fuzz")
    page = Page(api).register()
    cookies = "; ".join(f"{name}={value}" for name, value in page.session.cookies.items())
    headers = {
        **people.member.headers, **bench.agent.headers, **api.admin().headers, "X-Claim-Token": "x",
        "Cookie": cookies, "X-Csrf-Token": page.csrf,
    }  # fmt: skip
    return bench, headers, furnish(bench)


def _send(url: str, method: str, headers: dict[str, str], body: bytes | None = None) -> requests.Response:
    return requests.request(method, url, data=body, headers=headers, timeout=30)


def test_any_body_to_any_writing_route_is_answered_without_a_5xx(caller: Any) -> None:
    """Threat 35: arbitrary bytes, hostile JSON, and the route's own fields with values of every kind."""
    bench, headers, places = caller
    writes = _writes()

    @HARD
    @given(st.data())
    def run(data: st.DataObject) -> None:
        route = data.draw(st.sampled_from(writes))
        bodies = st.one_of(BROKEN, st.binary(max_size=60), VALUES.map(lambda value: json.dumps(value).encode()))
        body = data.draw(bodies | _near(route.body) if route.body else bodies)
        form = route.path == "/api/v1/auth/login"
        kind = {"Content-Type": "application/x-www-form-urlencoded"} if form else JSON_TYPE
        answer = _send(bench.api.url + fill(route.path, **places), route.method, {**headers, **kind}, body)
        assert answer.status_code < 500, f"{name_of(route)} {body[:200]!r} {answer.text}"
        answer.json()

    run()


def test_every_hard_body_to_every_writing_route_is_refused_by_name(caller: Any) -> None:
    """Threat 35: deep nesting, NaN, 5,000 digits, duplicate names, lone surrogates and NUL, one by one."""
    bench, headers, places = caller
    hard = {
        b"[" * 20_000: "nests", b'{"a": NaN}': "NaN", b'{"a": ' + b"9" * 5000 + b"}": "digits",
        b'{"a": 1, "a": 2}': "twice", b'{"a": "\\ud800"}': "surrogate", b'{"a": "\\u0000"}': "NUL",
        b'{"a": 1e999}': "too large", b"\xff": "UTF-8", b"{": "not JSON",
    }  # fmt: skip
    for route in _writes():
        if route.body is None or route.path == "/api/v1/auth/login":
            continue
        for body, word in hard.items():
            url = bench.api.url + fill(route.path, **places)
            answer = _send(url, route.method, {**headers, **JSON_TYPE}, body)
            assert answer.status_code == 400, (name_of(route), word)
            assert word in answer.text, (name_of(route), word)


def test_hard_values_in_a_form_are_answered_without_a_5xx(caller: Any) -> None:
    """Threat 35: the one route that takes a form."""
    bench, _, _ = caller
    forms = [b"username=%00&password=%00", b"username=%ed%a0%80&password=x", b"username", b"=", b"&&", b"\xff=\xff",
             b"username=a&username=b&password=x", b"a=b&" * 60, b"username=" + b"%F0%9F%98%80" * 254 + b"&password=x",
             b"username=%EF%B7%BA" * 1 + b"%EF%B7%BA" * 253 + b"&password=x"]  # fmt: skip
    for form in forms:
        answer = _send(
            f"{bench.api.url}/api/v1/auth/login", "POST", {"Content-Type": "application/x-www-form-urlencoded"}, form
        )
        assert answer.status_code in {400, 429}, form
        assert set(answer.json()) == {"detail"}


def test_any_path_is_answered_without_a_5xx(caller: Any) -> None:
    """Threat 35: arbitrary bytes in every place of every path."""
    bench, headers, _ = caller
    routes = [route for route in declared() if "{" in route.path and not route.path.endswith("/rewrap")]

    @HARD
    @given(st.data())
    def run(data: st.DataObject) -> None:
        route = data.draw(st.sampled_from(routes))
        places = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
        pieces = st.binary(min_size=1, max_size=30) | st.text(min_size=1, max_size=20).map(
            lambda t: t.encode("utf-8", "replace")
        )
        extremes = st.sampled_from([b".", b"..", b"x" * 2000, b"\x00", b"\n", b"%", b"%00", b"\xff", b"/", b"#", b"?"])
        filled = {place: quote_from_bytes(data.draw(pieces | extremes), safe="") for place in places}
        answer = _send(bench.api.url + fill(route.path, **filled), route.method, headers)
        assert answer.status_code < 500, f"{name_of(route)} {filled} {answer.text}"

    run()


def test_any_query_and_header_is_answered_without_a_5xx(caller: Any) -> None:
    """Threat 35: arbitrary values of every parameter, and of every header that is read."""
    bench, headers, places = caller
    reads = [route for route in declared() if route.query]
    names = st.sampled_from(["cursor", "limit", "state", "type", "projectId", "x", ""])
    values = st.text(max_size=20) | st.sampled_from(
        ["9" * 5000, "-1", "1.0", "null", "true", "\u0000", "\u0661", "1e5", "0x1"]
    )
    header = st.text(string.printable.strip() + "äÿ \t", max_size=40).map(str.strip) | st.sampled_from(
        ["9" * 5000, "0", ""]
    )
    asked = st.sampled_from([
        "Authorization", "X-Colab-Id", "X-Colab-Secret", "X-Admin-Api-Key", "X-Claim-Token", "X-Claim-Attempt",
        "X-Claim-Request-Id", "Idempotency-Key", "traceparent", "Origin", "Content-Type", "X-Forwarded-For",
    ])  # fmt: skip
    writes = _writes()

    @HARD
    @given(
        st.sampled_from(reads),
        st.lists(st.tuples(names, values), max_size=4),
        st.sampled_from(writes),
        st.dictionaries(asked, header, max_size=3),
    )
    def run(read: Any, query: list[tuple[str, str]], write: Any, odd: dict[str, str]) -> None:
        url = bench.api.url + fill(read.path, **places)
        pairs = [(name, value.encode("utf-8", "replace")) for name, value in query]
        answer = requests.get(url, params=pairs, headers=headers, timeout=30)
        assert answer.status_code < 500, f"{name_of(read)} {query} {answer.text}"
        sent: dict[str, Any] = {**headers, **JSON_TYPE}
        sent |= {name: value.encode("latin-1") for name, value in odd.items()}
        answer = _send(bench.api.url + fill(write.path, **places), write.method, sent, b"{}")
        assert answer.status_code < 500, f"{name_of(write)} {odd} {answer.text}"

    run()


MASS = (
    "owner",
    "state",
    "role",
    "attempt",
    "createdBy",
    "claimedBy",
    "jobId",
    "version",
    "permissions",
    "userId",
    "id",
)

# Its contract's envelope names the first problem only, which is to be the field in question.
_ACCOUNT = {"email": "nobody@example.com", "password": "correct horse"}


def test_no_body_takes_a_field_that_it_does_not_name(caller: Any) -> None:
    """Threat 25: owner, state, role, attempt and such can be set by no caller, on any route with a body."""
    bench, headers, places = caller
    looked_at = 0
    for route in declared():
        if route.body is None or "login" in route.path:
            continue
        known = {field.alias or name for name, field in route.body.model_fields.items()}
        for name in set(MASS) - known:
            url = bench.api.url + fill(route.path, **places)
            body = {**_ACCOUNT, name: "x"} if "register" in route.path else {name: "x"}
            answer = _send(url, route.method, {**headers, **JSON_TYPE}, json.dumps(body).encode())
            assert answer.status_code in {400, 422}, (name_of(route), name)
            assert f"{name}" in answer.text
            looked_at += 1
    assert looked_at > 100


def test_no_core_model_takes_its_owner_or_state_from_a_body() -> None:
    """Threat 25: the fields that bodies do name, where they share a name with what is protected, are listed here."""
    named = {
        (name_of(route), field.alias or name)
        for route in declared()
        if route.body
        for name, field in route.body.model_fields.items()
        if (field.alias or name) in MASS
    }
    assert named == {
        ("PATCH /api/jobs/{job_id}", "state"),
        ("PUT /api/admin/users/{email}/role", "role"),
        ("POST /api/admin/users", "role"),
        ("POST /u/jobs/attach", "jobId"),
        ("POST /u/proxy/audit/byJob", "jobId"),
        ("POST /u/proxy/compliance/byJob", "jobId"),
        ("POST /u/proxy/verify/byJob", "jobId"),
        # Of a job from outside, of which that is all that is known: see test_pipelines.py.
        ("POST /u/jobs/cache", "jobId"),
        ("POST /u/jobs/cache", "state"),
        ("POST /api/projects/{project_id}/chats/{chat_id}/messages", "role"),
    }


@pytest.mark.parametrize("extra", [{"owner": "me"}, {"state": "completed"}, {"attempt": 9}, {"createdBy": "user:x"}])
def test_job_with_a_protected_field_is_not_made(bench: Bench, extra: dict[str, Any]) -> None:
    """Threat 25."""
    told = {"projectId": bench.project_id, "jobType": "build", "queue": bench.queue, **extra}
    answer = bench.user.post("/api/jobs/create", told)
    assert error(answer) == (400, "INVALID_REQUEST")
    assert answer.json()["details"]["field"] == next(iter(extra))
    assert bench.claim() == {"job": None}
