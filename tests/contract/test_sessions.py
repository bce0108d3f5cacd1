"""Sessions in cookies: logging in, going on, logging out; stolen refresh tokens, and pages of other sites."""

import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
import requests

from tests.contract.harness import changed_settings
from tests.support.api import TIMEOUT, Api, ok
from tests.support.contracts import Page

NAMES = {"evium_access", "evium_refresh", "evium_csrf"}


@pytest.fixture
def page(api: Api) -> Page:
    return Page(api).register()


def refusal(answer: requests.Response) -> tuple[int, str]:
    """Status and code of an error, whose form is checked."""
    body = answer.json()
    assert set(body) == {"ok", "error", "message", "field"}
    assert body["ok"] is False
    assert body["message"]
    return answer.status_code, body["error"]


def _cookies(answer: requests.Response) -> dict[str, str]:
    """The attributes of each cookie that is set."""
    found = [value for name, value in answer.raw.headers.items() if name.lower() == "set-cookie"]
    return {text.partition("=")[0]: text for text in found}


def test_session_from_log_in_to_log_out(api: Api) -> None:
    page = Page(api).register()
    again = page.ask("POST", "/u/auth/login", json={"email": page.email, "password": page.password}, csrf=None)
    assert again.json() == {
        "ok": True,
        "user": {"id": again.json()["user"]["id"], "email": page.email, "role": "user"},
        "csrfToken": page.csrf,
    }
    assert ok(page.get("/u/auth/me")) == again.json()
    assert page.listed()["jobs"] == []
    before = {name: page.session.cookies[name] for name in NAMES}
    ok(page.post("/u/auth/refresh"))
    after = {name: page.session.cookies[name] for name in NAMES}
    assert before["evium_refresh"] != after["evium_refresh"]
    assert before["evium_csrf"] == after["evium_csrf"], "pages that are open go on"
    ended = page.post("/u/auth/logout")
    assert ended.json() == {"ok": True}
    assert {text.partition("Max-Age=")[2].partition(";")[0] for text in _cookies(ended).values()} == {"0"}
    assert refusal(page.get("/u/jobs")) == (401, "unauthorized")
    stolen = {"evium_refresh": after["evium_refresh"], "evium_csrf": after["evium_csrf"]}
    answer = requests.post(
        f"{api.url}/u/auth/refresh", cookies=stolen, headers={"x-csrf-token": stolen["evium_csrf"]}, timeout=TIMEOUT
    )
    assert refusal(answer) == (401, "unauthorized"), "what was logged out brings nothing back"


def test_cookies_are_kept_from_scripts_and_from_other_sites(api: Api) -> None:
    credentials = {"email": f"{uuid.uuid4().hex}@example.com", "password": "correct horse"}
    here = _cookies(requests.post(f"{api.url}/u/auth/register", json=credentials, timeout=TIMEOUT))
    abroad = requests.post(
        f"{api.url}/u/auth/login", json=credentials, headers={"Host": "api.example.com"}, timeout=TIMEOUT
    )
    assert set(here) == NAMES
    assert all("Secure" not in text for text in here.values()), "there is no https on loopback"
    assert all("; Secure" in text for text in _cookies(abroad).values())
    assert all("SameSite=Lax" in text for text in here.values())
    assert {name for name, text in here.items() if "HttpOnly" in text} == {"evium_access", "evium_refresh"}
    paths = {name: re.findall("Path=([^;]+)", text) for name, text in here.items()}
    assert paths == {"evium_access": ["/"], "evium_refresh": ["/u/auth"], "evium_csrf": ["/"]}
    ages = {name: re.findall(r"Max-Age=(\d+)", text) for name, text in here.items()}
    assert ages == {"evium_access": ["900"], "evium_refresh": ["604800"], "evium_csrf": ["604800"]}


