"""Bearer tokens that are not what we issue: threats 26 and 27. Accounts that are probed for: threat 23."""

import base64
import json
import os
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.contract.harness import People
from tests.support.api import Api, Caller, error, ok

Claims = dict[str, Any]


@pytest.fixture
def claims(people: People) -> Claims:
    """What a good token says."""
    token = people.member.headers["Authorization"].removeprefix("Bearer ")
    return dict(jwt.decode(token, options={"verify_signature": False}))


def _secret() -> str:
    return os.environ["CLAIMCHECK_SESSION_SECRET"]


def _sign(claims: Claims, **header: Any) -> str:
    return jwt.encode(claims, _secret(), "HS256", headers=header or None)


def _status(api: Api, token: str) -> tuple[int, str]:
    answer = Caller(api.url, {"Authorization": f"Bearer {token}"}).get("/api/projects")
    return (200, "") if answer.ok else error(answer)


def test_tokens_are_short_lived_and_say_who_for_whom_and_what(claims: Claims) -> None:
    assert {"sub", "uid", "role", "permissions", "typ", "iss", "aud", "iat", "exp"} == set(claims)
    assert (claims["iss"], claims["aud"], claims["role"]) == ("claimcheck", "claimcheck-api", "user")
    assert 3600 <= claims["exp"] - claims["iat"] <= 7200


def test_token_signed_as_ours_is_good(api: Api, claims: Claims) -> None:
    """Threats 26 and 27: the control; what the others below change is all that is wrong with them."""
    assert _status(api, _sign(claims)) == (200, "")
    assert _status(api, _sign(claims, kid="x", jku="https://evil.example.com/keys")) == (200, "")


def _unsigned(claims: Claims, algorithm: str) -> Iterator[str]:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
             for part in ({"alg": algorithm, "typ": "JWT"}, claims)]  # fmt: skip
    yield ".".join((*parts, ""))
    yield ".".join((*parts, _sign(claims).rsplit(".", 1)[1]))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS256", ""])
def test_unsigned_token_is_refused(api: Api, claims: Claims, algorithm: str) -> None:
    """Threat 26: alg none, in any spelling, with and without a signature that was made for other bytes."""
    for token in _unsigned(claims, algorithm):
        assert _status(api, token) == (401, "INVALID_TOKEN")


def test_token_of_another_algorithm_or_key_is_refused(api: Api, claims: Claims) -> None:
    """Threat 26: also where a public key is taken for an HMAC key, which needs RS256 to be believed."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    tokens = [
        jwt.encode(claims, private, "RS256"),
        jwt.encode(claims, _secret() * 2, "HS512"),
        jwt.encode(claims, _secret(), "HS384"),
        jwt.encode(claims, "x" * 64, "HS256"),
        jwt.encode(claims, _secret()[:-1] + "!", "HS256"),
    ]
    for token in tokens:
        assert _status(api, token) == (401, "INVALID_TOKEN")


@pytest.mark.parametrize("change", [
    {"iss": "somebody"}, {"iss": ""}, {"aud": "somebody"}, {"aud": ["a", "b"]}, {"aud": None},
    {"typ": "refresh"}, {"typ": "oidc"}, {"typ": None}, {"role": "root"}, {"role": None}, {"permissions": ["all"]},
    {"permissions": 1}, {"permissions": None}, {"sub": 1}, {"sub": None}, {"exp": 1}, {"exp": "never"}, {"exp": None},
    {"iat": 4102444800}, {"nbf": 4102444800},
], ids=json.dumps)  # fmt: skip
def test_token_for_something_else_is_refused(api: Api, claims: Claims, change: Claims) -> None:
    """Threat 26: of another issuer, audience, type; threat 27: or without an end that is a time."""
    assert _status(api, _sign({**claims, **change})) == (401, "INVALID_TOKEN")


@pytest.mark.parametrize("name", ["sub", "uid", "role", "permissions", "typ", "iss", "aud", "iat", "exp"])
def test_token_without_a_claim_is_refused(api: Api, claims: Claims, name: str) -> None:
    """Threat 27: each claim dropped, ``exp`` above all."""
    del claims[name]
    assert _status(api, _sign(claims)) == (401, "INVALID_TOKEN")


def test_token_is_refused_once_it_has_expired(people: People, claims: Claims) -> None:
    """Threat 27: to the second."""
    ends = datetime.fromtimestamp(claims["exp"], UTC)
    with time_machine.travel(ends - timedelta(seconds=2), tick=False):
        assert people.member.get("/api/projects").status_code == 200
    with time_machine.travel(ends, tick=False):
        assert error(people.member.get("/api/projects")) == (401, "INVALID_TOKEN")


def test_permissions_are_the_tokens_own_and_no_header_adds_any(api: Api, claims: Claims) -> None:
    """Threat 26: a token without the permission is refused, whatever its role."""
    token = _sign({**claims, "role": "admin", "permissions": ["project:read"]})
    caller = Caller(api.url, {"Authorization": f"Bearer {token}", "X-Role": "admin"})
    assert caller.get("/api/projects").status_code == 200
    assert error(caller.post("/api/jobs/create", {})) == (403, "FORBIDDEN")


def _attempts(api: Api, email: str, password: str) -> list[tuple[int, Any]]:
    anyone, credentials = api.anyone(), {"username": email, "password": password}
    answers = [
        anyone.request("POST", "/api/v1/auth/login", data=credentials),
        anyone.post("/auth/login", credentials),
    ]
    return [(answer.status_code, {**answer.json(), "timestamp": ""}) for answer in answers]


def test_log_in_of_an_unknown_user_looks_and_costs_like_a_wrong_password(
    api: Api, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threat 23: same status, same body, and the same number of Argon2 verifications of the same parameters."""
    import argon2

    from chalicelib.accounts import passwords

    seen: list[str] = []
    verify = argon2.PasswordHasher.verify

    def counted(self: argon2.PasswordHasher, stored: str, password: str) -> bool:
        seen.append(stored.rsplit("$", 2)[0])
        return bool(verify(self, stored, password))

    passwords._of_nobody()
    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
    unknown = _attempts(api, f"{uuid.uuid4().hex}@example.com", "wrong horse")
    of_unknown, seen[:] = list(seen), []
    wrong = _attempts(api, people.stranger_email, "wrong horse")
    assert unknown == wrong
    assert [status for status, _ in unknown] == [400, 401]
    assert of_unknown == seen
    assert len(seen) == 2
    assert seen[0].startswith("$argon2id$")


