"""Tokens that an OpenID Connect issuer did not make for us, or not for now: one refusal. Threats 26 and 27."""

import base64
import io
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives import serialization

from tests.contract.harness import People
from tests.contract.openid import GOOD, INVALID, bearer, outcome, trusted_issuer
from tests.support.api import Api
from tests.support.openid_issuer import AUDIENCE, Issuer, entry, rsa_key, serving

Forge = Callable[[Issuer], str]


@pytest.fixture
def issuer(api: Api) -> Iterator[Issuer]:
    assert api
    with trusted_issuer() as served:
        yield served


def _segment(value: Any) -> str:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _unsigned(issuer: Issuer, algorithm: Any, signature: str = "", **header: Any) -> str:
    return ".".join((_segment({"alg": algorithm, "kid": "first", **header}), _segment(issuer.claims()), signature))


def _as_hmac(issuer: Issuer, form: serialization.PublicFormat, algorithm: str = "HS256") -> str:
    """Signed with the public key, which everybody has, taken for an HMAC key."""
    import hashlib
    import hmac

    public = rsa_key("first").public_key().public_bytes(serialization.Encoding.PEM, form)
    signed = f"{_segment({'alg': algorithm, 'kid': 'first'})}.{_segment(issuer.claims())}"
    return f"{signed}.{_segment(hmac.new(public, signed.encode(), hashlib.sha256).digest())}"


def _ours_signed_as_theirs(issuer: Issuer) -> str:
    return jwt.encode(issuer.claims(), os.environ["CLAIMCHECK_SESSION_SECRET"], "HS256", headers={"kid": "first"})


def _named_key(issuer: Issuer, header: str) -> str:
    evil = rsa_key("evil")
    told = {"jwk": entry("first", evil), "jku": f"{issuer.host}/evil", "x5u": f"{issuer.host}/evil"}[header]
    return jwt.encode(issuer.claims(), evil, "RS256", headers={"kid": "first", header: told})


def _changed_after_signing(issuer: Issuer) -> str:
    header, _, signature = issuer.token().split(".")
    return f"{header}.{_segment(issuer.claims(sub='somebody else'))}.{signature}"


def _soon(claim: str, seconds: int) -> Forge:
    return lambda issuer: _with(issuer, claim, int(time.time()) + seconds)


def _without(claim: str) -> Forge:
    return lambda issuer: _with(issuer, claim, None)


def _with(issuer: Issuer, claim: str, value: Any) -> str:
    changed: dict[str, Any] = {claim: value}
    return issuer.token(**changed)


def _signed(issuer: Issuer, content: Any, algorithm: str = "RS256") -> str:
    """Signed with the issuer's key, whatever it is that is signed."""
    assert issuer
    written = content if isinstance(content, bytes) else json.dumps(content).encode()
    return jwt.api_jws.encode(written, rsa_key("first"), algorithm, {"kid": "first"})


def _critical(issuer: Issuer) -> str:
    return jwt.encode(issuer.claims(), rsa_key("first"), "RS256", {"kid": "first", "crit": ["x"]})


def _fixed(token: str) -> Forge:
    return lambda issuer: token if issuer else ""