def test_cookie_carries_the_token_of_every_other_surface(page: Page) -> None:
    token = page.session.cookies["evium_access"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert ok(requests.get(f"{page.api.url}/api/v1/users/me", headers=bearer, timeout=TIMEOUT))["email"] == page.email
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 900


def test_stolen_refresh_token_ends_the_family(page: Page, api: Api) -> None:
    """Threat 30: whoever comes second with it, thief or owner, and everything that came of that log-in."""
    stolen = {name: page.session.cookies[name] for name in NAMES}
    ok(page.post("/u/auth/refresh"))
    thief = requests.post(
        f"{api.url}/u/auth/refresh", cookies=stolen, headers={"x-csrf-token": stolen["evium_csrf"]}, timeout=TIMEOUT
    )
    assert refusal(thief) == (401, "unauthorized")
    assert refusal(page.post("/u/auth/refresh")) == (401, "unauthorized"), "the owner has to log in anew"
    other = Page(api, email=page.email).log_in()
    assert ok(other.post("/u/auth/refresh"))["ok"], "another log-in of theirs goes on"


def test_parallel_refreshes_make_one_token(page: Page, api: Api) -> None:
    """Threat 30: two at once are one and a reuse."""
    cookies = {name: page.session.cookies[name] for name in NAMES}

    def refresh(_: int) -> int:
        return requests.post(
            f"{api.url}/u/auth/refresh",
            cookies=cookies,
            headers={"x-csrf-token": cookies["evium_csrf"]},
            timeout=TIMEOUT,
        ).status_code

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(refresh, range(4))) == [200, 401, 401, 401]


def test_change_without_the_sessions_own_token_is_refused(page: Page, api: Api) -> None:
    """Threat 31: a page of another site can have the cookies sent, and neither read them nor set the header."""
    other = Page(api).register()
    body = {"jobId": "x"}
    assert refusal(page.post("/u/jobs/attach", body, csrf=None)) == (403, "forbidden")
    for shown in ("nonsense", other.csrf, "\u00e9".encode().decode("latin-1")):
        assert refusal(page.post("/u/jobs/attach", body, csrf=shown)) == (403, "forbidden")
    # Another session's token in both places, as one who can plant cookies would have it.
    planted = requests.Session()
    planted.cookies.update({"evium_access": page.session.cookies["evium_access"], "evium_csrf": other.csrf})
    answer = planted.post(f"{api.url}/u/jobs/attach", json=body, headers={"x-csrf-token": other.csrf}, timeout=TIMEOUT)
    assert refusal(answer) == (403, "forbidden")
    for path in ("/u/auth/refresh", "/u/auth/logout"):
        assert refusal(page.post(path, csrf=other.csrf)) == (403, "forbidden")
    ok(page.post("/u/jobs/attach", body))


@pytest.mark.usefixtures("page")
def test_every_change_needs_the_token() -> None:
    """Threat 31: a new route under ``/u`` that changes something is found here."""
    from chalicelib.surfaces.cookies import CookieSession
    from chalicelib.surfaces.surface import all_surfaces

    routes = [route for surface in all_surfaces() for route in surface.declared if route.path.startswith("/u/")]
    assert len(routes) > 20
    for route in routes:
        if isinstance(route.auth, CookieSession):
            assert route.auth.changes is (route.method != "GET"), route.path
        else:
            assert route.path.startswith("/u/auth/"), route.path


@pytest.mark.parametrize(
    "cookie", ["", "nonsense", "a=b; ;; =", "evium_access", 'evium_access="', "evium_access=e.e.e"]
)
def test_whatever_the_cookies_are_it_is_a_401(api: Api, cookie: str) -> None:
    answer = requests.get(f"{api.url}/u/jobs", headers={"Cookie": cookie}, timeout=TIMEOUT)
    assert refusal(answer) == (401, "unauthorized")


def test_cookies_of_other_sites_are_passed_over(page: Page) -> None:
    own = "; ".join(f"{name}={value}" for name, value in page.session.cookies.items())
    for other in (
        'prefs={"a":1}',
        "u=John Smith",
        "novalue",
        "x=\u00e9".encode().decode("latin-1"),
        "=x",
        "path=/x",
        "a" * 7000,
    ):
        answer = requests.get(f"{page.api.url}/u/auth/me", headers={"Cookie": f"{other}; {own}"}, timeout=TIMEOUT)
        assert answer.status_code == 200, other


