"""Threat 32: another site's script reads answers. The allow-list is exact, and every answer varies by origin."""

import pytest
import requests

from tests.contract.routes import declared, fill
from tests.support.api import Api, Bench

ALLOWED = ("https://dashboard.example.com", "https://other.example.com")
REFUSED = (
    "null",
    "*",
    "http://dashboard.example.com",
    "https://dashboard.example.com:443",
    "https://dashboard.example.com.evil.com",
    "https://evil-dashboard.example.com",
    "https://dashboard.example.co",
    "https://DASHBOARD.example.com",
    "https://dashboard.example.com/",
    "https://dashboard.example.com, https://other.example.com",
    "https://evil.com#https://dashboard.example.com",
)


@pytest.mark.parametrize("origin", ALLOWED)
def test_allowed_origin_is_answered_by_its_own_name(bench: Bench, origin: str) -> None:
    """Threat 32."""
    answer = bench.user.get("/api/projects", headers={"Origin": origin})
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "X-Next-Cursor" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("origin", REFUSED)
def test_any_other_origin_gets_no_permission(bench: Bench, origin: str) -> None:
    """Threat 32."""
    for answer in (
        bench.user.get("/api/projects", headers={"Origin": origin}),
        bench.user.request("OPTIONS", "/api/projects", headers={"Origin": origin}),
    ):
        assert answer.headers["Vary"] == "Origin"
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_errors_of_ours_and_of_the_framework_vary_by_origin_too(bench: Bench) -> None:
    """Threat 32: a refusal that a cache took for everybody's would break the dashboard, or leak to others."""
    url, text = bench.api.url, {"Content-Type": "text/plain"}
    for origin in (ALLOWED[0], None):
        headers = {"Origin": origin} if origin else {}
        answers = {
            401: requests.get(f"{url}/api/projects", headers=headers, timeout=10),
            404: bench.user.get("/api/projects/none", headers=headers),
            405: requests.put(f"{url}/api/projects", headers=headers, timeout=10),
            415: bench.user.request("POST", "/api/jobs/create", data="x", headers={**headers, **text}),
            400: bench.user.post("/api/jobs/create", {}, headers=headers),
        }
        for status, answer in answers.items():
            assert answer.status_code == status
            assert answer.headers["Vary"] == "Origin"
            assert answer.headers.get("Access-Control-Allow-Origin") == origin


def test_preflight_is_answered_on_every_route(api: Api) -> None:
    """Threat 32: no credentials needed, the route's own methods, nothing for strangers."""
    for route in declared():
        asked = {"Origin": ALLOWED[0], "Access-Control-Request-Method": route.method}
        answer = requests.options(api.url + fill(route.path), headers=asked, timeout=10)
        assert answer.status_code == 204, route.path
        assert answer.content == b""
        assert route.method in answer.headers["Access-Control-Allow-Methods"].split(", "), route.path
        allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
        assert {"authorization", "content-type", "idempotency-key", "x-colab-id", "x-claim-token"} <= set(allowed)
        assert answer.headers["Vary"] == "Origin"


def test_agents_without_an_origin_are_served(bench: Bench) -> None:
    assert bench.agent.post("/api/jobs/claim", {"queues": [bench.queue]}).status_code == 200
