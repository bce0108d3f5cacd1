"""Bearer tokens of a configured OpenID Connect issuer: good on every surface, for users whom nobody has registered."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.harness import People, changed_settings
from tests.contract.openid import GOOD, INVALID, bearer, outcome, trusted_issuer
from tests.support.api import Api, Bench, error, ok
from tests.support.files import Files
from tests.support.openid_issuer import AUDIENCE, Issuer, entry


@pytest.fixture
def issuer(api: Api) -> Iterator[Issuer]:
    assert api
    with trusted_issuer() as served:
        yield served


def _me(api: Api, token: str) -> dict[str, Any]:
    return dict(ok(bearer(api, token).get("/api/v1/users/me")))


def test_token_is_good_on_every_surface_beside_our_own(api: Api, issuer: Issuer, people: People) -> None:
    caller = bearer(api, issuer.token())
    for path in ("/api/projects", "/api/v1/users/me", "/api/v1/jobs"):
        assert caller.get(path).status_code == 200
        assert people.member.get(path).status_code == 200
    assert issuer.fetches == 1


def test_subject_is_one_user_for_good(api: Api, issuer: Issuer) -> None:
    ada = _me(api, issuer.token())
    assert (ada["email"], ada["role"]) == ("ada@example.com", "user")
    assert ada["id"].startswith("oidc-")
    assert len(ada["id"]) == 45
    assert _me(api, issuer.token(email="other@example.com", jti="x"))["id"] == ada["id"]
    assert _me(api, issuer.token(sub="subject-2"))["id"] != ada["id"]


def test_subject_of_another_issuer_is_another_user(api: Api) -> None:
    found = []
    for _ in range(2):
        with trusted_issuer() as issuer:
            found.append(_me(api, issuer.token())["id"])
    assert found[0] != found[1]


def test_jobs_of_an_issuers_user_are_theirs_alone(api: Api, issuer: Issuer) -> None:
    ada, eve = Files(bearer(api, issuer.token())), bearer(api, issuer.token(sub="eve"))
    job = ada.create()
    assert ada.read(job)["id"] == job["id"]
    assert eve.get(f"/api/v1/jobs/{job['id']}").status_code == 403
    assert ok(eve.get("/api/v1/jobs")) == []


@pytest.mark.parametrize(("claim", "role"), [
    ("admin", "admin"), (["viewer"], "viewer"), (["Task.Write", "admin", "viewer"], "admin"),
    (["viewer", "user"], "user"),
    ("Admin", "user"), (None, "user"), ([], "user"), (5, "user"), ({"admin": 1}, "user"),
    ([["admin"]], "user"), (["root"], "user"),
])  # fmt: skip
def test_role_is_what_the_configured_claim_names(api: Api, issuer: Issuer, claim: Any, role: str) -> None:
    assert _me(api, issuer.token(roles=claim))["role"] == role


def test_role_of_a_claim_that_is_not_configured_counts_for_nothing(api: Api) -> None:
    with trusted_issuer(openid_role_claim="app_role") as issuer:
        assert _me(api, issuer.token(roles=["admin"], role="admin"))["role"] == "user"


def test_viewer_may_look_and_create_nothing(api: Api, issuer: Issuer) -> None:
    viewer = bearer(api, issuer.token(roles=["viewer"]))
    assert ok(viewer.get("/api/v1/jobs")) == []
    assert viewer.post("/api/v1/jobs", {"file_name": "a.csv"}).status_code == 403


@pytest.mark.parametrize(("claims", "email"), [
    ({}, "ada@example.com"),
    ({"email_verified": True}, "ada@example.com"),
    ({"email": None, "preferred_username": "ADA@corp.example"}, "ada@corp.example"),
    ({"email": None, "preferred_username": "ada"}, ""),
    ({"email": "not one", "preferred_username": "ada@corp.example"}, "ada@corp.example"),
    ({"email": ["a@b.c"]}, ""),
    ({"email": "\ud800@b.c"}, ""),
    ({"email": "a\x00@b.c"}, ""),
    ({"email": "\ufdfa" * 200 + "@x"}, ""),
    ({"email_verified": False}, ""),
    ({"email_verified": "false", "preferred_username": "ada@corp.example"}, ""),
    ({"email": None}, ""),
])  # fmt: skip
def test_address_is_the_first_claim_that_holds_one(api: Api, issuer: Issuer, claims: Any, email: str) -> None:
    assert _me(api, issuer.token(**claims))["email"] == email


def test_address_is_of_no_other_claim_than_the_configured(api: Api) -> None:
    with trusted_issuer(openid_email_claims="upn") as issuer:
        assert _me(api, issuer.token(preferred_username="x@example.com"))["email"] == ""
        assert _me(api, issuer.token(upn="ada@corp.example"))["email"] == "ada@corp.example"


def test_member_of_a_team_is_known_by_a_verified_address(
    api: Api, issuer: Issuer, private: Bench, people: People
) -> None:
    path = f"/api/projects/{private.project_id}"
    member = bearer(api, issuer.token(email=people.member_email))
    assert ok(member.get(path))["projectId"] == private.project_id
    changes: list[dict[str, Any]] = [{"email_verified": False}, {"email": None}, {"email": "stranger@example.com"}]
    for claims in changes:
        other = bearer(api, issuer.token(**{"email": people.member_email, **claims}))
        assert error(other.get(path)) == (404, "PROJECT_NOT_FOUND")


def test_one_of_several_audiences_may_be_ours(api: Api, issuer: Issuer) -> None:
    assert outcome(api, issuer.token(aud=["api://other", AUDIENCE])) == GOOD


def test_claims_that_are_not_needed_may_be_missing(api: Api, issuer: Issuer) -> None:
    assert outcome(api, issuer.token(nbf=None, email=None)) == GOOD


def test_token_with_many_groups_fits(api: Api, issuer: Issuer) -> None:
    token = issuer.token(groups=["00000000-0000-0000-0000-000000000000"] * 120)
    assert 4096 < len(token) < 8192 - len("Bearer ")
    assert outcome(api, token) == GOOD
    assert outcome(api, issuer.token(groups=["0" * 36] * 160)) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("trailing", ["", "/"])
def test_issuer_may_end_with_a_slash(api: Api, trailing: str) -> None:
    with trusted_issuer() as issuer, changed_settings(openid_issuer=issuer.url + trailing, openid_audience=AUDIENCE):
        issuer.discovery = {"issuer": issuer.url + trailing}
        assert outcome(api, issuer.token(iss=issuer.url + trailing)) == GOOD
        assert outcome(api, issuer.token(iss=issuer.url + ("" if trailing else "/"))) == INVALID


def test_keys_of_microsofts_form_are_good(api: Api, issuer: Issuer) -> None:
    """Its entries have a certificate, no ``alg``, and say whose they are."""
    more: dict[str, Any] = {"x5t": "x", "x5c": ["MIIC"], "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"}
    issuer.published = [entry("first", **more), entry("second", issuer=issuer.url)]
    assert outcome(api, issuer.token()) == GOOD
    assert outcome(api, issuer.token(kid="second")) == GOOD