def test_log_out_needs_either_token_of_the_session(page: Page, api: Api) -> None:
    kept = {name: page.session.cookies[name] for name in ("evium_access", "evium_csrf")}
    shown = {"x-csrf-token": kept["evium_csrf"]}
    ended = requests.post(f"{api.url}/u/auth/logout", cookies=kept, headers=shown, timeout=TIMEOUT)
    assert ended.status_code == 200
    assert refusal(page.post("/u/auth/refresh")) == (401, "unauthorized")


def test_other_origins_may_use_the_cookies_only_if_they_are_allowed(page: Page) -> None:
    """Threat 32: credentials are for exactly the origins of the settings, and for this contract's paths."""
    allowed, other = "https://dashboard.example.com", "https://evil.example.com"
    told = [page.get("/u/jobs", headers={"Origin": origin}).headers for origin in (allowed, other)]
    assert told[0]["Access-Control-Allow-Origin"] == allowed
    assert told[0]["Access-Control-Allow-Credentials"] == "true"
    assert "Access-Control-Allow-Credentials" not in told[1]
    assert "Access-Control-Allow-Credentials" not in page.get("/api/health", headers={"Origin": allowed}).headers
    preflight = {"Origin": allowed, "Access-Control-Request-Method": "PATCH"}
    asked = requests.options(f"{page.api.url}/u/jobs/x/meta", headers=preflight, timeout=TIMEOUT)
    assert "X-Csrf-Token" in asked.headers["Access-Control-Allow-Headers"]
    assert asked.headers["Access-Control-Allow-Credentials"] == "true"


def test_limits_are_the_contracts_for_the_user_and_for_the_address(api: Api) -> None:
    limits = {"pipeline_reads": "100", "pipeline_creations": "10", "pipeline_verifications": "10"}
    page = Page(api).register()
    with changed_settings(**{f"{name}_per_quarter_hour": value for name, value in limits.items()}):
        answers = [
            page.get("/u/jobs"),
            page.post("/u/proxy/ai/pipeline", {}),
            page.post("/u/proxy/verify/byJob", {"jobId": "x"}),
        ]
    assert [answer.headers["X-RateLimit-Limit"] for answer in answers] == ["100", "10", "10"]
    with changed_settings(pipeline_reads_per_quarter_hour="3"):
        told = [Page(api, session=page.session).get("/u/jobs").status_code for _ in range(4)]
        other = Page(api).register().get("/u/jobs")
    assert 429 in told
    assert refusal(other) == (429, "rate_limited"), "an address with many accounts has but one count"


@pytest.mark.parametrize("headers", [{}, {"Last-Event-ID": "0"}], ids=["read", "read again"])
def test_streams_are_limited_for_the_address_as_well(page: Page, api: Api, headers: dict[str, str]) -> None:
    stream = f"/u/proxy/job/{page.create()}/logs/stream"
    with changed_settings(pipeline_reads_per_quarter_hour="3", pipeline_streams_per_quarter_hour="3"):
        told = [page.get(stream, headers=headers).status_code for _ in range(4)]
        other = Page(api).register().get("/u/proxy/job/none/logs/stream", headers=headers)
    assert 429 in told
    assert refusal(other) == (429, "rate_limited")


def test_roles_are_as_they_are_when_a_session_goes_on(page: Page, api: Api) -> None:
    ok(api.admin().put(f"/api/admin/users/{page.email}/role", {"role": "viewer"}))
    assert ok(page.post("/u/auth/refresh"))["user"]["role"] == "viewer"
    assert refusal(page.post("/u/jobs/attach", {"jobId": "x"})) == (403, "forbidden")
    assert page.listed()["jobs"] == []


def test_bad_log_ins_are_refused(page: Page) -> None:
    wrong: Any = {"email": page.email, "password": "not that one"}
    assert refusal(page.ask("POST", "/u/auth/login", json=wrong, csrf=None)) == (401, "unauthorized")
    taken = {"email": page.email, "password": "correct horse"}
    assert refusal(page.ask("POST", "/u/auth/register", json=taken, csrf=None)) == (409, "already_exists")
    assert refusal(page.ask("POST", "/u/auth/login", json={"email": page.email}, csrf=None)) == (400, "bad_request")