def test_log_in_answers_a_bearer_token_that_every_surface_takes(api: Api) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    registered = api.anyone().post("/api/v1/auth/register", {"email": email, "password": "correct horse"})
    assert registered.status_code == 201
    assert {name: registered.json()[name] for name in ("email", "role")} == {"email": email, "role": "user"}
    form = {"username": email.upper(), "password": "correct horse"}
    for answer in (
        api.anyone().request("POST", "/api/v1/auth/login", data=form),
        api.anyone().post("/auth/login", form),
    ):
        assert ok(answer)["token_type"] == "bearer"
        caller = Caller(api.url, {"Authorization": f"Bearer {answer.json()['access_token']}"})
        assert ok(caller.get("/api/v1/users/me")) == registered.json()
        assert caller.get("/api/projects").status_code == 200


@pytest.mark.parametrize("written", [str, str.upper, lambda email: email.replace("e", "\uff45")],
                         ids=["same", "case", "width"])  # fmt: skip
def test_address_that_is_registered_is_refused_however_it_is_written(
    api: Api, people: People, written: Callable[[str], str]
) -> None:
    told = {"email": written(people.member_email), "password": "correct horse"}
    answer = api.anyone().post("/api/v1/auth/register", told)
    assert (answer.status_code, answer.json()) == (400, {"detail": "that e-mail address is registered already"})


@pytest.mark.parametrize("body", [
    {}, {"email": "a@b.c"}, {"email": "a@b.c", "password": "short"}, {"email": "no at", "password": "correct horse"},
    {"email": "\ufdfa" * 200 + "@x", "password": "correct horse"},
    {"email": "a" * 253 + "@b", "password": "correct horse"},
    {"email": "a@b.c", "password": "x" * 257}, {"email": "a@b.c", "password": 12345678},
])  # fmt: skip
def test_registration_with_a_wrong_field_is_a_400_of_its_contract(api: Api, body: Any) -> None:
    answer = api.anyone().post("/api/v1/auth/register", body)
    assert (answer.status_code, set(answer.json())) == (400, {"detail"})


def test_log_in_with_an_address_that_grows_when_normalized_is_refused(api: Api) -> None:
    told = {"username": "\ufdfa" * 254, "password": "x"}
    answer = api.anyone().post("/auth/login", told)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "detail", "status_code", "timestamp"}