_NESTED = b"[" * 5000
_SPKI, _PKCS1 = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1
BAD: dict[str, Forge] = {
    "none": lambda i: _unsigned(i, "none"),
    "None": lambda i: _unsigned(i, "None"),
    "none signed": lambda i: _unsigned(i, "none", i.token().rsplit(".", 1)[1]),
    "RS256 unsigned": lambda i: _unsigned(i, "RS256"),
    "no algorithm": lambda i: _unsigned(i, None),
    "algorithm that is a list": lambda i: _unsigned(i, ["RS256"]),
    "another algorithm": lambda i: _signed(i, i.claims(), "RS512"),
    "another padding": lambda i: _signed(i, i.claims(), "PS256"),
    "public key as HMAC key": lambda i: _as_hmac(i, _SPKI),
    "PKCS1 public key as HMAC key": lambda i: _as_hmac(i, _PKCS1),
    "HMAC by another name": lambda i: _as_hmac(i, _SPKI, "RS256"),
    "signed with our session secret": _ours_signed_as_theirs,
    "another key under a known id": lambda i: i.token(key=rsa_key("evil")),
    "key in the token": lambda i: _named_key(i, "jwk"),
    "key set named by the token": lambda i: _named_key(i, "jku"),
    "certificate named by the token": lambda i: _named_key(i, "x5u"),
    "changed after signing": _changed_after_signing,
    "unknown critical header": lambda i: jwt.encode(
        i.claims(), rsa_key("first"), "RS256", {"kid": "first", "crit": ["x"]}
    ),
    "no key id": lambda i: i.token(kid=None),
    "empty key id": lambda i: jwt.encode(i.claims(), rsa_key("first"), "RS256", {"kid": ""}),
    "key id that is a number": lambda i: _unsigned(i, "RS256", kid=1),
    "another issuer": lambda i: i.token(iss="https://login.example.com/"),
    "our own issuer": lambda i: i.token(iss="claimcheck"),
    "issuer that begins with ours": lambda i: i.token(iss=i.url + ".evil.example"),
    "issuer that is a list": lambda i: _signed(i, i.claims(iss=[i.url])),
    "another audience": lambda i: i.token(aud="api://other"),
    "audience of our sessions": lambda i: i.token(aud="claimcheck-api"),
    "audience that contains ours": lambda i: i.token(aud=AUDIENCE + "-2"),
    "other audiences": lambda i: i.token(aud=["a", "b"]),
    "empty audience": lambda i: i.token(aud=[]),
    "expired": _soon("exp", -61),
    "not valid yet": _soon("nbf", 62),
    "issued in the future": _soon("iat", 62),
    "end that is no time": lambda i: i.token(exp="never"),
    "end that never comes": lambda i: _signed(i, i.claims(exp=float("inf"))),
    "beginning that is no time": lambda i: i.token(nbf=[]),
    "empty subject": lambda i: i.token(sub=""),
    "subject that is no text": lambda i: i.token(sub="\ud800"),
    "subject that is a number": lambda i: _signed(i, i.claims(sub=5)),
    **{f"no {name}": _without(name) for name in ("iss", "aud", "sub", "iat", "exp")},
    "claims that are a list": lambda i: _signed(i, b"[]"),
    "claims nested without end": _fixed(".".join((_segment({"alg": "RS256", "kid": "first"}), _segment(_NESTED), ""))),
    "header nested without end": _fixed(".".join((_segment(b'{"alg":"RS256","x":' + _NESTED), _segment({}), ""))),
    "no token": _fixed("x"),
    "two parts": lambda i: i.token().rsplit(".", 1)[0],
    "five parts": lambda i: i.token() + ".x.y",
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_token_is_refused(api: Api, issuer: Issuer, name: str) -> None:
    """Threats 26 and 27. The issuer is there, and its key is known: nothing but the token is wrong."""
    assert outcome(api, issuer.token()) == GOOD
    assert outcome(api, BAD[name](issuer)) == INVALID


def test_refusals_say_nothing_of_why(api: Api, issuer: Issuer) -> None:
    bodies = [bearer(api, forge(issuer)).get("/api/projects").json() for forge in BAD.values()]
    assert len({json.dumps({**body, "timestamp": ""}) for body in bodies}) == 1


@pytest.mark.parametrize(("claim", "shift", "expected"), [
    ("exp", -58, GOOD), ("exp", -60, INVALID), ("nbf", 60, GOOD), ("nbf", 62, INVALID),
    ("iat", 60, GOOD), ("iat", 62, INVALID),
])  # fmt: skip
def test_clocks_may_differ_by_a_minute(api: Api, issuer: Issuer, claim: str, shift: int, expected: Any) -> None:
    with time_machine.travel(datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1), tick=False):
        assert outcome(api, _with(issuer, claim, int(time.time()) + shift)) == expected


def test_session_with_the_issuers_claims_is_not_ours(api: Api, issuer: Issuer, people: People) -> None:
    """An issuer's key signs nothing in our name: neither a session's claims nor a role of its own making."""
    session = people.member.headers["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(session, options={"verify_signature": False})
    for changed in ({}, {"iss": issuer.url}, {"iss": issuer.url, "aud": "claimcheck-api"}):
        assert outcome(api, jwt.encode({**claims, **changed}, rsa_key("first"), "RS256", {"kid": "first"})) == INVALID


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_either_kind_of_token_has_one_algorithm(issuer: Issuer, people: People, algorithm: str) -> None:
    """Whoever is asked about a token, whatever was read from it to decide that."""
    from chalicelib.accounts import openid, sessions
    from chalicelib.errors import InvalidToken

    session = people.member.headers["Authorization"].removeprefix("Bearer ")
    assert openid.verify(issuer.token()).user_id.startswith("oidc-")
    for token in (_signed(issuer, issuer.claims(), algorithm), session, _ours_signed_as_theirs(issuer)):
        with pytest.raises(InvalidToken):
            openid.verify(token)
    with pytest.raises(InvalidToken):
        sessions.verify(issuer.token())


def test_no_token_makes_us_ask_anybody_where_no_issuer_is_configured(api: Api) -> None:
    with serving() as issuer:
        assert outcome(api, issuer.token()) == INVALID
        assert issuer.asked == []


def test_token_of_another_issuer_makes_us_ask_nobody(api: Api, issuer: Issuer) -> None:
    with serving() as other:
        assert outcome(api, other.token()) == INVALID
        assert other.asked == issuer.asked == []


def test_tokens_are_in_no_log(api: Api, issuer: Issuer, log: io.StringIO) -> None:
    """Threat 21."""
    tokens = [issuer.token(), *(forge(issuer) for forge in BAD.values())]
    for token in tokens:
        outcome(api, token)
    parts = {part for token in tokens for part in token.split(".") if len(part) > 40}
    told = log.getvalue()
    assert "openid.keys_fetched" in told
    assert [part for part in parts if part in told] == []
